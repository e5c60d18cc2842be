"""Calls and facts for tests of the ledger."""

from dataclasses import replace
from uuid import uuid4

from frontdesk.calls import queue_facts
from frontdesk.calls.models import BotFact, Data, Fact, GatewayFact, NewCall, Source
from frontdesk.calls.plan import Plan, RetryOn

NOW = 1_800_000_000.0


def new_call(call_id: str | None = None) -> NewCall:
    return NewCall(
        id=call_id or uuid4().hex,
        direction="inbound",
        organization_id="3b241101-e2bb-4255-8caf-4136c566a962",
        workflow="reception",
        created_at=NOW,
        from_number="+15550100",
        to_number="+15550199",
        limits={"max_duration_s": 1800, "answer_timeout_s": 30},
        line={"call_id": "a", "call_domain": "b", "room_url": "https://x.daily.co/fd-1"},
        metadata={"crm": [1, None, "ü"]},
    )


def fact(
    call: NewCall,
    kind: str,
    data: Data | None = None,
    *,
    id_: str = "",
    source: Source = Source.BOT,
    at: float = 1.0,
    attempt: int = 1,
) -> Fact:
    return Fact(call.id, id_ or f"{kind}-1", source, kind, NOW + at, attempt=attempt, data=data or {})


def opening(call: NewCall) -> Fact:
    return fact(
        call,
        GatewayFact.ATTEMPT_OPENED,
        {"room": f"fd-a1b2c3d4e5f60718-{call.id}-1", "owner": "gateway-1"},
        source=Source.GATEWAY,
        at=0.0,
    )


def planned_call(call_id: str | None = None) -> NewCall:
    """A call out that may be tried twice."""
    plan = Plan(
        earliest_at=NOW, latest_at=NOW + 3600, max_attempts=2, retry_on=(RetryOn.BUSY,), delays_s=(60,)
    )
    return replace(
        new_call(call_id),
        direction="outbound",
        external_id="crm-7",
        campaign_id="spring",
        request_digest="digest",
        plan=plan.to_json(),
        brief={"voicemail": {}, "patient_data": {"first_name": "Ada"}},
    )


def planned_life(call: NewCall) -> list[list[Fact]]:
    """The gate says later, the line is busy, and the second attempt is answered by somebody."""
    first, second = (
        [
            fact(
                call,
                kind,
                data,
                id_=f"{kind}:{attempt}",
                source=source,
                at=at + attempt * 100,
                attempt=attempt,
            )
            for at, (kind, source, data) in enumerate(_TRIED)
        ]
        for attempt in (1, 2)
    )
    busy = fact(call, BotFact.ENDED, {"reason": "busy"}, id_="ended:1", at=190.0)
    ended = fact(call, BotFact.ENDED, {"reason": "bot_hangup"}, id_="ended:2", at=290.0, attempt=2)
    answered = fact(call, BotFact.ANSWERED, {"dial": 1, "session_id": "leg-2"}, at=270.0, attempt=2)
    later = queue_facts.rescheduled(call.id, 1, 0, NOW, until=NOW + 90, why="blocked_closed")
    return [
        [queue_facts.enqueued(call.id, 1, 0, NOW), later],
        first,
        [queue_facts.claimed(call.id, 1, "two", NOW + 104), busy],
        [*second, answered],
        [ended],
    ]


_TRIED: list[tuple[str, Source, Data]] = [
    (GatewayFact.ATTEMPT_OPENED, Source.GATEWAY, {"room": "r", "owner": "gateway-1"}),
    (BotFact.JOINED, Source.BOT, {}),
    (BotFact.CLAIMED, Source.BOT, {"session_id": "one"}),
    (BotFact.DIALING, Source.BOT, {"dial": 1}),
    (BotFact.RINGING, Source.BOT, {"dial": 1}),
]


def started(call: NewCall) -> Fact:
    return fact(
        call,
        GatewayFact.BOT_STARTED,
        {"session_id": uuid4().hex, "host": "local"},
        source=Source.GATEWAY,
    )


def life(call: NewCall) -> list[list[Fact]]:
    """What happens to a call after it was opened, as it is reported: 10 facts in 5 commits."""
    said: Data = {
        "role": "user",
        "text": "I would like an appointment on Tuesday.",
        "latency_ms": {"total": 812},
    }
    return [
        [started(call)],
        [fact(call, BotFact.JOINED), fact(call, BotFact.DIALIN_READY), fact(call, BotFact.FORWARDED)],
        [fact(call, BotFact.CONNECTED, {"session_id": "leg"}), fact(call, BotFact.FIRST_WORD)],
        [fact(call, BotFact.TURN, said), fact(call, BotFact.TOOL, {"name": "slots", "ok": True})],
        [fact(call, BotFact.ENDED, {"reason": "completed"}, at=60.0)],
    ]
