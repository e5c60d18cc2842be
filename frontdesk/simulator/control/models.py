"""What the control API takes and shows."""

from typing import Any, Self

from pydantic import BaseModel, Field, model_validator

from frontdesk.simulator.phone.people import Manner
from frontdesk.simulator.records.record import CallView

E164 = r"^\+[1-9]\d{6,14}$"


class IncomingCallRequest(Manner):
    """Somebody dials one of the clinic's numbers."""

    from_number: str | None = Field(
        None, alias="from", pattern=E164, description="Caller, E.164; leave it out to withhold the number."
    )
    to: str = Field(
        pattern=rf"{E164}|^sip:\S+$", description="Number that is dialed, E.164, or a SIP address."
    )
    hold_patience_s: float | None = Field(
        None, ge=0, le=3600, description="Seconds on hold after which the caller hangs up; unset: never."
    )
    sip_headers: dict[str, str] | None = Field(None, description="SIP headers, for SIP interconnect calls.")
    webhook_copies: int = Field(1, ge=1, le=200, description="Copies of the webhook sent at the same moment.")
    webhook_extra: dict[str, Any] = Field(
        default_factory=dict, description="Fields to add to the webhook's body, or to overwrite."
    )

    @model_validator(mode="after")
    def _somebody_else(self) -> Self:
        if self.from_number is not None and self.from_number == self.to:
            raise ValueError("a phone cannot call itself: `from` and `to` are the same")
        return self


class CallList(BaseModel):
    """Calls of this run, oldest first."""

    calls: list[CallView]


class RoomView(BaseModel):
    """A room and who is in it."""

    name: str
    url: str
    expired: bool
    sip_endpoints: list[str]
    dialin_ready: bool = Field(description="Whether the room takes phone calls now.")
    bots: list[str] = Field(description="Participant ids of the bots inside.")
    phones: list[str] = Field(description="Session ids of the phone legs inside.")


class RoomList(BaseModel):
    """Every room, oldest first."""

    rooms: list[RoomView]


class Stats(BaseModel):
    """Counts since the start."""

    requests: dict[str, int] = Field(description="Requests by `METHOD path`.")
    phones_that_rang: dict[str, int] = Field(description="How often the phone at each number rang.")
    calls: int
    calls_up: int = Field(description="Calls that have not ended.")
    rooms: int
