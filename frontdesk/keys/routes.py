"""Keys over HTTP: which there are, and how one is revoked. New ones are made by `frontdesk keys create`."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel

from frontdesk.calls.views import Moment, moment, moment_or_none
from frontdesk.doors.keys import authenticate
from frontdesk.doors.openapi import SECURED
from frontdesk.keys.models import Principal, Scope, StoredKey
from frontdesk.keys.service import Keyring

router = APIRouter(tags=["keys"])


class ApiKey(BaseModel):
    """A key, without what opens doors."""

    id: str
    organization_id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Moment | None


class ApiKeys(BaseModel):
    """The keys of an organization, oldest first."""

    keys: tuple[ApiKey, ...]


async def _owner(request: Request) -> Principal:
    return await authenticate(request, Scope.ALL)


def _keyring(request: Request) -> Keyring:
    keyring: Keyring = request.app.state.keyring
    return keyring


Owner = Annotated[Principal, Depends(_owner)]
Ring = Annotated[Keyring, Depends(_keyring)]


@router.get("/keys", openapi_extra=SECURED)
async def every(owner: Owner, keyring: Ring) -> ApiKeys:
    """The organization's keys; needs the scope `*`."""
    return ApiKeys(keys=tuple(_shown(key) for key in await keyring.every(owner)))


@router.delete("/keys/{key_id}", status_code=HTTPStatus.NO_CONTENT, openapi_extra=SECURED)
async def revoke(owner: Owner, keyring: Ring, key_id: Annotated[str, Path(pattern="^[0-9a-f]{12}$")]) -> None:
    """Let a key open nothing: at this gateway at once, at others within 30 s. Needs the scope `*`."""
    await keyring.revoke(key_id, owner)


def _shown(key: StoredKey) -> ApiKey:
    return ApiKey(
        id=key.id,
        organization_id=key.organization_id,
        name=key.name,
        scopes=tuple(sorted(key.scopes)),
        created_at=moment(key.created_at),
        expires_at=moment_or_none(key.expires_at),
        revoked_at=moment_or_none(key.revoked_at),
        last_used_at=moment_or_none(key.last_used_at),
    )
