"""Why a call ended, in one word that stays the same wherever it is reported."""

from enum import StrEnum


class EndedReason(StrEnum):
    """The reason of a call's end; the first one that is known holds."""

    CALLER_HANGUP = "caller_hangup"
    """The person on the phone hung up, also while still on hold."""
    BOT_HANGUP = "bot_hangup"
    """The conversation was done and the bot said goodbye."""
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    BUSY_OR_NO_ANSWER = "busy_or_no_answer"
    """Nobody picked up; Daily's events do not tell whether the line was busy."""
    DECLINED = "declined"
    INVALID_NUMBER = "invalid_number"
    CARRIER_UNAVAILABLE = "carrier_unavailable"
    """The phone network did not put the call through; it may later."""
    CARRIER_REJECTED = "carrier_rejected"
    """Daily refuses calls like this one; trying again does not help."""
    SILENCE = "silence"
    """The person on the phone no longer said anything."""
    MAX_DURATION = "max_duration"
    CANCELED = "canceled"
    """The call was called off, or the bot's host stopped the session."""
    SERVICE_FAILED = "service_failed"
    """Speech to text, the language model or text to speech could no longer be used."""
    BOT_START_FAILED = "bot_start_failed"
    """The bot could not join the call's room."""
    BOT_CRASHED = "bot_crashed"
    LOST = "lost"
    """The caller never got connected, or the room or the line went away during the call."""
