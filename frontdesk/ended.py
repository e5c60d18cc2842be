"""Why a call ended, in one word that stays the same wherever it is reported, and what to do about it.

The page of them, docs/ended-reasons.md, is written by `python -m frontdesk.calls.reasons`.
"""

from dataclasses import dataclass
from enum import StrEnum


class EndedBy(StrEnum):
    """On whose side a call ended."""

    CALLER = "caller"
    CALLEE = "callee"
    BOT = "bot"
    GATEWAY = "gateway"
    CRM = "crm"
    CARRIER = "carrier"
    DAILY = "daily"
    HOST = "host"
    UNKNOWN = "unknown"


class EndedReason(StrEnum):
    """The reason of a call's end; the first one that is known holds. `ENDED_REASONS` says more of each."""

    CALLER_HANGUP = "caller_hangup"
    BOT_HANGUP = "bot_hangup"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    BUSY_OR_NO_ANSWER = "busy_or_no_answer"
    DECLINED = "declined"
    INVALID_NUMBER = "invalid_number"
    VOICEMAIL_LEFT = "voicemail_left"
    VOICEMAIL_NO_MESSAGE = "voicemail_no_message"
    CALL_SCREENED = "call_screened"
    IVR_REACHED = "ivr_reached"
    CARRIER_UNAVAILABLE = "carrier_unavailable"
    CARRIER_REJECTED = "carrier_rejected"
    SILENCE = "silence"
    MAX_DURATION = "max_duration"
    TRANSFERRED = "transferred"
    TRANSFER_FAILED = "transfer_failed"
    CANCELED = "canceled"
    REFUSED = "refused"
    BLOCKED_QUIET_HOURS = "blocked_quiet_hours"
    BLOCKED_DO_NOT_CALL = "blocked_do_not_call"
    BLOCKED_FREQUENCY = "blocked_frequency"
    BLOCKED_CONSENT = "blocked_consent"
    BLOCKED_CLOSED = "blocked_closed"
    BLOCKED_TIMEZONE = "blocked_timezone"
    BLOCKED_CRM = "blocked_crm"
    EXPIRED = "expired"
    CAPACITY = "capacity"
    SERVICE_FAILED = "service_failed"
    BOT_START_FAILED = "bot_start_failed"
    BOT_CRASHED = "bot_crashed"
    OUTCOME_UNKNOWN = "outcome_unknown"
    LOST = "lost"

    @property
    def retryable(self) -> bool:
        """Whether a later call may come to more."""
        return ENDED_REASONS[self].retryable

    @property
    def ended_by(self) -> EndedBy:
        """Who ended the call, unless the record knows better."""
        return ENDED_REASONS[self].ended_by


@dataclass(frozen=True, slots=True)
class Ending:
    """What there is to know of a reason.

    Args:
        title: What happened, half a sentence.
        ended_by: On whose side the call ended, as far as the reason tells.
        retryable: Whether a later call may come to more.
        advice: What to do.
    """

    title: str
    ended_by: EndedBy
    retryable: bool
    advice: str


_NOTHING = "Nothing to do."
_LATER = "Call again later."

ENDED_REASONS: dict[EndedReason, Ending] = {
    EndedReason.CALLER_HANGUP: Ending(
        "The person on the phone hung up, also while still on hold", EndedBy.CALLER, False, _NOTHING
    ),
    EndedReason.BOT_HANGUP: Ending(
        "The conversation was done and the bot said goodbye", EndedBy.BOT, False, _NOTHING
    ),
    EndedReason.BUSY: Ending("The line was busy", EndedBy.CALLEE, True, "Call again in some minutes."),
    EndedReason.NO_ANSWER: Ending("The phone rang and nobody picked up", EndedBy.CALLEE, True, _LATER),
    EndedReason.BUSY_OR_NO_ANSWER: Ending(
        "Nobody picked up; Daily's events do not tell whether the line was busy", EndedBy.CALLEE, True, _LATER
    ),
    EndedReason.DECLINED: Ending(
        "The callee declined the call", EndedBy.CALLEE, False, "Do not call again without asking."
    ),
    EndedReason.INVALID_NUMBER: Ending(
        "There is no such number", EndedBy.CARRIER, False, "Correct the number in the CRM."
    ),
    EndedReason.VOICEMAIL_LEFT: Ending(
        "A machine answered and the message was left", EndedBy.BOT, False, _NOTHING
    ),
    EndedReason.VOICEMAIL_NO_MESSAGE: Ending(
        "A machine answered and no message was left", EndedBy.BOT, True, _LATER
    ),
    EndedReason.CALL_SCREENED: Ending(
        "A screening assistant answered and did not put the call through", EndedBy.CALLEE, True, _LATER
    ),
    EndedReason.IVR_REACHED: Ending(
        "A phone menu answered", EndedBy.BOT, False, "Store a number that a person answers."
    ),
    EndedReason.CARRIER_UNAVAILABLE: Ending(
        "The phone network did not put the call through", EndedBy.CARRIER, True, _LATER
    ),
    EndedReason.CARRIER_REJECTED: Ending(
        "Daily refuses calls like this one",
        EndedBy.DAILY,
        False,
        "Check that dial-out is enabled for the domain, and the caller ID.",
    ),
    EndedReason.SILENCE: Ending(
        "The person on the phone no longer said anything", EndedBy.BOT, True, "Call again, or write."
    ),
    EndedReason.MAX_DURATION: Ending(
        "The call reached its longest duration",
        EndedBy.GATEWAY,
        False,
        "Raise `max_duration_s` if calls like this one need longer.",
    ),
    EndedReason.TRANSFERRED: Ending(
        "The call was handed to another phone and ended there", EndedBy.CALLER, False, _NOTHING
    ),
    EndedReason.TRANSFER_FAILED: Ending(
        "The call was to be handed to another phone, which did not answer",
        EndedBy.CARRIER,
        True,
        "Call the person back; check the number that calls are handed to.",
    ),
    EndedReason.CANCELED: Ending(
        "The call was called off, or the bot's host stopped the session", EndedBy.CRM, False, _NOTHING
    ),
    EndedReason.REFUSED: Ending(
        "The CRM refused the caller; the bot said so and hung up",
        EndedBy.CRM,
        False,
        "Change the CRM's answer if the caller should be served.",
    ),
    EndedReason.BLOCKED_QUIET_HOURS: Ending(
        "It was too late or too early in the callee's time zone",
        EndedBy.GATEWAY,
        True,
        "Call again within the hours that are allowed.",
    ),
    EndedReason.BLOCKED_DO_NOT_CALL: Ending(
        "The callee asked not to be called", EndedBy.GATEWAY, False, "Reach the person in another way."
    ),
    EndedReason.BLOCKED_FREQUENCY: Ending(
        "The callee was called as often as is allowed", EndedBy.GATEWAY, True, "Call again on another day."
    ),
    EndedReason.BLOCKED_CONSENT: Ending(
        "The callee's consent is missing", EndedBy.GATEWAY, False, "Record the consent, then call again."
    ),
    EndedReason.BLOCKED_CLOSED: Ending(
        "The organization was closed, or had a holiday",
        EndedBy.GATEWAY,
        True,
        "Call again within the hours of the organization.",
    ),
    EndedReason.BLOCKED_TIMEZONE: Ending(
        "The callee's time zone is not known, so nobody knows whether it is night there",
        EndedBy.GATEWAY,
        False,
        "Store the time zone with the patient, or send it with the request.",
    ),
    EndedReason.BLOCKED_CRM: Ending(
        "The CRM, asked right before the dial, did not clearly say yes",
        EndedBy.CRM,
        False,
        "Change the CRM's answer if the call should be made.",
    ),
    EndedReason.EXPIRED: Ending(
        "The time in which the call was to be made was over", EndedBy.GATEWAY, False, "Ask for a new call."
    ),
    EndedReason.CAPACITY: Ending(
        "Every bot was busy", EndedBy.GATEWAY, True, "Call again later, or raise max_agents of the agent."
    ),
    EndedReason.SERVICE_FAILED: Ending(
        "Speech to text, the language model or text to speech could no longer be used",
        EndedBy.BOT,
        True,
        "Check the keys and the state of the AI services, then call again.",
    ),
    EndedReason.BOT_START_FAILED: Ending(
        "No bot came to the call's room",
        EndedBy.HOST,
        True,
        "Check the bot's deployment and its log, then call again.",
    ),
    EndedReason.BOT_CRASHED: Ending(
        "The bot was gone without a word; the gateway hung up",
        EndedBy.HOST,
        True,
        "Check the bot's log, then call again.",
    ),
    EndedReason.OUTCOME_UNKNOWN: Ending(
        "The phone may have been dialed, and nobody can tell what became of it",
        EndedBy.UNKNOWN,
        False,
        "It is not dialed again by itself: look at the call's timeline, then decide.",
    ),
    EndedReason.LOST: Ending(
        "The caller never got connected, or the room or the line went away during the call",
        EndedBy.UNKNOWN,
        True,
        "Call again; look at the call's timeline.",
    ),
}
