"""`frontdesk do-not-call import file.csv`: on the database directly."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer

from frontdesk.gate.do_not_call import DoNotCall
from frontdesk.gate.importing import Report, import_numbers
from frontdesk.keys.cli import Slug, chosen
from frontdesk.storage.at_hand import read_settings, with_books
from frontdesk.storage.database import Database

_CHUNK = 64 * 1024
_SHOWN = 20
app = typer.Typer(no_args_is_help=True, help="Numbers that are never called.")


@app.callback()
def _commands() -> None:
    """Numbers that are never called."""


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV with a column `number`.")],
    organization: Slug = None,
) -> None:
    """Put the numbers of a CSV file on an organization's list; to repeat it changes nothing."""
    settings = read_settings()
    owner = chosen(settings, organization)

    async def work(database: Database) -> Report:
        return await import_numbers(DoNotCall(database), str(owner.id), _chunks(file))

    _tell(with_books(settings, work), owner.slug)


async def _chunks(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as source:
        while chunk := source.read(_CHUNK):
            yield chunk


def _tell(report: Report, slug: str) -> None:
    counts = f"{report.added} added, {report.already_listed} already listed, {report.wrong} not usable"
    typer.echo(f"{slug}: {report.rows} rows: {counts}")
    for problem in report.problems[:_SHOWN]:
        typer.echo(f"  line {problem.line}: {problem.message}", err=True)
    if report.wrong > _SHOWN:
        typer.echo(f"  and {report.wrong - _SHOWN} more", err=True)
    if report.wrong:
        raise typer.Exit(1)
