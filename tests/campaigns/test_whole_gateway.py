"""A campaign on a whole gateway: rows go through queue, limits and launch like any other call out."""

import asyncio
import json
from typing import Any

import aiohttp

from tests.campaigns.campaign_office import number, numbers
from tests.gateway.conftest import Configure, configure, far
from tests.gateway.far import Far
from tests.gateway.gate import KEY, Gateway, serving

__all__ = ["configure", "far"]

HEADERS = {"Authorization": f"Bearer {KEY}"}


async def send(gateway: Gateway, file: bytes, **settings: Any) -> dict[str, Any]:
    """Send a file; the campaign."""
    form = aiohttp.FormData()
    form.add_field("settings", json.dumps({"name": "x"} | settings), content_type="application/json")
    form.add_field("file", file, filename="rows.csv")
    reply = await gateway.send("POST", "/campaigns", data=form, headers=HEADERS)
    assert reply.status == 201, reply.body
    return dict(reply.body)


async def until(gateway: Gateway, campaign: dict[str, Any], **wanted: int) -> dict[str, Any]:
    """The campaign, once its calls are counted so."""
    async with asyncio.timeout(90):
        while True:
            path = f"/campaigns/{campaign['campaign_id']}"
            found = (await gateway.send("GET", path, headers=HEADERS)).body
            if all(found["progress"][name] == count for name, count in wanted.items()):
                return dict(found)
            await asyncio.sleep(0.05)


def dialed(far: Far) -> list[str]:
    """The numbers that bots were started for, in order."""
    bodies = [seen.body["body"] for seen in far.of("/start")]
    return [body["dialout_settings"]["phone_number"] for body in bodies]


async def test_never_more_at_once_than_its_own_limit(configure: Configure, far: Far) -> None:
    """Each row is one bot, and no more of them at once than the campaign may have; canceled, the rest is."""
    async with serving(configure()) as gateway:
        campaign = await send(gateway, numbers(30), concurrency=4)
        await until(gateway, campaign, going_on=4)
        await far.until(lambda: len(dialed(far)) == 4, deadline_s=60)
        await asyncio.sleep(1)  # nothing tells that nobody else is dialed
        assert len(dialed(far)) == len(set(dialed(far))) == 4
        path = f"/campaigns/{campaign['campaign_id']}/cancel?hang_up=true"
        await gateway.send("POST", path, headers=HEADERS)
        found = await until(gateway, campaign, waiting=0, going_on=0)
        assert set(found["progress"]["reasons"]) <= {"canceled"}
        assert len(dialed(far)) == 4


async def test_paused_it_starts_no_bot(configure: Configure, far: Far) -> None:
    """A slot that becomes free while the campaign is paused is not taken; resumed, the others are dialed."""
    async with serving(configure()) as gateway:
        campaign = await send(gateway, numbers(3), concurrency=1)
        await until(gateway, campaign, going_on=1, waiting=2)
        await far.until(lambda: len(dialed(far)) == 1, deadline_s=60)
        path = f"/campaigns/{campaign['campaign_id']}"
        await gateway.send("POST", f"{path}/pause", headers=HEADERS)
        await hang_up(gateway, campaign)
        await until(gateway, campaign, going_on=0)
        await asyncio.sleep(1)  # nothing tells that nobody is dialed
        assert len(dialed(far)) == 1
        await gateway.send("POST", f"{path}/resume", headers=HEADERS)
        for ended in (1, 2):
            await until(gateway, campaign, ended=ended, going_on=1)
            await far.until(lambda so_many=ended + 1: len(dialed(far)) == so_many, deadline_s=60)  # type: ignore[misc]
            await hang_up(gateway, campaign)
        found = await until(gateway, campaign, ended=3)
        assert found["progress"]["reasons"] == {"canceled": 3}
        assert sorted(dialed(far)) == sorted(number(index) for index in range(3))


async def hang_up(gateway: Gateway, campaign: dict[str, Any]) -> None:
    """End the calls that are being made."""
    path = f"/calls?campaign_id={campaign['campaign_id']}&state=launching"
    for call in (await gateway.send("GET", path, headers=HEADERS)).body["calls"]:
        await gateway.send("DELETE", f"/calls/{call['call_id']}", headers=HEADERS)
