"""Control of what goes wrong and of what nobody knows: faults and switches, under `/sim`."""

import json
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import ValidationError

from frontdesk.simulator.control.routes import TheWorld
from frontdesk.simulator.faults.plan import FaultPlan
from frontdesk.simulator.switches import Switches

router = APIRouter(prefix="/sim", tags=["troubles"])


@router.get("/faults")
async def read_faults(world: TheWorld) -> FaultPlan:
    """The faults in force."""
    return world.faults.plan


@router.put("/faults")
async def set_faults(plan: FaultPlan, world: TheWorld) -> FaultPlan:
    """Replace all faults: latency, status, hang, reset, bad JSON, per endpoint or event."""
    world.faults.set(plan)
    return plan


@router.delete("/faults", status_code=204)
async def clear_faults(world: TheWorld) -> None:
    """Heal everything."""
    world.faults.clear()


@router.get("/switches")
async def read_switches(world: TheWorld) -> Switches:
    """Behaviors of Daily that no document settles, and how each is set."""
    return world.switches


@router.put("/switches")
async def set_switches(changes: dict[str, Any], world: TheWorld) -> Switches:
    """Change some switches; the others stay. What is not a switch, or no position of it, is a 422."""
    try:
        wanted = Switches.model_validate({**world.switches.model_dump(), **changes})
    except ValidationError as error:
        raise HTTPException(422, json.loads(error.json(include_url=False, include_context=False))) from error
    _assign(world.switches, wanted)
    return world.switches


@router.delete("/switches", status_code=204)
async def reset_switches(world: TheWorld) -> None:
    """Put every switch back to its default."""
    _assign(world.switches, Switches())


def _assign(switches: Switches, wanted: Switches) -> None:
    """In place: every part of the simulator holds the same object."""
    for name in Switches.model_fields:
        setattr(switches, name, getattr(wanted, name))
