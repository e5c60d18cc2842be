"""The gateway without books: `python -m bench.forgetful`. What its ledger is told is forgotten."""

import sys

import server
from frontdesk import services
from frontdesk.calls.ledger import Ledger, Opened, Recorded
from frontdesk.calls.models import Fact, NewCall


class Forgetful(Ledger):
    """Keeps nothing."""

    async def open(self, call: NewCall, *facts: Fact) -> Opened:  # noqa: ARG002
        """Every call is new."""
        return Opened(created=True)

    async def record(self, *facts: Fact) -> Recorded:  # noqa: ARG002
        """Nothing is known."""
        return Recorded(states={}, unknown=frozenset())


if __name__ == "__main__":
    services.Ledger = Forgetful  # type: ignore[attr-defined]
    sys.exit(server.main())
