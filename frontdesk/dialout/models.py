"""What POST /dialout takes and answers."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, field_validator
from pydantic_core import to_json

from frontdesk.contract import DialoutSettings, Limits, Voicemail
from frontdesk.errors import NotSupportedYetError

_ECHOED = "Travels to the bot and is echoed by later events; nothing more. At most {} KiB as JSON."


def _at_most(kib: int) -> AfterValidator:
    def check(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if len(to_json(value)) > kib * 1024:
            raise ValueError(f"must be at most {kib} KiB as JSON")
        return value

    return AfterValidator(check)


_Metadata = Annotated[dict[str, JsonValue], _at_most(8)]
_Variables = Annotated[dict[str, JsonValue], _at_most(32)]


class DialoutLimits(BaseModel):
    """Limits of one call; what is left out comes from the gateway's settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_duration_s: int | None = Field(None, ge=10, le=14000, description="Longest call, in seconds.")
    ring_timeout_s: int | None = Field(
        None, ge=5, le=120, description="Longest ringing of one dial, in seconds."
    )
    dial_attempts: int | None = Field(None, ge=1, le=10, description="Most dials.")

    def over(self, defaults: Limits) -> Limits:
        """These limits, filled up with others."""
        return defaults.model_copy(update=self.model_dump(exclude_none=True))


class DialoutRequest(BaseModel):
    """A call to place; `dialout_settings` alone is enough, as in the official example.

    Raises:
        pydantic.ValidationError: Also for keys that are not listed here, and for a message to be left.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    dialout_settings: DialoutSettings
    organization: str | None = Field(
        None, max_length=60, description="Slug; the default organization when absent."
    )
    workflow: str | None = Field(
        None, max_length=60, description="Conversation; the organization's `outbound_workflow` when absent."
    )
    limits: DialoutLimits = DialoutLimits()
    voicemail: Voicemail = Field(
        Voicemail(), description="No bot can leave a message yet: `leave_message` is refused."
    )
    patient_id: str | None = Field(None, max_length=200)
    patient_data: _Variables = Field(
        default_factory=dict,
        description="For the conversation alone: it is not kept. At most 32 KiB as JSON.",
    )
    variables: _Variables = Field(default_factory=dict, description=_ECHOED.format(32))
    metadata: _Metadata = Field(default_factory=dict, description=_ECHOED.format(8))

    @field_validator("voicemail", mode="before")
    @classmethod
    def _no_message_yet(cls, value: object) -> object:
        if isinstance(value, dict) and value.get("action") == "leave_message":
            raise NotSupportedYetError("No bot can leave a message yet; `hang_up` is what it can do.")
        return value


class DialoutAnswer(BaseModel):
    """A call that was accepted."""

    call_id: str
    status: Literal["launching", "dialing"] = Field(
        description="`dialing`: a bot is started and dials; `launching`: one is being started."
    )
    room_url: str | None = Field(None, description="The call's room, once it is known.")
