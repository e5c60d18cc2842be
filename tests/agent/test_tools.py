"""What the language model may do, and which call a start request describes."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import deepgram
import pytest
from pipecat.runner.types import DailyRunnerArguments, RunnerArguments

from frontdesk.agent.call import CallRefusedError, read_call
from frontdesk.agent.speech import SpeechError, speech_services
from frontdesk.agent.tools import CallResources, end_call, get_opening_hours, opening_hours
from frontdesk.organizations import Organization, Organizations, load_organizations
from frontdesk.settings import BotSettings
from tests.agent.fakes import NotedReport

ROOT = Path(__file__).parents[2]
FRIDAY_NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)  # 12:00 in New York


@pytest.fixture
def organizations() -> Organizations:
    return load_organizations(ROOT / "clinics")


@pytest.fixture
def clinic(organizations: Organizations) -> Organization:
    return organizations.by_slug("bright-smile")


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> BotSettings:
    monkeypatch.chdir(tmp_path)
    for name in ("DAILY_API_KEY", "DEEPGRAM_API_KEY", "OPENAI_API_KEY", "CARTESIA_API_KEY"):
        monkeypatch.setenv(name, f"test-{name.lower()}")
    for name in ("DAILY_API_URL", "DEEPGRAM_BASE_URL", "OPENAI_BASE_URL", "CARTESIA_URL"):
        monkeypatch.delenv(name, raising=False)
    return BotSettings.load()


def at(clinic: Organization, day: str, moment: datetime) -> dict[str, Any]:
    return opening_hours(clinic, day, moment.astimezone(clinic.zone))


@pytest.mark.parametrize("day", ["today", "Friday", " FRIDAY ", ""])
def test_todays_hours_in_the_clinics_own_zone(clinic: Organization, day: str) -> None:
    """Whatever today is called, its hours come with whether the doors are open now."""
    found = at(clinic, day, FRIDAY_NOON)
    assert found == {
        "day": "friday",
        "open_now": True,
        "closed": False,
        "opens": "08:00",
        "closes": "15:00",
        "summary": "On Friday we are open from 8 AM to 3 PM. Right now we are open.",
    }


def test_the_day_turns_where_the_clinic_is(clinic: Organization) -> None:
    """Three in the morning in London is still the evening before in New York."""
    assert at(clinic, "today", datetime(2026, 11, 21, 3, 0, tzinfo=UTC))["day"] == "friday"
    assert at(clinic, "tomorrow", datetime(2026, 11, 21, 3, 0, tzinfo=UTC))["closed"] is True


@pytest.mark.parametrize(("hour", "is_open"), [(12, False), (13, True), (19, True), (20, False)])
def test_open_from_the_first_to_before_the_last_minute(
    clinic: Organization, hour: int, is_open: bool
) -> None:
    """The doors open at the hour and are closed at the hour."""
    assert at(clinic, "monday", FRIDAY_NOON.replace(hour=hour))["open_now"] is is_open


def test_a_day_that_is_none_is_an_error_for_the_model(clinic: Organization) -> None:
    """The model is told which days there are instead of getting a guess."""
    assert "monday" in at(clinic, "someday", FRIDAY_NOON)["error"]


class Params(SimpleNamespace):
    """The part of pipecat's FunctionCallParams that the tools use."""

    def __init__(self, resources: CallResources) -> None:
        super().__init__(app_resources=resources)
        self.results: list[tuple[Any, Any]] = []

    async def result_callback(self, result: Any, *, properties: Any = None) -> None:
        self.results.append((result, properties))


async def test_each_tool_answers_exactly_once(clinic: Organization) -> None:
    """A tool that answers twice or never leaves the model confused or silent."""
    hung_up: list[bool] = []

    async def hang_up() -> None:
        hung_up.append(True)

    params = Params(CallResources(clinic, lambda: FRIDAY_NOON, NotedReport(), hang_up))
    await get_opening_hours(params)
    assert [result["day"] for result, _ in params.results] == ["friday"]
    await end_call(params)
    assert len(params.results) == 2
    assert params.results[1][1].run_llm is False
    assert hung_up == [True]


def gateway_body(**changes: Any) -> dict[str, Any]:
    return {
        "room_url": "https://clinic.daily.co/room",
        "token": "secret-token",
        "session_id": "s",
        "call_id": "call-1",
        "organization_id": "o",
        "organization_slug": "bright-smile",
        "client_name": "Bright Smile Dental",
        "workflow": "reception",
        "dialin_settings": {"call_id": "c", "call_domain": "d"},
        **changes,
    }


def runner(body: Any) -> RunnerArguments:
    return RunnerArguments(body=body)


def test_the_gateways_request_is_read(settings: BotSettings, organizations: Organizations) -> None:
    """The body of both launchers names room, organization and workflow; the key is the bot's own."""
    call = read_call(runner(gateway_body()), settings, organizations)
    assert call.call_id == "call-1"
    assert call.organization.slug == "bright-smile"
    assert call.daily.api_url == "https://api.daily.co/v1"
    assert call.daily.api_key.get_secret_value() == "test-daily_api_key"
    assert "secret-token" not in repr(call)


def test_a_plain_dialin_request_is_read(settings: BotSettings, organizations: Organizations) -> None:
    """Pipecat Cloud's and the dev runner's own webhooks bring room, key and the called number."""
    body = {
        "dialin_settings": {"call_id": "c", "call_domain": "d", "To": "+14155550100", "From": None},
        "daily_api_key": "their-key",
        "daily_api_url": "https://staging.daily.co/v1/",
    }
    args = DailyRunnerArguments(room_url="https://clinic.daily.co/room", token="t", body=body)
    call = read_call(args, settings, organizations)
    assert call.request.direction == "inbound"
    assert call.request.workflow == "reception"
    assert call.daily.api_url == "https://staging.daily.co/v1"
    assert call.daily.api_key.get_secret_value() == "their-key"


@pytest.mark.parametrize("headers", [{"X-Queue": 7}, ["odd"], "text", None])
def test_odd_sip_headers_cost_nobody_the_call(
    headers: Any, settings: BotSettings, organizations: Organizations
) -> None:
    """Whatever a carrier puts into SIP headers, the caller is answered."""
    dialin = {"call_id": "c", "call_domain": "d", "To": "+14155550100", "sip_headers": headers}
    args = DailyRunnerArguments(
        room_url="https://x.daily.co/room", token="t", body={"dialin_settings": dialin}
    )
    assert read_call(args, settings, organizations).request.direction == "inbound"


def test_our_key_goes_to_no_address_that_a_request_names(
    settings: BotSettings, organizations: Organizations
) -> None:
    """A plain request without a key of its own is answered at our own Daily address, whatever it says."""
    body = {
        "dialin_settings": {"call_id": "c", "call_domain": "d"},
        "daily_api_url": "https://elsewhere.example/v1",
    }
    args = DailyRunnerArguments(room_url="https://clinic.daily.co/room", token="t", body=body)
    call = read_call(args, settings, organizations)
    assert call.daily.api_url == "https://api.daily.co/v1"
    assert call.daily.api_key.get_secret_value() == "test-daily_api_key"


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        {},
        {"room_url": "x"},
        gateway_body(organization_slug="nobody"),
        gateway_body(workflow="nothing"),
        gateway_body(dialout_settings={"phone_number": "+14155550187"}),
        gateway_body(dialin_settings=None, dialout_settings={"phone_number": "911"}),
        {"dialin_settings": {"call_id": "c", "call_domain": "d"}},
    ],
)
def test_what_is_no_call_is_refused_without_quoting_it(
    body: Any, settings: BotSettings, organizations: Organizations
) -> None:
    """Every other body is refused with a reason that repeats none of its values."""
    with pytest.raises(CallRefusedError) as refused:
        read_call(runner(body), settings, organizations)
    assert "secret-token" not in str(refused.value)
    assert str(refused.value)


async def test_the_services_go_where_the_settings_say(
    settings: BotSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stand-ins' addresses reach all three clients."""
    stood_in = settings.model_copy(
        update={
            "deepgram_base_url": "ws://127.0.0.1:9/deepgram",
            "openai_base_url": "http://127.0.0.1:9/openai/v1",
            "cartesia_url": "ws://127.0.0.1:9/cartesia/tts/websocket",
        }
    )
    speech = await speech_services(stood_in, language="en", instructions="Be brief.")
    assert speech.stt._client._client_wrapper.get_environment().production == "ws://127.0.0.1:9/deepgram"
    assert str(speech.llm._client.base_url).startswith("http://127.0.0.1:9/openai/v1")
    assert speech.tts._url == "ws://127.0.0.1:9/cartesia/tts/websocket"


async def test_deepgrams_fallback_to_its_public_address_is_refused(
    settings: BotSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A base URL that the client does not take over is an error, not a call to the real service."""

    def broken(**_: Any) -> None:
        raise TypeError("unexpected keyword")

    monkeypatch.setattr(deepgram, "DeepgramClientEnvironment", broken)
    stood_in = settings.model_copy(update={"deepgram_base_url": "ws://127.0.0.1:9/deepgram"})
    with pytest.raises(SpeechError):
        await speech_services(stood_in, language="en", instructions="")
