"""A batch of reports as it comes over the wire.

What a newer bot may add is kept: further keys of data, and reports of a type that is unknown here.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    field_validator,
    model_validator,
)

from frontdesk.calls.models import DAILY_PREFIX, BotFact, GatewayFact
from frontdesk.ended import EndedReason

HEARTBEAT = "heartbeat"
_OF_GATEWAYS = frozenset(GatewayFact) | {BotFact.CLAIMED}
_NOT_OF_BOTS = _OF_GATEWAYS | {HEARTBEAT}
_REASONS = frozenset(EndedReason)


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)


class _Data(_Wire):
    model_config = ConfigDict(extra="allow")


class LegData(_Data):
    """A participant of the room, by Daily's id."""

    session_id: str | None = Field(None, max_length=100)


class DialData(LegData):
    """One of the session's dials, counted from 1."""

    dial: int = Field(ge=1, le=1000)


class _Reason(_Data):
    reason: str = Field(max_length=60)
    detail: str | None = Field(None, max_length=200)

    @model_validator(mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        # The end of a call must get through, also when a newer bot has a new word for it.
        reason = value.get("reason") if isinstance(value, dict) else None
        if not isinstance(reason, str) or reason in _REASONS:
            return value
        return {**value, "reason": EndedReason.LOST.value, "detail": reason[:60]}


class DialEndedData(DialData, _Reason):
    """A dial that came to nothing."""


class EndData(_Reason):
    """Why the call ends."""


_YEAR_3000 = 32_503_680_000.0


def _a_time(seconds: float | None) -> float | None:
    """What somebody said is not lost because the clock of a bot went wild."""
    return seconds if seconds is not None and 0 <= seconds < _YEAR_3000 else None


Moment = Annotated[float | None, AfterValidator(_a_time)]


class TurnData(_Data):
    """What somebody said; times are UTC seconds, and unknown when they cannot be."""

    role: Literal["user", "bot"]
    text: str | None = Field(None, max_length=20_000, repr=False)
    started_at: Moment = None
    ended_at: Moment = None
    interrupted: bool = False
    latency_ms: dict[str, float] = Field(default_factory=dict)


class ToolData(_Data):
    """A tool call; `duration_ms` until its result."""

    name: str = Field(max_length=200)
    arguments: JsonValue = Field(None, repr=False)
    result: JsonValue = Field(None, repr=False)
    ok: bool
    duration_ms: float | None = None


class OtherData(_Data):
    """Data of a type without rules of its own."""


AnyData = TypeVar("AnyData", bound=_Data)


class Report(_Wire, Generic[AnyData]):
    """One thing that happened, `at` when by the bot's clock."""

    id: str = Field(min_length=1, max_length=160)
    sequence: int = Field(ge=1)
    type: str = Field(pattern=r"^[a-z][a-z0-9_.]{0,59}$")
    at: AwareDatetime = Field(strict=False)
    data: AnyData

    @field_validator("id")
    @classmethod
    def _no_gateways(cls, value: str) -> str:
        # Of two facts with one id the first counts: a bot could keep its call from ever being hung up.
        if value.partition(":")[0] in _OF_GATEWAYS:
            raise ValueError("is an id that the gateway's own facts have")
        return value

    @field_validator("type")
    @classmethod
    def _a_bots(cls, value: str) -> str:
        if value in _NOT_OF_BOTS or value.startswith(DAILY_PREFIX):
            raise ValueError("is not for bots to report")
        return value


_KINDS = {
    "joined": "leg",
    "connected": "leg",
    "dialing": "dial",
    "ringing": "dial",
    "answered": "dial",
    "dial_ended": "dial_ended",
    "turn": "turn",
    "tool": "tool",
    "ending": "end",
    "ended": "end",
}


def _kind(value: Any) -> str:
    name = value.get("type") if isinstance(value, Mapping) else getattr(value, "type", None)
    return _KINDS.get(name, "other") if isinstance(name, str) else "other"


AnyReport = Annotated[
    Annotated[Report[LegData], Tag("leg")]
    | Annotated[Report[DialData], Tag("dial")]
    | Annotated[Report[DialEndedData], Tag("dial_ended")]
    | Annotated[Report[TurnData], Tag("turn")]
    | Annotated[Report[ToolData], Tag("tool")]
    | Annotated[Report[EndData], Tag("end")]
    | Annotated[Report[OtherData], Tag("other")],
    Discriminator(_kind),
]


class Batch(_Wire):
    """What a bot sends at once, in the order in which it happened; without events it is a heartbeat.

    `claim` is the `session_id` of the bot's `Claim`, if it made one: bots of one start request differ in it.
    """

    session_id: str = Field(min_length=1, max_length=100)
    claim: str | None = Field(None, min_length=1, max_length=100)
    events: list[AnyReport] = Field(default_factory=list, max_length=500)

    @field_validator("events")
    @classmethod
    def _in_order(cls, value: list[AnyReport]) -> list[AnyReport]:
        sequences = [report.sequence for report in value]
        if any(after <= before for before, after in pairwise(sequences)):
            raise ValueError("must be in the order of their sequence")
        return value


class Claim(_Wire):
    """A bot asks whether it may dial; `session_id` is its own alone, and the same each time it asks.

    `dial` counts its dials from 1. A bot whose claim was granted asks so before each of the further ones.
    """

    session_id: str = Field(min_length=1, max_length=100)
    dial: int = Field(1, ge=1, le=1000)


class Granted(_Wire):
    """The answer: whether this bot may dial. One that may not dial at all leaves without a report."""

    granted: bool


class Orders(_Wire):
    """What the bot must do."""

    hang_up: EndedReason | None = None


class Taken(_Wire):
    """The answer: so many of the batch, from its start, need not be sent again."""

    taken: int
    orders: Orders = Orders()
