"""The id of this installation in the names of its rooms: made once, kept in the books."""

import asyncio
import secrets

from sqlalchemy import text

from frontdesk.daily.room_names import UNKNOWN_INSTALLATION, room_name
from frontdesk.errors import DatabaseUnavailableError
from frontdesk.storage.database import Database

_NAME = "installation"
_PAUSE_S = 1.0
_KEEP_FIRST = text("INSERT INTO notes (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING")
_READ = text("SELECT value FROM notes WHERE name = :name")


class Installation:
    """Names rooms; until the books were read once, with a placeholder for the installation."""

    def __init__(self) -> None:
        self._id = UNKNOWN_INSTALLATION
        self.known = asyncio.Event()

    @property
    def id(self) -> str:
        """16 hex digits that nobody can guess, the same for all gateways that share a database."""
        return self._id

    async def read(self, database: Database) -> None:
        """Learn the id; the first gateway that asks makes it.

        Raises:
            DatabaseUnavailableError: The database is away.
        """
        async with database.writer() as connection:
            await connection.execute(_KEEP_FIRST, {"name": _NAME, "value": secrets.token_hex(8)})
            found: str = (await connection.execute(_READ, {"name": _NAME})).scalar_one()
        self._id = found
        self.known.set()

    async def read_when_ready(self, database: Database) -> None:
        """Learn the id as soon as the database can be reached."""
        await database.ready.wait()
        while not self.known.is_set():
            try:
                await self.read(database)
            except DatabaseUnavailableError:
                await asyncio.sleep(_PAUSE_S)

    def room(self, call_id: str, attempt: int) -> str:
        """The name of the room of one attempt of a call."""
        return room_name(self._id, call_id, attempt)
