"""The lock files: hashed, complete, and tied to no package index."""

import re
import tomllib

import pytest

from tests.project.images import CHECKOUT

LOCKS = sorted(path.name for path in CHECKOUT.glob("requirements-*.lock"))
EXTRAS = ("gateway", "bot", "simulator", "dev")


def _pins(lock: str) -> dict[str, str]:
    text = (CHECKOUT / lock).read_text()
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", text, flags=re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash_and_no_address(lock: str) -> None:
    """Each pinned package carries SHA-256 hashes, and no line holds a URL."""
    text = (CHECKOUT / lock).read_text()
    blocks = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text


def test_there_is_a_lock_for_every_kind_of_installation() -> None:
    """The images, the simulator, the developer and the tools each have their own file."""
    assert set(LOCKS) == {f"requirements-{name}.lock" for name in (*EXTRAS, "tools")}


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_lock_holds_what_the_project_asks_for(extra: str) -> None:
    """Every direct dependency of pyproject.toml is in the lock of its extra: nobody forgot `make lock`."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"][extra]
    names = {re.split(r"[\[<>=;! ]", line)[0].lower() for line in wanted} - {"frontdesk"}
    missing = {name for name in names if name.replace("_", "-") not in _pins(f"requirements-{extra}.lock")}
    assert missing == set()


def test_all_locks_agree_on_versions() -> None:
    """What is tested is what ships: a package has the same version in every lock."""
    tested = _pins("requirements-dev.lock")
    for lock in ("requirements-gateway.lock", "requirements-bot.lock", "requirements-simulator.lock"):
        assert {n: v for n, v in _pins(lock).items() if tested.get(n, v) != v} == {}
