"""How a call out is to be tried: when, how often, and after which outcomes again."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from frontdesk.calls.codec import dumped, loaded
from frontdesk.calls.models import Data


class RetryOn(StrEnum):
    """Outcomes after which a call may be tried again, as requests name them."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    """The phone network did not put the call through, or service or bot failed before a phone was dialed."""
    VOICEMAIL = "voicemail"
    """A machine answered, and no message was left."""


class OnBlocked(StrEnum):
    """What becomes of a call that may not be made now, but may be later."""

    RESCHEDULE = "reschedule"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a call out was accepted with. Times are UTC seconds.

    Args:
        earliest_at: Not dialed before.
        latest_at: Not dialed after; a call that waits until then ends as `expired`.
        max_attempts: Most attempts that may reach the phone network.
        retry_on: See `RetryOn`.
        delays_s: Before the second attempt, the third and so on, in seconds; the last one repeats.
        on_blocked: What to do when the gate says: later.
        timezone: The callee's own (IANA), by the request; None when it does not say.
        default_timezone: Of callees whose own nobody knows, by the campaign.
        consent_at: When the callee agreed to be called, by the request's account.
        urgent: Overtakes what campaigns have waiting.
    """

    earliest_at: float
    latest_at: float
    max_attempts: int = 1
    retry_on: tuple[RetryOn, ...] = ()
    delays_s: tuple[float, ...] = ()
    on_blocked: OnBlocked = OnBlocked.RESCHEDULE
    timezone: str | None = None
    default_timezone: str | None = None
    consent_at: float | None = None
    urgent: bool = True

    def to_json(self) -> Data:
        """As `NewCall.plan` has it; what has its default is left out."""
        return dumped(self)

    @classmethod
    def from_json(cls, plan: Data) -> Self:
        """Read what `to_json` wrote."""
        return loaded(cls, plan)

    def delay_s(self, attempts: int) -> float:
        """Seconds to wait after so many attempts that reached the network, counted from 1."""
        if not self.delays_s:
            return 0.0
        return self.delays_s[min(attempts, len(self.delays_s)) - 1]


@dataclass(frozen=True, slots=True)
class Brief:
    """What only the bot needs of a call out; personal, and erased as what is said is.

    Args:
        voicemail: `Voicemail`, as the bot gets it.
        patient_data: As the bot gets it.
    """

    voicemail: Data
    patient_data: Data
