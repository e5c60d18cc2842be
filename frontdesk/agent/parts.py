"""What a call is given from outside."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from frontdesk.agent.briefing import Briefing
from frontdesk.agent.dial_policy import DialPolicy
from frontdesk.agent.models import Ears
from frontdesk.agent.outbound import Decider
from frontdesk.agent.report import CallReport
from frontdesk.agent.speech import Speech
from frontdesk.contract import CallContext
from frontdesk.ended import EndedReason
from frontdesk.settings import BotSettings


@dataclass(frozen=True)
class SessionParts:
    """Services, models, and whom to tell and to ask."""

    settings: BotSettings
    ears: Ears
    speech: Speech
    report: CallReport
    http: aiohttp.ClientSession
    on_first_word: Callable[[], None]
    briefing: Briefing
    context: Callable[[], CallContext | None]
    """What the CRM has said of the caller by now."""
    orders: Callable[[], Awaitable[EndedReason]] | None = None
    """Waits until the gateway orders to hang up."""
    claim: Decider | None = None
    """Decides whether this bot may dial; None when nobody does."""
    policy: DialPolicy | None = None
