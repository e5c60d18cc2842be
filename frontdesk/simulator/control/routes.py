"""The control API: place calls, settle people, read what happened, break things on purpose."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Request
from fastapi.responses import FileResponse, StreamingResponse

from frontdesk.simulator.control.models import E164, CallList, IncomingCallRequest, RoomList, RoomView, Stats
from frontdesk.simulator.phone.people import Manner, Person
from frontdesk.simulator.records.record import CallView, Record
from frontdesk.simulator.rooms.room import Room
from frontdesk.simulator.world import World

KEEP_ALIVE_S = 15.0

router = APIRouter(prefix="/sim", tags=["simulator"])


def _world(request: Request) -> World:
    world: World = request.app.state.world
    return world


TheWorld = Annotated[World, Depends(_world)]
Number = Annotated[str, Path(pattern=E164, description="Phone number, E.164.")]


@router.get("/health")
async def health() -> dict[str, str]:
    """Whether the simulator is up."""
    return {"status": "ok"}


@router.post("/calls", status_code=201, responses={422: {"description": "Says which field is wrong."}})
async def place_call(call: IncomingCallRequest, world: TheWorld) -> CallView:
    """Somebody dials. Answers at once; read the call, or watch `/sim/events`, to see what becomes of it."""
    manner = Manner.model_validate({name: getattr(call, name) for name in Manner.model_fields})
    record = await world.network.call_in(
        call.from_number,
        call.to,
        manner,
        hold_patience_s=call.hold_patience_s,
        sip_headers=call.sip_headers,
        webhook_copies=call.webhook_copies,
        webhook_extra=call.webhook_extra,
    )
    return record.view()


@router.get("/calls")
async def list_calls(world: TheWorld) -> CallList:
    """Every call of this run, oldest first."""
    return CallList(calls=[record.view() for record in world.records.all()])


def _record(call_id: str, world: TheWorld) -> Record:
    record = world.records.get(call_id)
    if record is None:
        raise HTTPException(404, "no such call")
    return record


@router.get("/calls/{call_id}")
async def read_call(call_id: str, world: TheWorld) -> CallView:
    """State, what was said and heard, the timeline, the WAV's path."""
    return _record(call_id, world).view()


@router.get("/calls/{call_id}/wav", response_class=FileResponse)
async def read_wav(call_id: str, world: TheWorld) -> FileResponse:
    """The sound of a call that has ended: left the person, right the bot."""
    record = _record(call_id, world)
    if record.wav is None:
        raise HTTPException(404, "no recording yet: it is written when the call has ended")
    return FileResponse(record.wav, media_type="audio/wav")


@router.delete("/calls/{call_id}", status_code=202)
async def hang_up(call_id: str, world: TheWorld) -> dict[str, str]:
    """The person hangs up, stops waiting on hold, or declines while it rings."""
    if not world.network.hang_up(_record(call_id, world).id):
        raise HTTPException(409, "this call has ended already, or is just being connected")
    return {"status": "hanging up"}


@router.get("/people/{number}")
async def read_person(number: Number, world: TheWorld) -> Person:
    """Who is at a number."""
    person = world.people.get(number)
    if person is None:
        raise HTTPException(404, "nobody was put there: a stranger answers")
    return person


@router.put("/people/{number}")
async def put_person(number: Number, person: Person, world: TheWorld) -> Person:
    """Say what happens when a number is called; its outcomes start again with the first."""
    world.people.put(number, person)
    world.phrasebook.add_person_lines(person.spoken(), person.voice, person.wpm)
    return person


@router.delete("/people/{number}", status_code=204)
async def forget_person(number: Number, world: TheWorld) -> None:
    """Leave a number to strangers, who answer and stay on the line."""
    if not world.people.forget(number):
        raise HTTPException(404, "nobody was put there")


@router.get("/rooms")
async def list_rooms(world: TheWorld) -> RoomList:
    """Every room and who is in it."""
    now = world.clock.wall()
    return RoomList(rooms=[_room_view(room, now) for room in world.rooms.all()])


def _room_view(room: Room, now: float) -> RoomView:
    return RoomView(
        name=room.name,
        url=room.url,
        expired=room.expired(now),
        sip_endpoints=room.sip_endpoints,
        dialin_ready=bool(room.ready_endpoints),
        bots=list(room.clients),
        phones=list(room.legs),
    )


@router.post("/rooms/{name}/dialin-ready", status_code=202)
async def repeat_dialin_ready(name: str, world: TheWorld) -> dict[str, str]:
    """Send `dialin-ready` once more to the bots in a room, as happens with several endpoints."""
    room = world.rooms.get(name)
    if room is None or not room.ready_endpoints:
        raise HTTPException(404, "no such room, or it does not take calls yet")
    world.network.repeat_dialin_ready(room)
    return {"status": "sent"}


@router.get("/stats")
async def read_stats(world: TheWorld) -> Stats:
    """Counts per endpoint, and phones that rang."""
    records = world.records.all()
    return Stats(
        requests=dict(world.faults.counts),
        phones_that_rang=world.network.rang,
        calls=len(records),
        calls_up=sum(record.outcome is None for record in records),
        rooms=len(world.rooms.all()),
    )


@router.get("/events", response_class=StreamingResponse)
async def watch(world: TheWorld) -> StreamingResponse:
    """Timeline and transcript of every call as they happen, as server-sent events."""
    return StreamingResponse(
        _stream(world), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _stream(world: World) -> AsyncIterator[str]:
    queue = world.records.watch()
    try:
        yield ": watching\n\n"
        while True:
            try:
                event = await asyncio.wait_for(queue.get(), KEEP_ALIVE_S)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if event is None:
                return
            yield f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
    finally:
        world.records.unwatch(queue)
