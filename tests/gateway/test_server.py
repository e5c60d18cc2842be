"""The gateway as a process, and what it tells operators."""

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import yaml

import server
from frontdesk.demo.laptop import free_ports
from frontdesk.errors import DatabaseInUseError
from tests.gateway.conftest import Configure
from tests.gateway.far import Answer, Far
from tests.gateway.gate import SECRET, Gateway, books, serving

ROOT = Path(__file__).resolve().parents[2]


def start(*command: str, **environment: str) -> "subprocess.Popen[str]":
    """A process of the gateway with nothing but these variables."""
    variables = {"PATH": os.environ["PATH"], "PYTHON_DOTENV_DISABLED": "1"} | environment
    return subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=variables, stderr=subprocess.PIPE, text=True
    )


def test_problems_of_the_settings_end_it() -> None:
    """With settings that cannot be used it ends with code 2 and a line per problem, without a traceback."""
    with start("server.py", HOST="0.0.0.0", DAILY_ROOM_URL="https://x.daily.co/y") as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "Traceback" not in told
    for name in ("DAILY_ROOM_URL", "DAILY_API_KEY", "PINLESS_HMAC_SECRET"):
        assert f"  {name}: " in told


def test_problems_of_the_organizations_end_it(tmp_path: Path) -> None:
    """With organizations that cannot be used it ends with code 2 and a line per problem."""
    (tmp_path / "one.yaml").write_text("name: One\ntimezone: Mars/Base\n", encoding="utf-8")
    (tmp_path / "two.yaml").write_text("{", encoding="utf-8")
    with start("server.py", DAILY_API_KEY="k", CLINICS_DIR=str(tmp_path)) as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "Traceback" not in told
    assert "one.yaml: timezone:" in told
    assert "one.yaml: workflows:" in told
    assert "two.yaml:" in told


def test_a_database_that_nobody_knows_ends_it() -> None:
    """With a DATABASE_URL of another kind it ends with code 2 and says what to give, not what it was."""
    with start("server.py", DAILY_API_KEY="k", DATABASE_URL="mysql://u:hidden@db/x") as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "DATABASE_URL" in told
    assert "Traceback" not in told
    assert "hidden" not in told


async def test_a_file_has_one_gateway(configure: Configure, capfd: pytest.CaptureFixture[str]) -> None:
    """A second gateway on the same SQLite file does not start, and says what to do."""
    settings = configure()
    async with serving(settings):
        app = server.create_app(settings)
        with pytest.raises(DatabaseInUseError):
            async with app.router.lifespan_context(app):
                pass
    assert "Stop the other one" in capfd.readouterr().err


@pytest.mark.parametrize("command", [("server.py",), ("-m", "uvicorn", "server:app", "--port={port}")])
def test_it_says_when_doors_are_open(command: tuple[str, ...], tmp_path: Path) -> None:
    """In local mode without secret and keys it starts on loopback, says so, and stops when told to."""
    port = str(free_ports(1)[0])
    kept = {name.upper(): value for name, value in books(tmp_path).items()}
    arguments = [part.format(port=port) for part in command]
    with start(*arguments, DAILY_API_KEY="k", PORT=port, **kept) as process:
        assert process.stderr is not None
        told = ""
        for line in process.stderr:
            told += line
            if "Uvicorn running" in line:
                process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    assert "PINLESS_HMAC_SECRET is not set" in told
    assert "FRONTDESK_API_KEYS is not set" in told
    assert "Traceback" not in told
    assert process.returncode in {0, -signal.SIGTERM}


LACKS = ("DAILY_EVENTS_SECRET is not set", "PIPECAT_PRIVATE_KEY is not set")


async def test_it_says_what_production_lacks(
    production: Configure, configure: Configure, capfd: pytest.CaptureFixture[str]
) -> None:
    """In production, without Daily's own account or a way to stop bots, it says so; otherwise it does not."""
    async with serving(production(frontdesk_api_keys="")):
        told = capfd.readouterr().err
    assert all(lack in told for lack in LACKS)
    assert "the dial-out door is open" not in told
    async with serving(production(daily_events_secret=SECRET, pipecat_private_key="sk_test")):
        assert not any(lack in capfd.readouterr().err for lack in LACKS)
    async with serving(configure()):
        assert not any(lack in capfd.readouterr().err for lack in LACKS)


async def test_it_says_whose_callees_see_somebody_elses_number(
    configure: Configure, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of several organizations, each that lists no number to show is named; a lone one may show any."""
    sample = yaml.safe_load((ROOT / "clinics" / "bright-smile.yaml").read_text(encoding="utf-8"))
    sample |= {"caller_id": None, "caller_ids": []}
    other = {"id": str(uuid.UUID(int=2)), "default": False, "numbers": []}
    other |= {"caller_id": str(uuid.UUID(int=3))}
    folder = tmp_path / "two"
    folder.mkdir()
    for name, content in (("plain", sample), ("other", sample | other)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    async with serving(configure(clinics_dir=folder)):
        told = capfd.readouterr().err
    assert "plain lists no caller_ids" in told
    assert "other lists no caller_ids" not in told
    async with serving(configure()):
        assert "lists no caller_ids" not in capfd.readouterr().err


def test_importing_it_builds_nothing() -> None:
    """The module can be imported without settings; only the attribute `app` needs them."""
    with pytest.raises(AttributeError):
        _ = server.nothing


async def test_health(gateway: Gateway, far: Far) -> None:
    """The process is healthy while it serves, and ready while Daily and the bots' host answer."""
    assert (await gateway.send("GET", "/healthz")).body == {"status": "ok"}
    ready = await gateway.send("GET", "/readyz")
    checks = {"daily": "ok", "bots": "ok", "database": "ok"}
    assert (ready.status, ready.body) == (200, {"status": "ready", "checks": checks})
    await gateway.send("GET", "/readyz")
    assert len(far.seen) == 2


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_may_ask_for_the_head_alone(gateway: Gateway, path: str) -> None:
    """HEAD on a probe is answered as GET is, without a body."""
    reply = await gateway.send("HEAD", path)
    assert (reply.status, reply.body) == (200, None)
    assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [(Answer(401), "key refused"), (Answer(500), "failing"), (Answer(reset=True), "unreachable")],
)
async def test_daily_is_missed(production: Configure, far: Far, answer: Answer, verdict: str) -> None:
    """When Daily refuses our key, fails or is not there, the gateway is not ready and says why."""
    far.probes.extend([answer, answer])
    async with serving(production()) as gateway:
        reply = await gateway.send("GET", "/readyz")
    assert reply.status == 503
    assert reply.body["checks"] == {"daily": verdict, "bots": "ok", "database": "ok"}


async def test_the_runner_is_missed(configure: Configure) -> None:
    """When nobody listens where the dev runner should be, the gateway is not ready."""
    async with serving(configure(local_server_url="http://127.0.0.1:9")) as gateway:
        reply = await gateway.send("GET", "/readyz")
    assert (reply.status, reply.body["checks"]["bots"]) == (503, "unreachable")


async def test_the_documentation_is_whole(gateway: Gateway) -> None:
    """OpenAPI describes both doors with their bodies, and every reference in it leads somewhere."""
    schema = (await gateway.send("GET", "/openapi.json")).body
    doors = {"/daily-dialin-webhook", "/daily-webhook", "/dialout", "/healthz", "/readyz"}
    assert doors <= schema["paths"].keys()
    body = schema["paths"]["/dialout"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/DialoutRequest"}
    known = {f"#/components/schemas/{name}" for name in schema["components"]["schemas"]}
    assert references(schema) <= known


def references(part: object) -> set[str]:
    """Every `$ref` below a part of a schema."""
    if isinstance(part, dict):
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*(references(value) for value in part.values()))
    if isinstance(part, list):
        return set().union(*(references(value) for value in part))
    return set()
