"""Meeting tokens."""

import base64
import hashlib
import hmac
import json
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.simulator.rooms.tokens import ABBREVIATIONS, InvalidTokenError, Tokens
from frontdesk.simulator.server import SimulatorServer
from tests.simulator.catcher import KEY
from tests.simulator.unhurried import unhurried

NOW = 1_800_000_000.0
properties = st.dictionaries(
    st.sampled_from(sorted(ABBREVIATIONS)), st.text() | st.booleans() | st.integers(), max_size=6
)


def by_hand(claims: dict[str, Any], key: str, header: bytes = b'{"alg":"HS256","typ":"JWT"}') -> str:
    def part(raw: bytes) -> bytes:
        return base64.urlsafe_b64encode(raw).rstrip(b"=")

    signed = part(header) + b"." + part(json.dumps(claims).encode())
    return (signed + b"." + part(hmac.new(key.encode(), signed, hashlib.sha256).digest())).decode()


@unhurried
@given(properties, st.text(min_size=1))
def test_what_is_signed_is_read_back(given_properties: dict[str, Any], key: str) -> None:
    """Any properties come back unchanged by their long names, whatever the key."""
    tokens = Tokens("domain")
    tokens.saw_key(key)
    token = tokens.sign(given_properties, key=key, now=NOW)
    assert tokens.read(token, now=NOW) == given_properties


@unhurried
@given(st.integers(0, 200), st.integers(1, 63))
def test_a_changed_token_is_refused(position: int, shift: int) -> None:
    """One changed character anywhere makes a token worthless."""
    tokens = Tokens("domain", "key")
    token = tokens.sign({"room_name": "a", "is_owner": False}, key="key", now=NOW)
    at = position % len(token)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    if token[at] == "." or at == len(token) - 1:
        return
    changed = token[:at] + letters[(letters.index(token[at]) + shift) % 64] + token[at + 1 :]
    with pytest.raises(InvalidTokenError):
        tokens.read(changed, now=NOW)


@pytest.mark.parametrize(
    ("claims", "key", "text"),
    [
        ({"d": "domain", "exp": NOW}, "key", "expired"),
        ({"d": "domain", "nbf": NOW + 1}, "key", "not valid yet"),
        ({"d": "elsewhere"}, "key", "another domain"),
        ({"d": "domain"}, "other", "signature"),
        ({"d": "domain", "exp": "soon"}, "key", "invalid exp"),
    ],
)
def test_tokens_that_do_not_fit_are_refused(claims: dict[str, Any], key: str, text: str) -> None:
    """Expired, early, foreign and forged tokens are refused with the reason."""
    with pytest.raises(InvalidTokenError, match=text):
        Tokens("domain", "key").read(by_hand(claims, key), now=NOW)


def test_an_unsigned_token_is_refused() -> None:
    """A token that claims to need no signature is refused even when it carries one."""
    forged = by_hand({"d": "domain"}, "key", b'{"alg":"none"}')
    with pytest.raises(InvalidTokenError, match="algorithm"):
        Tokens("domain", "key").read(forged, now=NOW)


@pytest.mark.parametrize("odd", ["", "a.b", "a.b.c", "....", "\xe9.\xe9.\xe9", "e30.e30."])
def test_things_that_are_no_tokens_are_refused(odd: str) -> None:
    """Nonsense is refused without a crash."""
    with pytest.raises(InvalidTokenError):
        Tokens("domain", "key").read(odd, now=NOW)


async def test_a_token_that_a_gateway_signed_itself_is_valid(
    simulator: SimulatorServer, http: aiohttp.ClientSession
) -> None:
    """A JWT made as the docs say, with the domain id of GET / and the API key, passes the API's check."""
    async with http.get(f"{simulator.base_url}/v1/", headers=KEY) as reply:
        domain_id = (await reply.json())["domain_id"]
    token = by_hand({"r": "room", "iat": 1, "d": domain_id, "o": True}, "a-key")
    async with http.get(f"{simulator.base_url}/v1/meeting-tokens/{token}", headers=KEY) as reply:
        assert (reply.status, await reply.json()) == (200, {"room_name": "room", "is_owner": True})


async def test_a_token_for_a_room_that_is_not_there_is_refused(
    simulator: SimulatorServer, http: aiohttp.ClientSession
) -> None:
    """POST /meeting-tokens knows only rooms that exist."""
    body = {"properties": {"room_name": "nowhere"}}
    async with http.post(f"{simulator.base_url}/v1/meeting-tokens", json=body, headers=KEY) as reply:
        assert reply.status == 400
        assert await reply.json() == {"error": "invalid-request-error", "info": "room not found"}


async def test_a_token_without_a_room_is_good_for_all(
    simulator: SimulatorServer, http: aiohttp.ClientSession
) -> None:
    """room_name may be left out, and user ids are at most 36 characters."""
    url = f"{simulator.base_url}/v1/meeting-tokens"
    async with http.post(url, json={"properties": {"user_id": "x" * 36}}, headers=KEY) as reply:
        assert reply.status == 200
        token = (await reply.json())["token"]
    assert simulator.world.tokens.read(token, now=simulator.world.clock.wall()) == {"user_id": "x" * 36}
    async with http.post(url, json={"properties": {"user_id": "x" * 37}}, headers=KEY) as reply:
        assert reply.status == 400
