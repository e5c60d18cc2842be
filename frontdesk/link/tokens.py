"""Tokens of bots: signed by the gateway, good for one call, expiring with it.

The key is derived from the Daily API key, which all gateways of an installation share: there is no further
secret to set, and a new API key ends the tokens of the old one.
"""

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt

from frontdesk.errors import LinkTokenExpiredError, LinkTokenInvalidError

if TYPE_CHECKING:
    from jwt.types import Options

_AUDIENCE = "frontdesk-link"
_LABEL = b"frontdesk link token, version 1"
_CLAIMS = ["sub", "aud", "iat", "exp", "attempt"]


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports: the bot of one attempt of a call; its token was issued at `since` (UTC seconds)."""

    call_id: str
    attempt: int
    since: float


class LinkTokens:
    """Issues and checks tokens (JWT, HS256).

    Args:
        secret: What the key is derived from.
        clock: UTC seconds.
    """

    def __init__(self, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._key = hmac.new(secret.encode(), _LABEL, hashlib.sha256).digest()
        self._clock = clock

    def issue(self, call_id: str, attempt: int, lifetime_s: float) -> str:
        """A token for the bot of one attempt."""
        now = self._clock()
        claims = {
            "sub": call_id,
            "aud": _AUDIENCE,
            "iat": int(now),
            "exp": int(now + lifetime_s),
            "attempt": attempt,
        }
        return jwt.encode(claims, self._key, algorithm="HS256")

    def check(self, token: str, call_id: str) -> Reporter:
        """Who holds this token, if it is good for this call.

        Raises:
            LinkTokenInvalidError: It is not ours, or another call's.
            LinkTokenExpiredError: It was good once.
        """
        claims = self._claims(token)
        if claims["sub"] != call_id:
            raise LinkTokenInvalidError
        if claims["exp"] <= self._clock():
            raise LinkTokenExpiredError
        return Reporter(call_id, claims["attempt"], claims["iat"])

    def _claims(self, token: str) -> dict[str, Any]:
        # Times are compared with our own clock; a clock of another gateway that is ahead costs no report.
        options: Options = {"require": _CLAIMS, "verify_exp": False, "verify_iat": False, "verify_nbf": False}
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._key, algorithms=["HS256"], audience=_AUDIENCE, options=options
            )
        except jwt.InvalidTokenError:
            raise LinkTokenInvalidError from None
        return claims
