"""`frontdesk keys create|list|revoke`: on the database directly, so that the first key can be made."""

import time
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from frontdesk.errors import FrontdeskError
from frontdesk.keys.models import EVERYTHING, Principal, Scope, StoredKey
from frontdesk.keys.service import Keyring
from frontdesk.keys.store import KeyStore
from frontdesk.organizations import Organization, Organizations, OrganizationsError, load_organizations
from frontdesk.settings import LedgerSettings
from frontdesk.storage.at_hand import read_settings, with_books

DAY_S = 86_400
_WHOLE = frozenset({"id", "created", "expires", "last used", "state"})
OPERATOR = Principal("local", None, EVERYTHING)
_EVERYDAY = (Scope.CALLS_READ, Scope.CALLS_WRITE)
app = typer.Typer(no_args_is_help=True, help="API keys: each belongs to one organization.")
Slug = Annotated[str | None, typer.Option("--organization", help="Slug; the default one if left out.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for, such as the CRM's name.")],
    organization: Slug = None,
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do; may be repeated.")] = None,
    expires_days: Annotated[int | None, typer.Option(min=1, help="After how many days it ends.")] = None,
) -> None:
    """Make a key and print it: it cannot be shown again. Without --scope: calls:read and calls:write."""
    settings = read_settings()
    owner = chosen(settings, organization)
    scopes = frozenset(scope or _EVERYDAY)
    expires_at = None if expires_days is None else time.time() + expires_days * DAY_S
    made = with_books(
        settings,
        lambda database: Keyring(KeyStore(database)).create(name, str(owner.id), scopes, expires_at),
    )
    about = f"key {made[0].id} of {owner.slug} for {', '.join(sorted(scopes))}; keep it, it is shown once:"
    typer.echo(about, err=True)
    typer.echo(made[1])


@app.command("list")
def every() -> None:
    """List all keys, without what opens doors."""
    settings = read_settings()
    slugs = {str(one.id): one.slug for one in _organizations(settings)}
    keys = with_books(settings, lambda database: KeyStore(database).every(None))
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for heading in ("id", "name", "organization", "scopes", "created", "expires", "last used", "state"):
        table.add_column(heading, overflow="fold", no_wrap=heading in _WHOLE)
    for key in keys:
        owner = slugs.get(key.organization_id, key.organization_id)
        scopes = "\n".join(sorted(key.scopes))
        times = [_day(at) for at in (key.created_at, key.expires_at, key.last_used_at)]
        table.add_row(key.id, key.name, owner, scopes, *times, _state(key))
    Console().print(table)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The id, or the whole key.")]) -> None:
    """Let a key open nothing any more; running gateways obey within 30 seconds."""
    wanted = key_id.removeprefix("fdk_").partition("_")[0]
    key = with_books(read_settings(), lambda database: Keyring(KeyStore(database)).revoke(wanted, OPERATOR))
    typer.echo(f"key {key.id} opens nothing any more")


def chosen(settings: LedgerSettings, slug: str | None) -> Organization:
    """The organization with this slug, else the default, else the only one; an error ends the command."""
    organizations = _organizations(settings)
    only = next(iter(organizations)) if len(organizations) == 1 else None
    try:
        found = organizations.by_slug(slug) if slug is not None else organizations.default or only
    except FrontdeskError as error:
        raise typer.BadParameter(f"{error.title}. {error.advice}") from None
    if found is None:
        raise typer.BadParameter("Name the --organization: none of them is the default.")
    return found


def _organizations(settings: LedgerSettings) -> Organizations:
    try:
        return load_organizations(settings.clinics_dir)
    except OrganizationsError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None


def _day(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _state(key: StoredKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= time.time() else "good"
