"""What limits calls, as seen by the ledger."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.calls.entries import NoSlots, Over


class Freed(NoSlots):
    """Remembers which slots were given back."""

    def __init__(self) -> None:
        self.over: list[Over] = []
        self.told = 0

    async def release(self, connection: AsyncConnection, over: Sequence[Over]) -> None:
        assert connection.in_transaction()
        self.over.extend(over)

    def released(self) -> None:
        self.told += 1
