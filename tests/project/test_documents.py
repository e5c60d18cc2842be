"""The documents: their links lead somewhere, and their commands exist."""

import re

import pytest

from bench.__main__ import FIGURES
from tests.project.images import CHECKOUT

DOCUMENTS = sorted(
    str(path.relative_to(CHECKOUT)) for path in [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")]
)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_inside_the_project_leads_somewhere(name: str) -> None:
    """A relative link names a file that exists."""
    document = CHECKOUT / name
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_the_readme_opens_with_the_two_commands() -> None:
    """The first block of the README holds `make demo` and `make test`, before anything else is said."""
    readme = (CHECKOUT / "README.md").read_text()
    first_block = readme.split("```")[1]
    assert readme.startswith("# Frontdesk\n\n```")
    assert re.findall(r"^make \w+", first_block, flags=re.MULTILINE) == ["make demo", "make test"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_make_command_exists(name: str) -> None:
    """A document names no command that the Makefile lacks."""
    targets = set(re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)\b(?=[`\s])", " ".join(_code(name))))
    assert named - targets == set()


def _code(name: str) -> list[str]:
    text = (CHECKOUT / name).read_text()
    return [f"{code} " for code in re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.DOTALL)]


def test_the_readme_shows_every_measured_figure() -> None:
    """The table of speed in the README has a row for each figure of `make bench`."""
    speed = (CHECKOUT / "README.md").read_text().split("## Speed")[1].split("\n## ")[0]
    rows = [line for line in speed.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + len(FIGURES)
