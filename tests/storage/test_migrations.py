"""The migrations, on both databases."""

import asyncio

from alembic import command
from sqlalchemy import insert, inspect, select

from frontdesk.migrations import configuration, upgrade
from frontdesk.storage.database import Database
from frontdesk.storage.tables import METADATA, notes


async def test_the_tables_are_those_of_the_code(database: Database) -> None:
    """After an upgrade `alembic check` finds no difference between database and code."""
    async with database.migrating() as connection:
        await connection.run_sync(lambda sync: command.check(configuration(sync)))
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert set(names) == {*METADATA.tables, "alembic_version"}


async def test_gateways_that_start_together_migrate_once(database_url: str) -> None:
    """Several processes that upgrade an empty database at the same moment all succeed."""
    starting = [Database.open(database_url) for _ in range(4)]
    await asyncio.gather(*(database.prepare(upgrade) for database in starting))
    for database in starting:
        await database.close()


async def test_an_upgrade_keeps_what_is_there(database: Database) -> None:
    """Upgrading a database that is up to date changes nothing in it."""
    async with database.writer() as connection:
        await connection.execute(insert(notes).values(name="a", value="b"))
    await upgrade(database)
    async with database.reader() as connection:
        assert (await connection.execute(select(notes.c.value))).scalars().all() == ["b"]


async def test_an_upgrade_can_be_taken_back(database: Database) -> None:
    """Going down to the beginning leaves no table of ours."""
    async with database.migrating() as connection:
        await connection.run_sync(lambda sync: command.downgrade(configuration(sync), "base"))
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert names == ["alembic_version"]
