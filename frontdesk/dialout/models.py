"""What POST /dialout takes and answers."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from frontdesk.contract import DialoutSettings, Limits, Voicemail


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
    """A call to place; `dialout_settings` alone is enough, as in the official example."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    dialout_settings: DialoutSettings
    organization: str | None = Field(
        None, max_length=60, description="Slug; the default organization when absent."
    )
    workflow: str | None = Field(
        None, max_length=60, description="Conversation; the organization's `outbound_workflow` when absent."
    )
    limits: DialoutLimits = DialoutLimits()
    voicemail: Voicemail = Voicemail()
    patient_id: str | None = Field(None, max_length=200)
    patient_data: dict[str, JsonValue] = Field(
        default_factory=dict, description="The least that the conversation needs."
    )
    variables: dict[str, JsonValue] = Field(default_factory=dict, description="For the conversation.")
    metadata: dict[str, JsonValue] = Field(default_factory=dict, description="Echoed; never spoken.")


class DialoutAnswer(BaseModel):
    """A call that was accepted."""

    call_id: str
    status: Literal["launching", "dialing"] = Field(
        description="`dialing`: a bot is started and dials; `launching`: one is being started."
    )
    room_url: str | None = Field(None, description="The call's room, once it is known.")
