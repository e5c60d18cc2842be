"""Settings: every problem at once, by name, without a value."""

import os
from pathlib import Path

import pytest

from frontdesk.settings import BotSettings, GatewaySettings, LaptopSettings, SettingsError, is_placeholder
from frontdesk.settings.__main__ import EXAMPLE, example

GOOD = {
    "DAILY_API_KEY": "daily-key",
    "DEEPGRAM_API_KEY": "deepgram-key",
    "OPENAI_API_KEY": "openai-key",
    "CARTESIA_API_KEY": "cartesia-key",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment with the least that both processes need, and no .env."""
    kinds = (GatewaySettings, BotSettings, LaptopSettings)
    names = {name for kind in kinds for name in kind.model_fields}
    for name in names:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("PYTHON_DOTENV_DISABLED", "1")
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def problems(kind: type[GatewaySettings | BotSettings]) -> dict[str, str]:
    """The names of the variables that are complained about, with the complaint."""
    with pytest.raises(SettingsError) as caught:
        kind.load()
    lines = str(caught.value).splitlines()[1:]
    return dict(line.strip().split(": ", 1) for line in lines)


def test_the_least_is_enough(environment: pytest.MonkeyPatch) -> None:
    """Local mode on loopback needs a Daily key for the gateway and the vendors' keys for the bot, no more."""
    assert GatewaySettings.load().production is False
    assert BotSettings.load().openai_api_key.get_secret_value() == "openai-key"


@pytest.mark.parametrize("kind", [GatewaySettings, BotSettings])
def test_a_fixed_room_is_refused(
    environment: pytest.MonkeyPatch, kind: type[GatewaySettings | BotSettings]
) -> None:
    """DAILY_ROOM_URL is refused with the reason: callers would meet in one room."""
    environment.setenv("DAILY_ROOM_URL", "https://clinic.daily.co/everyone")
    assert "hear each other" in problems(kind)["DAILY_ROOM_URL"]


def test_all_problems_at_once(environment: pytest.MonkeyPatch) -> None:
    """Missing, wrong and forbidden variables are told together, one a line."""
    for name, value in {
        "ENV": "production",
        "DAILY_ROOM_URL": "https://x.daily.co/y",
        "PORT": "http",
        "PINLESS_HMAC_SECRET": "not base64!",
        "HOLD_BUDGET_S": "600",
    }.items():
        environment.setenv(name, value)
    environment.delenv("DAILY_API_KEY")
    assert problems(GatewaySettings).keys() == {
        "DAILY_ROOM_URL",
        "PORT",
        "PINLESS_HMAC_SECRET",
        "HOLD_BUDGET_S",
        "DAILY_API_KEY",
        "PIPECAT_API_KEY",
        "PIPECAT_AGENT_NAME",
        "PUBLIC_URL",
    }


def test_the_bots_keys_are_all_told(environment: pytest.MonkeyPatch) -> None:
    """A bot without keys hears of all of them at once."""
    for name in GOOD:
        environment.delenv(name)
    assert problems(BotSettings).keys() == GOOD.keys()


@pytest.mark.parametrize(("host", "open_"), [("127.0.0.1", True), ("::1", True), ("localhost", True)])
def test_doors_may_be_open_on_loopback(environment: pytest.MonkeyPatch, host: str, open_: bool) -> None:
    """Local mode on loopback needs neither secret nor keys."""
    environment.setenv("HOST", host)
    assert GatewaySettings.load().pinless_hmac_secret is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "gateway.example"])
def test_doors_are_never_open_beyond_it(environment: pytest.MonkeyPatch, host: str) -> None:
    """Listening on more than loopback needs Daily's secret, also in local mode; keys may be in the books."""
    environment.setenv("HOST", host)
    told = problems(GatewaySettings)
    assert told.keys() == {"PINLESS_HMAC_SECRET"}
    assert "loopback" in told["PINLESS_HMAC_SECRET"]


@pytest.mark.parametrize(
    "value",
    [
        *(
            "your-api-key",
            "YOUR_KEY",
            "yourkey",
            "<key>",
            "...",
            "xxxx",
            "changeme",
            "change this",
            "key-here",
        ),
        *("sk-...", "sk-proj-...", "pk_…", "abc...", " todo ", "dummy", "***", "xxxx-xxxx", "sk-xxxxxxxx"),
        *("replace_me", "REPLACE_WITH_YOUR_KEY", "insert your key here", "enter-your-key", "fill-me-in"),
        *("DAILY_API_KEY", "daily_api_key", "${DAILY_API_KEY}"),
    ],
)
def test_placeholders_are_recognized(environment: pytest.MonkeyPatch, value: str) -> None:
    """A value that was left as an example file has it is told as such."""
    assert is_placeholder(value, "DAILY_API_KEY")
    environment.setenv("DAILY_API_KEY", value)
    assert "placeholder" in problems(GatewaySettings)["DAILY_API_KEY"]
    assert "placeholder" in problems(BotSettings)["DAILY_API_KEY"]


@pytest.mark.parametrize(
    "value",
    [
        *("pk_live_1", "sk-proj-abc", "daily-key", "a1b2c3", "xx", "dev-key", "here", "enterprise", "put-7"),
        *("a-real-daily-key", "daily-key-of-the-simulator", "address-line", "dummy-free-agent", "infill-me"),
        "0f343b0931126a20f133d67c2b018a3b0f343b0931126a20f133d67c2b018a3b",
        "dGVzdC1zZWNyZXQtMDEyMzQ1Njc4OQ==",
        "sk-proj-Xxq3vT0bWZ8mN2kR7yH5dL1cJ9sF4gA6pE0uIoQzVtBxMwKn",
        "a.b.c",
    ],
)
def test_real_values_are_no_placeholders(value: str) -> None:
    """What looks like a key is taken for one."""
    assert not is_placeholder(value, "DAILY_API_KEY")
    assert not is_placeholder(value)


@pytest.mark.parametrize("name", ["FRONTDESK_API_KEYS", "PIPECAT_AGENT_NAME"])
@pytest.mark.parametrize("item", ["changeme", "sk-...", "{name}"])
def test_placeholders_in_lists_are_recognized(environment: pytest.MonkeyPatch, name: str, item: str) -> None:
    """A list with one placeholder among real values is told as such."""
    environment.setenv(name, f"a-real-one, {item.format(name=name)} ,another")
    assert "placeholder" in problems(GatewaySettings)[name]


def test_no_value_is_told(environment: pytest.MonkeyPatch) -> None:
    """The text of the error holds no value of any variable, and the settings show no secret."""
    environment.setenv("PINLESS_HMAC_SECRET", "secret-%%%-value")
    environment.setenv("PORT", "secret-port")
    with pytest.raises(SettingsError) as caught:
        GatewaySettings.load()
    assert "secret" not in str(caught.value).lower().replace("pinless_hmac_secret", "")
    environment.delenv("PINLESS_HMAC_SECRET")
    environment.delenv("PORT")
    environment.setenv("FRONTDESK_API_KEYS", "key-one-1,key-two-2")
    assert "key-one-1" not in repr(GatewaySettings.load())
    assert "daily-key" not in repr(GatewaySettings.load())


def test_lists_are_split(environment: pytest.MonkeyPatch) -> None:
    """Agents and keys are separated by commas, with or without blanks."""
    environment.setenv("PIPECAT_AGENT_NAME", "first, second,")
    environment.setenv("FRONTDESK_API_KEYS", " one ,two")
    settings = GatewaySettings.load()
    assert settings.pipecat_agent_name == ("first", "second")
    assert [key.get_secret_value() for key in settings.frontdesk_api_keys] == ["one", "two"]


def test_publish_tells_pipecat_where_daily_is(environment: pytest.MonkeyPatch) -> None:
    """After publishing, pipecat finds Daily's address without a slash at its end."""
    environment.setenv("DAILY_API_URL", "http://127.0.0.1:9/v1/")
    GatewaySettings.load().publish()
    assert os.environ["DAILY_API_URL"] == "http://127.0.0.1:9/v1"


def test_the_example_file_is_current() -> None:
    """.env.example is what `python -m frontdesk.settings` writes."""
    assert EXAMPLE.read_text(encoding="utf-8") == example()


def test_the_example_file_lists_everything() -> None:
    """Every variable of every process stands in .env.example exactly once."""
    kinds = (GatewaySettings, BotSettings, LaptopSettings)
    names = {name for kind in kinds for name in kind.model_fields}
    lines = [line.removeprefix("# ").partition("=")[0] for line in example().splitlines() if "=" in line]
    assert sorted(line for line in lines if line.isupper()) == sorted(
        name.upper() for name in names - {"daily_room_url"}
    )


def test_the_example_file_asks_to_be_filled_in(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A .env that was copied and not filled in is refused variable by variable."""
    for name in GOOD:
        environment.delenv(name)
    environment.delenv("PYTHON_DOTENV_DISABLED")
    copy = tmp_path / ".env"
    copy.write_text(example(), encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        BotSettings.load(_env_file=copy)
    assert str(caught.value).count("placeholder") == len(GOOD)
