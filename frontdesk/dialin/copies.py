"""Copies of a webhook that come to another gateway, or after a restart: the books answer them."""

import uuid

from frontdesk.calls import evidence
from frontdesk.calls.state import CallState
from frontdesk.dialin.models import DialinAnswer

_CALL_IDS = uuid.UUID("c2b7f1f6-6f5e-4a38-9d3c-0d6f6f7a7b11")


def call_id_of(daily_call_id: str) -> str:
    """Frontdesk's id of an incoming call; it follows from Daily's, so copies of a webhook are one call."""
    return uuid.uuid5(_CALL_IDS, daily_call_id).hex


class CallKnownError(Exception):
    """The books held the call already: an earlier copy of its webhook was here, perhaps at another gateway.

    Args:
        state: Where the call stands; None when the books cannot tell at the moment.
    """

    def __init__(self, state: CallState | None) -> None:
        super().__init__("the call is known")
        self.state = state


def answer_from_record(call_id: str, state: CallState | None) -> DialinAnswer:
    """What a copy of the webhook is answered."""
    if state is None or launching(state):
        return DialinAnswer(call_id=call_id, status="launching")
    if state.ended:
        return DialinAnswer(call_id=call_id, status="ended")
    return DialinAnswer(call_id=call_id, status="started", session_id=state.attempts[-1].session_id or None)


def launching(state: CallState) -> bool:
    """Whether no bot is known for the latest attempt of an open call, or one that left its caller on hold."""
    last = state.attempts[-1] if state.attempts else None
    if last is None or state.ended:
        return not state.ended
    return evidence.left_in_vain(state, last) or (last.bot_started_at is None and last.heard_at is None)
