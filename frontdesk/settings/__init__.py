"""Every environment variable, typed, checked at start, with all problems listed at once.

Two processes read them: the gateway (`GatewaySettings`) and the bot (`BotSettings`). Names are those of
the official Pipecat and Daily examples where these have one. `python -m frontdesk.settings` writes
`.env.example`, which lists all of them.
"""

from frontdesk.settings.base import CommonSettings, SettingsError, is_loopback, is_placeholder, url_text
from frontdesk.settings.bot import BotSettings
from frontdesk.settings.gateway import GatewaySettings
from frontdesk.settings.laptop import LaptopSettings
from frontdesk.settings.ledger import LedgerSettings

__all__ = [
    "BotSettings",
    "CommonSettings",
    "GatewaySettings",
    "LaptopSettings",
    "LedgerSettings",
    "SettingsError",
    "is_loopback",
    "is_placeholder",
    "url_text",
]
