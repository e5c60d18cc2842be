"""Rooms: what Daily may answer to `configure()`, and what happens to rooms that nobody needs."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from frontdesk import errors
from frontdesk.daily.removal import RoomRemover
from server_utils import DialinSettings, DialoutSettings, Limits, create_daily_room
from tests.gateway.conftest import Configure
from tests.gateway.far import Answer, Far

INCOMING = DialinSettings(call_id="c", call_domain="d", To="+14155550100", From="+12025550123")
OUTGOING = DialoutSettings(phone_number="+12025550123", caller_id=None)
NO_HEADER = {"error": "authorization-header-error", "info": "invalid authorization header"}
NO_ROOM = {"error": "invalid-request-error", "info": "room not found"}
FAILURES: list[tuple[str, Answer, type[errors.RoomError], bool]] = [
    ("rooms", Answer(400, {"error": "invalid-request-error"}), errors.RoomRejectedError, False),
    ("rooms", Answer(400, NO_HEADER), errors.RoomUnauthorizedError, False),
    ("rooms", Answer(401, {"error": "authentication-error"}), errors.RoomUnauthorizedError, False),
    ("rooms", Answer(403, {"error": "forbidden-error"}), errors.RoomUnauthorizedError, False),
    ("rooms", Answer(404, {"error": "not-found"}), errors.RoomRejectedError, False),
    ("rooms", Answer(429, {"error": "rate-limit-error"}), errors.RoomRateLimitedError, False),
    ("rooms", Answer(500, {"error": "server-error"}), errors.RoomUnavailableError, True),
    ("rooms", Answer(503, text="<html>"), errors.RoomUnavailableError, True),
    ("rooms", Answer(text="{"), errors.RoomUnavailableError, True),
    ("rooms", Answer(text="[]"), errors.RoomUnavailableError, True),
    ("rooms", Answer(text="{}"), errors.RoomUnavailableError, True),
    ("rooms", Answer(hang=True), errors.RoomUnavailableError, True),
    ("rooms", Answer(reset=True), errors.RoomUnavailableError, True),
    ("tokens", Answer(400, NO_ROOM), errors.RoomError, True),
    ("tokens", Answer(401, {"error": "authentication-error"}), errors.RoomUnauthorizedError, True),
    ("tokens", Answer(429, {"error": "rate-limit-error"}), errors.RoomRateLimitedError, True),
    ("tokens", Answer(500), errors.RoomUnavailableError, True),
    ("tokens", Answer(text="{}"), errors.RoomUnavailableError, True),
    ("tokens", Answer(text='{"token":7}'), errors.RoomUnavailableError, True),
    ("tokens", Answer(text="null"), errors.RoomUnavailableError, True),
    ("tokens", Answer(hang=True), errors.RoomUnavailableError, True),
    ("tokens", Answer(reset=True), errors.RoomUnavailableError, True),
]


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def remover(http: aiohttp.ClientSession, far: Far, pauses: list[float] | None = None) -> RoomRemover:
    async def sleep(seconds: float) -> None:
        (pauses if pauses is not None else []).append(seconds)

    return RoomRemover(http, api_url=f"{far.url}/v1", api_key="daily-key", timeout_s=30, sleep=sleep)


@pytest.mark.parametrize(("script", "answer", "error", "orphan"), FAILURES)
async def test_every_failure_has_its_error(
    http: aiohttp.ClientSession,
    configure: Configure,
    far: Far,
    script: str,
    answer: Answer,
    error: type[errors.RoomError],
    orphan: bool,
) -> None:
    """Each way in which Daily can fail becomes one named error, and a room that may exist is named once."""
    settings = configure(upstream_timeout_s=2 if answer.hang else 60)
    settings.publish()
    getattr(far, script).append(answer)
    abandoned: list[str] = []
    with pytest.raises(errors.RoomError) as caught:
        await create_daily_room(INCOMING, http, settings, abandon=abandoned.append)
    assert type(caught.value) is error
    asked = far.of("/rooms")[0].body["name"]
    assert abandoned == ([asked] if orphan else [])
    far.release()


async def test_a_canceled_room_is_abandoned(
    http: aiohttp.ClientSession, configure: Configure, far: Far
) -> None:
    """When the launch is canceled while a room is being made, that room is named, too."""
    settings = configure()
    settings.publish()
    far.tokens.append(Answer(hang=True))
    abandoned: list[str] = []
    task = asyncio.create_task(create_daily_room(INCOMING, http, settings, abandon=abandoned.append))
    await far.until(lambda: bool(far.of("/meeting-tokens")))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert abandoned == [far.of("/rooms")[0].body["name"]]
    far.release()


async def test_a_room_without_sip_is_no_room(
    http: aiohttp.ClientSession, configure: Configure, far: Far
) -> None:
    """A dial-in room without a SIP endpoint could never be reached: it is an error, not a silent caller."""
    settings = configure()
    settings.publish()
    far.rooms.append(
        Answer(
            body={
                "id": "1",
                "name": "n",
                "api_created": True,
                "privacy": "public",
                "url": "https://clinic.daily.co/n",
                "created_at": "",
                "config": {},
            }
        )
    )
    abandoned: list[str] = []
    with pytest.raises(errors.RoomError, match="SIP"):
        await create_daily_room(INCOMING, http, settings, abandon=abandoned.append)
    assert len(abandoned) == 1


async def test_an_outgoing_room(http: aiohttp.ClientSession, configure: Configure, far: Far) -> None:
    """A dial-out room has dial-out, no SIP, and lasts as long as all dials and the call may take."""
    settings = configure()
    settings.publish()
    limits = Limits(max_duration_s=600, ring_timeout_s=60, dial_attempts=10)
    room = await create_daily_room(OUTGOING, http, settings, limits=limits)
    properties = far.of("/rooms")[0].body["properties"]
    token = far.of("/meeting-tokens")[0].body["properties"]
    assert properties["enable_dialout"] is True
    assert "sip" not in properties
    assert token["is_owner"] is True
    assert room.sip_endpoint is None
    assert room.token not in repr(room)
    short = await create_daily_room(
        OUTGOING, http, settings, limits=limits.model_copy(update={"dial_attempts": 1})
    )
    assert short.name != room.name
    lifetimes = [seen.body["properties"]["exp"] for seen in far.of("/rooms")]
    assert lifetimes[0] - lifetimes[1] > 9 * 60


async def test_removal_is_patient(http: aiohttp.ClientSession, far: Far) -> None:
    """A removal that meets the rate limit or a fault is repeated with growing pauses."""
    far.deletes.extend([Answer(429), Answer(500), Answer(503)])
    pauses: list[float] = []
    rooms = remover(http, far, pauses)
    rooms.remove("one")
    await rooms.drain(60)
    assert far.deleted == ["one"]
    assert len(pauses) == 3
    assert pauses[0] < pauses[2]


async def test_removal_of_many_is_one_at_a_time(http: aiohttp.ClientSession, far: Far) -> None:
    """Rooms are deleted one after the other, whoever is in a hurry."""
    far.deletes.append(Answer(hang=True, body={"deleted": True}))
    rooms = remover(http, far)
    for number in range(5):
        rooms.remove(f"room-{number}")
    await far.until(lambda: bool(far.seen))
    await asyncio.sleep(0.1)
    assert len(far.seen) == 1
    far.release()
    await rooms.drain(60)
    assert far.deleted == [f"room-{number}" for number in range(5)]


async def test_removal_gives_up(http: aiohttp.ClientSession, far: Far) -> None:
    """A room that cannot be deleted is left to its expiry after six tries, and one that is gone is fine."""
    far.deletes.extend([Answer(500)] * 6 + [Answer(404)])
    rooms = remover(http, far)
    rooms.remove("stuck")
    rooms.remove("gone")
    await rooms.drain(60)
    assert [seen.path.rpartition("/")[2] for seen in far.seen] == ["stuck"] * 6 + ["gone"]
