"""`make demo` and `make dev` as a stranger runs them, from a fresh checkout."""

import re
import socket
import time
from pathlib import Path

import pytest

from frontdesk.demo.story import CALLEE, PATIENT
from tests.system.conftest import Shell, listens

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

GREETING = "greeting: Hello, this is Bright Smile Dental. How can I help you?"
NEW_GREETING = "greeting: Good day, you have reached the tooth doctors. What can we do for you?"


def _personal(checkout: Path) -> list[str]:
    """Everything that must not be in a log: numbers in any spelling, names, spoken words, tokens, keys."""
    digits = [number.removeprefix("+") for number in (PATIENT, CALLEE)]
    words = ["opening hours", "How can I help", "nice day", "like to know", "key-of-the-simulator"]
    return [*digits, *(d[1:] for d in digits), *words]


def test_the_demo_holds_both_conversations_and_leaves_no_personal_data_in_the_logs(shell: Shell) -> None:
    """Exit code 0, a changed greeting is heard, the CRM is told, and the logs hold no number, word or key."""
    clinic = shell.checkout / "clinics" / "bright-smile.yaml"
    content = clinic.read_text()
    assert GREETING in content
    clinic.write_text(content.replace(GREETING, NEW_GREETING))
    code, output = shell.start("demo").finish()
    assert code == 0, output
    assert re.search(r"bot +Good day, you have reached the tooth doctors\.", output)
    assert "ended: busy" in output
    assert "ended: no_answer" in output
    assert output.count("ended: bot_hangup (by bot)") == 2
    for told in ("1  call.started", "4  call.rescheduled: busy", "7  call.rescheduled: no_answer"):
        assert told in output
    for told in ("4  call.ended: bot_hangup", "11  call.ended: bot_hangup", "3  bot_hangup, dialed 1×"):
        assert told in output
    assert "told by gateway" in output
    sounds = re.findall(r"sound (\S+\.wav)", output)
    assert len(sounds) == 2
    for sound in sounds:
        assert (shell.checkout / sound).stat().st_size > 8000 * 2 * 2 * 5
        assert (shell.checkout / sound).with_suffix(".json").exists()
    logs = "\n".join(path.read_text() for path in (shell.checkout / ".frontdesk" / "logs").glob("*.log"))
    assert "step ended" in logs
    assert [text for text in _personal(shell.checkout) if text.lower() in logs.lower()] == []
    assert re.findall(r"eyJ[\w-]+\.[\w-]+", logs) == []
    assert not any(listens(port) for port in vars(shell.ports).values())


def test_ctrl_c_leaves_nothing_running(shell: Shell) -> None:
    """Interrupted in the middle of a call, the demo ends at once and every port is free again."""
    demo = shell.start("demo")
    demo.read_until("How can I help you?")
    demo.interrupt()
    code, output = demo.finish(timeout_s=60)
    assert code == 130, output
    assert "nothing is left running" in output
    assert not any(listens(port) for port in vars(shell.ports).values())


@pytest.mark.parametrize("part", ["gateway", "runner", "simulator"])
def test_a_taken_port_is_named_at_once(shell: Shell, part: str) -> None:
    """With a port taken, the demo names the port and the part that needs it, and starts nothing."""
    began = time.monotonic()
    with socket.socket() as occupier:
        occupier.bind(("127.0.0.1", getattr(shell.ports, part)))
        occupier.listen()
        code, output = shell.start("demo").finish()
    assert code == 2
    assert str(getattr(shell.ports, part)) in output
    assert part in output
    assert time.monotonic() - began < 60


def test_a_part_that_cannot_start_is_named_with_its_last_words(shell: Shell) -> None:
    """With a bot that ends at once, the demo says which part it was and shows what it printed."""
    (shell.checkout / "bot.py").write_text("raise SystemExit('the bot has no legs')\n")
    code, output = shell.start("demo").finish()
    assert code == 2
    assert "The dev runner ended with exit code 1" in output
    assert "the bot has no legs" in output
    assert not any(listens(port) for port in vars(shell.ports).values())


def test_the_developers_loop_restarts_what_changed(shell: Shell) -> None:
    """`make dev` prints commands to try, a record's among them, notices a changed file, ends with Ctrl-C."""
    dev = shell.start("dev")
    welcome = dev.read_until("Logs:")
    for number in ("1.", "2.", "3.", "4."):
        assert number in welcome
    assert "/calls?limit=1" in welcome
    clinic = shell.checkout / "clinics" / "bright-smile.yaml"
    clinic.write_text(clinic.read_text().replace(GREETING, NEW_GREETING))
    dev.read_until("bright-smile.yaml changed")
    dev.interrupt()
    code, _ = dev.finish(timeout_s=60)
    assert code == 130
