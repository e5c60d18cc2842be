"""What all calls of one bot process share, and how a call is taken."""

import asyncio
import contextlib

import aiohttp
from loguru import logger
from pipecat.runner.types import RunnerArguments, WebSocketRunnerArguments

from frontdesk.agent.call import Call, CallRefusedError, read_call
from frontdesk.agent.memory import Memory
from frontdesk.agent.models import SpareEars
from frontdesk.agent.rehearsal import rehearse
from frontdesk.agent.report import LoggedReport, Step
from frontdesk.agent.session import PhoneSession, SessionParts
from frontdesk.agent.speech import SpeechError, speech_services, warm
from frontdesk.ended import EndedReason
from frontdesk.logs import call_context, configure_logging
from frontdesk.organizations import Organizations, OrganizationsError, load_organizations
from frontdesk.settings import BotSettings, SettingsError


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
                await self._answer(read_call(args, settings, organizations), args, settings)
        except (CallRefusedError, SpeechError) as error:
            logger.error("the call cannot be taken: {}", error)
        except Exception:  # noqa: BLE001
            # The dev runner never looks at what became of a bot; nobody else would tell.
            logger.exception("the bot failed")
        finally:
            self._ears.refill()
            self._memory.call_over()

    async def _answer(self, call: Call, args: RunnerArguments, settings: BotSettings) -> None:
        report = LoggedReport()
        with call_context(call.call_id):
            report.step(Step.STARTED, direction=call.request.direction)
            async with aiohttp.ClientSession() as http:
                session = await self._open(call, settings, report, http)
                await session.run(handle_sigint=args.handle_sigint)

    async def _open(
        self, call: Call, settings: BotSettings, report: LoggedReport, http: aiohttp.ClientSession
    ) -> PhoneSession:
        language, instructions = call.organization.language, call.workflow.instructions
        try:
            ears, speech = await asyncio.gather(
                self._ears.take(), speech_services(settings, language=language, instructions=instructions)
            )
            return PhoneSession(call, SessionParts(settings, ears, speech, report, http, self._ears.refill))
        except Exception as error:
            report.ended(EndedReason.BOT_START_FAILED, type(error).__name__)
            raise
