"""One stream of audio to Deepgram's stand-in: audio in, results out, in order."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import WebSocket, WebSocketDisconnect

from frontdesk.simulator.speech.line import alaw_decode, mulaw_decode
from frontdesk.simulator.speech.listener import Heard, Listener, Segment
from frontdesk.simulator.speech.phrasebook import Phrase
from frontdesk.simulator.vendors.behavior import Behavior
from frontdesk.simulator.vendors.deepgram_messages import (
    ListenOptions,
    Message,
    metadata,
    results,
    speech_started,
    utterance_end,
)

__all__ = ["Stream"]

_IDLE_S = 10.0
_INTERIM_EVERY_S = 0.6
_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "linear16": bytes,
    "mulaw": mulaw_decode,
    "alaw": alaw_decode,
}


@dataclass(frozen=True, slots=True)
class _Job:
    """Something to report, in its turn: a piece of speech to understand, or a message that is ready."""

    segment: Segment | None = None
    until_s: float = 0.0
    is_final: bool = True
    speech_final: bool = False
    from_finalize: bool = False
    message: Message | None = None


class Stream:
    """Takes audio from the socket at once, and reports beside it: understanding runs in a thread."""

    def __init__(
        self,
        socket: WebSocket,
        options: ListenOptions,
        behavior: Behavior,
        phrases: Callable[[], Sequence[Phrase]],
        request_id: str,
        written: Callable[[str], None],
    ) -> None:
        self._socket, self._options, self._behavior = socket, options, behavior
        self._request_id, self._created = request_id, datetime.now(UTC)
        self._written = written
        self._listener = Listener(options.sample_rate, phrases, end_silence_s=options.end_silence_s)
        self._decode = _DECODERS[options.encoding]
        self._jobs: asyncio.Queue[_Job | None] = asyncio.Queue()
        self._digest = hashlib.sha256()
        self._interim_at = self._reported_s = 0.0
        self._last_word_end: float | None = None
        self._speaking = False

    async def run(self) -> None:
        """Serve the stream until one side ends it."""
        reporter = asyncio.create_task(self._report())
        try:
            await self._receive()
            await self._jobs.put(None)
            await reporter
            await self._socket.close(1000)
        except (WebSocketDisconnect, RuntimeError):
            return
        except TimeoutError:
            await self._socket.close(
                1011,
                "Deepgram did not receive audio data or a text message within the timeout window. NET-0001",
            )
        finally:
            reporter.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await reporter

    async def _receive(self) -> None:
        """Take messages until the client closes the stream, or trouble on command ends it."""
        while True:
            message = await asyncio.wait_for(self._socket.receive(), _IDLE_S)
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1000))
            if audio := message.get("bytes"):
                self._hear(audio)
                if self._broken():
                    await self._socket.close(1011, "Disconnected on command.")
                    raise WebSocketDisconnect(1011)
            elif self._obey(message.get("text")):
                return

    def _broken(self) -> bool:
        trouble = self._behavior.trouble == "disconnect"
        return trouble and self._listener.position_s >= self._behavior.disconnect_after_s

    def _hear(self, audio: bytes) -> None:
        self._digest.update(audio)
        segments = self._listener.push(self._decode(audio[: len(audio) // 2 * 2]))
        self._notice_speech()
        for segment in segments:
            self._put(segment, speech_final=self._options.reports_speech_final)
        now = self._listener.position_s
        open_segment = self._listener.open_segment() if now - self._interim_at >= _INTERIM_EVERY_S else None
        if open_segment and self._options.interim_results:
            self._interim_at = now
            self._put(open_segment, is_final=False)
        self._end_utterance(now)

    def _notice_speech(self) -> None:
        speaking = self._listener.hears_speech
        if speaking and not self._speaking:
            self._interim_at = self._listener.position_s
            if self._options.vad_events:
                self._jobs.put_nowait(_Job(message=speech_started(self._listener.position_s)))
        self._speaking = speaking

    def _end_utterance(self, now: float) -> None:
        wait = self._options.utterance_end_ms
        if wait is None or self._last_word_end is None or self._speaking:
            return
        if now - self._last_word_end >= wait / 1000:
            self._jobs.put_nowait(_Job(message=utterance_end(self._last_word_end)))
            self._last_word_end = None

    def _obey(self, text: str | None) -> bool:
        """Act on a control message; true when the stream is to end."""
        try:
            kind = json.loads(text or "null")["type"]
        except (ValueError, TypeError, KeyError):
            kind = None
        if kind == "KeepAlive":
            return False
        if kind == "Finalize":
            self._put(self._listener.cut(), from_finalize=True)
            return False
        if kind == "CloseStream":
            self._put(self._listener.cut(), from_finalize=False)
            self._jobs.put_nowait(_Job(message=self._farewell()))
            return True
        error: Message = {
            "type": "Error",
            "description": "Unrecognized control message.",
            "message": "Expected Finalize, KeepAlive or CloseStream.",
            "variant": "DATA-0000",
        }
        self._jobs.put_nowait(_Job(message=error))
        return False

    def _farewell(self) -> Message:
        created = self._created.isoformat().replace("+00:00", "Z")
        return metadata(self._request_id, created, self._digest.hexdigest(), self._listener.position_s)

    def _put(
        self,
        segment: Segment | None,
        *,
        is_final: bool = True,
        speech_final: bool = False,
        from_finalize: bool = False,
    ) -> None:
        now = self._listener.position_s
        self._jobs.put_nowait(_Job(segment, now, is_final, speech_final, from_finalize))

    async def _report(self) -> None:
        while job := await self._jobs.get():
            heard = None
            if job.segment:
                heard = await asyncio.to_thread(self._listener.understand, job.segment)
            if self._behavior.first_byte_ms:
                await asyncio.sleep(self._behavior.first_byte_ms / 1000)
            if self._behavior.trouble != "silence":
                await self._socket.send_json(job.message or self._results(job, heard))

    def _results(self, job: _Job, heard: Heard | None) -> Message:
        span = (self._reported_s, max(job.until_s, self._reported_s))
        if job.is_final:
            self._reported_s = span[1]
            if heard and heard.words:
                self._written(heard.text)
                self._last_word_end = heard.words[-1].end_s
        return results(
            self._options,
            heard,
            span,
            self._request_id,
            is_final=job.is_final,
            speech_final=job.speech_final,
            from_finalize=job.from_finalize,
        )
