"""Who has answered: pipecat's detector, our question, and OpenAI's answers at the level of HTTP."""

import json
from collections.abc import Iterator

import httpx
import pytest
import respx
from pipecat.frames.frames import (
    InterimTranscriptionFrame,
    LLMContextFrame,
    TranscriptionFrame,
    TTSSpeakFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext

from frontdesk.agent import answering
from frontdesk.agent.answering import Kind
from frontdesk.settings import BotSettings
from tests.agent.httpcore2_mock import openai_router
from tests.agent.listening import NOTHING, PAUSE, SILENCE, Step, listen

URL = "https://api.openai.com/v1/chat/completions"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> BotSettings:
    """Of a bot whose judge has the time that a busy machine takes."""
    monkeypatch.setattr(answering, "JUDGE_TIMEOUT_S", 60)
    for name in ("DAILY_API_KEY", "DEEPGRAM_API_KEY", "OPENAI_API_KEY", "CARTESIA_API_KEY"):
        monkeypatch.setenv(name, f"test-{name.lower()}")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.openai.com/v1")
    return BotSettings.load(_env_file=None)


@pytest.fixture
def openai() -> Iterator[respx.MockRouter]:
    with openai_router(assert_all_called=False) as router:
        yield router


def judged(choice: str, confidence: float) -> httpx.Response:
    """OpenAI's answer to the question."""
    probabilities = {kind.value: confidence if kind == choice else 0.0 for kind in Kind}
    return completion(json.dumps({"answered": {"choice": choice, "probabilities": probabilities}}))


def completion(text: str) -> httpx.Response:
    """A completion with this text."""
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    head = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
    return httpx.Response(200, json=head | {"choices": choices})


def said(text: str) -> TranscriptionFrame:
    """A piece of speech that is understood for good."""
    return TranscriptionFrame(text=text, user_id="callee", timestamp="")


def begun(text: str) -> InterimTranscriptionFrame:
    """A piece of speech that goes on."""
    return InterimTranscriptionFrame(text=text, user_id="callee", timestamp="")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (judged("voicemail", 0.97), Kind.VOICEMAIL),
        (judged("voicemail", 0.8), Kind.VOICEMAIL),
        (judged("voicemail", 0.79), Kind.PERSON),
        (judged("person", 0.9), Kind.PERSON),
        (judged("screening", 0.9), Kind.SCREENING),
        (judged("screening", 0.5), Kind.PERSON),
        (completion(json.dumps({"answered": {"choice": "voicemail"}})), Kind.PERSON),
        (
            completion(json.dumps({"answered": {"choice": "robot", "probabilities": {"robot": 1}}})),
            Kind.PERSON,
        ),
        (completion("I think that this is a voicemail."), Kind.PERSON),
        (completion(""), Kind.PERSON),
        (httpx.Response(401, json={"error": {"message": "no"}}), Kind.PERSON),
        (httpx.Response(200, content=b"<html>"), Kind.PERSON),
    ],
)
async def test_only_a_certain_machine_is_one(
    settings: BotSettings, openai: respx.MockRouter, reply: httpx.Response, kind: Kind
) -> None:
    """Whatever OpenAI answers, or does not, a callee is a person unless it is sure of a machine."""
    openai.post(URL).mock(return_value=reply)
    assert (await listen(settings, said("Hello, this is Sam."), SILENCE)).decided == [kind]


async def test_a_model_that_does_not_answer_in_time_has_judged_a_person(
    settings: BotSettings, openai: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a verdict longer than the judge has time."""
    monkeypatch.setattr(answering, "JUDGE_TIMEOUT_S", 0.2)
    openai.post(URL).mock(side_effect=httpx.ReadTimeout)
    assert (await listen(settings, said("Leave a message."), SILENCE)).decided == [Kind.PERSON]


async def test_the_question_holds_what_was_heard_and_the_three_answers(
    settings: BotSettings, openai: respx.MockRouter
) -> None:
    """OpenAI is asked once per piece of speech, with all of it so far, for one of three answers."""
    route = openai.post(URL).mock(return_value=judged("voicemail", 0.9))
    await listen(settings, said("You have reached Sam."), PAUSE, said("Leave a message."), SILENCE)
    sent = [json.loads(call.request.content) for call in route.calls]
    assert [request["model"] for request in sent] == [settings.openai_model] * 2
    assert "Input:\nYou have reached Sam.\n" in sent[0]["messages"][-1]["content"]
    assert "Input:\nYou have reached Sam. Leave a message.\n" in sent[1]["messages"][-1]["content"]
    schema = sent[0]["response_format"]["json_schema"]["schema"]
    (answer,) = schema["properties"].values()
    assert answer["properties"]["choice"]["enum"] == [kind.value for kind in Kind]
    assert "tools" not in sent[0]


async def test_the_last_judgment_holds(settings: BotSettings, openai: respx.MockRouter) -> None:
    """A long hello that began like a mailbox's greeting is a person's, and decided once."""
    openai.post(URL).mock(side_effect=[judged("voicemail", 0.9), judged("person", 0.9)])
    told = await listen(
        settings, said("You have reached Sam's bakery."), PAUSE, said("What can I do?"), SILENCE
    )
    assert told.decided == [Kind.PERSON]


async def test_a_judge_who_fails_at_last_has_judged_a_person(
    settings: BotSettings, openai: respx.MockRouter
) -> None:
    """What was said of the beginning alone does not hold for the whole."""
    openai.post(URL).mock(side_effect=[judged("voicemail", 0.9), completion("?")])
    told = await listen(settings, said("You have reached Sam."), PAUSE, said("How may I help?"), SILENCE)
    assert told.decided == [Kind.PERSON]


async def test_nothing_is_decided_while_somebody_speaks(
    settings: BotSettings, openai: respx.MockRouter
) -> None:
    """Speech that is not yet understood for good puts the verdict off; silence alone decides nothing."""
    openai.post(URL).mock(return_value=judged("voicemail", 0.9))
    going_on = [frame for _ in range(4) for frame in (begun("and so on"), PAUSE)]
    told = await listen(settings, said("You have reached Sam."), *going_on)
    assert told.decided == []
    assert told.heard == 5
    assert (await listen(settings, begun("..."), NOTHING)).decided == []
    assert (await listen(settings, NOTHING)).decided == []


def context(text: str) -> LLMContextFrame:
    """The language model is to answer."""
    return LLMContextFrame(LLMContext([{"role": "user", "content": text}]))


async def test_a_person_is_answered_at_once(settings: BotSettings, openai: respx.MockRouter) -> None:
    """Before, while and after it is decided that it is a person, every answer goes through."""
    openai.post(URL).mock(return_value=judged("person", 0.9))
    frames: list[Step] = [context("a"), said("Hello?"), PAUSE, context("b"), SILENCE, context("c")]
    assert (await listen(settings, *frames)).answers() == 3


async def test_a_machine_is_not_answered(settings: BotSettings, openai: respx.MockRouter) -> None:
    """What a mailbox says leads to no answer and, once it is decided, nothing fixed is said to it either."""
    openai.post(URL).mock(return_value=judged("voicemail", 0.9))
    frames: list[Step] = [
        said("You have reached Sam."),
        PAUSE,
        context("a"),
        SILENCE,
        TTSSpeakFrame("Still there?"),
    ]
    told = await listen(settings, *frames)
    assert told.answers() == 0
    assert not any(isinstance(frame, TTSSpeakFrame) for frame in told.out)


async def test_a_person_who_was_suspected_is_answered_after_all(
    settings: BotSettings, openai: respx.MockRouter
) -> None:
    """An answer that was held back is given once, as soon as it is known that it is a person."""
    openai.post(URL).mock(side_effect=[judged("voicemail", 0.9), judged("person", 0.9)])
    frames: list[Step] = [said("You have reached Sam."), PAUSE, context("a"), said("What is it?"), SILENCE]
    assert (await listen(settings, *frames)).answers() == 1
