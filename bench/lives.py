"""Whole lives of calls as the gateway is told of them: webhook, the bot's reports, Daily's events."""

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bench.load import DAILY_KEY, SECRET, dialin, post
from frontdesk.daily.presence import BOT_USER_ID
from frontdesk.daily.room_names import room_name
from frontdesk.dialin.copies import call_id_of
from frontdesk.doors.signature import sign
from frontdesk.link.tokens import LinkTokens

_TOKEN_S = 3600
_HELLO = "Hello, this is Bright Smile Dental. How can I help you?"
_HOURS = "We are open from Monday to Friday, from eight in the morning to five in the afternoon."


def signed(body: bytes) -> tuple[str, str]:
    """Signature and timestamp of a webhook."""
    timestamp = str(int(time.time() * 1000))
    return sign(SECRET, timestamp, body), timestamp


def life(installation: str) -> list[bytes]:
    """Everything that the gateway is told of one incoming call of four turns, each message on its own."""
    daily_id = str(uuid.uuid4())
    call_id = call_id_of(daily_id)
    return [
        dialin(signed, daily_id),
        *_of_daily(room_name(installation, call_id, 1), _COMES),
        *_of_bot(call_id),
        *_of_daily(room_name(installation, call_id, 1), _GOES),
    ]


def _of_bot(call_id: str) -> Iterator[bytes]:
    """The bot's posts: what happens at one moment goes together, the rest as it comes."""
    leg, session = str(uuid.uuid4()), uuid.uuid4().hex
    batches: list[list[tuple[str, dict[str, Any]]]] = [
        [("joined", {})],
        [("dialin_ready", {}), ("forwarded", {})],
        [("connected", {"session_id": leg}), ("greeting", {})],
        [("first_word", {}), ("turn", {"role": "bot", "text": _HELLO})],
        [("turn", {"role": "user", "text": "What are your opening hours?"})],
        [
            ("tool", {"name": "opening_hours", "arguments": {}, "result": {"open": True}, "ok": True}),
            ("turn", {"role": "bot", "text": _HOURS, "latency_ms": {"total": 780.0}}),
        ],
        [("turn", {"role": "user", "text": "Have a nice day."}), ("ending", {"reason": "bot_hangup"})],
        [("ended", {"reason": "bot_hangup"})],
    ]
    token = LinkTokens(DAILY_KEY).issue(call_id, 1, _TOKEN_S)
    sequence = 0
    for batch in batches:
        events = []
        for kind, data in batch:
            sequence += 1
            number = f"{session}-{sequence:06}"
            events.append({"id": number, "sequence": sequence, "type": kind, "at": _now(), "data": data})
        body = json.dumps({"session_id": session, "events": events}).encode()
        yield post(f"/link/calls/{call_id}/events", body, {"Authorization": f"Bearer {token}"})


_COMES = ("meeting.started", "participant.joined", "dialin.ready", "dialin.connected", "participant.joined")
_GOES = ("participant.left", "dialin.stopped", "participant.left", "meeting.ended")


def _of_daily(room: str, types: tuple[str, ...]) -> Iterator[bytes]:
    """Daily's events, one a request, as Daily sends them."""
    for kind in types:
        payload = {"room": room, "session_id": str(uuid.uuid4()), "meeting_id": "m", "user_id": BOT_USER_ID}
        event = {"version": "1.0.0", "type": kind, "id": str(uuid.uuid4()), "payload": payload}
        body = json.dumps({**event, "event_ts": time.time()}).encode()
        signature, timestamp = signed(body)
        headers = {"X-Webhook-Signature": signature, "X-Webhook-Timestamp": timestamp}
        yield post("/daily-events", body, headers)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
