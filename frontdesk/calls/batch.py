"""Entries that share a transaction, folded into the calls that they concern; no database here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from frontdesk.calls import life
from frontdesk.calls.entries import Entry, Outcome, Over, Tick, Write
from frontdesk.calls.models import BotFact, Fact, GatewayFact, NewCall, Source
from frontdesk.calls.orders import Patience, Step, Told
from frontdesk.calls.personal import impersonal
from frontdesk.calls.releases import over_between
from frontdesk.calls.rows import Row, event_row, tool_row, turn_row, with_caller
from frontdesk.calls.state import CallState

HEARTBEAT = "heartbeat"
"""Renews the lease of a bot, and is no event worth keeping."""


@dataclass(slots=True)
class Page:
    """One call, as it was in the ledger and as it is now."""

    call: NewCall
    state: CallState
    before: CallState | None = None
    seen: set[str] = field(default_factory=set)
    erased: bool = False
    updated_at: float = 0.0
    whole: bool = False
    """Whether `seen` has the id of every fact of the call that is kept."""
    introduced: bool = False
    """Whether the CRM said who is calling, and that is not written yet."""

    @property
    def changed(self) -> bool:
        """Whether the call must be written: it moved, or something was added to it."""
        return self.before is not self.state or self.introduced


class Batch:
    """Entries folded in order.

    Args:
        pages: Calls that the ledger knows, each with the ids of those facts of the batch that it has already.
        patience: Of the life of calls.
    """

    def __init__(self, pages: Mapping[str, Page], patience: Patience) -> None:
        self.pages = dict(pages)
        self.changed: list[Page] = []
        self.told: list[tuple[NewCall, CallState, Told]] = []
        self.over: list[Over] = []
        self.events: list[Row] = []
        self.turns: list[Row] = []
        self.tools: list[Row] = []
        self._patience = patience

    def fold(self, entries: Iterable[Entry]) -> list[Outcome]:
        """Fold all; the outcome of each, with the states at the end of the batch."""
        outcomes = [self._tick(entry) if isinstance(entry, Tick) else self._write(entry) for entry in entries]
        self.changed = [page for page in self.pages.values() if page.changed]
        return [self._current(outcome) for outcome in outcomes]

    def _current(self, outcome: Outcome) -> Outcome:
        states = {call_id: self.pages[call_id].state for call_id in outcome.states}
        return Outcome(outcome.created, states, outcome.unknown, outcome.step)

    def _write(self, entry: Write) -> Outcome:
        created = entry.call is not None and self._open(entry.call, entry.received_at)
        ids = {fact.call_id for fact in entry.facts} | ({entry.call.id} if entry.call else set())
        for fact in entry.facts:
            self._record(fact, entry.received_at)
        known = {call_id: self.pages[call_id].state for call_id in ids if call_id in self.pages}
        return Outcome(created, known, frozenset(ids - known.keys()))

    def _open(self, call: NewCall, received_at: float) -> bool:
        if call.id in self.pages:
            return False
        step = life.opened(call, self._patience)
        page = self.pages[call.id] = Page(call, step.state, whole=True)
        self._take(page, step, received_at)
        page.seen.add(GatewayFact.OPENED)
        self.events.append(event_row(opening(call), received_at, late=False, erased=False))
        return True

    def _record(self, fact: Fact, received_at: float) -> None:
        page = self.pages.get(fact.call_id)
        if page is None or fact.id in page.seen:
            return
        if page.erased:
            fact = replace(fact, data=impersonal(fact.source, fact.data))
        late = page.state.ended
        self._take(page, life.advance(page.state, fact, received_at, self._patience), received_at)
        if fact.type == HEARTBEAT:
            return
        page.seen.add(fact.id)
        self.events.append(event_row(fact, received_at, late=late, erased=page.erased))
        if fact.type == BotFact.TURN:
            self.turns.append(turn_row(fact, erased=page.erased))
        elif fact.type == BotFact.TOOL:
            self.tools.append(tool_row(fact, erased=page.erased))
        elif fact.type == GatewayFact.CALLER_KNOWN and not page.erased:
            page.call, page.introduced = with_caller(page.call, fact), True

    def _tick(self, entry: Tick) -> Outcome:
        page = self.pages.get(entry.call_id)
        if page is None:
            return Outcome(unknown=frozenset({entry.call_id}))
        step = life.tick(page.state, entry.now, entry.up_since, self._patience)
        self._take(page, step, entry.now)
        return Outcome(step=step)

    def _take(self, page: Page, step: Step, at: float) -> None:
        self.over.extend(over_between(page.state, step.state))
        page.state = step.state
        page.updated_at = max(page.updated_at, at)
        self.told.extend((page.call, step.state, told) for told in step.told)


def opening(call: NewCall) -> Fact:
    """The first fact of every call."""
    return Fact(call.id, GatewayFact.OPENED, Source.GATEWAY, GatewayFact.OPENED, call.created_at)
