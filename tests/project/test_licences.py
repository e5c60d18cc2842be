"""What the images bring along may not bind our own licence."""

import importlib.metadata
import re

import pytest

from tests.project.images import CHECKOUT

_BINDING = re.compile(r"\b(A?GPL|GNU (Affero )?General Public|SSPL|Server Side Public)", re.IGNORECASE)


def _licence(name: str) -> str:
    metadata = importlib.metadata.metadata(name)
    classifiers = [c for c in metadata.get_all("Classifier") or [] if c.startswith("License")]
    stated = metadata.json.get("license_expression") or str(metadata.json.get("license", ""))[:80]
    return " | ".join([str(stated), *classifiers])


def _installed(lock: str) -> list[str]:
    names = re.findall(r"^([a-z0-9][a-z0-9._-]*)==", (CHECKOUT / lock).read_text(), flags=re.MULTILINE)
    here = {re.sub(r"[-_.]+", "-", d.name).lower() for d in importlib.metadata.distributions()}
    return [name for name in names if name in here]


@pytest.mark.parametrize("lock", ["requirements-bot.lock", "requirements-gateway.lock"])
def test_no_image_holds_a_package_under_a_binding_licence(lock: str) -> None:
    """Every package of an image is free of GPL, AGPL and SSPL terms; the LGPL does not bind a user."""
    names = _installed(lock)
    assert len(names) > 40
    assert {name: _licence(name) for name in names if _BINDING.search(_licence(name))} == {}


def test_the_check_knows_a_binding_licence_when_it_sees_one() -> None:
    """The pattern finds the GPL and lets the LGPL pass."""
    assert _BINDING.search("License :: OSI Approved :: GNU General Public License v3 (GPLv3)")
    assert _BINDING.search("GPL-3.0-or-later")
    assert not _BINDING.search("LGPL-2.1-or-later | GNU Lesser General Public License")


@pytest.mark.parametrize("lock", ["requirements-bot.lock", "requirements-gateway.lock"])
def test_the_simulators_voice_is_in_no_image(lock: str) -> None:
    """espeak-ng, which is under the GPL, is a dependency of the simulator alone."""
    assert "espeak" not in (CHECKOUT / lock).read_text()
    assert "espeak" in (CHECKOUT / "requirements-simulator.lock").read_text()
