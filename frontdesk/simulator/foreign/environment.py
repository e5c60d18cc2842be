"""The environment variables with which a program written for Daily runs on the simulator, unchanged."""

import json
import os
import urllib.request
from pathlib import Path

from frontdesk.simulator.foreign.proxy import Proxy
from frontdesk.simulator.loopback import is_loopback_url

__all__ = ["STANDIN_FOLDER", "environment", "environment_of"]

STANDIN_FOLDER = Path(__file__).resolve().parents[1] / "standin"

_LOOPBACK = "localhost,127.0.0.1,::1"


def environment(base_url: str, proxy: Proxy | None) -> dict[str, str]:
    """The variables for a simulator at `base_url`.

    Keys are placeholders that the simulator accepts. Vendors are named for programs that read their addresses
    from the environment; the proxy, if there is one, serves those that do not.
    """
    streams = base_url.replace("http", "ws", 1)
    variables = {
        "SIM_STANDIN": base_url,
        "PYTHONPATH": str(STANDIN_FOLDER),
        "DAILY_API_KEY": "simulated-daily-key",
        "DAILY_API_URL": f"{base_url}/v1",
        "PIPECAT_API_KEY": "pk_simulated",
        "PIPECAT_AGENT_NAME": "frontdesk",
        "PIPECAT_API_URL": f"{base_url}/cloud/v1",
        "DEEPGRAM_API_KEY": "simulated-deepgram-key",
        "DEEPGRAM_BASE_URL": f"{streams}/deepgram",
        "OPENAI_API_KEY": "simulated-openai-key",
        "OPENAI_BASE_URL": f"{base_url}/openai/v1",
        "CARTESIA_API_KEY": "simulated-cartesia-key",
        "CARTESIA_URL": f"{streams}/cartesia/tts/websocket",
    }
    return variables | (_through(proxy) if proxy else {})


def environment_of(url: str, python_path: str = "") -> dict[str, str]:
    """Ask the simulator that runs at `url` for its variables; `python_path` is kept behind the stand-in.

    Raises ValueError for an address that is not loopback, OSError when nothing answers.
    """
    if not is_loopback_url(url):
        raise ValueError("the simulator runs on loopback")
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"{url}/sim/environment", timeout=5) as answer:
        variables: dict[str, str] = json.load(answer)
    paths = [variables["PYTHONPATH"], *filter(None, python_path.split(os.pathsep))]
    return variables | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def _through(proxy: Proxy) -> dict[str, str]:
    certificate = str(proxy.certificate_file)
    both = {"HTTPS_PROXY": proxy.url, "NO_PROXY": _LOOPBACK}
    lower = {name.lower(): value for name, value in both.items()}
    return both | lower | {"SSL_CERT_FILE": certificate, "REQUESTS_CA_BUNDLE": certificate}
