"""Speech to text, the language model and text to speech, as the settings say."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

from pipecat.services.cartesia.tts import CartesiaTTSService
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.openai.llm import OpenAILLMService

from frontdesk.settings import BotSettings

TOOL_TIMEOUT_S = 10.0
HEARING_WAIT_S = 2.0
"""How long the first words of a call may wait for speech to text to be connected."""


class SpeechError(Exception):
    """A speech service would not use the address that the settings name."""


class Hearing(DeepgramSTTService):
    """Deepgram, without holding up the greeting: a connection that takes its time is made beside it."""

    async def _connect(self) -> None:
        # pipecat waits for the handshake, 10 s when it hangs, and no frame passes the pipeline meanwhile.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARING_WAIT_S):
                await super()._connect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Speech:
    """The three services of one call."""

    stt: Hearing
    llm: OpenAILLMService
    tts: CartesiaTTSService


async def speech_services(settings: BotSettings, *, language: str, instructions: str) -> Speech:
    """Build the services of one call, in a thread; nothing is connected yet.

    The vendors' clients load the certificate authorities anew each time, 20 ms apiece.

    Raises:
        SpeechError: Deepgram's client fell back to its public address.
    """
    return await asyncio.to_thread(_build, settings, language, instructions)


def warm(settings: BotSettings) -> None:
    """Have the vendors' clients import what they import at first use, some 200 ms; blocking."""
    _build(settings, "en", "")


def _build(settings: BotSettings, language: str, instructions: str) -> Speech:
    return Speech(
        stt=_hearing(settings, language),
        llm=_thinking(settings, instructions),
        tts=_voice(settings, language),
    )


def _hearing(settings: BotSettings, language: str) -> Hearing:
    address = str(settings.deepgram_base_url).rstrip("/") if settings.deepgram_base_url else ""
    service = Hearing(
        api_key=settings.deepgram_api_key.get_secret_value(),
        base_url=address,
        settings=Hearing.Settings(model=settings.deepgram_model, language=language),
    )
    if address:
        _refuse_fallback(service, address)
    return service


def _refuse_fallback(service: Hearing, address: str) -> None:
    # pipecat logs a warning and dials the public address when its client cannot be pointed elsewhere.
    used = service._client._client_wrapper.get_environment().production  # noqa: SLF001
    if used != address:
        raise SpeechError("DEEPGRAM_BASE_URL was not taken over: Deepgram's client uses another address")


def _thinking(settings: BotSettings, instructions: str) -> OpenAILLMService:
    return OpenAILLMService(
        api_key=settings.openai_api_key.get_secret_value(),
        base_url=str(settings.openai_base_url).rstrip("/") if settings.openai_base_url else None,
        settings=OpenAILLMService.Settings(model=settings.openai_model, system_instruction=instructions),
        function_call_timeout_secs=TOOL_TIMEOUT_S,
    )


def _voice(settings: BotSettings, language: str) -> CartesiaTTSService:
    chosen: dict[str, Any] = {"voice": settings.cartesia_voice_id, "language": language}
    if settings.cartesia_model:
        chosen["model"] = settings.cartesia_model
    address: dict[str, Any] = {"url": str(settings.cartesia_url)} if settings.cartesia_url else {}
    return CartesiaTTSService(
        api_key=settings.cartesia_api_key.get_secret_value(),
        settings=CartesiaTTSService.Settings(**chosen),
        **address,
    )
