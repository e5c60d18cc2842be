"""With keys in `.env` the same command rings a real phone: here, one of a simulator it does not know of."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from frontdesk.demo.laptop import STANDIN
from tests.system.conftest import Shell, listens

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

PHONE = "+14155550199"


@pytest.fixture
def elsewhere(shell: Shell) -> Iterator[str]:
    """A simulator that plays the real world; gives its address."""
    port = str(shell.ports.simulator)
    serve = [sys.executable, "-m", "frontdesk.simulator", "serve", "--port", port]
    with subprocess.Popen(serve, cwd=shell.checkout, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "ready" in process.stdout.readline()
        yield f"127.0.0.1:{port}"
        process.terminate()


def _write_dotenv(folder: Path, world: str, **more: str) -> None:
    values = {
        "DAILY_API_KEY": "a-real-daily-key",
        "DAILY_API_URL": f"http://{world}/v1",
        "DEEPGRAM_API_KEY": "a-real-deepgram-key",
        "DEEPGRAM_BASE_URL": f"ws://{world}/deepgram",
        "OPENAI_API_KEY": "a-real-openai-key",
        "OPENAI_BASE_URL": f"http://{world}/openai/v1",
        "CARTESIA_API_KEY": "a-real-cartesia-key",
        "CARTESIA_URL": f"ws://{world}/cartesia/tts/websocket",
        "OUTREACH_RULES": "off",
        **more,
    }
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))


def test_the_demo_calls_the_phone_named_in_dotenv(shell: Shell, elsewhere: str) -> None:
    """With all keys and a number, the demo places one real call and shows the bot's timeline."""
    _write_dotenv(shell.checkout, elsewhere, DEMO_PHONE_NUMBER=PHONE, FRONTDESK_API_KEYS="crm-key-one,other")
    code, output = shell.start("demo", PYTHONPATH=str(STANDIN)).finish(timeout_s=200)
    assert code == 0, output
    for step in ("joined", "ringing", "answered", "first word", "ended"):
        assert step in output
    assert PHONE not in output


def test_without_a_number_nobody_is_called(shell: Shell, elsewhere: str) -> None:
    """With all keys but no number to call, the demo starts nothing and says what to set."""
    _write_dotenv(shell.checkout, elsewhere)
    code, output = shell.start("demo", PYTHONPATH=str(STANDIN)).finish(timeout_s=100)
    assert code == 2
    assert "DEMO_PHONE_NUMBER" in output
    assert not listens(shell.ports.gateway)


def test_an_example_file_with_one_key_filled_in_stays_simulated(shell: Shell) -> None:
    """A half-filled `.env` is no reason to call anybody: the demo says what is missing and simulates."""
    example = (shell.checkout / ".env.example").read_text()
    (shell.checkout / ".env").write_text(example.replace("your-openai-api-key", "a-real-openai-key"))
    demo = shell.start("demo")
    seen = demo.read_until("A patient dials")
    assert "still lacks DAILY_API_KEY, DEEPGRAM_API_KEY, CARTESIA_API_KEY" in seen
