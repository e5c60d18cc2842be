"""A process with bots on pipecat's real DailyTransport and the stand-in `daily`, driven by a test."""

import asyncio
import base64
import itertools
import json
import os
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
STANDIN = ROOT / "frontdesk" / "simulator" / "standin"
DEADLINE_S = 60.0


class BotHost:
    """The process; one serves many tests, since importing pipecat takes seconds."""

    def __init__(self) -> None:
        path = os.pathsep.join([str(STANDIN), str(ROOT)])
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "bots" / "host.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._ids = itertools.count()
        self._changed = threading.Condition()
        self._events: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._wait("", "ready", 1)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            with self._changed:
                self._events[event["bot"]].append(event)
                self._changed.notify_all()

    def events(self, bot: str) -> list[str]:
        """Names of the events of a bot so far, in order."""
        with self._changed:
            return [event["event"] for event in self._events[bot] if not event["event"].startswith("done_")]

    def data(self, bot: str, event: str) -> list[Any]:
        """What the events of that name carried."""
        with self._changed:
            return [one["data"] for one in self._events[bot] if one["event"] == event]

    async def wait(self, bot: str, event: str, count: int = 1) -> Any:
        """Wait until an event has come so often; gives the data of that one."""
        return await asyncio.to_thread(self._wait, bot, event, count)

    def _wait(self, bot: str, event: str, count: int) -> Any:
        with self._changed:
            found = self._changed.wait_for(lambda: self._count(bot, event) >= count, DEADLINE_S)
            came = [one["event"] for one in self._events[bot]]
            assert found, f"{event} did not come {count} times; these came: {came}"
            return [one for one in self._events[bot] if one["event"] == event][count - 1]["data"]

    def _count(self, bot: str, event: str) -> int:
        return sum(one["event"] == event for one in self._events[bot])

    async def do(self, bot: str, what: str, **values: Any) -> Any:
        """Have a bot do something and wait for the answer."""
        command: dict[str, Any] = {"bot": bot, "do": what, "id": next(self._ids)}
        command.update(values if what == "start" else {"with": values})
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        answer = await self.wait(bot, f"done_{command['id']}")
        assert not (isinstance(answer, dict) and "raised" in answer), answer
        return answer

    async def play(self, bot: str, pcm: bytes) -> None:
        """Have a bot say something."""
        await self.do(bot, "play", pcm=base64.b64encode(pcm).decode())

    async def heard(self, bot: str) -> tuple[int, bytes]:
        """Rate and sound of everything that a bot has heard."""
        answer = await self.do(bot, "heard")
        return answer["rate"], base64.b64decode(answer["pcm"])

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)
        self._process.stdout.close()
