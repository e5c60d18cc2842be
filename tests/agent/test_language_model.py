"""What OpenAI's answers mean for a call, at the level of HTTP."""

import json
from collections.abc import Iterator

import httpx
import pytest
import respx
from pipecat.frames.frames import ErrorFrame, LLMContextFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.tests.utils import run_test

from frontdesk.agent.speech import speech_services
from frontdesk.agent.tools import TOOLS
from frontdesk.settings import BotSettings
from tests.agent.httpcore2_mock import openai_router

URL = "https://api.openai.com/v1/chat/completions"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> BotSettings:
    for name in ("DAILY_API_KEY", "DEEPGRAM_API_KEY", "OPENAI_API_KEY", "CARTESIA_API_KEY"):
        monkeypatch.setenv(name, f"test-{name.lower()}")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.openai.com/v1")
    return BotSettings.load(_env_file=None)


@pytest.fixture
def openai() -> Iterator[respx.MockRouter]:
    with openai_router() as router:
        yield router


def context() -> LLMContext:
    return LLMContext([{"role": "user", "content": "Are you open?"}], tools=list(TOOLS))


async def ask(settings: BotSettings) -> tuple[bool, list[ErrorFrame]]:
    """Have the model answer; gives whether it can still be used, and its errors."""
    speech = await speech_services(settings, language="en", instructions="Answer the phone.")
    _, up = await run_test(speech.llm, frames_to_send=[LLMContextFrame(context())], start_timeout=60)
    return speech.llm.is_usable, [frame for frame in up if isinstance(frame, ErrorFrame)]


async def test_the_request_holds_model_instructions_and_tools(
    settings: BotSettings, openai: respx.MockRouter
) -> None:
    """OpenAI is asked for the configured model, with the workflow's instructions and both tools."""
    stream = b'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}\n\n'
    route = openai.post(URL).mock(
        return_value=httpx.Response(
            200, headers={"Content-Type": "text/event-stream"}, content=stream + b"data: [DONE]\n\n"
        )
    )
    usable, errors = await ask(settings)
    sent = json.loads(route.calls[0].request.content)
    assert usable
    assert errors == []
    assert sent["model"] == settings.openai_model
    assert sent["messages"][0] == {"role": "system", "content": "Answer the phone."}
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["get_opening_hours", "end_call"]
    assert sent["tools"][0]["function"]["parameters"]["properties"]["day"]["type"] == "string"


@pytest.mark.parametrize(
    ("status", "usable"), [(401, False), (403, False), (404, False), (500, True), (429, True)]
)
async def test_only_what_cannot_heal_makes_the_model_unusable(
    settings: BotSettings, openai: respx.MockRouter, status: int, usable: bool
) -> None:
    """A refused key ends the call; an overloaded service gets another chance."""
    openai.post(URL).mock(return_value=httpx.Response(status, json={"error": {"message": "no"}}))
    still_usable, errors = await ask(settings)
    assert still_usable is usable
    assert errors
