"""A gateway's campaigns as a process that can be killed: `python -m tests.campaigns.campaign_process`.

It says on standard output, one line each, that a row was accepted (and not noted yet) or that a batch of a
file was kept, so that whoever kills it knows where it is; after so many of them it goes on no more.
"""

import asyncio
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from frontdesk.campaigns.settings import CampaignSettings
from frontdesk.keys.models import EVERYTHING, Principal
from tests.campaigns.campaign_office import (
    SETTINGS,
    Gateway,
    a_gateway,
    numbers,
    own_organization,
    run_dry,
)
from tests.databases import opened

ROWS = 3000
KEY = "file-1"
MOST_ACCEPTED = 16
MOST_KEPT = 8
"""Each batch has 200 rows: this is about half of the file."""


async def feed(gateway: Gateway, campaign_id: str) -> None:
    """Make calls of rows until there are none left."""
    accept, left = gateway.acceptance.accept, iter(range(MOST_ACCEPTED - 1))

    async def told(*given: Any, **options: Any) -> Any:
        answer = await accept(*given, **options)
        await tell("accepted", left)
        return answer

    gateway.acceptance.accept = told  # type: ignore[method-assign]
    await run_dry(gateway, campaign_id)


async def load(gateway: Gateway) -> None:
    """Read a file."""
    add, left = gateway.campaigns.rows.add, iter(range(MOST_KEPT - 1))

    async def told(*given: Any) -> None:
        await add(*given)
        await tell("kept", left)

    gateway.campaigns.rows.add = told  # type: ignore[method-assign,assignment]
    await send(gateway)


async def send(gateway: Gateway) -> str:
    """Send the file, and wait until it was read; the campaign's id."""
    principal = Principal("test", own_organization(), EVERYTHING)
    settings = CampaignSettings.model_validate(SETTINGS | {"start": False})
    file = io.BytesIO(numbers(ROWS))
    campaign, _ = await gateway.campaigns.create(principal, settings, file, key=KEY, wait_s=60)
    return campaign.id


async def main(url: str, folder: str, campaign_id: str) -> None:
    """Do one of both, and say that it is done."""
    exclusive = url.startswith("sqlite")
    async with opened(url, exclusive=exclusive) as database, a_gateway(database, Path(folder)) as gateway:
        await (feed(gateway, campaign_id) if campaign_id else load(gateway))
        say("done")


async def tell(word: str, left: Iterator[int]) -> None:
    """Say where this process is, and stay there when nothing is left."""
    say(word)
    if next(left, None) is None:
        await asyncio.Event().wait()


def say(word: str) -> None:
    """Tell whoever may want to kill this process."""
    print(word, flush=True)  # noqa: T201 - that is what it is for


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3]))
