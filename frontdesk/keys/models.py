"""API keys: what one looks like, what it may do, and for whom.

A key is `fdk_<id>_<secret>`. Its secret is 32 random bytes, and the books hold the SHA-256 of it: nobody
can guess 256 random bits, so that a slow password hash would protect nothing and cost each request.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

from frontdesk.errors import ScopeMissingError

_SHAPE = re.compile(r"fdk_([0-9a-f]{12})_([\w-]{43})", re.ASCII)


class Scope(StrEnum):
    """What a key may do."""

    CALLS_READ = "calls:read"
    CALLS_WRITE = "calls:write"
    """Place and cancel calls."""
    DO_NOT_CALL_READ = "do-not-call:read"
    DO_NOT_CALL_WRITE = "do-not-call:write"
    """Also to take a number off the list."""
    PATIENTS_READ = "patients:read"
    PATIENTS_WRITE = "patients:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    ERASE = "erase"
    ALL = "*"
    """Everything, and to see and revoke the organization's keys."""


EVERYTHING = frozenset({Scope.ALL})


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking.

    Args:
        key_id: Of the key; `operator` for one of FRONTDESK_API_KEYS, `local` for a program on this machine.
        organization_id: The one organization that this is about; None for all, which only `local` has.
        scopes: What it may do.
    """

    key_id: str
    organization_id: str | None
    scopes: frozenset[Scope]

    def sees(self, organization_id: str) -> bool:
        """Whether what belongs to this organization exists for the principal."""
        return self.organization_id in {None, organization_id}

    def require(self, scope: Scope | str) -> None:
        """Go on only with this scope.

        Raises:
            ScopeMissingError: The principal does not have it.
        """
        if Scope.ALL not in self.scopes and Scope(scope) not in self.scopes:
            raise ScopeMissingError(f"The key lacks the scope `{scope}`.")


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as the books know it; times are UTC seconds."""

    id: str
    organization_id: str
    name: str
    hash: str
    scopes: frozenset[Scope]
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    last_used_at: float | None = None

    def opens(self, secret: str, now: float) -> bool:
        """Whether this secret is the key's, and the key is good now."""
        same = hmac.compare_digest(digest(secret), self.hash)
        return same and self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @property
    def principal(self) -> Principal:
        """Who holds the key."""
        return Principal(self.id, self.organization_id, self.scopes)


def digest(secret: str) -> str:
    """What the books hold of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def split(key: str) -> tuple[str, str] | None:
    """The id and the secret of a key; None when it is not of our making."""
    match = _SHAPE.fullmatch(key)
    return None if match is None else (match[1], match[2])


def new_key() -> tuple[str, str, str]:
    """A new key: its id, the whole of it (shown once), and what the books hold."""
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    return key_id, f"fdk_{key_id}_{secret}", digest(secret)
