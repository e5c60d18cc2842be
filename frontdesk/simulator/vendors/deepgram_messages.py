"""Parameters and messages of Deepgram's streaming API, as its docs and its SDK 7 have them."""

from typing import Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from frontdesk.simulator.speech.listener import Heard
from frontdesk.simulator.speech.voice import SpokenWord

__all__ = ["ListenOptions", "Message", "metadata", "results", "speech_started", "utterance_end"]

Message: TypeAlias = dict[str, object]

_MODEL_ID = "6f9d1f0e-3a6b-4f0e-9d8e-5f1f1c0b7a11"
_DEFAULT_ENDPOINTING_MS = 10


class ListenOptions(BaseModel):
    """Query parameters of `/v1/listen` that matter here; others, such as keyword hints, are ignored."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field("base", pattern=r"^(nova|base|enhanced|whisper|[0-9a-f]{8}-)")
    encoding: Literal["linear16", "mulaw", "alaw"]
    sample_rate: int = Field(ge=8000, le=48000)
    channels: int = Field(1, ge=1, le=1)
    interim_results: bool = False
    punctuate: bool = False
    smart_format: bool = False
    endpointing: int | bool = _DEFAULT_ENDPOINTING_MS
    utterance_end_ms: int | None = Field(None, ge=1000, le=5000)
    vad_events: bool = False

    @model_validator(mode="after")
    def _utterance_end_needs_interim_results(self) -> Self:
        if self.utterance_end_ms is not None and not self.interim_results:
            raise ValueError("utterance_end_ms requires interim_results=true")
        return self

    @property
    def end_silence_s(self) -> float:
        """Quiet that ends a piece of speech, in seconds.

        Deepgram's own 10 ms would cut at every stop consonant; a person's pause is a third of a second.
        """
        asked = self.endpointing if not isinstance(self.endpointing, bool) else _DEFAULT_ENDPOINTING_MS
        return max(asked / 1000, 0.35)

    @property
    def reports_speech_final(self) -> bool:
        """Whether the end of speech is reported at all."""
        return self.endpointing is not False

    @property
    def formatted(self) -> bool:
        """Whether transcripts carry punctuation and capitals."""
        return self.punctuate or self.smart_format


def results(
    options: ListenOptions,
    heard: Heard | None,
    span: tuple[float, float],
    request_id: str,
    *,
    is_final: bool,
    speech_final: bool = False,
    from_finalize: bool = False,
) -> Message:
    """A `Results` message for the audio from span[0] to span[1] seconds."""
    words = [_word(word, formatted=options.formatted) for word in heard.words] if heard else []
    key = "punctuated_word" if options.formatted else "word"
    alternative = {
        "transcript": " ".join(str(word[key]) for word in words),
        "confidence": 0.99 if words else 0.0,
        "words": words,
    }
    return {
        "type": "Results",
        "channel_index": [0, 1],
        "start": round(span[0], 3),
        "duration": round(span[1] - span[0], 3),
        "is_final": is_final,
        "speech_final": speech_final,
        "from_finalize": from_finalize,
        "channel": {"alternatives": [alternative]},
        "metadata": {
            "request_id": request_id,
            "model_info": {"name": options.model, "version": "simulator", "arch": "closed-set"},
            "model_uuid": _MODEL_ID,
        },
    }


def speech_started(at_s: float) -> Message:
    """A `SpeechStarted` message."""
    return {"type": "SpeechStarted", "channel": [0, 1], "timestamp": round(at_s, 3)}


def utterance_end(last_word_end_s: float) -> Message:
    """An `UtteranceEnd` message."""
    return {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": round(last_word_end_s, 3)}


def metadata(request_id: str, created: str, digest: str, duration_s: float) -> Message:
    """The `Metadata` message that ends a stream."""
    return {
        "type": "Metadata",
        "transaction_key": "deprecated",
        "request_id": request_id,
        "sha256": digest,
        "created": created,
        "duration": round(duration_s, 3),
        "channels": 1,
    }


def _word(word: SpokenWord, *, formatted: bool) -> Message:
    bare = "".join(c for c in word.text.lower() if c.isalnum() or c in "'-")
    entry: Message = {
        "word": bare,
        "start": round(word.start_s, 3),
        "end": round(word.end_s, 3),
        "confidence": 0.99,
    }
    return {**entry, "punctuated_word": word.text} if formatted else entry
