"""Which part of a fact's data says nothing about a person: what timelines show, and what erasure leaves."""

from typing import Final

from frontdesk.calls.models import Data, Source

_OF_BOTS: Final = frozenset(
    {
        "dial",
        "reason",
        "session_id",
        "role",
        "started_at",
        "ended_at",
        "interrupted",
        "latency_ms",
        "name",
        "ok",
        "duration_ms",
        "service",
        "kind",
        "code",
    }
)
_OF_DAILY: Final = frozenset({"session_id", "room", "meeting_id"})


def impersonal(source: str, data: Data) -> Data:
    """The data of a fact without numbers, names and words; a key that nobody listed here goes, too.

    Of what the gateway tells only `detail` may be the words of others: of the CRM that was asked.
    """
    if source == Source.GATEWAY:
        return {key: value for key, value in data.items() if key != "detail"}
    kept = _OF_BOTS if source == Source.BOT else _OF_DAILY
    return {key: value for key, value in data.items() if key in kept}
