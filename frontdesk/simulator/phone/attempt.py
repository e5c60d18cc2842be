"""One call that a bot places: who, to whom, how it comes out, and what Daily tells about it."""

import uuid
from typing import TYPE_CHECKING, Any

from frontdesk.simulator.phone.conduct import Conduct, be_silent, converse, keep_mailbox, screen
from frontdesk.simulator.phone.people import Channel, Outcome, Person
from frontdesk.simulator.rooms.room import Room
from frontdesk.simulator.switches import Switches

if TYPE_CHECKING:
    import asyncio

    from frontdesk.simulator.records.record import Record

REASONS = {
    Outcome.BUSY: "486 Busy Here",
    Outcome.DECLINE: "603 Decline",
    Outcome.NO_ANSWER: "480 Temporarily Unavailable",
    Outcome.CARRIER_ERROR: "503 Service Unavailable",
    Outcome.INVALID_NUMBER: "404 Not Found",
}
"""Texts of failures: invented, since Daily publishes none."""


class Attempt:
    """One call to one number, from start_dialout to its end."""

    def __init__(
        self,
        room: Room,
        settings: dict[str, Any],
        person: Person,
        outcome: Outcome,
        record: "Record",
        origin: str,
    ) -> None:
        self.session_id = str(uuid.uuid4())
        self.room = room
        self.settings = settings
        self.person = person
        self.outcome = outcome
        self.record = record
        self.origin = origin
        self.joined = False
        self.task: asyncio.Task[None] | None = None
        record.room, record.session_id = room.name, self.session_id
        self._trace = str(uuid.uuid4())

    @property
    def destination(self) -> str:
        """Number or SIP address."""
        return str(self.settings.get("phoneNumber") or self.settings.get("sipUri"))

    def client_data(self, **more: Any) -> dict[str, Any]:
        """What the bot's events carry (daily-python reference, types)."""
        return {
            "sessionId": self.session_id,
            "userId": self.settings.get("userId") or self.session_id,
            "destination": self.destination,
            "callerId": self.settings.get("callerId"),
            "provider": "signalwire",
            "sipCallId": self.record.id,
            "actionTraceId": self._trace,
            **more,
        }

    def domain_data(self) -> dict[str, Any]:
        """What the domain's webhooks carry (Daily docs, webhook events, dialout.*)."""
        user_id = self.settings.get("userId")
        return {
            "session_id": self.session_id,
            "destination": self.destination,
            "origin": self.origin,
            "caller_id": self.settings.get("callerId"),
            **({"user_id": user_id} if user_id else {}),
        }

    def error_data(self, text: str) -> dict[str, Any]:
        """What dialout.error carries."""
        user_id = self.settings.get("userId")
        return {"session_id": self.session_id, "error_msg": text, **({"user_id": user_id} if user_id else {})}


def channel_of(attempt: Attempt, switches: Switches) -> Channel:
    """How the bot learns that a call was not answered: as the person says, or else the switches."""
    if attempt.person.channel is not None:
        return attempt.person.channel
    if attempt.outcome is Outcome.INVALID_NUMBER:
        return "completion" if switches.refusal_channel == "completion" else "error"
    chosen: Channel = "error"
    if attempt.outcome is Outcome.NO_ANSWER:
        chosen = switches.no_answer_as
    elif attempt.outcome in {Outcome.BUSY, Outcome.DECLINE}:
        chosen = switches.busy_as
    return "error_then_stopped" if chosen == "error" and switches.stopped_after_error else chosen


def conduct_of(person: Person, outcome: Outcome) -> Conduct:
    """What whoever picked up does."""
    if outcome is Outcome.VOICEMAIL:
        return keep_mailbox(person.voicemail, person)
    if outcome is Outcome.SCREENING:
        return screen(person.screening, person)
    if outcome is Outcome.SILENT:
        return be_silent(person.patience_s)
    return converse(person, person.hello)
