"""Migrations of the database, by Alembic; the same on SQLite and PostgreSQL.

The gateway runs `upgrade` when it starts. After a change of a `tables.py`,
`python -m frontdesk.migrations "what changed"` writes the next revision.
"""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from frontdesk.storage.database import Database

ADVISORY_LOCK = 0x66726F6E74
"""Any number that no other user of the same PostgreSQL server locks; the letters of `front`."""
_ALONE = (
    text("SET LOCAL lock_timeout = 0"),
    text("SET LOCAL statement_timeout = 0"),
    text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"),
)


def configuration(connection: Connection) -> Config:
    """Alembic's configuration, found through the package: there is no file to look for."""
    config = Config()
    config.set_main_option("script_location", "frontdesk:migrations")
    config.attributes["connection"] = connection
    return config


async def upgrade(database: Database) -> None:
    """Bring the tables up to date, one process at a time.

    On PostgreSQL an advisory lock keeps others waiting, on SQLite the write lock of the file.

    Raises:
        DatabaseUnavailableError: The database cannot be reached; nothing was changed.
    """
    async with database.migrating() as connection:
        if database.is_postgres:
            for statement in _ALONE:
                await connection.execute(statement)
        await connection.run_sync(lambda sync: command.upgrade(configuration(sync), "head"))
