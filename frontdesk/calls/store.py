"""The SQL of the ledger: a batch costs a handful of statements, however many calls it has."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import bindparam, text, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.calls.batch import Batch, Page
from frontdesk.calls.entries import Entry, LedgerCall, Tick
from frontdesk.calls.models import Fact
from frontdesk.calls.rows import attempt_row, call_of, call_row, caller_row, leg_row, state_of, state_row
from frontdesk.calls.state import Attempt
from frontdesk.calls.tables import attempts, call_events, calls, legs, tool_calls, turns
from frontdesk.storage.json_text import to_text
from frontdesk.storage.statement import Statement, inserting, replacing

_PLAIN = (
    *("id", "organization_id", "workflow", "from_number", "to_number", "patient_id"),
    *("caller_id", "external_id", "campaign_id", "request_digest"),
    *("created_at", "updated_at", "erased_at"),
)
_JSON = ("line", "limits", "variables", "metadata", "plan", "brief", "life")
_LOADED = ", ".join([*_PLAIN, *(f"CAST({name} AS text) AS {name}" for name in _JSON)])
_MOVING = (
    *("state", "updated_at", "answered_at", "first_word_at", "ended_at", "ended_reason"),
    *("ended_by", "ended_detail", "attempt", "life", "due_at"),
    *("next_attempt_at", "waiting_for"),
)
_LOAD = {
    "sqlite": "WHERE id IN (SELECT value FROM json_each(:ids))",
    "postgresql": "WHERE id = ANY(CAST(:ids AS text[])) ORDER BY id FOR UPDATE",
}
_SEEN = {
    "sqlite": "SELECT e.call_id, e.id FROM json_each(:facts) f JOIN call_events e"
    " ON e.call_id = json_extract(f.value, '$[0]') AND e.id = json_extract(f.value, '$[1]')",
    "postgresql": "SELECT call_id, id FROM call_events JOIN"
    " unnest(CAST(:call_ids AS text[]), CAST(:ids AS text[])) AS f(call_id, id) USING (call_id, id)",
}
_CLAIM = {
    "sqlite": "UPDATE calls SET due_at = :until WHERE id IN"
    " (SELECT id FROM calls WHERE due_at <= :now ORDER BY due_at LIMIT :most) RETURNING id",
    "postgresql": "UPDATE calls SET due_at = CAST(:until AS double precision) WHERE id IN"
    " (SELECT id FROM calls WHERE due_at <= CAST(:now AS double precision) ORDER BY due_at"
    " LIMIT CAST(:most AS integer) FOR UPDATE SKIP LOCKED) RETURNING id",
}

_CALLS = f"SELECT {_LOADED} FROM calls "  # noqa: S608 - names of columns
LOAD = Statement(lambda kind: text(_CALLS + _LOAD[kind]))
READ = Statement(lambda _: text(f"{_CALLS} WHERE id = :id"))
SEEN = Statement(lambda kind: text(_SEEN[kind]))
CLAIM = Statement(lambda kind: text(_CLAIM[kind]))
INSERT_CALLS = inserting(calls, but=["erased_at"])
UPDATE_CALLS = Statement(
    lambda _: (
        update(calls)
        .where(calls.c.id == bindparam("call"))
        .values({name: bindparam(f"new_{name}", type_=calls.c[name].type) for name in _MOVING})
    )
)
_OF_CALLERS = ("workflow", "patient_id", "variables")
INTRODUCE_CALLERS = Statement(
    lambda _: (
        update(calls)
        .where(calls.c.id == bindparam("call"))
        .values({name: bindparam(f"new_{name}", type_=calls.c[name].type) for name in _OF_CALLERS})
    )
)
REPLACE_ATTEMPTS = replacing(attempts)
REPLACE_LEGS = replacing(legs)
INSERT_EVENTS = inserting(call_events)
INSERT_TURNS = inserting(turns)
INSERT_TOOL_CALLS = inserting(tool_calls)


async def load_pages(
    connection: AsyncConnection, entries: Sequence[Entry], known: Collection[str]
) -> dict[str, Page]:
    """The calls of `entries`, but for the `known`, locked until the end of the transaction."""
    ids = sorted({call_id for entry in entries for call_id in ids_of(entry)}.difference(known))
    if not ids:
        return {}
    found = await LOAD.execute(connection, {"ids": _list(connection, ids)})
    pages = {row.id: _page(row) for row in found}
    facts = [fact for entry in entries for fact in _facts(entry) if fact.call_id in pages]
    if facts:
        for row in await SEEN.execute(connection, _pairs(connection, facts)):
            pages[row.call_id].seen.add(row.id)
    return pages


async def save(connection: AsyncConnection, batch: Batch) -> None:
    """Write what a batch changed."""
    new = sorted((page for page in batch.changed if page.before is None), key=lambda page: page.state.id)
    moved = [page for page in batch.changed if page.before is not None]
    await INSERT_CALLS.execute_many(
        connection, [call_row(page.call) | state_row(page.state, page.updated_at) for page in new]
    )
    await UPDATE_CALLS.execute_many(connection, [_moved_row(page) for page in moved])
    introduced = [caller_row(page.call) for page in moved if page.introduced]
    await INTRODUCE_CALLERS.execute_many(connection, introduced)
    changed = [
        (page.state.id, attempt, before) for page in batch.changed for attempt, before in _differing(page)
    ]
    await REPLACE_ATTEMPTS.execute_many(
        connection,
        [row for call_id, attempt, before in changed if (row := _new_row(call_id, attempt, before))],
    )
    await REPLACE_LEGS.execute_many(
        connection,
        [
            leg_row(call_id, attempt.number, leg)
            for call_id, attempt, before in changed
            for leg in attempt.legs
            if before is None or leg not in before.legs
        ],
    )
    await INSERT_EVENTS.execute_many(connection, batch.events)
    await INSERT_TURNS.execute_many(connection, batch.turns)
    await INSERT_TOOL_CALLS.execute_many(connection, batch.tools)


async def load(connection: AsyncConnection, call_id: str) -> LedgerCall | None:
    """One call; None when the ledger does not know it."""
    row = (await READ.execute(connection, {"id": call_id})).one_or_none()
    return None if row is None else _entry(row)


async def claim_due(connection: AsyncConnection, now: float, limit: int, until: float) -> list[str]:
    """Up to `limit` ids of due calls, which are due again at `until`; no other gateway gets them too."""
    claimed = await CLAIM.execute(connection, {"now": now, "most": limit, "until": until})
    return list(claimed.scalars())


def _entry(row: Row[Any]) -> LedgerCall:
    state = state_of(row)
    return LedgerCall(call_of(row, state), state)


def _page(row: Row[Any]) -> Page:
    entry = _entry(row)
    return Page(
        entry.call,
        entry.state,
        before=entry.state,
        erased=row.erased_at is not None,
        updated_at=row.updated_at,
    )


def _moved_row(page: Page) -> dict[str, Any]:
    row = state_row(page.state, page.updated_at)
    return {"call": page.state.id} | {f"new_{name}": row[name] for name in _MOVING}


def _differing(page: Page) -> list[tuple[Attempt, Attempt | None]]:
    """Attempts that changed, with what they were."""
    before = page.before
    pairs = [(attempt, before.find(attempt.number) if before else None) for attempt in page.state.attempts]
    return [(attempt, earlier) for attempt, earlier in pairs if attempt is not earlier]


def _new_row(call_id: str, attempt: Attempt, before: Attempt | None) -> dict[str, Any] | None:
    """The row of an attempt, if it is another than before: not everything that it remembers is in it."""
    row = attempt_row(call_id, attempt)
    return None if before is not None and attempt_row(call_id, before) == row else row


def ids_of(entry: Entry) -> set[str]:
    """Of the calls that an entry is about."""
    if isinstance(entry, Tick):
        return {entry.call_id}
    return {fact.call_id for fact in entry.facts} | ({entry.call.id} if entry.call else set())


def _facts(entry: Entry) -> tuple[Fact, ...]:
    return () if isinstance(entry, Tick) else entry.facts


def _list(connection: AsyncConnection, texts: list[str]) -> object:
    return texts if connection.dialect.name == "postgresql" else to_text(texts)


def _pairs(connection: AsyncConnection, facts: Sequence[Fact]) -> dict[str, object]:
    if connection.dialect.name == "postgresql":
        return {"call_ids": [fact.call_id for fact in facts], "ids": [fact.id for fact in facts]}
    return {"facts": to_text([(fact.call_id, fact.id) for fact in facts])}
