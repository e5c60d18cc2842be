"""What the hosts of bots answer, and which error each answer becomes."""

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from frontdesk import errors
from frontdesk.launch.start_api import read_answer
from frontdesk.settings import GatewaySettings
from server_utils import (
    AgentRequest,
    DialinSettings,
    HostSession,
    start_bot,
    start_bot_local,
    start_bot_production,
)
from tests.gateway.conftest import Configure
from tests.gateway.far import Answer, Far

RATE_LIMIT = {"status": 429, "code": "429", "message": "Rate limit exceeded. Please try again later"}
CAPACITY = {"error": "Service maximum agent instances reached", "code": "PCC-AGENT-AT-CAPACITY"}
NOT_READY = {"error": "Attempt to start agent when deployment is not in ready state.", "code": "PCC-1001"}
ANSWERS: list[tuple[int, Any, type[errors.LaunchError]]] = [
    (400, {"error": "Bad request", "code": "400"}, errors.LaunchRejectedError),
    (400, {"detail": "Transport 'webrtc' is disabled"}, errors.LaunchRejectedError),
    (401, {"error": "Unauthorized / token expired", "code": "401"}, errors.LaunchUnauthorizedError),
    (403, {"error": "Forbidden", "code": "403"}, errors.LaunchUnauthorizedError),
    (404, {"error": "Service not found", "code": "404"}, errors.AgentNotFoundError),
    (404, {"error": "Organization not found", "code": "404"}, errors.AgentNotFoundError),
    (413, {"error": "Payload too large", "code": "413"}, errors.LaunchTooLargeError),
    (422, {"detail": []}, errors.LaunchRejectedError),
    (429, RATE_LIMIT, errors.BotCapacityError),
    (429, CAPACITY, errors.BotCapacityError),
    (429, None, errors.BotCapacityError),
    (400, CAPACITY, errors.BotCapacityError),
    (503, CAPACITY, errors.BotCapacityError),
    (200, CAPACITY, errors.BotCapacityError),
    (500, {"error": "maximum instances reached", "code": "500"}, errors.BotCapacityError),
    (400, NOT_READY, errors.AgentNotReadyError),
    (500, NOT_READY, errors.AgentNotReadyError),
    (500, {"error": "Internal server error.", "code": "500"}, errors.LaunchUnavailableError),
    (502, None, errors.LaunchUnavailableError),
    (503, None, errors.LaunchUnavailableError),
    (302, None, errors.LaunchAnswerError),
    (200, [], errors.LaunchAnswerError),
    (200, "ok", errors.LaunchAnswerError),
    (200, 7, errors.LaunchAnswerError),
    (200, True, errors.LaunchAnswerError),
    (200, {"sessionId": 7}, errors.LaunchAnswerError),
    (200, {"sessionId": ""}, errors.LaunchAnswerError),
    (200, {"sessionId": ["x"]}, errors.LaunchAnswerError),
]


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def request_() -> AgentRequest:
    return AgentRequest(
        room_url="https://clinic.daily.co/room",
        token="eyJ.e30.c2VjcmV0",
        session_id="session",
        call_id="call",
        organization_id=str(uuid.uuid4()),
        organization_slug="bright-smile",
        client_name="Bright Smile",
        workflow="reception",
        dialin_settings=DialinSettings(call_id="c", call_domain="d", To="+14155550100", From=None),
    )


@pytest.mark.parametrize(("status", "body", "error"), ANSWERS)
def test_every_documented_answer_has_its_error(
    status: int, body: Any, error: type[errors.LaunchError]
) -> None:
    """Each answer that the hosts document, or could give by mistake, becomes exactly one named error."""
    with pytest.raises(errors.LaunchError) as caught:
        read_answer(status, json.dumps(body).encode())
    assert type(caught.value) is error


@pytest.mark.parametrize("content", [b"", b"<html>", b"{", b"\xff"])
def test_what_is_not_json_is_a_bad_answer(content: bytes) -> None:
    """A 200 whose body cannot be read is no success."""
    with pytest.raises(errors.LaunchAnswerError):
        read_answer(200, content)


def test_successes() -> None:
    """The dev runner's null and Pipecat Cloud's sessionId are successes."""
    assert read_answer(200, b"null") is None
    assert read_answer(200, b'{"sessionId":"abc","dailyRoom":null}') == "abc"


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), (None, None), ("soon", None), ("-1", None)])
def test_retry_after(header: str | None, seconds: float | None) -> None:
    """The host's Retry-After is passed on when it is a number of seconds."""
    with pytest.raises(errors.BotCapacityError) as caught:
        read_answer(429, b"{}", header)
    assert caught.value.retry_after_s == seconds


async def test_both_launchers_send_the_same(
    http: aiohttp.ClientSession, configure: Configure, production: Configure, request_: AgentRequest, far: Far
) -> None:
    """Dev runner and Pipecat Cloud get the same request; only the cloud gets a key."""
    assert await start_bot(request_, http, configure()) == HostSession("local")
    assert await start_bot(request_, http, production()) == HostSession("first", "host-session")
    local, cloud = far.seen
    assert local.body == cloud.body
    assert (local.path, cloud.path) == ("/start", "/cloud/v1/public/first/start")
    assert "Authorization" not in local.headers
    assert cloud.headers["Authorization"] == "Bearer pk_test"
    assert AgentRequest.model_validate(local.body["body"]) == request_


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(hang=True), errors.LaunchTimeoutError),
        (Answer(reset=True), errors.LaunchUnavailableError),
        (Answer(text="<html>"), errors.LaunchAnswerError),
        (Answer(status=307, headers={"Location": "http://127.0.0.1:9/"}), errors.LaunchAnswerError),
    ],
)
async def test_a_misbehaving_host(
    http: aiohttp.ClientSession,
    configure: Configure,
    request_: AgentRequest,
    far: Far,
    answer: Answer,
    error: type[errors.LaunchError],
) -> None:
    """A host that hangs, breaks off, redirects or answers nonsense is told apart, and never followed."""
    far.starts.append(answer)
    with pytest.raises(errors.LaunchError) as caught:
        await start_bot_local(request_, http, configure(launch_timeout_s=0.3 if answer.hang else 60))
    assert type(caught.value) is error
    assert caught.value.ambiguous
    far.release()


async def test_nobody_listens(
    http: aiohttp.ClientSession, configure: Configure, request_: AgentRequest
) -> None:
    """A dev runner that is not up is told as such, and certainly started nothing."""
    with pytest.raises(errors.LaunchUnreachableError) as caught:
        await start_bot_local(request_, http, configure(local_server_url="http://127.0.0.1:9"))
    assert not caught.value.ambiguous


@pytest.mark.parametrize(
    "first", [Answer(429, RATE_LIMIT), Answer(503, CAPACITY), Answer(500, NOT_READY), Answer(404, {})]
)
async def test_another_agent_takes_over(
    http: aiohttp.ClientSession, production: Configure, request_: AgentRequest, far: Far, first: Answer
) -> None:
    """When the first agent certainly started nothing, the next one gets the same request."""
    far.starts.append(first)
    assert await start_bot_production(request_, http, production()) == HostSession("second", "host-session")
    assert [seen.path.split("/")[4] for seen in far.seen] == ["first", "second"]
    assert far.seen[0].body == far.seen[1].body


@pytest.mark.parametrize(
    "first", [Answer(503), Answer(reset=True), Answer(text="{"), Answer(401), Answer(413)]
)
async def test_no_other_agent_is_asked_when_it_could_make_two_bots(
    http: aiohttp.ClientSession, production: Configure, request_: AgentRequest, far: Far, first: Answer
) -> None:
    """No other agent is asked when a bot may run already, or when that agent would say the same."""
    far.starts.append(first)
    with pytest.raises(errors.LaunchError):
        await start_bot_production(request_, http, production())
    assert len(far.seen) == 1


async def test_all_agents_full(
    http: aiohttp.ClientSession, production: Configure, request_: AgentRequest, far: Far
) -> None:
    """When no agent takes the call, the error is one that is worth a retry, if there is such a one."""
    far.starts.extend([Answer(404), Answer(429)])
    with pytest.raises(errors.BotCapacityError):
        await start_bot_production(request_, http, production())


async def test_pipecat_cloud_must_name_a_session(
    http: aiohttp.ClientSession, production: Configure, request_: AgentRequest, far: Far
) -> None:
    """The dev runner's null is no success on Pipecat Cloud."""
    settings: GatewaySettings = production()
    far.starts.append(Answer(text="null"))
    with pytest.raises(errors.LaunchAnswerError):
        await start_bot(request_, http, settings)
