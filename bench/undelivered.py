"""The gateway that writes its outbox and delivers nothing: `python -m bench.undelivered`."""

import asyncio
import sys

import server
from frontdesk.crm.delivery import Deliverer


async def _rest(_: Deliverer) -> None:
    await asyncio.Event().wait()


if __name__ == "__main__":
    Deliverer.run = _rest  # type: ignore[assignment,method-assign]
    sys.exit(server.main())
