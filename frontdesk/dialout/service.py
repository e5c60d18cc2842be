"""Places outgoing calls."""

import asyncio
import time
import uuid
from collections.abc import Callable

from loguru import logger

from frontdesk.contract import DialoutSettings, Limits
from frontdesk.dialout.models import DialoutAnswer, DialoutRequest
from frontdesk.errors import FrontdeskError, InvalidBodyError, UnknownOrganizationError
from frontdesk.keys.models import Principal
from frontdesk.launch.call import Call
from frontdesk.launch.service import Launched, Launcher
from frontdesk.logs import call_context
from frontdesk.organizations import Organization, Organizations
from frontdesk.tasks import InFlight


class DialoutService:
    """Decides whose call it is and launches the bot that dials.

    Args:
        organizations: Who may call.
        launcher: Makes the room and starts the bot; the call goes into its books before anything else.
        limits: What a request leaves out; `max_duration_s` is also the most that it may ask for.
        clock: UTC seconds.
    """

    def __init__(
        self,
        organizations: Organizations,
        launcher: Launcher,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._organizations = organizations
        self._launcher = launcher
        self._limits = limits
        self._clock = clock
        self._tasks = InFlight()

    async def place(self, request: DialoutRequest, wait_s: float, principal: Principal) -> DialoutAnswer:
        """Place a call, and wait a while for its bot.

        A launch is never repeated here: the phone might ring twice. What is not in the books is not dialed.

        Args:
            request: The call.
            principal: Who places it.
            wait_s: Seconds to wait for the launch; it goes on afterwards.

        Raises:
            UnknownOrganizationError: There is no such organization for the principal, or no default one.
            UnknownWorkflowError: The organization has no such workflow.
            InvalidBodyError: The limits exceed those of the gateway, or the number to be shown is another
                organization's.
            NotRecordedError: Nothing takes the call's record; nothing was dialed.
            UpstreamError: The launch failed within the wait.
        """
        call = self._call(request, principal)
        await self._launcher.books.accept(call)
        launch = self._tasks.start(self._launch(call))
        await asyncio.wait((launch,), timeout=wait_s)
        if not launch.done():
            return DialoutAnswer(call_id=call.call_id, status="launching")
        outcome = launch.result()
        if isinstance(outcome, FrontdeskError):
            raise outcome
        return DialoutAnswer(call_id=call.call_id, status="dialing", room_url=outcome.room_url)

    async def drain(self, timeout_s: float) -> None:
        """Wait for the launches in flight, but not longer than this."""
        await self._tasks.drain(timeout_s)

    def _call(self, request: DialoutRequest, principal: Principal) -> Call:
        organization = self._organization(request.organization, principal)
        return Call(
            call_id=uuid.uuid4().hex,
            created_at=self._clock(),
            installation=self._launcher.books.installation,
            organization=organization,
            workflow=organization.knows(request.workflow or organization.outbound_workflow),
            line=self._with_caller_id(request.dialout_settings, organization),
            limits=self._within(request.limits.over(self._limits)),
            voicemail=request.voicemail,
            patient_id=request.patient_id,
            patient_data=request.patient_data,
            variables=request.variables,
            metadata=request.metadata,
        )

    def _organization(self, slug: str | None, principal: Principal) -> Organization:
        if slug is not None:
            organization = self._organizations.by_slug(slug)
            if not principal.sees(str(organization.id)):
                raise UnknownOrganizationError
            return organization
        if principal.organization_id is not None:
            return self._organizations.by_id(principal.organization_id)
        if self._organizations.default is None:
            raise UnknownOrganizationError("Name the `organization`: none of them is the default.")
        return self._organizations.default

    def _within(self, limits: Limits) -> Limits:
        longest = self._limits.max_duration_s
        if limits.max_duration_s > longest:
            field = {"field": "limits.max_duration_s", "message": f"at most {longest} on this gateway"}
            raise InvalidBodyError(errors=[field])
        return limits

    def _with_caller_id(self, settings: DialoutSettings, organization: Organization) -> DialoutSettings:
        """Daily shows any of the domain's numbers when none is named, and any that is."""
        named = settings.caller_id
        if named is None or named == organization.caller_id:
            return settings.model_copy(update={"caller_id": organization.caller_id})
        if any(named == other.caller_id for other in self._organizations):
            field = {"field": "dialout_settings.caller_id", "message": "is not the organization's"}
            raise InvalidBodyError(errors=[field])
        return settings

    async def _launch(self, call: Call) -> Launched | FrontdeskError:
        with call_context(call.call_id), self._launcher.launching(call) as launch:
            try:
                return await launch.attempt()
            except FrontdeskError as error:
                problem = error
            except Exception:  # noqa: BLE001 - the caller must get an answer, and the log the cause
                logger.exception("the launch failed for a reason that nobody foresaw")
                problem = FrontdeskError()
            await launch.give_up(problem)
            problem.extensions["call_id"] = call.call_id
            logger.error("the call was not placed: {}", problem.code)
            return problem
