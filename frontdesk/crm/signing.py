"""Signatures by the Standard Webhooks specification, made by its own package."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

PREFIX = "whsec_"
_LEAST_BYTES, _MOST_BYTES = 24, 64


def problem_of(secret: str) -> str | None:
    """What is wrong with a secret, in words that do not repeat it; None when nothing is.

    A secret is `whsec_` and the base64 of 24 to 64 bytes (specification 1.0.0, "Signature scheme").
    """
    if not secret.startswith(PREFIX):
        return f"must begin with {PREFIX}"
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return f"must be base64 after {PREFIX}"
    if not _LEAST_BYTES <= len(key) <= _MOST_BYTES:
        return f"must be {_LEAST_BYTES} to {_MOST_BYTES} bytes, in base64"
    return None


class Signer:
    """Signs with every secret that is valid: receivers may know either one while a secret is replaced.

    Args:
        secrets: The current one first.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._webhooks = tuple(Webhook(secret) for secret in secrets)

    def headers(self, message_id: str, at: float, body: str) -> dict[str, str]:
        """The three headers of a message.

        Args:
            message_id: The same on every try.
            at: The time of this try, UTC seconds.
            body: Exactly what is sent.
        """
        moment = datetime.fromtimestamp(at, UTC)
        signatures = (webhook.sign(message_id, moment, body) for webhook in self._webhooks)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at)),
            "webhook-signature": " ".join(signatures),
        }
