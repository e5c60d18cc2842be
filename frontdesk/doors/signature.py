"""Daily's signature of its webhooks: base64(HMAC-SHA256(base64decode(secret), timestamp.body)).

The dial-in webhook and the domain's events are signed alike, with different secrets and header names.
"""

import base64
import hmac
import re
import time
from collections.abc import Callable

from frontdesk.errors import SignatureExpiredError, SignatureInvalidError, SignatureMissingError

_TIMESTAMP = re.compile(r"\d{1,16}(\.\d{1,9})?")
_FIRST_MILLISECONDS = 1e10


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The value of X-Pinless-Signature (pipecat-examples, pipecat-cloud-daily-pstn-server).

    X-Webhook-Signature is made in the same way (Daily docs, webhooks).

    Args:
        secret: `hmac` of the dial-in configuration or of the webhook, base64.
        timestamp: The header with the timestamp, as it stands.
        body: The raw body.
    """
    return _digest(base64.b64decode(secret), timestamp.encode("latin-1"), body).decode()


class SignatureCheck:
    """Lets in only what Daily signed, and not long ago.

    Args:
        secret: `hmac` of the dial-in configuration or of the webhook, base64.
        tolerance_s: Most seconds between the timestamp and our clock, either way.
        now: Unix time in seconds.
    """

    def __init__(self, secret: str, tolerance_s: float, now: Callable[[], float] = time.time) -> None:
        self._key = base64.b64decode(secret)
        self._tolerance_s = tolerance_s
        self._now = now

    def check(self, signature: str | None, timestamp: str | None, body: bytes) -> None:
        """Check one request.

        Raises:
            SignatureMissingError: A header is missing.
            SignatureInvalidError: The signature is not Daily's for this body.
            SignatureExpiredError: It is, but too old, or from the future.
        """
        if not signature or not timestamp:
            raise SignatureMissingError
        expected = _digest(self._key, timestamp.encode("latin-1", "replace"), body)
        if not hmac.compare_digest(expected, signature.strip().encode("latin-1", "replace")):
            raise SignatureInvalidError
        if abs(self._now() - _seconds(timestamp)) > self._tolerance_s:
            raise SignatureExpiredError


def _digest(key: bytes, timestamp: bytes, body: bytes) -> bytes:
    return base64.b64encode(hmac.digest(key, timestamp + b"." + body, "sha256"))


def _seconds(timestamp: str) -> float:
    """Unix seconds: real traffic carries milliseconds, the documents show seconds."""
    if not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureInvalidError("The timestamp is no Unix time.")
    value = float(timestamp)
    return value / 1000 if value >= _FIRST_MILLISECONDS else value
