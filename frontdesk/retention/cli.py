"""`frontdesk erase`: erase one person's data, on the database directly."""

from typing import Annotated

import typer
from pydantic import ValidationError

from frontdesk.keys.cli import OPERATOR, Slug, chosen
from frontdesk.retention.models import Erasure, Subject
from frontdesk.retention.routes import ErasureRequest
from frontdesk.retention.service import Retention
from frontdesk.storage.at_hand import read_settings, with_books
from frontdesk.storage.database import Database


def erase(
    patient: Annotated[str | None, typer.Option(help="The CRM's id of the patient.")] = None,
    number: Annotated[str | None, typer.Option(help="Phone number of the person, E.164.")] = None,
    organization: Slug = None,
) -> None:
    """Erase everything that calls until now hold of one person; what remains names nobody."""
    try:
        wanted = ErasureRequest(patient_id=patient, phone_number=number)
    except ValidationError:
        raise typer.BadParameter("Give --patient, or --number in E.164 form.") from None
    settings = read_settings()
    owner = chosen(settings, organization)

    async def work(database: Database) -> Erasure:
        retention = Retention(database, retention_days=settings.retention_days)
        return await _erase(retention, wanted.subject, str(owner.id))

    done = with_books(settings, work)
    typer.echo(f"erasure {done.id} of {owner.slug}: {done.calls} calls, {done.turns} sentences erased")
    if done.done_at is None:
        typer.echo("calls go on, or events for the CRM are under way: the gateway erases them when they end")


async def _erase(retention: Retention, subject: Subject, organization_id: str) -> Erasure:
    asked = await retention.request(OPERATOR, subject, organization_id)
    await retention.sweep()
    return await retention.find(OPERATOR, asked.id)
