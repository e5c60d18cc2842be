"""Calls and facts for tests of the ledger."""

from uuid import uuid4

from frontdesk.calls.models import BotFact, Data, Fact, GatewayFact, NewCall, Source

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
) -> Fact:
    return Fact(call.id, id_ or f"{kind}-1", source, kind, NOW + at, attempt=1, data=data or {})


def opening(call: NewCall) -> Fact:
    return fact(
        call,
        GatewayFact.ATTEMPT_OPENED,
        {"room": f"fd-a1b2c3d4e5f60718-{call.id}-1", "owner": "gateway-1"},
        source=Source.GATEWAY,
        at=0.0,
    )


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
