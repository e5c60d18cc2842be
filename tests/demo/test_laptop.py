"""Which parts a laptop has, and what they are told."""

from pathlib import Path

import pytest

from frontdesk.demo.laptop import Laptop, Ports

PORTS = Ports(gateway=1, runner=2, simulator=3)


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_the_parts_reach_each_other_past_any_proxy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is exempt from the machine's proxy for every part, beside what the machine exempts already."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv(name, "intranet.example")
    for part in Laptop(PORTS, simulated=True).parts:
        for variable in ("NO_PROXY", "no_proxy"):
            assert part.environment[variable] == "intranet.example,127.0.0.1,localhost,::1"


def test_real_keys_leave_the_simulator_out() -> None:
    """With real keys there is no simulator, and nobody is told of one."""
    parts = Laptop(PORTS, simulated=False).parts
    assert [part.name for part in parts] == ["dev runner", "gateway"]
    assert not any("PYTHONPATH" in part.environment or "DAILY_API_URL" in part.environment for part in parts)


def test_simulated_calls_have_books_of_their_own(tmp_path: Path) -> None:
    """The simulated gateway has its own folder and tells the demo's CRM; a real one does as `.env` says."""
    laptop = Laptop(PORTS, simulated=True, books=tmp_path, crm=("http://127.0.0.1:9/events", "whsec_abcd"))
    environment = laptop.gateway.environment
    assert environment["DATABASE_URL"] == f"sqlite:///{tmp_path}/frontdesk.db"
    assert environment["CRM_EVENTS_URL"] == "http://127.0.0.1:9/events"
    real = Laptop(PORTS, simulated=False).gateway.environment
    assert not {"DATABASE_URL", "SPOOL_DIR", "CRM_EVENTS_URL"} & set(real)
