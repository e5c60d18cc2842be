"""Settings and switches of the simulator."""

from pathlib import Path

import pytest
from pydantic import ValidationError

import frontdesk.simulator
from frontdesk.simulator.settings import SimulatorSettings
from frontdesk.simulator.switches import Switches

SOURCES = [
    path.read_text()
    for path in Path(*frontdesk.simulator.__path__).rglob("*.py")
    if path.name != "switches.py"
]


@pytest.mark.parametrize("switch", sorted(Switches.model_fields))
def test_every_switch_says_what_is_unknown_and_does_something(switch: str) -> None:
    """No switch is without a description, and none without a place in the simulator that reads it."""
    assert Switches.model_fields[switch].description
    assert any(f"switches.{switch}" in source or f".{switch}" in source for source in SOURCES)


def test_switches_are_set_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nested names reach a switch, an agent and a list."""
    monkeypatch.setenv("SIM_SWITCHES__BUSY_AS", "stopped")
    monkeypatch.setenv("SIM_CLOUD_AGENTS", '{"a": {"state": "cold"}, "b": {"max_agents": 1}}')
    monkeypatch.setenv("SIM_RATE_LIMITS", "false")
    settings = SimulatorSettings()
    assert settings.switches.busy_as == "stopped"
    assert settings.cloud_agents["a"].state == "cold"
    assert settings.cloud_agents["b"].max_agents == 1
    assert settings.rate_limits is False


def test_a_switch_has_only_its_positions() -> None:
    """A value that no switch knows is refused, at start and later."""
    with pytest.raises(ValidationError):
        Switches(busy_as="silence")
    switches = Switches()
    with pytest.raises(ValidationError):
        switches.busy_as = "silence"  # type: ignore[assignment]
    with pytest.raises(ValidationError):
        Switches(no_such_switch=True)  # type: ignore[call-arg]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.com", "::"])
def test_the_simulator_stays_on_loopback(host: str) -> None:
    """Any other host is refused."""
    with pytest.raises(ValidationError, match="loopback"):
        SimulatorSettings(host=host)


def test_the_secret_must_be_base64() -> None:
    """Daily takes base64 only, so the settings do too."""
    with pytest.raises(ValidationError, match="base64"):
        SimulatorSettings(dialin_hmac="not base64!")
