"""Takes requests for calls out, and says what becomes of them."""

from dataclasses import dataclass

from frontdesk.calls.models import State
from frontdesk.calls.plan import Plan
from frontdesk.calls.state import CallState
from frontdesk.calls.views import moment
from frontdesk.dialout.acceptance import Acceptance, Accepted
from frontdesk.dialout.idempotency import Key
from frontdesk.dialout.models import DialoutAnswer, DialoutRequest
from frontdesk.dialout.progress import Followed, Progress, bot_of
from frontdesk.organizations import Organization


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of a request.

    Args:
        answer: Where the call stands.
        replayed: The request was accepted before.
    """

    answer: DialoutAnswer
    replayed: bool

    @property
    def known(self) -> bool:
        """Whether the waiting is over: a bot is on its way, or none will be."""
        return self.answer.status not in _BEFORE_A_BOT


_BEFORE_A_BOT = {State.SCHEDULED, State.QUEUED, State.RESCHEDULED, State.LAUNCHING}


class DialoutService:
    """Has calls accepted, and waits a little for their bots.

    Args:
        acceptance: Accepts the calls.
        progress: Tells what becomes of them.
    """

    def __init__(self, acceptance: Acceptance, progress: Progress) -> None:
        self._acceptance = acceptance
        self._progress = progress

    async def place(
        self, request: DialoutRequest, organization: Organization, *, key: Key | None, wait_s: float
    ) -> Placed:
        """Accept a call, or find the one that the same request made, and say where it stands.

        Args:
            request: The call.
            organization: Whose it is.
            key: What makes the request safe to repeat.
            wait_s: Seconds to wait for the bot of a new call; the launch goes on afterwards.

        Raises:
            FrontdeskError: See `Acceptance.accept`.
        """
        accepted = await self._acceptance.accept(request, organization, key=key)
        if accepted.replayed:
            return Placed(_answer(accepted, Followed(accepted.state)), replayed=True)
        with self._progress.following(accepted.call_id, accepted.state) as followed:
            await self._progress.settled(accepted.call_id, followed, wait_s)
        return Placed(_answer(accepted, followed), replayed=False)


def _answer(accepted: Accepted, followed: Followed) -> DialoutAnswer:
    state, launched = followed.state, followed.launched
    if state is None:
        return _spooled(accepted)
    waiting, bot = state.waiting, bot_of(state)
    return DialoutAnswer(
        call_id=accepted.call_id,
        status=_status(state, on_its_way=launched is not None or bot is not None),
        room_url=launched.room_url if launched else (bot.room_url or None) if bot else None,
        next_attempt_at=moment(waiting.at) if waiting else None,
        waiting_for=waiting.why if waiting else None,
        ended_reason=state.ended_reason,
        detail=state.ended_detail or None,
    )


def _status(state: CallState, *, on_its_way: bool) -> State:
    """Where it stands; a bot that is on its way counts as dialing, for a request and for its repetitions."""
    return State.DIALING if on_its_way and state.state is State.LAUNCHING else state.state


def _spooled(accepted: Accepted) -> DialoutAnswer:
    plan, call = Plan.from_json(accepted.call.plan), accepted.call
    later = plan.earliest_at > call.created_at
    return DialoutAnswer(
        call_id=call.id,
        status=State.SCHEDULED if later else State.QUEUED,
        next_attempt_at=moment(plan.earliest_at),
    )
