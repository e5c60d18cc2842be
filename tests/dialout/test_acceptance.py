"""A request that is repeated with its key is one call, whoever repeats it and when."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from frontdesk.calls.models import State
from frontdesk.calls.plan import Plan
from frontdesk.dialout.acceptance import Accepted
from frontdesk.dialout.idempotency import Digests, Key, KeyKind, key_of
from frontdesk.dialout.models import DialoutRequest
from frontdesk.doors.bodies import validate
from frontdesk.errors import (
    DatabaseUnavailableError,
    IdempotencyConflictError,
    IdempotencyInProgressError,
    IdempotencyKeyInvalidError,
    InvalidBodyError,
    NotRecordedError,
    OutcomeUnknownError,
)
from frontdesk.storage.database import Database
from tests.dialout.counter import CALL_ID, KEY, NOW, Counter, at, open_counter, together
from tests.gateway.test_books import stalled


async def test_an_accepted_call_waits_for_its_turn(counter: Counter) -> None:
    """A new call is in the books with its plan, stands in the queue and is given to the engine once."""
    accepted = await counter.accept()
    assert accepted.state is not None
    assert (accepted.state.state, accepted.replayed) == (State.QUEUED, False)
    known = await counter.ledger.load(accepted.call_id)
    assert known is not None
    assert known.state.plan == Plan.from_json(accepted.call.plan)
    ((call, order),) = counter.queue.taken
    assert (call.id, order.attempt, order.turn, order.at) == (accepted.call_id, 1, 0, NOW)
    assert order.urgent


async def test_a_repeated_request_is_the_first_call(counter: Counter) -> None:
    """Key and request repeated give the same call, said to be repeated, and the engine gets nothing more."""
    first, again = await counter.accept(), await counter.accept()
    assert (again.call_id, again.replayed) == (first.call_id, True)
    assert again.call.created_at == first.call.created_at
    assert len(counter.queue.taken) == 1


async def test_the_way_of_writing_makes_no_difference(counter: Counter) -> None:
    """The same number, the same moment and a default written out are the same request."""
    first = await counter.accept(
        schedule={"latest_at": at(3600)}, variables={"a": 1, "b": [{"c": 2, "d": 3}]}
    )
    again = await counter.accept(
        phone_number="+1 (202) 555-0123",
        schedule={"latest_at": "2027-01-15T10:00:00+01:00"},
        on_blocked="reschedule",
        organization="bright-smile",
        variables={"b": [{"d": 3, "c": 2}], "a": 1},
    )
    assert (again.call_id, again.replayed) == (first.call_id, True)


@pytest.mark.parametrize(
    "change",
    [
        {"phone_number": "+12025550124"},
        {"workflow": "reception"},
        {"variables": {"visit": "Tuesday"}},
        {"external_id": "another"},
        {"schedule": {"earliest_at": at(60)}},
        {"retry": {}},
        {"ring_timeout_s": 20},
    ],
)
async def test_a_key_is_for_one_request(counter: Counter, change: dict[str, Any]) -> None:
    """The key with another request is a conflict, and nothing new is accepted."""
    await counter.accept()
    with pytest.raises(IdempotencyConflictError):
        await counter.accept(**change)
    assert len(counter.queue.taken) == 1


async def test_keys_are_the_organizations_own(counter: Counter) -> None:
    """The same key of two organizations, or of two kinds, names different calls."""
    accepted = [
        await counter.accept(),
        await counter.accept(slug="theirs"),
        await counter.accept(key=Key(KeyKind.EXTERNAL_ID, KEY.text)),
        await counter.accept(key=Key(KeyKind.CAMPAIGN_ROW, KEY.text)),
    ]
    assert len({one.call_id for one in accepted}) == len(counter.queue.taken) == 4
    assert not any(one.replayed for one in accepted)


async def test_without_a_key_each_request_is_a_call(counter: Counter) -> None:
    """Requests without a key are never taken for one another."""
    first, second = await counter.accept(key=None), await counter.accept(key=None)
    assert first.call_id != second.call_id
    assert len(counter.queue.taken) == 2


async def test_a_hundred_at_once_are_one_call(counter: Counter) -> None:
    """Of a hundred simultaneous requests with one key, one is accepted; the others are told so."""
    results = await together(*(counter.accept() for _ in range(100)))
    accepted = [one for one in results if isinstance(one, Accepted)]
    refused = [one for one in results if isinstance(one, IdempotencyInProgressError)]
    assert len(accepted) + len(refused) == 100
    assert len(counter.queue.taken) == 1
    assert {error.retry_after_s for error in refused} == {1}


async def test_two_gateways_accept_one_call(database: Database, tmp_path: Path) -> None:
    """Two gateways on the same books that get a request at the same time accept one call together."""
    async with (
        open_counter(database, tmp_path / "first") as first,
        open_counter(database, tmp_path / "second") as second,
    ):
        second.clock.now += 0.001
        for number in range(20):
            key = Key(KeyKind.HEADER, f"key-{number}")
            results = await asyncio.gather(first.accept(key=key), second.accept(key=key))
            assert len({one.call_id for one in results}) == 1
            assert sorted(one.replayed for one in results) == [False, True]
        taken = [call.id for call, _ in first.queue.taken + second.queue.taken]
    assert len(taken) == len(set(taken)) == 20


async def test_a_request_under_way_is_said_to_be(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a request is being written down, its repetition is told to come back, and gets the call then."""
    held, release = asyncio.Event(), asyncio.Event()
    write = counter.ledger.open

    async def hold(*args: Any) -> Any:
        held.set()
        await release.wait()
        return await write(*args)

    monkeypatch.setattr(counter.ledger, "open", hold)
    first = asyncio.create_task(counter.accept())
    await held.wait()
    with pytest.raises(IdempotencyInProgressError):
        await counter.accept()
    release.set()
    assert (await first).call_id == (await counter.accept()).call_id


async def test_what_would_be_refused_today_was_accepted_then(counter: Counter) -> None:
    """A repeated request whose time is over by now is answered with its call, not refused."""
    first = await counter.accept(schedule={"latest_at": at(60)})
    counter.clock.now += 3600
    again = await counter.accept(schedule={"latest_at": at(60)})
    assert (again.call_id, again.replayed) == (first.call_id, True)
    with pytest.raises(IdempotencyConflictError):
        await counter.accept(schedule={"latest_at": at(61)})
    with pytest.raises(InvalidBodyError):
        await counter.accept(key=Key(KeyKind.HEADER, "new"), schedule={"latest_at": at(60)})


async def test_what_nobody_wrote_down_is_unknown(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """When neither database nor spool answer for a call, that is what the sender is told, with its id."""

    async def neither(*_: Any) -> Any:
        raise NotRecordedError

    monkeypatch.setattr(counter.ledger, "open", neither)
    with pytest.raises(OutcomeUnknownError) as caught:
        await counter.accept()
    assert caught.value.extensions == {
        "call_id": KEY.call_id(str(counter.clinics.by_slug("bright-smile").id))
    }
    assert counter.queue.taken == []


async def test_a_short_stall_is_waited_for(hasty: Counter, database_url: str) -> None:
    """While the database stalls for a moment, a request with a key waits for it, and is accepted once."""
    hasty.settle(60)
    async with stalled(database_url):
        waiting = asyncio.create_task(hasty.accept())
        async with asyncio.timeout(60):
            while not hasty.ledger.awaits(CALL_ID):
                await asyncio.sleep(0.01)
        with pytest.raises(IdempotencyInProgressError):
            await hasty.accept()
    first = await waiting
    hasty.clock.now += 1
    again = await hasty.accept()
    assert (first.call_id, first.replayed, again.replayed) == (CALL_ID, False, True)
    assert {call.id for call, _ in hasty.queue.taken} == {CALL_ID}


async def test_a_long_stall_leaves_it_unknown(hasty: Counter, database_url: str) -> None:
    """A request whose key cannot be looked up in time has an unknown outcome; repeated, it is one call."""
    async with stalled(database_url):
        with pytest.raises(OutcomeUnknownError):
            await hasty.accept()
        unkeyed = await hasty.accept(key=None)
        assert unkeyed.state is None
    async with asyncio.timeout(60):
        while hasty.ledger.awaits(CALL_ID) or hasty.ledger.awaits(unkeyed.call_id):
            await asyncio.sleep(0.01)
    hasty.settle(60)
    hasty.clock.now += 1
    again = await hasty.accept()
    assert (again.call_id, again.replayed) == (CALL_ID, True)


async def test_a_conflict_in_a_stall_is_found(hasty: Counter, database_url: str) -> None:
    """The key of another request is found to be so also when the database answers late."""
    hasty.settle(60)
    first = await hasty.accept()
    async with stalled(database_url):
        waiting = asyncio.create_task(hasty.accept(variables={"visit": "another"}))
        async with asyncio.timeout(60):
            while not hasty.ledger.awaits(CALL_ID):
                await asyncio.sleep(0.01)
    with pytest.raises(IdempotencyConflictError):
        await waiting
    known = await hasty.ledger.load(first.call_id)
    assert known is not None
    assert known.call.variables == {}


async def test_a_new_secret_never_dials_again(database: Database, tmp_path: Path) -> None:
    """After a new DAILY_API_KEY a key names its call as before: a repetition is refused, no second call."""
    async with open_counter(database, tmp_path / "old") as before:
        await before.accept()
    async with open_counter(database, tmp_path / "new", secret="another") as after:
        with pytest.raises(IdempotencyConflictError):
            await after.accept()
        assert after.queue.taken == []


async def test_only_the_database_knows_old_keys(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repeated request is not answered from guesses: while the books are closed, its outcome is unknown."""

    async def away(_: str) -> Any:
        raise DatabaseUnavailableError

    await counter.accept()
    monkeypatch.setattr(counter.ledger, "load", away)
    with pytest.raises(OutcomeUnknownError):
        await counter.accept()


@pytest.mark.parametrize("header", ["", " ", "a b", "ä", "x" * 256, "a\tb", "a\x7f"])
def test_impossible_keys(header: str) -> None:
    """A key that is empty, too long or not visible ASCII is refused."""
    with pytest.raises(IdempotencyKeyInvalidError):
        key_of([header], None)


def test_two_keys_are_none() -> None:
    """Of several headers nobody can tell which one makes the request safe to repeat: it is refused."""
    with pytest.raises(IdempotencyKeyInvalidError):
        key_of(["k1", "k2"], None)


def test_the_header_counts_more() -> None:
    """With both, the header is the key; with neither, there is none."""
    assert key_of(["k"], "e") == Key(KeyKind.HEADER, "k")
    assert key_of([], "e") == Key(KeyKind.EXTERNAL_ID, "e")
    assert key_of([], None) is None
    assert key_of(["~" * 255], None) is not None


def test_what_a_key_names_never_changes() -> None:
    """A newer gateway finds the calls of an older one: ids and digests are what they always were."""
    request = validate(DialoutRequest, {"phone_number": "+1 202 555 0123", "variables": {"b": 1, "a": [2]}})
    assert CALL_ID == "2742889b664da0ede0b2e58d3972e965"
    assert (
        Digests("a secret").of(request) == "773b00e6e8a5f1dd8c13454bc054b1ac66c0f1d8a6635e310ee6f011eaab64c1"
    )
