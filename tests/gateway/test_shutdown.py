"""The end of the gateway: soon, also while calls are under way, and without rooms that nobody needs."""

import asyncio
import time

import aiohttp

from tests.gateway.conftest import Configure
from tests.gateway.far import Answer, Far
from tests.gateway.gate import KEY, Gateway, incoming, serving

OFFICIAL = {"dialout_settings": {"phone_number": "+12025550123"}}


async def test_hanging_launches_share_one_deadline(configure: Configure, far: Far) -> None:
    """Hanging launches of both directions and an open request end with one deadline.

    The caller's room is deleted; the bots of calls out may have begun to dial: the next gateway sees to them.
    """
    far.always_start = Answer(hang=True)
    settings = configure(webhook_budget_s=0.1, dialout_wait_s=60, upstream_timeout_s=20)
    async with serving(settings, last_launches_s=8) as gateway:
        assert (await gateway.ring(incoming())).body["status"] == "launching"
        assert (await gateway.dial(OFFICIAL, {"Prefer": "respond-async"})).status == 202
        waiting = asyncio.create_task(_cut_off(gateway))
        await far.until(lambda: len(far.of("/start")) == 3)
        began = time.monotonic()
    took_s = time.monotonic() - began
    assert await waiting
    assert 7.5 < took_s < 15
    incoming_rooms = [seen.body["name"] for seen in far.of("/rooms") if "sip" in seen.body["properties"]]
    assert set(far.deleted) == set(incoming_rooms)


async def test_launches_that_end_in_time_are_waited_for(configure: Configure, far: Far) -> None:
    """A launch under way ends as it would have, and its room stays."""
    far.starts.append(Answer(delay_s=3))
    async with serving(configure()) as gateway:
        assert (await gateway.dial(OFFICIAL, {"Prefer": "respond-async"})).status == 202
        await far.until(lambda: len(far.of("/start")) == 1)
        began = time.monotonic()
    assert 1 < time.monotonic() - began < 15
    assert far.deleted == []


async def _cut_off(gateway: Gateway) -> bool:
    """Whether a request that waits for its launch got no answer of success."""
    try:
        async with gateway.http.post(
            f"{gateway.url}/dialout", json=OFFICIAL, headers={"X-API-Key": KEY}
        ) as answer:
            return answer.status >= 400
    except aiohttp.ClientError:
        return True
