"""What a start request tells the bot of the link."""

from pydantic import HttpUrl

from frontdesk.contract import Callback, Limits
from frontdesk.link.tokens import LinkTokens

HEARTBEAT_S = 10.0
_START_S = 300.0
"""A cold start may take this long."""
_BETWEEN_DIALS_S = 80.0
"""Starting a dial, the longest pause after it, and asking whether another one may follow."""
_FAREWELL_S = 60.0
_LINGER_S = 300.0
"""How long a bot that has left still offers its last reports."""


class Callbacks:
    """Makes the callbacks of start requests.

    Args:
        url: The gateway as bots reach it.
        tokens: Issues the tokens.
        hold_s: How long a caller may be on hold, in seconds.
        heartbeat_s: How often a bot must report, in seconds; several times within the ledger's lease.
    """

    def __init__(
        self, url: str, tokens: LinkTokens, *, hold_s: float, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._url = HttpUrl(url)
        self._tokens = tokens
        self._hold_s = hold_s
        self._heartbeat_s = heartbeat_s

    def callback_for(
        self, call_id: str, attempt: int, limits: Limits, *, ask_context: bool = False
    ) -> Callback:
        """The callback for the bot of one attempt.

        Args:
            call_id: Whose.
            attempt: Counted from 1.
            limits: How long the call may take; the token is good for longer than that.
            ask_context: Whether the CRM was asked who is calling, so that the bot should ask what it said.
        """
        return Callback(
            url=self._url,
            token=self._tokens.issue(call_id, attempt, self.lifetime_s(limits)),
            heartbeat_s=self._heartbeat_s,
            ask_context=ask_context,
        )

    def lifetime_s(self, limits: Limits) -> float:
        """Seconds after which nothing of the call can be left to report."""
        dialing_s = limits.dial_attempts * (limits.ring_timeout_s + _BETWEEN_DIALS_S)
        before_s = _START_S + max(self._hold_s, dialing_s)
        return before_s + limits.max_duration_s + _FAREWELL_S + _LINGER_S
