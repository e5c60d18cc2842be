"""A stage whose bots report to the real link over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from frontdesk.calls.models import Fact
from frontdesk.contract import Limits
from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.settings import SimulatorSettings
from tests.agent.stage import DEADLINE_S, BotProcess, Stage
from tests.link.desk import LinkDesk, link_desk


class LinkedStage(Stage):
    """A stage whose bots report."""

    desk: LinkDesk
    asks = False

    async def start(self, body: dict[str, Any]) -> None:
        callback = self.desk.callbacks.callback_for(body["call_id"], 1, Limits(), ask_context=self.asks)
        await super().start(body | {"callback": callback.model_dump(mode="json")})

    async def fact(self, call_id: str, kind: str) -> Fact:
        """Wait for a fact of a call."""
        async with asyncio.timeout(DEADLINE_S):
            while kind not in self.desk.books.types(call_id):
                await asyncio.sleep(0.02)
        return next(fact for fact in self.facts(call_id) if fact.type == kind)

    def facts(self, call_id: str) -> list[Fact]:
        """What was reported of a call."""
        return [fact for fact in self.desk.books.facts if fact.call_id == call_id]

    def reset(self) -> None:
        """Nothing ordered, nobody known, nothing broken."""
        self.desk.books.hang_up = None
        self.desk.books.plan = None
        self.desk.books.spools = False
        self.desk.contexts.answer = None
        self.desk.contexts.after_s = 0
        self.desk.mishaps.plan = []
        self.asks = False
        self.overrides = {}
        self.world.vendors.reset()


@asynccontextmanager
async def linked_stage(
    folder: Path, variables: Mapping[str, str], program: str = "bot.py"
) -> AsyncIterator[LinkedStage]:
    """Simulator, link and a bot with these variables."""
    settings = SimulatorSettings(port=0, record_dir=folder)
    async with (
        link_desk(heartbeat_s=1) as desk,
        SimulatorServer(settings) as simulator,
        BotProcess(simulator.base_url, variables, program) as bot,
    ):
        stage = LinkedStage(simulator, bot)
        stage.desk = desk
        await stage.open()
        yield stage
        await stage.close()
