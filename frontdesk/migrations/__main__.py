"""`python -m frontdesk.migrations "what changed"` writes a revision with the difference to the last one."""

import asyncio
import sys
import tempfile
from pathlib import Path

from alembic import command

from frontdesk.migrations import configuration, upgrade
from frontdesk.storage.database import Database


def next_number() -> str:
    """Revisions are numbered in their order."""
    return f"{len(list((Path(__file__).parent / 'versions').glob('0*.py'))) + 1:04}"


async def write(message: str) -> None:
    """Compare the tables with a database that has every revision so far."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(f"sqlite:///{Path(folder) / 'frontdesk.db'}")
        await upgrade(database)
        async with database.migrating() as connection:
            await connection.run_sync(
                lambda sync: command.revision(
                    configuration(sync), message, autogenerate=True, rev_id=next_number()
                )
            )
        await database.close()


if __name__ == "__main__":
    asyncio.run(write(" ".join(sys.argv[1:]) or "tables"))
