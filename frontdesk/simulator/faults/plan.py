"""Faults on command: endpoints that are slow, broken, silent or gone, and domain webhooks that go astray."""

import random
import re
from collections import Counter
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator


class _Counted(BaseModel):
    """A fault that may hold for some requests only."""

    model_config = ConfigDict(extra="forbid")

    times: int | None = Field(None, ge=1, description="Only the next N matches; unset: until removed.")
    probability: float = Field(1.0, gt=0, le=1, description="Share of the matches that are hit.")
    seed: int = Field(0, description="Seed of that choice, so that a run can be repeated.")
    _random: random.Random = PrivateAttr(default_factory=random.Random)

    def model_post_init(self, _context: Any, /) -> None:
        """Seed the choice."""
        self._random = random.Random(self.seed)

    @property
    def spent(self) -> bool:
        """Whether it has hit all the requests that it was meant for."""
        return self.times == 0

    def strikes(self) -> bool:
        """Decide about one match, and count it."""
        if self.spent or self._random.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class EndpointFault(_Counted):
    """What goes wrong at one endpoint of the simulator. At most one of status, hang, reset and bad_json.

    Only `latency_ms`: the endpoint answers as usual, later.
    """

    method: str = Field("*", description="HTTP method, `WS` for a WebSocket, `*` for any.")
    route: str = Field(
        description="Path or its template, such as `/v1/rooms/{name}`; `{…}` is one segment, `*` anything."
    )
    latency_ms: float = Field(0, ge=0, description="Wait before anything else.")
    status: int | None = Field(None, ge=200, le=599, description="Answer this instead.")
    body: Any = Field(None, description="JSON body (or a string sent as it is) of that answer.")
    headers: dict[str, str] = Field(default_factory=dict, description="Headers of that answer.")
    hang: bool = Field(default=False, description="Never answer.")
    reset: bool = Field(default=False, description="Drop the connection in the middle of the answer.")
    bad_json: bool = Field(default=False, description="Answer 200 with broken JSON.")
    runs: bool = Field(
        default=False,
        description="The endpoint does its work, but its answer is lost or replaced by the fault.",
    )
    _pattern: re.Pattern[str] = PrivateAttr(default=re.compile(""))

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum((self.status is not None, self.hang, self.reset, self.bad_json)) > 1:
            raise ValueError("give at most one of status, hang, reset and bad_json")
        if self.runs and not self.answers_itself:
            raise ValueError("runs needs one of status, hang, reset and bad_json")
        return self

    def model_post_init(self, context: Any, /) -> None:
        """Compile the route."""
        super().model_post_init(context)
        text = re.escape(self.route).replace(r"\*", ".*")
        self._pattern = re.compile(re.sub(r"\\\{[^/]*?\\\}", "[^/]+", text))

    @property
    def answers_itself(self) -> bool:
        """Whether the fault takes the endpoint's place, and does not only delay it."""
        return self.status is not None or self.hang or self.reset or self.bad_json

    def matches(self, method: str, path: str) -> bool:
        """Whether it concerns this request."""
        return self.method.upper() in {"*", method} and self._pattern.fullmatch(path) is not None


class EventFault(_Counted):
    """What goes wrong with Daily's domain webhooks on their way."""

    types: list[str] = Field(default_factory=list, description="Event types concerned; empty: all.")
    withhold: bool = Field(default=False, description="Never send the event.")
    copies: int = Field(1, ge=1, le=100, description="Send it this often (same id).")
    delay_s: float = Field(0, ge=0, description="Send it this much later.")
    hold_back: int = Field(0, ge=0, description="Collect this many events, then send them in reverse order.")

    def concerns(self, event_type: str) -> bool:
        """Whether it concerns events of this type."""
        return not self.types or event_type in self.types


class FaultPlan(BaseModel):
    """Everything that is to go wrong; the first matching fault of a list decides."""

    model_config = ConfigDict(extra="forbid")

    endpoints: list[EndpointFault] = Field(default_factory=list)
    events: list[EventFault] = Field(default_factory=list)


class Faults:
    """The faults in force, and how often each endpoint was asked (`counts`, by `METHOD template`)."""

    def __init__(self) -> None:
        self.plan = FaultPlan()
        self.counts: Counter[str] = Counter()

    def set(self, plan: FaultPlan) -> None:
        """Replace all faults."""
        self.plan = plan

    def add(self, fault: EndpointFault | EventFault) -> None:
        """Put one more fault in force, before the others."""
        if isinstance(fault, EndpointFault):
            self.plan.endpoints.insert(0, fault)
        else:
            self.plan.events.insert(0, fault)

    def clear(self) -> None:
        """Heal everything. Requests that hang already go on hanging."""
        self.plan = FaultPlan()

    def endpoint(self, method: str, path: str) -> EndpointFault | None:
        """The fault that strikes this request, if any."""
        for fault in self.plan.endpoints:
            if fault.matches(method, path) and fault.strikes():
                return fault
        return None

    def event(self, event_type: str) -> EventFault | None:
        """The fault that strikes this domain event, if any."""
        for fault in self.plan.events:
            if fault.concerns(event_type) and fault.strikes():
                return fault
        return None
