"""Requests that are safe to repeat: which call a key names, and whether two requests are the same.

The id of the call follows from organization and key alone: any gateway computes the same, today and after
a new DAILY_API_KEY, so that a key names one call for as long as the books are kept. What a request said is
kept as a digest with a secret key, which tells nothing to who reads the books. After a new DAILY_API_KEY a
repeated request is refused as a conflict: that rings no second phone.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic_core import to_json

from frontdesk.dialout.models import DialoutRequest
from frontdesk.errors import IdempotencyKeyInvalidError

_CALL_LABEL = "frontdesk call out, version 1"
_REQUEST_LABEL = b"frontdesk dial-out request, version 1"
_VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")


class KeyKind(StrEnum):
    """Where a key comes from: the same text of two kinds is two keys."""

    HEADER = "idempotency_key"
    EXTERNAL_ID = "external_id"
    CAMPAIGN_ROW = "campaign_row"


@dataclass(frozen=True, slots=True)
class Key:
    """What makes a request safe to repeat, within one organization."""

    kind: KeyKind
    text: str

    def call_id(self, organization_id: str) -> str:
        """The one call that this key names: 32 hex digits."""
        parts = (_CALL_LABEL, organization_id, self.kind, self.text)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def key_of(headers: Sequence[str], external_id: str | None) -> Key | None:
    """The key of a request; the header counts more than the `external_id`, None without both.

    Raises:
        IdempotencyKeyInvalidError: There are several headers, or it is not 1 to 255 visible ASCII characters.
    """
    if headers:
        if len(headers) > 1 or not _VISIBLE.fullmatch(headers[0]):
            raise IdempotencyKeyInvalidError
        return Key(KeyKind.HEADER, headers[0])
    return None if external_id is None else Key(KeyKind.EXTERNAL_ID, external_id)


class Digests:
    """Digests of requests.

    Args:
        secret: What the key is derived from.
    """

    def __init__(self, secret: str) -> None:
        self._key = hmac.new(secret.encode(), _REQUEST_LABEL, hashlib.sha256).digest()

    def of(self, request: DialoutRequest) -> str:
        """64 hex digits: the same for requests that ask for the same, however they are written."""
        said = request.model_dump(mode="json", exclude_defaults=True, exclude={"organization"})
        return hmac.new(self._key, _canonical(said), hashlib.sha256).hexdigest()


def _canonical(value: object) -> bytes:
    return to_json(_sorted(value))


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
