"""POST /dialout is safe to repeat: whoever repeats it, when and however often, one phone rings."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.databases import database_url, schema
from tests.gateway.conftest import Configure
from tests.gateway.far import Far
from tests.gateway.gate import KEY, Gateway, Reply, serving
from tests.gateway.process import GatewayProcess
from tests.gateway.wire import Wire, dialout_request

__all__ = ["database_url"]
pytestmark = pytest.mark.timeout(600)
BODY = {"phone_number": "+12025550123", "variables": {"visit": "Tuesday"}}
Post = Callable[[], Awaitable[Reply]]


def started(far: Far) -> Counter[str]:
    """How often a bot was started for each call: every one of them dials."""
    return Counter(seen.body["body"]["call_id"] for seen in far.of("/start"))


async def insisting(post: Post) -> list[Reply]:
    """Every answer until one is no refusal for now; asked sooner than told, which must not matter."""
    replies = [await post()]
    pause_s = 0.02
    while replies[-1].status in {409, 503} and replies[-1].body["retryable"]:
        assert int(replies[-1].headers["retry-after"]) >= 1
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, 0.5)
        replies.append(await post())
    return replies


async def one_call(far: Far, posts: Sequence[Post]) -> Counter[tuple[int, str]]:
    """Make all posts at once, until each is answered; they are one call with one bot."""
    answers = await asyncio.gather(*(insisting(post) for post in posts))
    last = [replies[-1] for replies in answers]
    assert {reply.status for reply in last} <= {200, 201, 202}
    (call_id,) = {reply.body["call_id"] for reply in last}
    assert sum("idempotent-replayed" not in reply.headers for reply in last) == 1
    await far.until(lambda: bool(started(far)))
    assert started(far) == {call_id: 1}
    return Counter((reply.status, reply.body.get("code", "")) for replies in answers for reply in replies)


async def test_a_repetition_is_answered_with_the_first_call(gateway: Gateway, far: Far) -> None:
    """The same request with the same key is answered with the same call, and said to be repeated."""
    first = await gateway.dial(BODY, {"Idempotency-Key": "k-1"})
    assert (first.status, first.body["status"]) == (201, "dialing")
    assert "idempotent-replayed" not in first.headers
    async with asyncio.timeout(60):  # that the bot was started is written down beside the first answer
        while (again := await gateway.dial(BODY, {"Idempotency-Key": "k-1"})).status != 200:
            assert again.status == 202
            await asyncio.sleep(0.02)
    assert (again.body, again.headers["idempotent-replayed"]) == (first.body, "true")
    assert started(far) == {first.body["call_id"]: 1}


async def test_an_external_id_is_a_key(gateway: Gateway, far: Far) -> None:
    """`external_id` alone makes a request safe to repeat, and is shown with the call."""
    first = await gateway.dial(BODY | {"external_id": "visit-7"})
    again = await gateway.dial(BODY | {"external_id": "visit-7"})
    assert again.body["call_id"] == first.body["call_id"]
    assert again.headers["idempotent-replayed"] == "true"
    assert len(far.of("/start")) == 1


@pytest.mark.parametrize("by", ["header", "external_id"])
async def test_another_request_with_the_key_is_a_conflict(gateway: Gateway, far: Far, by: str) -> None:
    """The key of one request with another one is 409, and nobody is called."""
    headers = {"Idempotency-Key": "k-1"} if by == "header" else {}
    named = {} if by == "header" else {"external_id": "k-1"}
    await gateway.dial(BODY | named, headers)
    other = await gateway.dial(BODY | named | {"workflow": "reception"}, headers)
    assert (other.status, other.body["code"], other.body["retryable"]) == (409, "idempotency_conflict", False)
    assert len(far.of("/start")) == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
async def test_an_impossible_key_is_refused(gateway: Gateway, far: Far, key: str) -> None:
    """A key that cannot be one is refused before anybody is called."""
    reply = await gateway.dial(BODY, {"Idempotency-Key": key})
    assert (reply.status, reply.body["code"]) == (400, "idempotency_key_invalid")
    assert far.seen == []


async def test_what_was_refused_is_not_kept(gateway: Gateway, far: Far) -> None:
    """A request that was refused leaves its key free for the corrected one."""
    refused = await gateway.dial(BODY | {"workflow": "nothing"}, {"Idempotency-Key": "k-1"})
    assert refused.status == 404
    corrected = await gateway.dial(BODY, {"Idempotency-Key": "k-1"})
    assert corrected.status == 201
    assert "idempotent-replayed" not in corrected.headers


async def test_a_request_under_way_is_409(
    gateway: Gateway, far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a request is being accepted its repetition is told when to come back."""
    ledger = gateway.app.state.link._books
    held, release = asyncio.Event(), asyncio.Event()
    write = ledger.open

    async def hold(*args: Any) -> Any:
        held.set()
        await release.wait()
        return await write(*args)

    monkeypatch.setattr(ledger, "open", hold)
    first = asyncio.create_task(gateway.dial(BODY, {"Idempotency-Key": "k-1"}))
    await held.wait()
    early = await gateway.dial(BODY, {"Idempotency-Key": "k-1"})
    assert (early.status, early.body["code"], early.body["retryable"]) == (
        409,
        "idempotency_in_progress",
        True,
    )
    assert (early.headers["retry-after"], early.body["retry_after_s"]) == ("1", 1)
    release.set()
    assert (await first).status == 201
    assert (await gateway.dial(BODY, {"Idempotency-Key": "k-1"})).headers["idempotent-replayed"] == "true"


async def test_a_hundred_at_once_ring_one_phone(gateway: Gateway, far: Far) -> None:
    """A hundred simultaneous requests with one key are one call."""
    seen = await one_call(far, [lambda: gateway.dial(BODY, {"Idempotency-Key": "k-1"})] * 100)
    assert seen[409, "idempotency_conflict"] == 0


@asynccontextmanager
async def two_gateways(configure: Configure, tmp_path: Path) -> AsyncIterator[list[GatewayProcess]]:
    """Two gateways in processes of their own that share a database."""
    async with schema() as url, AsyncExitStack() as stack:
        gateways = []
        for folder in (tmp_path / "first", tmp_path / "second"):
            folder.mkdir()
            settings = configure(database_url=url, spool_dir=folder / "spool")
            process = GatewayProcess(settings, folder, DIALOUT_WAIT_S=str(settings.dialout_wait_s))
            gateways.append(await stack.enter_async_context(process))
        yield gateways


async def test_a_hundred_at_two_gateways_ring_one_phone(
    configure: Configure, far: Far, tmp_path: Path
) -> None:
    """A hundred simultaneous requests with one key at two gateways that share a database are one call."""
    async with two_gateways(configure, tmp_path) as gateways:
        headers = {"Idempotency-Key": "k-1"}

        def post(to: GatewayProcess) -> Post:
            return lambda: to.send("POST", "/dialout", json=BODY, headers=headers)

        seen = await one_call(far, [post(gateways[number % 2]) for number in range(100)])
    assert seen[409, "idempotency_conflict"] == 0


async def test_whichever_gateway_places_it_the_answer_tells_of_the_bot(
    configure: Configure, far: Far, tmp_path: Path
) -> None:
    """Of two gateways, the one that was asked says that a bot is on its way also when the other sent it."""

    def owners() -> set[str]:
        return {seen.body["body"]["callback"]["url"] for seen in far.of("/start")}

    async with two_gateways(configure, tmp_path) as gateways:
        replies: list[Reply] = []
        async with asyncio.timeout(120):  # the queue of the second gateway may begin later
            while len(replies) < 12 or len(owners()) < 2:
                replies.append(await gateways[0].send("POST", "/dialout", json=BODY))
    assert {reply.status for reply in replies} == {201}
    assert all(reply.body["room_url"] for reply in replies)
    assert max(reply.took_s for reply in replies) < 20
    assert len(owners()) == 2


async def test_a_connection_cut_at_any_byte_rings_one_phone(gateway: Gateway, far: Far) -> None:
    """However much of a request or of its answer got through, the request repeated is one call."""
    port = int(gateway.url.rpartition(":")[2])
    keys = [str(uuid.UUID(int=number)) for number in range(2)]
    async with Wire(port) as wire:
        await wire.send(dialout_request(BODY, keys[0]))
        answer_bytes = len(await wire.answer())
    request_bytes = len(dialout_request(BODY, keys[0]))
    cuts = [(sent, 0) for sent in range(request_bytes + 1)]
    cuts += [(request_bytes, read) for read in range(1, answer_bytes + 1)]
    limit = asyncio.Semaphore(16)

    async def cut_and_repeat(number: int, sent: int, read: int) -> str:
        request = dialout_request(BODY, str(uuid.UUID(int=number)))
        async with limit:
            async with Wire(port, rudely=bool(number % 2)) as wire:
                await wire.send(request[:sent])
                await wire.read(read)
            replies = await insisting(lambda: _repeat(gateway, str(uuid.UUID(int=number))))
            return str(replies[-1].body["call_id"])

    work = [cut_and_repeat(number, *cut) for number, cut in enumerate(cuts, start=1000)]
    call_ids = await asyncio.gather(*random.sample(work, len(work)))
    assert len(set(call_ids)) == len(cuts) > 600
    await far.until(lambda: set(call_ids) <= set(started(far)), deadline_s=120)
    await far.until(lambda: len(started(far)) > len(cuts))
    assert {count for call_id, count in started(far).items() if call_id in set(call_ids)} == {1}
    assert len(started(far)) == len(cuts) + 1


async def _repeat(gateway: Gateway, key: str) -> Reply:
    return await gateway.dial(BODY, {"Idempotency-Key": key, "Prefer": "respond-async"})


async def test_after_a_restart_the_key_still_names_its_call(
    configure: Configure, far: Far, database_url: str, tmp_path: Path
) -> None:
    """A gateway that was killed after its answer knows the key when it is back; the phone rings once."""
    settings = configure(database_url=database_url)
    headers = {"Idempotency-Key": "k-1"}
    async with GatewayProcess(settings, tmp_path) as process:
        first = await process.send("POST", "/dialout", json=BODY, headers=headers)
        await process.kill()
    async with GatewayProcess(settings, tmp_path) as process:
        again = await process.send("POST", "/dialout", json=BODY, headers=headers)
        other = await process.send("POST", "/dialout", json=BODY | {"workflow": "reception"}, headers=headers)
        await far.until(lambda: bool(started(far)))
    assert (again.body["call_id"], again.headers["idempotent-replayed"]) == (first.body["call_id"], "true")
    assert (other.status, other.body["code"]) == (409, "idempotency_conflict")
    assert started(far) == {first.body["call_id"]: 1}


async def test_after_its_end_the_key_still_names_its_call(gateway: Gateway, far: Far) -> None:
    """A request that is repeated when its call is over tells how that ended, and calls nobody."""
    headers = {"Idempotency-Key": "k-1"}
    first = await gateway.dial(BODY, headers)
    path = f"/calls/{first.body['call_id']}"
    await gateway.send("DELETE", path, headers={"X-API-Key": "other-key"})
    await far.until(lambda: bool(far.deleted))
    async with asyncio.timeout(60):
        while (again := await gateway.dial(BODY, headers)).body["status"] != "ended":
            await asyncio.sleep(0.02)
    assert (again.status, again.body["ended_reason"]) == (200, "canceled")
    assert again.headers["idempotent-replayed"] == "true"
    assert started(far) == {first.body["call_id"]: 1}


async def test_an_unknown_outcome_is_said_to_be_unknown(
    configure: Configure, far: Far, tmp_path: Path
) -> None:
    """Where nothing can be written down, nobody is called, and the sender is told that nobody knows."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    nowhere = {
        "database_url": "postgresql://nobody@127.0.0.1:9/none",
        "spool_dir": tmp_path / "file" / "spool",
    }
    async with serving(configure(**nowhere), with_books=False) as gateway:
        reply = await gateway.dial(BODY, {"Idempotency-Key": "k-1"})
    assert (reply.status, reply.body["code"], reply.body["retryable"]) == (503, "outcome_unknown", True)
    assert (reply.headers["retry-after"], len(reply.body["call_id"])) == ("1", 32)
    assert far.of("/start") == []


async def test_two_keys_of_one_request_are_refused(gateway: Gateway, far: Far) -> None:
    """A request with two Idempotency-Key headers has none that counts: nobody is called."""
    keys = [("Authorization", f"Bearer {KEY}"), ("Idempotency-Key", "k-1"), ("Idempotency-Key", "k-2")]
    reply = await gateway.send("POST", "/dialout", json=BODY, headers=keys)
    assert (reply.status, reply.body["code"]) == (400, "idempotency_key_invalid")
    assert far.seen == []


@pytest.mark.parametrize(("deep", "status"), [(64, 201), (65, 400)])
async def test_what_is_nested_too_deep_for_the_books_is_refused(
    gateway: Gateway, far: Far, deep: int, status: int
) -> None:
    """Nothing is accepted that the spool could not read back."""
    inside = deep - 2
    body = f'{{"phone_number": "+12025550123", "metadata": {{"a": {"[" * inside}{"]" * inside}}}}}'
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    reply = await gateway.send("POST", "/dialout", data=body, headers=headers)
    assert reply.status == status
    assert len(far.of("/start")) == (status == 201)
