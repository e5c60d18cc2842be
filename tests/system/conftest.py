"""Real processes: simulator, dev runner and gateway, as a user starts them, on free ports."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from frontdesk.demo.laptop import CHECKOUT, Ports


def listens(port: int) -> bool:
    """Whether somebody listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def ports() -> Ports:
    return Ports.free()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files under version control, as a clone has them."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    for name in names:
        if not name.startswith(("tests/", "docs/")) and (CHECKOUT / name).exists():
            target = tmp_path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((CHECKOUT / name).read_bytes())
    return tmp_path


@dataclass
class Command:
    """`python -m frontdesk …` in a checkout, as a process with a terminal's signals."""

    process: subprocess.Popen[str]

    def finish(self, timeout_s: float = 150) -> tuple[int, str]:
        """Wait for its end; gives exit code and everything it printed."""
        output, _ = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, output

    def read_until(self, words: str) -> str:
        """Read what it prints until a line holds some words."""
        assert self.process.stdout is not None
        seen = ""
        for line in self.process.stdout:
            seen += line
            if words in line:
                return seen
        raise AssertionError(f"ended without printing {words!r}:\n{seen}")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)


@dataclass
class Shell:
    """A checkout in which commands are started."""

    checkout: Path
    ports: Ports
    started: list[Command] = field(default_factory=list)

    def start(self, name: str, **environment: str) -> Command:
        """Start one of the project's commands, on ports of its own."""
        moved = {
            "PORT": str(self.ports.gateway),
            "RUNNER_PORT": str(self.ports.runner),
            "SIM_PORT": str(self.ports.simulator),
        }
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "frontdesk", name],
            cwd=self.checkout,
            env={**os.environ, "COLUMNS": "120", **moved, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(Command(process))
        return self.started[-1]


@pytest.fixture
def shell(checkout: Path, ports: Ports) -> Iterator[Shell]:
    """Starts commands in a fresh checkout; whatever still runs is ended with the test."""
    shell = Shell(checkout, ports)
    yield shell
    for command in shell.started:
        if command.process.poll() is None:
            command.interrupt()
        command.process.communicate(timeout=60)
