import asyncio
import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from frontdesk.simulator.foreign.environment import environment, environment_of
from frontdesk.simulator.server import SimulatorServer

# Each client asks for a vendor by its real name, and prints one line of JSON.
CLIENTS = {
    "aiohttp": """
async with aiohttp.ClientSession() as session:
    async with session.get("https://api.openai.com/v1/models", headers=BEARER) as answer:
        show(answer.status)
""",
    "aiohttp to Daily": """
async with aiohttp.ClientSession() as session:
    async with session.post("https://api.daily.co/v1/rooms", json={}, headers=BEARER) as answer:
        show(answer.status)
""",
    "httpx": """
async with httpx.AsyncClient() as client:
    show((await client.get("https://api.openai.com/v1/models", headers=BEARER)).status_code)
""",
    "httpx2": """
async with httpx2.AsyncClient() as client:
    show((await client.get("https://api.openai.com/v1/models", headers=BEARER)).status_code)
""",
    "websockets": """
headers = {"X-API-Key": "any-key", "Cartesia-Version": "2026-03-01"}
async with websockets.connect("wss://api.cartesia.ai/tts/websocket", additional_headers=headers) as socket:
    await socket.send("{}")
    show(json.loads(await socket.recv())["type"] == "error" and 200)
""",
    "websockets, old client": """
from websockets.legacy.client import connect
where = "wss://api.deepgram.com/v1/listen?encoding=linear16&sample_rate=8000"
async with connect(where, extra_headers={"Authorization": "Token any-key"}) as socket:
    await socket.send('{"type": "CloseStream"}')
    show(json.loads(await socket.recv())["type"] == "Results" and 200)
""",
    "loopback stays direct": """
async with aiohttp.ClientSession() as session:
    async with session.get(os.environ["SIM_STANDIN"] + "/sim/vendors") as answer:
        show(answer.status)
""",
}
PROGRAM = """
import asyncio, json, os
import aiohttp, httpx, httpx2, websockets
BEARER = {"Authorization": "Bearer any-key"}
show = lambda value: print(json.dumps(value))
async def main():
"""


def machine() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


async def run(code: str, variables: dict[str, str], folder: Path) -> tuple[int, str, str]:
    """Run a program in a process of its own: status, output, errors."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-c", code, env=machine() | variables, cwd=folder,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(120):
        out, errors = await process.communicate()
    return process.returncode or 0, out.decode(), errors.decode()


@pytest.mark.parametrize("name", CLIENTS)
async def test_clients_reach_the_stand_ins_by_the_vendors_names(
    simulator: SimulatorServer, tmp_path: Path, name: str
) -> None:
    """HTTP and WebSocket clients with nothing but the environment reach the simulator over verified TLS."""
    body = "".join(f"    {line}\n" for line in CLIENTS[name].strip().splitlines())
    variables = environment(simulator.base_url, simulator.world.proxy)
    status, out, errors = await run(f"{PROGRAM}{body}\nasyncio.run(main())", variables, tmp_path)
    assert (status, out.strip()) == (0, "200"), errors[-2000:]


async def connect_through(simulator: SimulatorServer, target: str) -> str:
    """The proxy's answer to a CONNECT, whole."""
    proxy = simulator.world.proxy
    assert proxy is not None
    host, _, port = proxy.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"{target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    async with asyncio.timeout(30):
        answer = (await reader.read()).decode()
    writer.close()
    return answer


@pytest.mark.parametrize(
    "host", ["example.com:443", "api.openai.com:80", "127.0.0.1:22", "api.openai.com.evil:443"]
)
async def test_every_other_host_is_refused_by_name(simulator: SimulatorServer, host: str) -> None:
    """The proxy reaches no host but those that the simulator stands in for, and says which was asked."""
    answer = await connect_through(simulator, f"CONNECT {host}")
    assert answer.startswith("HTTP/1.1 403 ")
    assert host in answer


async def test_plain_requests_are_refused(simulator: SimulatorServer) -> None:
    """The proxy is no way around: anything but CONNECT is refused."""
    assert (await connect_through(simulator, "GET http://example.com/")).startswith("HTTP/1.1 405 ")


async def test_the_certificate_is_the_simulators_own(simulator: SimulatorServer) -> None:
    """Each simulator makes its own authority, and takes its certificate away when it ends."""
    proxy = simulator.world.proxy
    assert proxy is not None
    context = ssl.create_default_context(cafile=str(proxy.certificate_file))
    assert len(context.get_ca_certs()) == 1
    async with SimulatorServer(simulator.settings) as other:
        assert other.world.proxy is not None
        certificate = other.world.proxy.certificate_file
        assert certificate.read_bytes() != proxy.certificate_file.read_bytes()
    assert not certificate.exists()


async def test_the_command_prints_what_programs_need(simulator: SimulatorServer, tmp_path: Path) -> None:
    """`python -m frontdesk.simulator env` prints export lines that a shell can take, PYTHONPATH kept."""
    root = str(Path(__file__).parents[2])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "frontdesk.simulator", "env", "--url", simulator.base_url,
        env=machine() | {"PYTHONPATH": root}, cwd=tmp_path, stdout=subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    script = f"{out.decode()}\nenv"
    shell = await asyncio.create_subprocess_exec("sh", "-c", script, env=machine(), stdout=subprocess.PIPE)
    seen = dict(line.partition("=")[::2] for line in (await shell.communicate())[0].decode().splitlines())
    expected = await asyncio.to_thread(environment_of, simulator.base_url, root)
    assert {name: seen.get(name) for name in expected} == expected
    assert seen["PYTHONPATH"].endswith(f"{os.pathsep}{root}")


def test_only_a_simulator_on_loopback_is_asked() -> None:
    """The environment is never taken from another machine."""
    with pytest.raises(ValueError, match="loopback"):
        environment_of("http://192.0.2.1:9099")


async def test_another_sitecustomize_is_still_loaded(simulator: SimulatorServer, tmp_path: Path) -> None:
    """The stand-in's sitecustomize loads the one that it hides, and touches nothing without SIM_STANDIN."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.other_was_here = True\n")
    variables = environment(simulator.base_url, simulator.world.proxy)
    variables["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"
    code = "import sys, aiohttp; print(sys.other_was_here, aiohttp.ClientSession.__init__.__name__)"
    assert (await run(code, variables, tmp_path))[1].split() == ["True", "init_trusting"]
    del variables["SIM_STANDIN"]
    assert (await run(code, variables, tmp_path))[1].split() == ["True", "__init__"]


async def test_the_stand_in_for_daily_comes_first(simulator: SimulatorServer, tmp_path: Path) -> None:
    """Programs import the stand-in `daily` and not the installed native module."""
    variables = environment(simulator.base_url, simulator.world.proxy)
    _, out, errors = await run("import daily; print(daily.__file__)", variables, tmp_path)
    assert "standin" in out, errors
