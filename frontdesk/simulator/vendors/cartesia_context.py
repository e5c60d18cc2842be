"""One context of Cartesia's stand-in: texts in, audio out, faster than it is heard."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

from starlette.websockets import WebSocketDisconnect

from frontdesk.simulator.speech.line import resampled
from frontdesk.simulator.speech.phrasebook import Phrasebook
from frontdesk.simulator.speech.voice import Rendering, VoiceUnavailable, render
from frontdesk.simulator.vendors.behavior import Behavior
from frontdesk.simulator.vendors.cartesia_messages import (
    Generation,
    Message,
    chunk,
    done,
    error,
    flush_done,
    timestamps,
)

__all__ = ["Context"]

_CHUNK_S = 0.2
_PAUSE_S = 0.1
_PAUSE = b"\0\0"
_TIMES_FASTER_THAN_HEARD = 20
_TAG = re.compile(r"<[^>]*>")
_SENTENCE_GAP = re.compile(r"(?<=[.!?…])(?<!\b[DMS][rst]\.)(?<!\bMrs\.) (?=[A-Z\d\"“])")
_SENTENCE_END = re.compile(r"[.!?…][\"')\]]*\s*$")


class Context:
    """Speaks what it is given, in order, until a request that does not continue, or a cancel.

    With `max_buffer_delay_ms` 0 each request is spoken as it is; otherwise texts are gathered to sentences
    for at most that long, which is how Cartesia takes single words of a language model.
    """

    def __init__(
        self,
        context_id: str,
        behavior: Behavior,
        phrasebook: Phrasebook,
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        self._id, self._behavior, self._phrasebook, self._send = context_id, behavior, phrasebook, send
        self._requests: asyncio.Queue[Generation] = asyncio.Queue()
        self._text = ""
        self._spoken_s = 0.0
        self._flushes = 0
        self._first = True
        self._task = asyncio.create_task(self._run())

    @property
    def closed(self) -> bool:
        """Whether the context is complete; its id then names a new one."""
        return self._task.done()

    def take(self, request: Generation) -> None:
        """Queue a request."""
        self._requests.put_nowait(request)

    def cancel(self) -> None:
        """Say nothing more."""
        self._task.cancel()

    async def _run(self) -> None:
        try:
            request = await self._requests.get()
            while request.continues:
                await self._gather(request)
                request = await self._next(request)
            await self._gather(request)
            await self._send(done(self._id))
        except (WebSocketDisconnect, RuntimeError):
            return
        except VoiceUnavailable as unavailable:
            await self._send(error(500, "voice_unavailable", "No voice", str(unavailable), self._id))

    async def _gather(self, request: Generation) -> None:
        self._text += request.transcript
        at_once = not request.continues or request.flush or not request.max_buffer_delay_ms
        if at_once or _SENTENCE_END.search(self._text):
            await self._speak(request)
        if request.flush:
            self._flushes += 1
            await self._send(flush_done(self._id, self._flushes))

    async def _next(self, last: Generation) -> Generation:
        """The next request; what waits to be spoken is spoken when it does not come in time."""
        if not self._text:
            return await self._requests.get()
        try:
            return await asyncio.wait_for(self._requests.get(), last.max_buffer_delay_ms / 1000)
        except TimeoutError:
            await self._speak(last)
            return await self._requests.get()

    async def _speak(self, request: Generation) -> None:
        text, self._text = " ".join(_TAG.sub(" ", self._text).split()), ""
        if not any(character.isalnum() for character in text):
            return
        if self._first and self._behavior.first_byte_ms:
            await asyncio.sleep(self._behavior.first_byte_ms / 1000)
        self._first = False
        for sentence in _SENTENCE_GAP.split(text):
            await self._say(request, sentence)

    async def _say(self, request: Generation, text: str) -> None:
        began = time.monotonic()
        rendering = await asyncio.to_thread(render, text, request.espeak_voice, request.wpm)
        self._phrasebook.add_bot_line(text, request.espeak_voice, request.wpm)
        if request.add_timestamps:
            await self._send(timestamps(self._id, rendering.words, self._spoken_s))
        await self._send_audio(request, rendering, (time.monotonic() - began) * 1000)
        self._spoken_s += rendering.duration_s + _PAUSE_S

    async def _send_audio(self, request: Generation, rendering: Rendering, step_ms: float) -> None:
        rate = request.output_format.sample_rate
        pcm = resampled(rendering.samples, rendering.rate, rate).tobytes() + _PAUSE * round(rate * _PAUSE_S)
        size = 2 * round(rate * _CHUNK_S)
        for start in range(0, len(pcm), size):
            audio = request.output_format.encode(pcm[start : start + size])
            await self._send(chunk(self._id, audio, step_ms))
            await asyncio.sleep(_CHUNK_S / _TIMES_FASTER_THAN_HEARD)
