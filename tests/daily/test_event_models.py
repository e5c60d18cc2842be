"""What we keep of Daily's events: enough for the life of a call, nothing about a person."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdesk.calls.models import Source
from frontdesk.daily.events.models import DailyEvent, read_event
from frontdesk.daily.presence import BOT_USER_ID
from tests.daily.scene import name_of

NOW = 1_790_000_000.0
CALL = "0123456789abcdef0123456789abcdef"
ROOM = name_of(CALL)


def read(body: dict[str, Any]) -> DailyEvent | None:
    return read_event(body, json.dumps(body).encode(), NOW)


def envelope(kind: Any = "dialout.answered", **payload: Any) -> dict[str, Any]:
    return {
        "version": "1.0.0",
        "type": kind,
        "id": "2868-dial-out-con-1",
        "payload": {"room": ROOM, **payload},
        "event_ts": NOW - 1.5,
    }


def test_an_event_becomes_a_fact_of_its_call() -> None:
    """Call and attempt come from the room's name, id and time from Daily, the type gets its prefix."""
    event = read(envelope(session_id="leg-1", timestamp="1790000000"))
    assert event is not None
    fact = event.fact
    assert (fact.call_id, fact.attempt, fact.id) == (CALL, 1, "2868-dial-out-con-1")
    assert (fact.source, fact.type, fact.at) == (Source.DAILY, "daily.dialout.answered", NOW - 1.5)
    assert fact.data == {"session_id": "leg-1"}


def test_nothing_personal_is_kept() -> None:
    """Numbers, names, headers and addresses of people are left out, also of error texts."""
    personal = {
        "sip_from": "sip:+12025550123@carrier.example",
        "sip_headers": {"x-caller": "+12025550123"},
        "display_name": "Ann Example",
        "user_name": "Ann Example",
        "destination": "+12025550123",
        "origin": "+14155550100",
        "to_endpoint": "+12025550123",
        "error_msg": "486 busy: +1 (202) 555-0123, 2025550123",
        "caller_id": "2025550123",
        "anything_new": "+12025550123",
    }
    for kind in ("dialin.connected", "dialout.error", "participant.joined", "something.new"):
        event = read(envelope(kind, session_id="leg-1", **personal))
        assert event is not None
        kept = event.to_bytes().decode()
        assert "555" not in kept
        assert "Ann" not in kept
        assert "486 busy" in kept


@pytest.mark.parametrize(("user_id", "bot"), [(BOT_USER_ID, True), ("a-call", False), (None, False)])
def test_the_bot_is_told_from_phones(user_id: str | None, bot: bool) -> None:
    """A participant with the user id of the bot's token is the bot; nobody else is."""
    event = read(envelope("participant.left", session_id="s", user_id=user_id, owner=True, duration=3.5))
    assert event is not None
    assert event.data == {"session_id": "s", "owner": True, "duration": 3.5, "bot": bot}


@pytest.mark.parametrize(
    ("event_ts", "timestamp", "at"),
    [
        (NOW - 2, "1", NOW - 2),
        ((NOW - 2) * 1000, None, NOW - 2),
        (None, "1789999990", 1789999990.0),
        (None, 1789999990, 1789999990.0),
        (None, "1789999990000", 1789999990.0),
        (None, None, NOW),
        ("soon", "later", NOW),
        (0, 0, NOW),
        (True, [], NOW),
        (1e308, "1e400", NOW),
        (NOW + 10 * 24 * 3600, None, NOW),
    ],
)
def test_times_come_in_every_form(event_ts: Any, timestamp: Any, at: float) -> None:
    """Seconds and milliseconds, numbers and texts are read; nonsense counts as when it came."""
    event = read({**envelope(timestamp=timestamp), "event_ts": event_ts})
    assert event is not None
    assert event.at == at


@pytest.mark.parametrize(
    "room",
    [
        "somebody-elses",
        "",
        None,
        7,
        ["x"],
        "fd-abc123abc123abc1-short-1",
        f"fd-xyz123xyz123xyz1-{CALL}-1",
        f"{ROOM}0" * 20,
    ],
)
def test_rooms_of_others_are_not_ours(room: Any) -> None:
    """An event about a room without a name of ours is not read at all."""
    assert read(envelope(room=room)) is None


def test_recordings_name_their_room_differently() -> None:
    """`room_name` is as good as `room`."""
    event = read({**envelope(), "payload": {"room_name": ROOM, "recording_id": "r"}})
    assert event is not None
    assert event.data == {"recording_id": "r"}


def test_without_an_id_the_body_is_the_id() -> None:
    """Copies of an event without an id are one event, other bodies are another."""
    bodies: list[dict[str, Any]] = [{**envelope(session_id=leg), "id": None} for leg in ("a", "a", "b")]
    ids = [event.id for body in bodies if (event := read(body)) is not None]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].startswith("sha256-")


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=_ANYTHING,
    event_id=_ANYTHING,
    event_ts=_ANYTHING,
    payload=st.dictionaries(
        st.sampled_from(["session_id", "timestamp", "error_msg", "duration", "owner", "user_id", "x"]),
        _ANYTHING,
    ),
)
def test_nothing_that_is_signed_breaks_it(
    kind: Any, event_id: Any, event_ts: Any, payload: dict[str, Any]
) -> None:
    """Whatever an event of our room holds, it is read, and comes back from the spool as it was."""
    body = {"type": kind, "id": event_id, "event_ts": event_ts, "payload": {**payload, "room": ROOM}}
    event = read_event(body, repr(body).encode("utf-8", "replace"), NOW)
    assert event is not None
    assert 0 < len(event.id) <= 200
    assert DailyEvent.from_bytes(event.to_bytes()) == event


@pytest.mark.parametrize("line", [b"[]", b"7", b"{}", b'{"id":"1","color":"red"}', b"{"])
def test_what_is_no_event_is_a_value_error(line: bytes) -> None:
    """Whatever another version left in the spool: it is put aside, and the replay goes on."""
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
        DailyEvent.from_bytes(line)
