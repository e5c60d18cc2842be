"""A ledger that knows some calls, forgets none of their facts, and fails on command."""

from dataclasses import dataclass, field

from frontdesk.calls.models import Fact
from frontdesk.errors import DatabaseUnavailableError


@dataclass(frozen=True)
class Written:
    """What became of facts."""

    spooled: bool = False
    unknown: frozenset[str] = frozenset()


@dataclass
class Books:
    """Facts by call and id; `poison` names facts that it cannot take."""

    known: set[str] = field(default_factory=set)
    poison: set[str] = field(default_factory=set)
    facts: dict[tuple[str, str], Fact] = field(default_factory=dict)
    away: bool = False
    spooling: bool = False
    recorded: int = 0

    async def record(self, *facts: Fact) -> Written:
        """Take them all, or none."""
        if self.away:
            raise DatabaseUnavailableError
        if any(fact.id in self.poison for fact in facts):
            raise ValueError("a fact that nothing can be made of")
        self.recorded += len(facts)
        if self.spooling:
            return Written(spooled=True)
        self.facts |= {(fact.call_id, fact.id): fact for fact in facts if fact.call_id in self.known}
        return Written(unknown=frozenset(fact.call_id for fact in facts) - self.known)

    def types(self, call_id: str) -> list[str]:
        """The types of a call's facts."""
        return sorted(fact.type for (call, _), fact in self.facts.items() if call == call_id)
