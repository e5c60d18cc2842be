"""What copies of a webhook are answered once the launch of their call is over."""

import time
from collections.abc import Callable

from frontdesk.dialin.models import DialinAnswer
from frontdesk.errors import FrontdeskError
from frontdesk.launch.service import Launched

KEEP_S = 900.0
MOST = 20_000
"""Some 10 MB. Of calls that are forgotten earlier, as of those of other gateways, the books tell."""


class AnsweredCalls:
    """Remembers of each call which bot it got, or why none: nothing else of a launch outlives it.

    Args:
        most: How many calls are remembered, the latest ones.
        keep_s: For how long, in seconds.
        now: Monotonic seconds.
    """

    def __init__(
        self, *, most: int = MOST, keep_s: float = KEEP_S, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._keep_s = keep_s
        self._now = now
        self._outcomes: dict[str, tuple[float, str | FrontdeskError]] = {}

    def __len__(self) -> int:
        return len(self._outcomes)

    def __contains__(self, call_id: str) -> bool:
        self._forget()
        return call_id in self._outcomes

    def keep(self, call_id: str, outcome: Launched | FrontdeskError) -> None:
        """The launch of a call is over."""
        self._outcomes.pop(call_id, None)
        kept = outcome.session_id if isinstance(outcome, Launched) else _bare(outcome)
        self._outcomes[call_id] = (self._now(), kept)
        self._forget()

    def find(self, call_id: str) -> DialinAnswer | None:
        """What the webhook of a call is answered; None when nothing is known of its launch.

        Raises:
            FrontdeskError: As the launch did.
        """
        self._forget()
        if call_id not in self._outcomes:
            return None
        _, kept = self._outcomes[call_id]
        if isinstance(kept, FrontdeskError):
            raise _bare(kept)
        return DialinAnswer(call_id=call_id, status="started", session_id=kept)

    def _forget(self) -> None:
        limit = self._now() - self._keep_s
        while self._outcomes:
            oldest = next(iter(self._outcomes))
            if len(self._outcomes) <= self._most and self._outcomes[oldest][0] > limit:
                return
            del self._outcomes[oldest]


def _bare(error: FrontdeskError) -> FrontdeskError:
    """The same error without its traceback, which holds on to everything that the launch had."""
    bare = type(error).__new__(type(error), *error.args)
    bare.__dict__.update(error.__dict__)
    return bare
