"""Who may use the API: holders of a key; without keys, only programs on this machine."""

from urllib.parse import urlsplit

from starlette.requests import Request

from frontdesk.errors import ApiKeyMissingError, LocalOnlyError
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


def _given_key(request: Request) -> bytes | None:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    bearer = credentials.strip() if scheme.lower() == "bearer" else ""
    key = bearer or request.headers.get("x-api-key", "").strip()
    return key.encode("latin-1", "replace") if key else None


def _refuse_web_pages(request: Request) -> None:
    """A browser on this machine sends requests of any page: with its Origin, or by a name that leads here."""
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if not _names_us(f"//{host}") or (origin is not None and not _names_us(origin)):
        raise LocalOnlyError


def _names_us(address: str) -> bool:
    try:
        return is_loopback(urlsplit(address).hostname or "")
    except ValueError:
        return False


def require_local(request: Request) -> None:
    """Let in only a program that runs on this machine and came straight here.

    Raises:
        LocalOnlyError: The request came from elsewhere, through a proxy or a tunnel, or from a web page.
    """
    client = request.client
    direct = client is None or is_loopback(client.host)
    if not direct or any(name in request.headers for name in _FORWARDED):
        raise LocalOnlyError
    _refuse_web_pages(request)
