"""Routes that set how the vendors behave, for tests of a bot: part of the control API under `/sim`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from frontdesk.simulator.vendors.behavior import Behavior, VendorName, Vendors
from frontdesk.simulator.vendors.rules import Rules

__all__ = ["router"]

router = APIRouter(prefix="/sim/vendors", tags=["vendors"])


class VendorState(BaseModel):
    """How a vendor behaves, and how many connections or requests it had."""

    behavior: Behavior
    uses: int


class Transcripts(BaseModel):
    """The latest final transcripts, at most a thousand."""

    transcripts: list[str]


def _vendors(request: Request) -> Vendors:
    vendors: Vendors = request.app.state.world.vendors
    return vendors


_Vendors = Annotated[Vendors, Depends(_vendors)]


@router.get("")
async def list_vendors(vendors: _Vendors) -> dict[str, VendorState]:
    """How all vendors behave."""
    return {
        name: VendorState(behavior=behavior, uses=vendors.uses[name])
        for name, behavior in vendors.behaviors.items()
    }


@router.get("/deepgram/transcripts")
async def read_transcripts(vendors: _Vendors) -> Transcripts:
    """What bots heard, oldest first: the final results of all streams, understood from the sound alone."""
    return Transcripts(transcripts=list(vendors.transcripts))


@router.get("/openai/rules")
async def read_rules(vendors: _Vendors) -> Rules:
    """The rules by which the language model answers."""
    return vendors.rules


@router.put("/openai/rules")
async def set_rules(vendors: _Vendors, rules: Rules) -> Rules:
    """Replace the rules; what is left out is as it came."""
    vendors.rules = rules
    return rules


@router.put("/{name}")
async def set_behavior(vendors: _Vendors, name: VendorName, behavior: Behavior) -> Behavior:
    """Set a vendor's latency and troubles; what is left out is as it came. Open connections keep theirs."""
    vendors.behaviors[name] = behavior
    return behavior


@router.delete("", status_code=204)
async def reset_vendors(vendors: _Vendors) -> None:
    """Vendors that work, with the rules they came with."""
    vendors.reset()
