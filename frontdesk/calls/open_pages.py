"""Calls in progress, kept in memory while no other gateway can write to the SQLite file.

Every fact of a call then costs no read. Calls that ended are not kept: they may be erased behind our back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.calls.batch import Page
from frontdesk.calls.entries import Entry
from frontdesk.calls.store import ids_of

MOST = 10_000
MOST_FACTS = 5_000


class OpenPages:
    """Pages as they were committed last."""

    def __init__(self) -> None:
        self._pages: dict[str, Page] = {}
        self._version: object = None

    async def take(self, connection: AsyncConnection, entries: Sequence[Entry]) -> dict[str, Page]:
        """The pages of these entries; they are gone from here until they are committed again.

        A commit by any other program, such as an operator's, empties the memory.
        """
        raw = await connection.get_raw_connection()
        number = (await connection.exec_driver_sql("PRAGMA data_version")).scalar()
        version = (raw.driver_connection, number)  # each connection counts for itself
        if version != self._version:
            self._version = version
            self._pages.clear()
        ids = {call_id for entry in entries for call_id in ids_of(entry)}
        return {call_id: self._pages.pop(call_id) for call_id in ids if call_id in self._pages}

    def put(self, pages: Iterable[Page]) -> None:
        """Keep what was committed, as far as it is complete and goes on."""
        for page in pages:
            if page.whole and not page.state.ended and len(page.seen) < MOST_FACTS:
                self._pages[page.state.id] = replace(page, before=page.state, introduced=False)
        while len(self._pages) > MOST:
            del self._pages[next(iter(self._pages))]
