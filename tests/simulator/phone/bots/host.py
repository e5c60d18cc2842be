"""Hosts bots on pipecat's real DailyTransport, for tests; run with the stand-in first on the path.

Commands come as JSON lines on stdin, events go out as JSON lines on stdout. Every bot is a tiny pipeline:
transport in, a tap that keeps what was heard, transport out. No vendor is involved.
"""

import asyncio
import base64
import gc
import json
import sys
import threading
from typing import Any

import daily
from loguru import logger
from pipecat.frames.frames import EndFrame, Frame, InputAudioRawFrame, InputDTMFFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.daily.transport import DailyDialinSettings, DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner

EVENTS = [
    "on_joined",
    "on_left",
    "on_error",
    "on_call_state_updated",
    "on_participant_joined",
    "on_participant_left",
    "on_first_participant_joined",
    "on_client_disconnected",
    "on_dialin_ready",
    "on_dialin_connected",
    "on_dialin_stopped",
    "on_dialin_error",
    "on_dialout_connected",
    "on_dialout_answered",
    "on_dialout_stopped",
    "on_dialout_error",
    "on_dtmf_event",
    "on_app_message",
]
_out = threading.Lock()

# This process shares its cores with other tests: what it says must not have gaps when it stalls for a moment.
daily.audio.LEAD_S = 1.0  # type: ignore[attr-defined]


def tell(bot: str, event: str, data: Any = None) -> None:
    with _out:
        sys.stdout.write(json.dumps({"bot": bot, "event": event, "data": data}, default=str) + "\n")
        sys.stdout.flush()


class Tap(FrameProcessor):
    """Keeps what the bot hears; passes everything on but the sound."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: dict[int, bytearray] = {}
        self.keys = ""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self.heard.setdefault(frame.sample_rate, bytearray()).extend(frame.audio)
            return
        if isinstance(frame, InputDTMFFrame):
            self.keys += frame.button.value
        await self.push_frame(frame, direction)


class Bot:
    def __init__(self, name: str, command: dict[str, Any]) -> None:
        self.name = name
        rate = command.get("rate", 8000)
        dialin = command.get("dialin")
        params = DailyParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_in_user_tracks=command.get("user_tracks", True),
            api_key="key",
            api_url=command["api_url"],
            dialin_settings=DailyDialinSettings(**dialin) if dialin else None,
        )
        self.transport = DailyTransport(command["room_url"], command.get("token"), name, params)
        self.tap = Tap()
        self.rate = rate
        self.worker = PipelineWorker(
            Pipeline([self.transport.input(), self.tap, self.transport.output()]),
            params=PipelineParams(audio_in_sample_rate=rate, audio_out_sample_rate=rate),
            enable_rtvi=False,
        )
        for event in EVENTS:
            self.transport.event_handler(event)(self._teller(event))

    def _teller(self, event: str) -> Any:
        name = self.name

        async def handler(_transport: Any, *args: Any) -> None:
            tell(name, event, args[0] if args else None)

        return handler

    async def run(self) -> None:
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self.worker)
        await runner.run()
        tell(self.name, "finished")

    async def do(self, command: dict[str, Any]) -> Any:
        return await getattr(self, f"do_{command['do']}")(**command.get("with", {}))

    async def do_play(self, pcm: str) -> None:
        sound = base64.b64decode(pcm)
        size = self.rate // 50 * 2 * 2
        for start in range(0, len(sound), size):
            await self.worker.queue_frame(OutputAudioRawFrame(sound[start : start + size], self.rate, 1))

    async def do_heard(self) -> dict[str, Any]:
        rate, pcm = next(iter(self.tap.heard.items()), (0, bytearray()))
        return {"rate": rate, "pcm": base64.b64encode(bytes(pcm)).decode(), "keys": self.tap.keys}

    async def do_start_dialout(self, **settings: Any) -> Any:
        return await self.transport.start_dialout(settings)

    async def do_stop_dialout(self, session_id: str) -> Any:
        return await self.transport.stop_dialout(session_id)

    async def do_send_dtmf(self, **settings: Any) -> Any:
        return await self.transport.send_dtmf(settings)

    async def do_transfer(self, **settings: Any) -> Any:
        return await self.transport.sip_call_transfer(settings)

    async def do_update_participants(self, **updates: Any) -> Any:
        await self.transport.update_remote_participants(updates)

    async def do_participants(self) -> Any:
        return sorted(self.transport.participants())

    async def do_end(self) -> None:
        await self.worker.queue_frame(EndFrame())

    async def do_cancel(self) -> None:
        await self.worker.cancel()


bots: dict[str, Bot] = {}
tasks: set[asyncio.Task[None]] = set()


def alive() -> dict[str, int]:
    gc.collect()
    names = (
        "DailyTransport",
        "DailyTransportClient",
        "CallClient",
        "Call",
        "Link",
        "PipelineWorker",
        "CustomAudioSource",
    )
    counts = dict.fromkeys(names, 0)
    for thing in gc.get_objects():
        if type(thing).__name__ in counts:
            counts[type(thing).__name__] += 1
    counts["threads"] = threading.active_count()
    return counts


async def obey(command: dict[str, Any]) -> None:
    name, what = command["bot"], command["do"]
    result: Any = None
    try:
        if what == "start":
            bots[name] = Bot(name, command)
            task = asyncio.create_task(live(name))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        elif what == "alive":
            result = alive()
        else:
            result = await bots[name].do(command)
    except Exception as error:  # noqa: BLE001
        result = {"raised": repr(error)}
    tell(name, f"done_{command['id']}", result)


async def live(name: str) -> None:
    try:
        await bots[name].run()
    except Exception as error:  # noqa: BLE001
        tell(name, "crashed", repr(error))
    bots.pop(name)


async def main() -> None:
    logger.remove()
    loop = asyncio.get_running_loop()
    commands: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(commands.put_nowait, line)
        loop.call_soon_threadsafe(commands.put_nowait, "")

    threading.Thread(target=read, daemon=True).start()
    tell("", "ready")
    while line := await commands.get():
        task = asyncio.create_task(obey(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


asyncio.run(main())
