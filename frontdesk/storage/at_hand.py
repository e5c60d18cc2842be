"""The books for a command on this machine: opened, used once, closed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import typer

from frontdesk.errors import FrontdeskError
from frontdesk.migrations import upgrade
from frontdesk.settings import LedgerSettings, SettingsError
from frontdesk.storage.database import Database

Result = TypeVar("Result")
_WRONG_SETTINGS, _FAILED = 2, 1


def read_settings() -> LedgerSettings:
    """The settings of the books; a command ends here with all problems told when they are wrong."""
    try:
        return LedgerSettings.load()
    except SettingsError as error:
        typer.echo(error, err=True)
        raise typer.Exit(_WRONG_SETTINGS) from None


def with_books(settings: LedgerSettings, work: Callable[[Database], Awaitable[Result]]) -> Result:
    """Do something with the database, also beside a running gateway; an error ends the command."""
    try:
        return asyncio.run(_work(settings, work))
    except FrontdeskError as error:
        typer.echo(f"{error.title}. {error.detail}", err=True)
        raise typer.Exit(_FAILED) from None


async def _work(settings: LedgerSettings, work: Callable[[Database], Awaitable[Result]]) -> Result:
    database = Database.open(settings.database_url.get_secret_value())
    try:
        await upgrade(database)
        database.ready.set()
        return await work(database)
    finally:
        await database.close()
