"""How the terminal sends a file to a gateway that does not take it at once."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from frontdesk.calls.client import ApiError
from frontdesk.campaigns.client import CampaignsClient


class Gateway:
    """Answers requests to send a file from a script, and notes the keys that they came with."""

    def __init__(self, *answers: tuple[int, dict[str, Any]]) -> None:
        self.keys: list[str] = []
        self._answers = list(answers)

    async def take(self, request: web.Request) -> web.Response:
        await request.read()
        self.keys.append(request.headers["Idempotency-Key"])
        status, body = self._answers.pop(0)
        return web.json_response(body, status=status)


async def sent(gateway: Gateway, folder: Path) -> list[float]:
    """Send a file; gives the pauses that were made."""
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    path = folder / "check-ups.csv"
    path.write_bytes(b"phone_number\n+12025550123\n")
    app = web.Application()
    app.router.add_post("/campaigns", gateway.take)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        client = CampaignsClient(http, str(server.make_url("")), None, pause=pause)
        assert (await client.send(path, {}, "key-1"))["campaign_id"] == "c"
    return pauses


async def test_a_gateway_that_is_full_is_asked_when_it_says(tmp_path: Path) -> None:
    """The pause is as long as the gateway asks for, a minute at most, and the key stays the same."""
    full = {"title": "There is no room", "code": "uploads_full"}
    later = [(503, full | {"retry_after_s": seconds}) for seconds in (10.0, 0.1, 7200)]
    gateway = Gateway(*later, (503, full), (202, {"campaign_id": "c"}))
    assert await sent(gateway, tmp_path) == [10.0, 2.0, 60.0, 8.0]
    assert gateway.keys == ["key-1"] * 5


async def test_what_is_refused_for_good_is_not_sent_again(tmp_path: Path) -> None:
    """A file that the gateway does not want is sent once."""
    gateway = Gateway((422, {"title": "The body is invalid", "code": "invalid_body"}))
    with pytest.raises(ApiError, match="invalid"):
        await sent(gateway, tmp_path)
    assert len(gateway.keys) == 1
