"""Who may use the API: holders of a key; without keys, only programs on this machine."""

import hmac
from collections.abc import Sequence

from pydantic import SecretStr
from starlette.requests import Request

from frontdesk.errors import ApiKeyInvalidError, ApiKeyMissingError, LocalOnlyError
from frontdesk.keys.models import Principal, Scope
from frontdesk.keys.service import Keyring
from frontdesk.settings import is_loopback

# A tunnel or proxy on this machine would make every stranger look local.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


async def authenticate(request: Request, scope: Scope) -> Principal:
    """Who is asking; everything that belongs to another organization must not exist for them.

    Raises:
        ApiKeyMissingError: No key was sent.
        ApiKeyInvalidError: The key is not one of ours, or was revoked, or has expired.
        ScopeMissingError: The key is good, but not for this.
        OrganizationMissingError: The key acts for the default organization, and there is none.
        LocalOnlyError: There are no keys, and the request does not come from this machine.
        DatabaseUnavailableError: The key was not seen before, and the books cannot be opened.
    """
    keyring: Keyring = request.app.state.keyring
    given = _given_key(request)
    principal = await keyring.local() if given is None else await keyring.holder(given)
    if principal is None:
        raise ApiKeyMissingError
    if principal.organization_id is None:
        require_local(request)
    principal.require(scope)
    return principal


class ApiKeys:
    """The keys that may use the API.

    Args:
        keys: Any of these lets a request in; none at all lets in only programs on this machine.
    """

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        self._keys = [key.get_secret_value().encode() for key in keys]

    def check(self, request: Request) -> None:
        """Let a request in, or not.

        Raises:
            ApiKeyMissingError: No key was sent.
            ApiKeyInvalidError: The key is not one of ours.
            LocalOnlyError: There are no keys, and the request does not come from this machine.
        """
        if not self._keys:
            require_local(request)
            return
        given = _given_key(request)
        if given is None:
            raise ApiKeyMissingError
        matches = [hmac.compare_digest(given, key) for key in self._keys]
        if not any(matches):
            raise ApiKeyInvalidError


def _given_key(request: Request) -> bytes | None:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    bearer = credentials.strip() if scheme.lower() == "bearer" else ""
    key = bearer or request.headers.get("x-api-key", "").strip()
    return key.encode("latin-1", "replace") if key else None


def require_local(request: Request) -> None:
    """Let in only a program that runs on this machine and came straight here.

    Raises:
        LocalOnlyError: The request came from elsewhere, or through a proxy or a tunnel.
    """
    client = request.client
    direct = client is None or is_loopback(client.host)
    if not direct or any(name in request.headers for name in _FORWARDED):
        raise LocalOnlyError
