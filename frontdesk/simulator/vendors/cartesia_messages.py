"""Requests and messages of Cartesia's WebSocket, version 2026-03-01 of its docs."""

import base64
import zlib
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias
from uuid import uuid4

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from frontdesk.simulator.speech.line import alaw_encode, mulaw_encode
from frontdesk.simulator.speech.voice import SpokenWord

__all__ = ["Cancel", "Generation", "Message", "chunk", "done", "error", "flush_done", "timestamps"]

Message: TypeAlias = dict[str, object]

_PARTIAL_CONTENT = 206
_NORMAL_WPM = 165
_VOICES = ("en-us+f3", "en-us+f2", "en-us+m3", "en-gb-x-rp+f3", "en-us+f4", "en-gb-scotland+m2")
_LANGUAGES = frozenset({"de", "es", "fr", "it", "nl", "pl", "pt", "ru", "sv", "tr"})
_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "pcm_s16le": bytes,
    "pcm_mulaw": mulaw_encode,
    "pcm_alaw": alaw_encode,
    "pcm_f32le": lambda pcm: (np.frombuffer(pcm, "<i2") / np.float32(32768)).astype("<f4").tobytes(),
}


class Voice(BaseModel):
    """Which voice speaks: an id of Cartesia's library. Each id has one espeak voice here."""

    mode: Literal["id"] = "id"
    id: str = Field(min_length=1)


class OutputFormat(BaseModel):
    """What the audio is to be."""

    container: Literal["raw"]
    encoding: Literal["pcm_s16le", "pcm_mulaw", "pcm_alaw", "pcm_f32le"]
    sample_rate: Literal[8000, 16000, 22050, 24000, 44100, 48000]

    def encode(self, pcm: bytes) -> bytes:
        """Put 16-bit PCM in this encoding."""
        return _ENCODERS[self.encoding](pcm)


class GenerationConfig(BaseModel):
    """How the voice speaks; only the speed is heard here."""

    speed: float = Field(1.0, ge=0.6, le=1.5)


class Generation(BaseModel):
    """A request to speak a text, or a part of one, in a context."""

    model_config = ConfigDict(populate_by_name=True)

    model_id: str = Field(pattern=r"^sonic")
    transcript: str
    voice: Voice
    output_format: OutputFormat
    context_id: str = Field(default_factory=lambda: str(uuid4()), min_length=1)
    continues: bool = Field(False, alias="continue")
    flush: bool = False
    add_timestamps: bool = False
    max_buffer_delay_ms: int = Field(3000, ge=0, le=5000)
    language: str | None = None
    generation_config: GenerationConfig | None = None

    @property
    def espeak_voice(self) -> str:
        """The espeak voice of this voice id and language, always the same one."""
        number = zlib.crc32(self.voice.id.encode())
        language = (self.language or "en").split("-")[0]
        if language in _LANGUAGES:
            return f"{language}+f{2 + number % 3}"
        return _VOICES[number % len(_VOICES)]

    @property
    def wpm(self) -> int:
        """Words per minute."""
        return round(_NORMAL_WPM * (self.generation_config.speed if self.generation_config else 1))


class Cancel(BaseModel):
    """A request to stop speaking in a context."""

    context_id: str
    cancel: Literal[True]


def chunk(context_id: str, audio: bytes, step_ms: float) -> Message:
    """Some audio."""
    data = base64.b64encode(audio).decode()
    return _message("chunk", context_id) | {"data": data, "step_time": round(step_ms, 3)}


def timestamps(context_id: str, words: Sequence[SpokenWord], offset_s: float) -> Message:
    """When each word sounds, in seconds from the start of the context's audio."""
    times = {
        "words": [word.text for word in words],
        "start": [round(word.start_s + offset_s, 3) for word in words],
        "end": [round(word.end_s + offset_s, 3) for word in words],
    }
    return _message("timestamps", context_id) | {"word_timestamps": times}


def flush_done(context_id: str, flush_id: int) -> Message:
    """Everything before a flush has been spoken."""
    return _message("flush_done", context_id) | {"flush_done": True, "flush_id": flush_id}


def done(context_id: str) -> Message:
    """The context is complete."""
    return _message("done", context_id) | {"done": True}


def error(status: int, code: str, title: str, message: str, context_id: str | None) -> Message:
    """Something is wrong with a request. Cartesia omits the context id when there is none."""
    body: Message = {
        "type": "error",
        "done": True,
        "status_code": status,
        "error_code": code,
        "title": title,
        "message": message,
        "request_id": str(uuid4()),
    }
    return body | ({"context_id": context_id} if context_id else {})


def _message(kind: str, context_id: str) -> Message:
    return {"type": kind, "done": False, "status_code": _PARTIAL_CONTENT, "context_id": context_id}
