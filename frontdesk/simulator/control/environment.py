"""The control API's answer to: with which environment does a program run on this simulator?"""

from fastapi import APIRouter, Request

from frontdesk.simulator.foreign.environment import environment
from frontdesk.simulator.world import World

__all__ = ["router"]

router = APIRouter(prefix="/sim", tags=["environment"])


@router.get("/environment")
async def read_environment(request: Request) -> dict[str, str]:
    """Variables for programs written for Daily, as `python -m frontdesk.simulator env` prints them."""
    world: World = request.app.state.world
    return environment(world.base_url, world.proxy)
