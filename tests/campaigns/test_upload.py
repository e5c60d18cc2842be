"""Bodies of uploads: larger than any other, and no less limited."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable
from typing import Any

import pytest
from starlette.requests import Request

from frontdesk.campaigns import upload
from frontdesk.campaigns.upload import receive
from frontdesk.errors import BodyTimeoutError, BodyTooLargeError, InvalidBodyError, MediaTypeError

SETTINGS = json.dumps({"name": "x"})
BOUNDARY = "b0undary"


def part(name: str, content: str, *, file: bool = False) -> str:
    """One part of a body."""
    named = '; filename="x"' if file else ""
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n{content}\r\n'


def a_body(*parts: str) -> bytes:
    """A whole body."""
    return f"{''.join(parts)}--{BOUNDARY}--\r\n".encode()


def a_request(pieces: Iterable[bytes], kind: str = f"multipart/form-data; boundary={BOUNDARY}") -> Request:
    """A request whose body comes in pieces, and then no more, though more was announced."""
    left = list(pieces)

    async def receive_piece() -> dict[str, Any]:
        if not left:
            await asyncio.sleep(3600)
        piece = left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": piece != b""}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode())]}
    return Request(scope, receive_piece)


GOOD = a_body(part("settings", SETTINGS), part("file", "phone_number\n+12125550100\n", file=True))


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
async def test_in_pieces(size: int) -> None:
    """However a body is cut, the file is the same."""
    pieces = [GOOD[start : start + size] for start in range(0, len(GOOD), size)]
    got = await receive(a_request([*pieces, b""]))
    with got.file as file:
        assert (file.read(), got.settings.name) == (b"phone_number\n+12125550100\n", "x")


async def test_settings_as_a_file() -> None:
    """Clients that give every part a name are understood."""
    body = a_body(part("file", "x", file=True), part("settings", SETTINGS, file=True))
    got = await receive(a_request([body, b""]))
    got.file.close()
    assert got.settings.name == "x"


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [part("settings", SETTINGS)],
        [part("file", "x", file=True)],
        [part("settings", SETTINGS), part("file", "x")],
        [part("settings", "{}"), part("file", "x", file=True)],
        [part("settings", SETTINGS), part("file", "x", file=True), part("more", "x")],
        [part("settings", SETTINGS), part("file", "x", file=True), part("more", "x", file=True)],
    ],
)
async def test_parts_that_are_wrong(parts: list[str]) -> None:
    """Both parts must be there, and nothing else."""
    with pytest.raises(InvalidBodyError):
        await receive(a_request([a_body(*parts), b""]))


@pytest.mark.parametrize("body", [b"", b"no parts", GOOD[:-30], GOOD[:60]])
async def test_a_body_that_is_cut(body: bytes) -> None:
    """A body without its end is no file: half a campaign is never called."""
    with pytest.raises(InvalidBodyError):
        await receive(a_request([body, b""]))


async def test_only_multipart() -> None:
    """Anything else is refused before it is read."""
    with pytest.raises(MediaTypeError):
        await receive(a_request([], "text/csv"))


@pytest.mark.parametrize(
    "charset", ["unicode_escape", "idna", "punycode", "utf-16", "utf-7", "no-such", '""']
)
async def test_no_codec_but_utf_8(charset: str) -> None:
    """Texts of a stranger are given to no codec of the stranger's choice."""
    kind = f"multipart/form-data; boundary={BOUNDARY}; charset={charset}"
    body = a_body(part("settings", r'{"name": "\ud800"}'), part("file", "x", file=True))
    with pytest.raises(MediaTypeError):
        await receive(a_request([body, b""], kind))


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf8"'])
async def test_utf_8_may_be_named(charset: str) -> None:
    """A client that says what is so is understood."""
    got = await receive(
        a_request([GOOD, b""], f"multipart/form-data; boundary={BOUNDARY}; charset={charset}")
    )
    got.file.close()
    assert got.settings.name == "x"


async def test_too_large() -> None:
    """Reading stops as soon as the limit is passed."""
    given = 0

    def endless() -> Iterable[bytes]:
        yield a_body(part("settings", SETTINGS))[: -len(BOUNDARY) - 6]
        yield part("file", "", file=True).encode()
        for _ in range(1000):
            yield b"x" * 65_536

    async def stream() -> AsyncGenerator[dict[str, Any], None]:
        nonlocal given
        for piece in endless():
            given += len(piece)
            yield {"type": "http.request", "body": piece, "more_body": True}

    pieces = stream()
    scope = {
        "type": "http",
        "method": "POST",
        "headers": [(b"content-type", f"multipart/form-data; boundary={BOUNDARY}".encode())],
    }
    with pytest.raises(BodyTooLargeError):
        await receive(Request(scope, pieces.__anext__), limit_bytes=1_000_000)
    assert given < 1_200_000
    await pieces.aclose()


async def test_too_large_by_its_own_account() -> None:
    """A body that is announced too large is not read at all."""
    request = a_request([])
    request.scope["headers"].append((b"content-length", b"99999999999"))
    with pytest.raises(BodyTooLargeError):
        await receive(request)


async def test_longer_than_it_says() -> None:
    """A body takes no more room than its request says."""
    request = a_request([GOOD, b""])
    request.scope["headers"].append((b"content-length", str(len(GOOD) - 1).encode()))
    with pytest.raises(BodyTooLargeError):
        await receive(request)


@pytest.mark.parametrize("limit", ["PIECE_WITHIN_S", "ALL_WITHIN_S"])
async def test_a_sender_that_stops(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """A sender that falls silent, or never comes to an end, is not waited for."""
    monkeypatch.setattr(upload, limit, 0.05)
    with pytest.raises(BodyTimeoutError):
        await receive(a_request([GOOD[:100]]))
