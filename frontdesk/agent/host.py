"""What all calls of one bot process share, and how a call is taken."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from loguru import logger
from pipecat.runner.types import RunnerArguments, WebSocketRunnerArguments
from pydantic import ValidationError

from frontdesk.agent.briefing import brief
from frontdesk.agent.call import Call, CallRefusedError, read_call
from frontdesk.agent.claim import Claim, Verdict
from frontdesk.agent.link import LINGER_S, Link
from frontdesk.agent.link_context import CallerContext
from frontdesk.agent.memory import Memory
from frontdesk.agent.models import SpareEars
from frontdesk.agent.parts import SessionParts
from frontdesk.agent.rehearsal import rehearse
from frontdesk.agent.report import CallReport, LinkedReport, LoggedReport, Step
from frontdesk.agent.session import PhoneSession
from frontdesk.agent.speech import SpeechError, speech_services, warm
from frontdesk.contract import AgentRequest
from frontdesk.ended import EndedReason
from frontdesk.logs import call_context, configure_logging
from frontdesk.organizations import Organizations, OrganizationsError, load_organizations
from frontdesk.settings import BotSettings, SettingsError

_STOPPED_LINGER_S = 5.0
"""A host that stops the session does not wait for long."""


class Host:
    """Takes calls. Settings and organizations are read once, at the first call or before it."""

    def __init__(self) -> None:
        self._ears = SpareEars()
        self._memory = Memory()
        self._read: tuple[BotSettings, Organizations] | None = None
        self._logs_taken = False

    def warm(self) -> None:
        """Load what the first call needs, as far as the environment allows; blocking, for the start."""
        with contextlib.suppress(SettingsError, OrganizationsError):
            self.prepare()
        # Before the models: what is frozen is never given back, and they belong to the first call.
        self._memory.settle()
        self._ears.warm()

    def prepare(self) -> tuple[BotSettings, Organizations]:
        """Read settings and organizations.

        Raises:
            frontdesk.settings.SettingsError: The environment cannot be used.
            frontdesk.organizations.OrganizationsError: The files of `clinics/` cannot be used.
        """
        if self._read is None:
            settings = BotSettings.load()
            organizations = load_organizations(settings.clinics_dir)
            warm(settings)
            self._read = settings, organizations
        return self._read

    def take_over_logs(self) -> None:
        """Send every line through our one sink."""
        settings, _ = self.prepare()
        configure_logging(level=settings.log_level, production=settings.env == "production")

    async def take(self, args: RunnerArguments) -> None:
        """Take one call, or rehearse one with the evaluation harness; what cannot be taken is logged."""
        settings, organizations = self.prepare()
        if not self._logs_taken:
            # Runners set up a sink of their own after the start of the process, with everything in it.
            self._logs_taken = True
            self.take_over_logs()
        try:
            if isinstance(args, WebSocketRunnerArguments):
                await rehearse(args, settings, organizations, await self._ears.take())
            else:
                await self._answer(await _read(args, settings, organizations), args, settings)
        except (CallRefusedError, SpeechError) as error:
            logger.error("the call cannot be taken: {}", error)
        except Exception:  # noqa: BLE001
            # The dev runner never looks at what became of a bot; nobody else would tell.
            logger.exception("the bot failed")
        finally:
            self._ears.refill()
            self._memory.call_over()

    async def _answer(self, call: Call, args: RunnerArguments, settings: BotSettings) -> None:
        with call_context(call.call_id):
            async with aiohttp.ClientSession() as http, _linked(call.request, http) as (link, claim):
                report: CallReport = LoggedReport() if link is None else LinkedReport(link)
                report.step(Step.STARTED, direction=call.request.direction)
                async with _asking(call, http) as context:
                    outside = _Outside(report, http, context, link, claim)
                    # Nothing may hold on to the session while the link lingers.
                    await (await self._open(call, settings, outside)).run(handle_sigint=args.handle_sigint)

    async def _open(self, call: Call, settings: BotSettings, outside: "_Outside") -> PhoneSession:
        briefing = brief(call)
        try:
            ears, speech = await asyncio.gather(
                self._ears.take(),
                speech_services(
                    settings, language=call.organization.language, instructions=briefing.instructions
                ),
            )
            parts = SessionParts(
                settings,
                ears,
                speech,
                outside.report,
                outside.http,
                self._ears.refill,
                briefing,
                outside.context.arrived,
                None if outside.link is None else outside.link.ordered,
                outside.claim,
            )
            return PhoneSession(call, parts)
        except Exception as error:
            outside.report.ended(EndedReason.BOT_START_FAILED, type(error).__name__)
            raise


@dataclass(frozen=True)
class _Outside:
    """What a call has to do with the gateway."""

    report: CallReport
    http: aiohttp.ClientSession
    context: CallerContext
    link: Link | None
    claim: Claim | None


async def _read(args: RunnerArguments, settings: BotSettings, organizations: Organizations) -> Call:
    """The call; a gateway whose request cannot be used is told, so that it waits for no bot.

    Raises:
        CallRefusedError: As `read_call`.
    """
    try:
        return read_call(args, settings, organizations)
    except CallRefusedError:
        with contextlib.suppress(ValidationError):
            request = AgentRequest.model_validate(args.body)
            async with aiohttp.ClientSession() as http, _linked(request, http) as (link, _):
                if link is not None:
                    LinkedReport(link).ended(EndedReason.BOT_START_FAILED, "refused")
        raise


@asynccontextmanager
async def _linked(
    request: AgentRequest, http: aiohttp.ClientSession
) -> AsyncIterator[tuple[Link | None, Claim | None]]:
    """The call's link, and the claim of a call out; at the end both linger until everything was taken.

    What a bot has to report waits until its claim is decided: one that may not dial reports nothing.
    """
    link: Link | None = None

    def decided(verdict: Verdict) -> None:
        if link is not None:
            link.discard() if verdict is Verdict.REFUSED else link.start()

    claim = Claim.of(request, http, decided)
    link = Link.of(request, http, None if claim is None else claim.name)
    if link is None:
        yield None, None
        return
    link.start() if claim is None else claim.start()
    try:
        yield link, claim
    except asyncio.CancelledError:
        await _leave(link, claim, _STOPPED_LINGER_S)
        raise
    finally:
        await _leave(link, claim, LINGER_S)


async def _leave(link: Link, claim: Claim | None, within_s: float) -> None:
    if claim is not None:
        await claim.close(within_s)
    await link.close(within_s)


@asynccontextmanager
async def _asking(call: Call, http: aiohttp.ClientSession) -> AsyncIterator[CallerContext]:
    """Ask beside the joining who is calling."""
    context = CallerContext(http, call.request)
    context.start()
    try:
        yield context
    finally:
        await context.close()
