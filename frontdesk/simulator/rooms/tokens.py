"""Daily's meeting tokens: HS256 JWTs signed with the API key (Daily docs, self-signing tokens)."""

import base64
import binascii
import hashlib
import hmac
import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

ABBREVIATIONS = {
    "room_name": "r",
    "user_id": "ud",
    "user_name": "u",
    "is_owner": "o",
    "knocking": "k",
    "close_tab_on_exit": "ctoe",
    "redirect_on_meeting_exit": "rome",
    "start_cloud_recording": "sr",
    "start_cloud_recording_opts": "sro",
    "auto_start_transcription": "ast",
    "enable_recording": "er",
    "enable_recording_ui": "erui",
    "enable_screenshare": "ss",
    "start_video_off": "vo",
    "start_audio_off": "ao",
    "eject_at_token_exp": "ejt",
    "eject_after_elapsed": "eje",
    "lang": "uil",
    "permissions": "p",
}
_LONG_NAMES = {short: name for name, short in ABBREVIATIONS.items()}
_HEADER = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
_REMEMBERED_KEYS = 100


class InvalidTokenError(ValueError):
    """A token that the room does not accept; the message says why and holds nothing of the token."""


def encode(claims: Mapping[str, Any], key: str) -> str:
    """Sign claims (already abbreviated) as an HS256 JWT."""
    payload = _b64(json.dumps(claims, separators=(",", ":")).encode())
    signed = _HEADER + b"." + payload
    return (signed + b"." + _b64(_mac(signed, key))).decode()


def decode(token: str, keys: Mapping[str, Any] | set[str]) -> dict[str, Any]:
    """Return the claims of a token signed with one of the keys; raises InvalidTokenError."""
    head, payload, signature = _split(token)
    signed = f"{head}.{payload}".encode()
    given = _unb64(signature)
    if not any(hmac.compare_digest(_mac(signed, key), given) for key in keys):
        raise InvalidTokenError("invalid token signature")
    claims = _json(payload)
    if _json(head).get("alg") != "HS256":
        raise InvalidTokenError("invalid token algorithm")
    return claims


class Tokens:
    """Makes and checks the tokens of one domain.

    Without a fixed API key, any key that was used on the REST API may have signed a token; the last hundred
    are remembered. A gateway that signs tokens itself has always used its key before, to make the room.
    """

    def __init__(self, domain_id: str, api_key: str | None = None) -> None:
        self.domain_id = domain_id
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._fixed = api_key is not None
        if api_key is not None:
            self._keys[api_key] = None

    def saw_key(self, key: str) -> None:
        """Remember an API key that the REST API accepted."""
        if self._fixed or key in self._keys:
            return
        self._keys[key] = None
        if len(self._keys) > _REMEMBERED_KEYS:
            self._keys.popitem(last=False)

    def sign(self, properties: Mapping[str, Any], *, key: str, now: float) -> str:
        """Make a token from the properties of `POST /meeting-tokens`; `now` is Unix seconds."""
        claims = {ABBREVIATIONS.get(name, name): value for name, value in properties.items()}
        return encode({**claims, "d": self.domain_id, "iat": int(now)}, key)

    def read(self, token: str, *, now: float, ignore_nbf: bool = False) -> dict[str, Any]:
        """Return the properties of a token by their long names (`room_name`, …), without `d` and `iat`.

        Raises InvalidTokenError for a wrong signature, another domain, or a time outside nbf and exp.
        """
        claims = decode(token, self._keys)
        if claims.get("d") != self.domain_id:
            raise InvalidTokenError("token is for another domain")
        if not ignore_nbf and now < _number(claims, "nbf", now):
            raise InvalidTokenError("token is not valid yet")
        if now >= _number(claims, "exp", now + 1):
            raise InvalidTokenError("token has expired")
        return {
            _LONG_NAMES.get(name, name): value for name, value in claims.items() if name not in {"d", "iat"}
        }


def _number(claims: dict[str, Any], name: str, default: float) -> float:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidTokenError(f"token has an invalid {name}")
    return float(value)


def _mac(signed: bytes, key: str) -> bytes:
    return hmac.new(key.encode(), signed, hashlib.sha256).digest()


def _b64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _unb64(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise InvalidTokenError("malformed token") from error


def _split(token: str) -> tuple[str, str, str]:
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 (a JWT has three parts)
        raise InvalidTokenError("malformed token")
    return parts[0], parts[1], parts[2]


def _json(part: str) -> dict[str, Any]:
    try:
        value = json.loads(_unb64(part))
    except (ValueError, RecursionError) as error:
        raise InvalidTokenError("malformed token") from error
    if not isinstance(value, dict):
        raise InvalidTokenError("malformed token")
    return value
