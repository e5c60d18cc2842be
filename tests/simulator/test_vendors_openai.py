import asyncio
from typing import Any

import httpx2
import pytest
from openai import APIStatusError, AsyncOpenAI, AuthenticationError, RateLimitError
from pipecat.frames.frames import LLMContextFrame, LLMFullResponseEndFrame, LLMTextFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.llm import OpenAILLMService

from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.vendors.behavior import Behavior
from tests.simulator.lone_service import served

HOURS_TOOL = {
    "type": "function",
    "function": {
        "name": "get_opening_hours",
        "parameters": {"type": "object", "properties": {"day": {"type": "string"}}},
    },
}


def client(simulator: SimulatorServer, key: str = "any-key") -> AsyncOpenAI:
    return AsyncOpenAI(
        api_key=key,
        base_url=f"{simulator.base_url}/openai/v1",
        max_retries=0,
        http_client=httpx2.AsyncClient(trust_env=False),
    )


async def test_pipecats_service_speaks_and_calls_a_tool(simulator: SimulatorServer) -> None:
    """The unchanged OpenAI service streams an answer, and calls an offered tool with the day named."""
    called: list[dict[str, Any]] = []

    async def get_opening_hours(params: FunctionCallParams, day: str = "") -> None:
        """Opening hours.

        Args:
            params: The call.
            day: The day of the week.
        """
        called.append({"day": day})
        await params.result_callback({"hours": "nine to one"})

    service = OpenAILLMService(api_key="any-key", base_url=f"{simulator.base_url}/openai/v1")
    plain = LLMContext([{"role": "user", "content": "How much does a cleaning cost?"}])
    tooled = LLMContext([{"role": "user", "content": "Are you open on Saturday?"}], tools=[get_opening_hours])
    steps = LLMContextFrame(plain), LLMFullResponseEndFrame, LLMContextFrame(tooled), lambda: bool(called)
    down, _ = await served(service, *steps)
    await service._client.close()
    words = "".join(frame.text for frame in down if isinstance(frame, LLMTextFrame))
    assert words == "A cleaning costs ninety dollars."
    assert called == [{"day": "Saturday"}]


async def test_a_plain_answer_has_openais_shape(simulator: SimulatorServer) -> None:
    """Without streaming the whole answer comes with its usage, and tool calls with their arguments."""
    async with client(simulator) as openai:
        answer = await openai.chat.completions.create(
            model="gpt-4.1",
            messages=[{"role": "user", "content": "When are you open tomorrow?"}],
            tools=[HOURS_TOOL],  # type: ignore[list-item]
        )
    (choice,) = answer.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls is not None
    assert choice.message.tool_calls[0].to_dict()["function"] == {
        "name": "get_opening_hours",
        "arguments": '{"day": "tomorrow"}',
    }
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_a_stream_ends_with_usage_only_when_asked(simulator: SimulatorServer) -> None:
    """The last chunk has usage and no choice when include_usage is set, and there is none otherwise."""
    async with client(simulator) as openai:
        seen = []
        for options in ({"include_usage": True}, None):
            stream = await openai.chat.completions.create(
                model="gpt-4.1",
                messages=[{"role": "user", "content": "hello"}],
                stream=True,
                **({"stream_options": options} if options else {}),  # type: ignore[call-overload]
            )
            chunks = [chunk async for chunk in stream]
            seen.append([bool(chunk.usage) for chunk in chunks if not chunk.choices])
            assert (
                "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
                == "Hello. How can I help you?"
            )
    assert seen == [[True], []]


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AuthenticationError), (429, RateLimitError), (500, APIStatusError)]
)
async def test_troubles_come_in_openais_shape(
    simulator: SimulatorServer, status: int, kind: type[APIStatusError]
) -> None:
    """With the trouble `refuse` the client raises the error of that status, in OpenAI's shape."""
    simulator.world.vendors.behaviors["openai"] = Behavior(trouble="refuse", refuse_status=status)
    async with client(simulator) as openai:
        with pytest.raises(kind) as refused:
            await openai.chat.completions.create(
                model="gpt-4.1", messages=[{"role": "user", "content": "hello"}]
            )
    assert refused.value.status_code == status
    assert isinstance(refused.value.body, dict)
    assert set(refused.value.body) == {"message", "type", "param", "code"}


async def test_wrong_keys_and_bad_requests_are_refused(simulator: SimulatorServer) -> None:
    """A refused key gives 401, no messages 400, an unknown model's description 404."""
    statuses = []
    async with client(simulator, "wrong-key") as wrong, client(simulator) as good:
        for attempt in (
            wrong.models.list,
            lambda: good.chat.completions.create(model="gpt-4.1", messages=[]),
            lambda: good.models.retrieve("gpt-0"),
        ):
            with pytest.raises(APIStatusError) as refused:
                await attempt()
            statuses.append(refused.value.status_code)
        assert "gpt-4.1" in [model.id async for model in good.models.list()]
    assert statuses == [401, 400, 404]


async def test_a_silent_model_leaves_the_client_waiting(simulator: SimulatorServer) -> None:
    """With the trouble `silence` nothing comes until the client gives up."""
    simulator.world.vendors.behaviors["openai"] = Behavior(trouble="silence")
    async with client(simulator) as openai:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await openai.chat.completions.create(
                    model="gpt-4.1", messages=[{"role": "user", "content": "hello"}]
                )


async def test_the_control_api_sets_behaviors_and_rules(simulator: SimulatorServer) -> None:
    """PUT and DELETE under /sim/vendors change what a bot meets, and bad values are refused."""
    messages: list[Any] = [{"role": "user", "content": "Sing me a song"}]
    async with (
        httpx2.AsyncClient(base_url=simulator.base_url, trust_env=False) as control,
        client(simulator) as openai,
    ):
        rules = {
            "heard": [{"heard": "song about (?P<what>.+)|song", "say": "La la la."}],
            "fallback": "What?",
        }
        assert (await control.put("/sim/vendors/openai/rules", json=rules)).status_code == 200
        assert (await control.put("/sim/vendors/openai/rules", json={"fallbak": ""})).status_code == 422
        assert (await control.put("/sim/vendors/openai/rules", json={"instructed": "("})).status_code == 422
        assert (await control.put("/sim/vendors/deepgram", json={"trouble": "refuse"})).status_code == 200
        assert (await control.put("/sim/vendors/acme", json={})).status_code == 422
        answer = await openai.chat.completions.create(model="gpt-4.1", messages=messages)
        state = (await control.get("/sim/vendors")).json()
        assert (await control.delete("/sim/vendors")).status_code == 204
        again = await openai.chat.completions.create(model="gpt-4.1", messages=messages)
    assert answer.choices[0].message.content == "La la la."
    assert (state["openai"]["uses"], state["deepgram"]["behavior"]["trouble"]) == (1, "refuse")
    assert again.choices[0].message.content == "Sorry, could you say that again?"
