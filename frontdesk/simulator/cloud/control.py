"""Control of the simulated Pipecat Cloud: which agents there are, and in what state."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, Field

from frontdesk.simulator.cloud.service import Cloud
from frontdesk.simulator.cloud.sessions import Agent
from frontdesk.simulator.settings import AgentSettings

router = APIRouter(prefix="/sim/cloud", tags=["Pipecat Cloud"])


class AgentState(BaseModel):
    """An agent as it is now."""

    name: str
    settings: AgentSettings
    active_sessions: int = Field(description="Sessions that hold an instance.")
    total_sessions: int = Field(description="Sessions remembered, ended ones included.")


def _cloud(request: Request) -> Cloud:
    cloud: Cloud = request.app.state.world.cloud
    return cloud


CloudOfWorld = Annotated[Cloud, Depends(_cloud)]


@router.get("/agents")
async def list_agents(cloud: CloudOfWorld) -> list[AgentState]:
    """All deployed agents."""
    return [_state(agent) for agent in cloud.agents.values()]


@router.put("/agents/{name}")
async def put_agent(name: str, settings: AgentSettings, cloud: CloudOfWorld) -> AgentState:
    """Deploy an agent, or change one: cold or warm, how slow, how many sessions, which error."""
    agent = cloud.agents.setdefault(name, Agent(name, settings))
    agent.settings = settings
    return _state(agent)


@router.delete("/agents/{name}", status_code=204)
async def delete_agent(name: str, cloud: CloudOfWorld) -> None:
    """Take an agent away: starts are answered 404 from now on."""
    if cloud.agents.pop(name, None) is None:
        raise HTTPException(404, "no such agent")


def _state(agent: Agent) -> AgentState:
    return AgentState(
        name=agent.name,
        settings=agent.settings,
        active_sessions=agent.active,
        total_sessions=len(agent.sessions),
    )
