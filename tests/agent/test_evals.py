"""The conversation without a phone: pipecat's evaluation scenarios against the vendors' stand-ins."""

from pathlib import Path

import pytest
from pipecat.evals.scenario import EvalScenarioFile
from pipecat.evals.script import EvalScriptScenario
from pipecat.evals.session import EvalSession

from tests.agent.stage import Stage

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]
EVALS = Path(__file__).parents[2] / "evals"
FILES = [EvalScenarioFile.load(path) for path in sorted(EVALS.glob("*.yaml"))]
SCENARIOS = {f"{file.name}/{one.name}": one for file in FILES for one in file.scenarios}


@pytest.mark.parametrize("name", SCENARIOS)
async def test_the_conversation_goes_as_written(stage: Stage, name: str) -> None:
    """Greeting, tools and answers come as the scenario expects them."""
    scenario = SCENARIOS[name]
    assert isinstance(scenario, EvalScriptScenario)
    url = stage.bot.url.replace("http", "ws", 1) + "/ws"
    result = await EvalSession.from_scenario(scenario, url).run()
    assert result.passed, [turn.failures for turn in result.turns]
