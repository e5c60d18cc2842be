"""Which bot an incoming call gets, once per call however often Daily tells of it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from loguru import logger

from frontdesk.calls.entries import LedgerCall, Opened
from frontdesk.calls.state import CallState
from frontdesk.contract import Limits
from frontdesk.dialin.answered import AnsweredCalls
from frontdesk.dialin.copies import CallKnownError, answer_from_record, call_id_of, launching
from frontdesk.dialin.hold import Hold
from frontdesk.dialin.models import DialinAnswer, DialinWebhook
from frontdesk.errors import FrontdeskError, LaunchTimeoutError, RoomError, RoomNameTakenError
from frontdesk.launch.call import Call
from frontdesk.launch.service import Launched, Launcher
from frontdesk.logs import call_context
from frontdesk.organizations import Organizations
from frontdesk.tasks import InFlight

Outcome = Launched | FrontdeskError | CallState | None


@dataclass(frozen=True, slots=True)
class _Entry:
    """One incoming call while it is launched: told of by any number of webhooks, launched once."""

    call_id: str
    received: float
    record: "asyncio.Task[Opened | None] | None"
    launch: asyncio.Task[Outcome]

    @property
    def work(self) -> tuple[asyncio.Task[Opened | None] | asyncio.Task[Outcome], ...]:
        """What is to be done before a webhook is answered."""
        return (self.launch, self.record) if self.record else (self.launch,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Seconds from the webhook.

    Args:
        answer_s: When a webhook is answered at the latest.
        record_s: How long a bot's start waits for the books, which spool what the database does not take.
        hold_s: How long a bot is sought before the caller hears Daily's message for a timed-out hold.
    """

    answer_s: float
    hold_s: float
    record_s: float = 1.0


class DialinService:
    """Finds the organization of an incoming call and launches its bot.

    Args:
        organizations: Who answers which number.
        launcher: Makes the room and starts the bot; beside that, the call goes into its books, and the CRM
            is asked who is calling.
        limits: How long calls may take.
        budget: How long the parts may take.
        hold: How launches are repeated.
        shared: Whether other gateways answer the same numbers.
        now: Monotonic seconds.
        clock: UTC seconds.

    Attributes:
        orphan: Told of a call that is left to another gateway, which may be no more, or leave it to this one.
    """

    def __init__(
        self,
        organizations: Organizations,
        launcher: Launcher,
        limits: Limits,
        *,
        budget: Budget,
        hold: Hold | None = None,
        shared: bool = False,
        now: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._organizations = organizations
        self._launcher = launcher
        self._limits = limits
        self._budget = budget
        self._shared = shared
        self._now = now
        self._clock = clock
        self._hold = hold or Hold(now)
        self._calls: dict[str, _Entry] = {}
        self._answered = AnsweredCalls(now=now)
        self._tasks = InFlight()
        self.orphan: Callable[[str], None] = lambda _call_id: None

    async def receive(
        self, webhook: DialinWebhook, organization: str | None = None, workflow: str | None = None
    ) -> DialinAnswer:
        """Launch a bot for the call, or join the launch that an earlier copy of the webhook began.

        The answer waits until the call is in the books or their time is over, whatever the launch does.

        Args:
            webhook: The call.
            organization: Slug that the path pins; by the called number when None.
            workflow: Conversation that the path pins; the organization's own when None.

        Raises:
            UnknownNumberError: Nobody answers the called number.
            UnknownOrganizationError: The pinned organization does not exist.
            UnknownWorkflowError: The pinned workflow does not exist.
            UpstreamError: No bot could be had.
        """
        call_id = call_id_of(webhook.call_id)
        entry = self._calls.get(call_id)
        if entry is None:
            if answer := self._answered.find(call_id):
                return answer
            entry = self._begin(call_id, webhook, organization, workflow)
        left = entry.received + self._budget.answer_s - self._now()
        await asyncio.wait(entry.work, timeout=max(0, left))
        return self._answer(entry)

    async def take_over(self, known: LedgerCall) -> None:
        """Launch a call of the books whose gateway is no more, for what is left of the caller's patience.

        Raises:
            FrontdeskError: Its organization or workflow is no more, or this cannot be written down.
        """
        books, attempt = self._launcher.books, known.state.attempt + 1
        organization = self._organizations.by_id(known.call.organization_id)
        call = Call.resumed(known.call, organization, books.installation)
        if not await books.take_over(call, attempt):
            return
        logger.info("a caller on hold is taken over from a gateway that is no more", attempt=attempt)
        left = self._budget.hold_s - (self._clock() - call.created_at)
        launch = self._tasks.start(self._launch(call, attempt, left, None))
        self._enter(_Entry(call.call_id, self._now(), None, launch))

    def launches(self, call_id: str) -> bool:
        """Whether this gateway is launching the call, or has done so."""
        return call_id in self._calls or call_id in self._answered

    async def drain(self, timeout_s: float) -> None:
        """Wait for the launches in flight, but not longer than this."""
        await self._tasks.drain(timeout_s)

    def _answer(self, entry: _Entry) -> DialinAnswer:
        if not entry.launch.done():
            return DialinAnswer(call_id=entry.call_id, status="launching")
        outcome = entry.launch.result()
        if isinstance(outcome, FrontdeskError):
            raise outcome
        if isinstance(outcome, Launched):
            return DialinAnswer(call_id=entry.call_id, status="started", session_id=outcome.session_id)
        return answer_from_record(entry.call_id, outcome)

    def _begin(self, call_id: str, webhook: DialinWebhook, slug: str | None, workflow: str | None) -> _Entry:
        if slug is None:
            organization = self._organizations.by_number(webhook.to)
        else:
            organization = self._organizations.by_slug(slug)
        call = Call(
            call_id=call_id,
            created_at=self._clock(),
            installation=self._launcher.books.installation,
            organization=organization,
            workflow=organization.knows(workflow or organization.inbound_workflow),
            line=webhook.settings(),
            limits=self._limits,
        )
        record = self._launcher.books.accept_beside(call)
        self._launcher.callers.ask(call_id, organization, webhook.from_, webhook.to)
        launch = self._tasks.start(self._launch(call, 1, self._budget.hold_s, record))
        return self._enter(_Entry(call_id, self._now(), record, launch))

    def _enter(self, entry: _Entry) -> _Entry:
        self._calls[entry.call_id] = entry
        for task in entry.work:
            task.add_done_callback(lambda _: self._settle(entry))
        return entry

    def _settle(self, entry: _Entry) -> None:
        """Of a call that is launched and written down, keep the answer alone: there may be many.

        A launch that was canceled stays, so that nobody launches again while the gateway stops.
        """
        over = all(task.done() for task in entry.work) and not entry.launch.cancelled()
        if self._calls.get(entry.call_id) is not entry or not over:
            return
        del self._calls[entry.call_id]
        outcome = entry.launch.result()
        if isinstance(outcome, Launched | FrontdeskError):
            self._answered.keep(entry.call_id, outcome)

    async def _launch(
        self, call: Call, first: int, hold_s: float, record: "asyncio.Task[Opened | None] | None"
    ) -> Outcome:
        async def ours(error: RoomError | None) -> None:
            await self._check_ours(record, error)

        with (
            call_context(call.call_id),
            self._launcher.launching(call, first=first, ours=ours if record else None) as launch,
        ):
            try:
                return await self._hold.launch(launch, hold_s)
            except CallKnownError as known:
                return self._join(call.call_id, known.state)
            except FrontdeskError as error:
                problem = error
            except TimeoutError:
                problem = LaunchTimeoutError()
            except Exception:  # noqa: BLE001 - every copy of the webhook must get an answer
                logger.exception("the launch failed for a reason that nobody foresaw")
                problem = FrontdeskError()
            logger.error("no bot for the caller, who will hear Daily's time-out message: {}", problem.code)
            await launch.give_up(problem)
            return problem

    async def _check_ours(
        self, record: "asyncio.Task[Opened | None] | None", error: RoomError | None
    ) -> None:
        """A broken ledger stops no call; one that knows the call already does.

        While it cannot tell, that the call's room exists already tells of another gateway.

        Raises:
            CallKnownError: The call was accepted before.
        """
        if record is None:
            return
        if not record.done():
            await asyncio.wait((record,), timeout=self._budget.record_s)
        elsewhere = self._shared and isinstance(error, RoomNameTakenError)
        opened = record.result() if record.done() and not record.cancelled() else None
        if opened is not None and not opened.created:
            raise CallKnownError(opened.state)
        if elsewhere and (opened.spooled if opened else not record.done()):
            raise CallKnownError(None)
        if opened is None:
            logger.error("the bot is started although the call is not in the books")

    def _join(self, call_id: str, state: CallState | None) -> CallState | None:
        """Answer from the books. Another copy shall look again: what they say changes."""
        del self._calls[call_id]
        if state is None or launching(state):
            self.orphan(call_id)
        return state
