"""What POST /dialout takes and answers."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from frontdesk.calls.models import State
from frontdesk.calls.plan import OnBlocked, RetryOn
from frontdesk.calls.views import Moment
from frontdesk.contract import DialoutSettings, Limits, Voicemail
from frontdesk.dialout.fields import ConsentTime, Metadata, Time, Variables
from frontdesk.organizations import known_timezone
from frontdesk.phone import dialable

_ECHOED = "Travels to the bot and is echoed by later events; nothing more. At most {} KiB as JSON."
_LONGEST_DELAY_S = 7 * 86400.0
_Delay = Annotated[float, Field(ge=0, le=_LONGEST_DELAY_S)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class DialoutLimits(_Request):
    """Limits of one call; what is left out comes from the gateway's settings."""

    max_duration_s: int | None = Field(None, ge=10, le=14000, description="Longest call, in seconds.")
    ring_timeout_s: int | None = Field(
        None, ge=5, le=120, description="Longest ringing of one dial, in seconds."
    )
    dial_attempts: int | None = Field(
        None, ge=1, le=10, description="Most dials of one attempt, as long as no phone rang."
    )

    def over(self, defaults: Limits) -> Limits:
        """These limits, filled up with others."""
        return defaults.model_copy(update=self.model_dump(exclude_none=True))


class Schedule(_Request):
    """When the call may be placed; RFC 3339 with an offset."""

    earliest_at: Time | None = Field(None, description="Not before; at once when absent.")
    latest_at: Time | None = Field(
        None,
        description=(
            "Not after: a call that still waits then ends as `expired`. By default a week later, and the "
            "delays of `retry` on top."
        ),
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.earliest_at and self.latest_at and self.latest_at <= self.earliest_at:
            raise ValueError("latest_at must be after earliest_at")
        return self


class Retry(_Request):
    """After which outcomes the call is tried again, how often and when."""

    max_attempts: int = Field(3, ge=1, le=10, description="Most attempts that may ring a phone.")
    on: tuple[RetryOn, ...] = Field((RetryOn.BUSY, RetryOn.NO_ANSWER, RetryOn.FAILED), max_length=4)
    delays_s: tuple[_Delay, ...] = Field(
        (1800.0, 7200.0),
        min_length=1,
        max_length=10,
        validation_alias=AliasChoices("delays_s", "delays"),
        description="Seconds before the second attempt, the third and so on; the last one repeats.",
    )

    @property
    def longest_s(self) -> float:
        """All delays together when every attempt is needed, in seconds."""
        return sum(self.delays_s[min(n, len(self.delays_s) - 1)] for n in range(self.max_attempts - 1))


class RequestedVoicemail(Voicemail):
    """What to do when a machine answers: hang up, or leave a message that says something.

    Raises:
        pydantic.ValidationError: Also for keys that are not listed here.
    """

    model_config = ConfigDict(extra="forbid")

    @field_validator("message")
    @classmethod
    def _says_something(cls, value: str | None) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("must have a visible character")
        return value


class RequestedDialout(DialoutSettings):
    """Whom to call, and what they are shown, as in Daily's official example.

    Raises:
        pydantic.ValidationError: Also for keys that are not listed here, and characters that no phone shows.
    """

    model_config = ConfigDict(extra="forbid")

    display_name: str | None = Field(None, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")


class DialoutRequest(_Request):
    """A call to place. Whom to call is `phone_number`, `dialout_settings`, or a known `patient_id`.

    `dialout_settings` alone is enough, as in the official example.

    Raises:
        pydantic.ValidationError: Also for keys that are not listed here.
    """

    phone_number: str | None = Field(None, description="Whom to call, E.164.")
    patient_id: str | None = Field(
        None, max_length=200, description="Of a stored patient: number, time zone and name need not be sent."
    )
    dialout_settings: RequestedDialout | None = None
    caller_id: Annotated[UUID | str, Field(union_mode="left_to_right")] | None = Field(
        None, description="The number to show: one of the organization's `caller_ids`, or Daily's id of it."
    )
    organization: str | None = Field(
        None, max_length=60, description="Slug; the default organization when absent."
    )
    workflow: str | None = Field(
        None, max_length=60, description="Conversation; the organization's `outbound_workflow` when absent."
    )
    external_id: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description=(
            "The CRM's own id of the call. Makes the request safe to repeat, unless it has an "
            "`Idempotency-Key`: that one counts alone."
        ),
    )
    schedule: Schedule = Schedule()
    retry: Retry = Field(
        Retry(max_attempts=1), description="Only one attempt when absent; three when it is `{}`."
    )
    on_blocked: OnBlocked = Field(
        OnBlocked.RESCHEDULE, description="What becomes of a call that may not be made now, but may be later."
    )
    timezone: str | None = Field(
        None, max_length=60, description="The callee's own (IANA); never guessed from the number."
    )
    consent_at: ConsentTime | None = Field(None, description="When the callee agreed to be called.")
    ring_timeout_s: int | None = Field(
        None, ge=5, le=120, description="Longest ringing of one dial, in seconds."
    )
    max_duration_s: int | None = Field(None, ge=10, le=14000, description="Longest call, in seconds.")
    limits: DialoutLimits = DialoutLimits()
    voicemail: RequestedVoicemail = RequestedVoicemail()
    patient_data: Variables = Field(
        default_factory=dict,
        description="For the conversation alone: kept until the call has ended. At most 32 KiB as JSON.",
    )
    variables: Variables = Field(default_factory=dict, description=_ECHOED.format(32))
    metadata: Metadata = Field(default_factory=dict, description=_ECHOED.format(8))

    @field_validator("phone_number")
    @classmethod
    def _dialable(cls, value: str | None) -> str | None:
        return None if value is None else dialable(value)

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str | None) -> str | None:
        return None if value is None else known_timezone(value)

    @model_validator(mode="after")
    def _one_callee(self) -> Self:
        if self.dialout_settings is not None and (self.phone_number or self.caller_id):
            raise ValueError("send `phone_number` and `caller_id`, or `dialout_settings`, not both")
        if not (self.phone_number or self.patient_id or self.dialout_settings):
            raise ValueError("send `phone_number`, `patient_id` or `dialout_settings`: who is to be called?")
        return self

    @model_validator(mode="after")
    def _limits_once(self) -> Self:
        for name in ("ring_timeout_s", "max_duration_s"):
            if getattr(self, name) is not None and getattr(self.limits, name) is not None:
                raise ValueError(f"send {name} once, on its own or within `limits`")
        return self

    def limits_over(self, defaults: Limits) -> Limits:
        """What the request says of limits, filled up with others."""
        own = {"ring_timeout_s": self.ring_timeout_s, "max_duration_s": self.max_duration_s}
        given = {name: value for name, value in own.items() if value is not None}
        return self.limits.over(defaults).model_copy(update=given)


class DialoutAnswer(BaseModel):
    """A call that was accepted, and where it stands."""

    call_id: str
    status: State = Field(description="`dialing` from the moment when a bot is on its way.")
    room_url: str | None = Field(None, description="The call's room, when it was made within the wait.")
    next_attempt_at: Moment | None = Field(None, description="While it waits: not dialed before.")
    waiting_for: str | None = Field(None, description="While it waits: why.")
    ended_reason: str | None = Field(None, description="Once it has ended, such as `blocked_do_not_call`.")
    detail: str | None = Field(None, description="Once it has ended: what else is known.")
