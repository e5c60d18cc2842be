"""A gateway in front of far ends that misbehave on command."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from frontdesk.settings import GatewaySettings
from tests.gateway.far import Far
from tests.gateway.gate import KEY, SECRET, UNHURRIED, UNHURRIED_WEBHOOK_S, Gateway, books, serving

Configure = Callable[..., GatewaySettings]


@pytest.fixture
async def far(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Far]:
    monkeypatch.setenv("DAILY_API_URL", "http://127.0.0.1:9/unset")  # restored after settings.publish()
    async with Far() as running:
        yield running


@pytest.fixture
def configure(far: Far, tmp_path: Path) -> Configure:
    """Settings that point at the far ends, with books of the test's own."""

    def configure(**changes: Any) -> GatewaySettings:
        values = {
            "_env_file": None,
            "daily_api_key": "daily-key",
            "daily_api_url": f"{far.url}/v1",
            "local_server_url": far.url,
            "pipecat_api_url": f"{far.url}/cloud/v1",
            "pinless_hmac_secret": SECRET,
            "frontdesk_api_keys": f"other-key, {KEY}",
            **books(tmp_path),
            **UNHURRIED,
        }
        answer_s = changes.pop("webhook_budget_s", UNHURRIED_WEBHOOK_S)
        return GatewaySettings(**(values | changes)).model_copy(update={"webhook_budget_s": answer_s})

    return configure


@pytest.fixture
def production(configure: Configure) -> Configure:
    """Settings for Pipecat Cloud with two agents."""

    def production(**changes: Any) -> GatewaySettings:
        values = {
            "env": "production",
            "public_url": "https://gateway.example",
            "pipecat_api_key": "pk_test",
            "pipecat_agent_name": "first,second",
        }
        return configure(**(values | changes))

    return production


@pytest.fixture
async def gateway(configure: Configure) -> AsyncIterator[Gateway]:
    async with serving(configure()) as running:
        yield running
