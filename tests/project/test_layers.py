"""Which of our modules know each other: the single modules at the top, which import-linter does not see."""

import ast
import subprocess
import sys

import pytest

from tests.project.images import CHECKOUT

GATEWAY = {
    "server_utils",
    "frontdesk.health",
    "server",
    "frontdesk.daily",
    "frontdesk.dialin",
    "frontdesk.dialout",
    "frontdesk.doors",
    "frontdesk.launch",
    "frontdesk.calls",
    "frontdesk.crm",
    "frontdesk.keys",
    "frontdesk.link",
    "frontdesk.retention",
    "frontdesk.migrations",
    "frontdesk.services",
    "frontdesk.storage",
    "frontdesk.tuning",
}
BOT = {"bot", "frontdesk.agent"}
ELSEWHERE = {"frontdesk.simulator", "frontdesk.demo", "frontdesk.cli"}


def _imports(module: str) -> set[str]:
    tree = ast.parse((CHECKOUT / f"{module}.py").read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    froms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return names | froms


def _touches(module: str, folders: set[str]) -> set[str]:
    return {
        name for name in _imports(module) if any(f"{name}.".startswith(f"{folder}.") for folder in folders)
    }


@pytest.mark.parametrize(
    ("module", "folders"),
    [("server", BOT | ELSEWHERE), ("server_utils", BOT | ELSEWHERE), ("bot", GATEWAY | ELSEWHERE)],
)
def test_the_single_modules_keep_to_their_side(module: str, folders: set[str]) -> None:
    """Gateway and bot never import each other, and neither knows the simulator."""
    assert _touches(module, folders) == set()


def test_the_check_sees_imports() -> None:
    """The test above can fail: it finds what server.py does import."""
    assert "frontdesk.services" in _touches("server", GATEWAY)


def test_the_gateway_leaves_the_environment_alone() -> None:
    """Importing the gateway loads neither the bot nor pipecat's dev runner, which would overwrite ENV."""
    code = (
        "import os, sys; os.environ['ENV'] = 'production'; import server; "
        "print(os.environ['ENV'], [m for m in sys.modules if m in "
        "('bot', 'frontdesk.agent', 'pipecat.runner.run', 'pipecat.transports.daily.transport')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "production []"
