"""A CRM that asks for calls, loses its patience and its connections, and asks again with the same key."""

import asyncio
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.chaos.requests import Wish
from tests.chaos.town import CRM_KEY, Town

SHORT_S, LONG_S = 0.25, 15.0
PAUSE_S = 0.3
GIVES_UP_S = 240.0
"""A request that nobody took by then is lost."""
REPLAYED = "Idempotent-Replayed"
PUSHED = {"paused": "resume", "draft": "start"}
"""What is done to a campaign that waits for somebody."""


@dataclass
class Told:
    """What the CRM was told.

    Attributes:
        ids: Every id that was answered for a number.
        refused: What was answered beyond 299 for good, by status and code.
        cut: Tries without an answer, by the error.
        later: Answers that asked for patience, by status.
        replayed: Answers that said so.
        pushed: How often a campaign's file was handed over, and it was resumed or started.
        canceled: When a DELETE was accepted, monotonic seconds, by the call's id.
        wrong: Promises that were broken in the exchange itself.
    """

    ids: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    refused: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    later: Counter[int] = field(default_factory=Counter)
    replayed: int = 0
    pushed: Counter[str] = field(default_factory=Counter)
    canceled: dict[str, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def totals(self) -> dict[str, Any]:
        """Figures for the report."""
        return {
            "accepted": len(self.ids),
            "refused": dict(self.refused),
            "cut": dict(self.cut),
            "later": dict(self.later),
            "replayed": self.replayed,
            "campaign": dict(self.pushed),
            "canceled": len(self.canceled),
        }


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    content: dict[str, Any]


class Crm:
    """Asks.

    Args:
        town: Whom.
        chance: Of what is random.
    """

    def __init__(self, town: Town, chance: random.Random) -> None:
        self.told = Told()
        self._town = town
        self._chance = chance

    async def run(self, wishes: Sequence[Wish], gap_s: float) -> None:
        """Ask for all of them; returns when each was answered, or cannot be."""
        async with asyncio.TaskGroup() as group:
            for wish in wishes:
                group.create_task(self._want(wish))
                await asyncio.sleep(self._chance.expovariate(1 / gap_s))

    async def list_numbers(self, wishes: Sequence[Wish]) -> None:
        """Put those on the do-not-call list who are on it."""
        for wish in wishes:
            if wish.listed:
                await self._until_answered("PUT", f"/do-not-call/{wish.person.number}", json={})

    async def run_campaign(self, name: str, rows: Sequence[Wish], settings: Mapping[str, Any]) -> None:
        """Hand over a file of rows, again until it is answered, and see it through to its end."""
        lines = [f"{wish.person.number},{n}" for n, wish in enumerate(rows)]
        form = {
            "settings": json.dumps({"name": name, **settings}),
            "file": "\n".join(["phone_number,row", *lines]),
        }
        state = "failed"
        while state not in {"completed", "canceled"}:
            if state == "failed":
                path = await self._hand_over(f"campaign-{name}", form)
            elif state in PUSHED:
                await self._until_answered("POST", f"{path}/{PUSHED[state]}")
            if state in {"failed", *PUSHED}:
                self.told.pushed[state] += 1
            await asyncio.sleep(1)
            state = str((await self._until_answered("GET", path)).content["state"])
        if state != "completed":
            self.told.wrong.append(f"the campaign is {state}")

    async def _hand_over(self, key: str, form: Mapping[str, str]) -> str:
        """Post the file, which a gateway that died may have read to the half; gives the campaign's path."""
        headers = {"Idempotency-Key": key}
        answer = await self._until_answered("POST", "/campaigns", form=form, headers=headers)
        return f"/campaigns/{answer.content['campaign_id']}"

    async def _want(self, wish: Wish) -> None:
        if wish.key is None:
            await self._careless(wish)
            return
        copies = 1 + (self._chance.random() < 0.15)
        answers = await asyncio.gather(*(self._ask(wish) for _ in range(copies)))
        call_id = next((answer for answer in answers if answer), None)
        if call_id is None:
            return
        if self._chance.random() < 0.2:
            await self._ask(wish, again=True)
        if self._chance.random() < 0.05:
            await self._ask_otherwise(wish)
        if wish.cancel:
            await self._cancel(call_id)

    async def _careless(self, wish: Wish) -> None:
        """Ask once, and never again: without a key nobody knows what came of it."""
        try:
            answer = await self._exchange("POST", "/dialout", LONG_S, json=wish.body())
        except (aiohttp.ClientError, TimeoutError) as error:
            self.told.cut[type(error).__name__] += 1
            return
        self._note(wish, answer)

    async def _ask(self, wish: Wish, *, again: bool = False) -> str | None:
        """Ask until it is answered; gives the call's id."""
        headers = {"Idempotency-Key": str(wish.key)}
        answer = await self._until_answered("POST", "/dialout", json=wish.body(), headers=headers)
        if again and answer.status < 300 and answer.headers.get(REPLAYED) != "true":
            self.told.wrong.append(f"the answer to a request that was repeated lacks {REPLAYED}")
        return self._note(wish, answer)

    async def _ask_otherwise(self, wish: Wish) -> None:
        """Another request with the same key is refused."""
        body = {**wish.body(), "metadata": {"manner": "another"}}
        headers = {"Idempotency-Key": str(wish.key)}
        answer = await self._until_answered("POST", "/dialout", json=body, headers=headers)
        if (answer.status, answer.content.get("code")) != (409, "idempotency_conflict"):
            self.told.wrong.append(f"another body with the same key was answered {answer.status}")

    def _note(self, wish: Wish, answer: _Answer) -> str | None:
        if answer.status >= 300:
            self.told.refused[f"{answer.status} {answer.content.get('code')}"] += 1
            return None
        self.told.replayed += answer.headers.get(REPLAYED) == "true"
        call_id = str(answer.content["call_id"])
        self.told.ids[wish.person.number].add(call_id.replace("-", ""))
        return call_id

    async def _cancel(self, call_id: str) -> None:
        await asyncio.sleep(self._chance.uniform(0, 4))
        answer = await self._until_answered("DELETE", f"/calls/{call_id}")
        if answer.status < 300:
            self.told.canceled[call_id.replace("-", "")] = time.monotonic()

    async def _until_answered(self, method: str, path: str, **request: Any) -> _Answer:
        """Repeat what was cut off, and what asked for patience."""
        deadline = time.monotonic() + GIVES_UP_S
        while True:
            patience_s = self._chance.choice([self._chance.uniform(0.005, SHORT_S), LONG_S, LONG_S])
            try:
                answer = await self._exchange(method, path, patience_s, **request)
            except (aiohttp.ClientError, TimeoutError) as error:
                self.told.cut[type(error).__name__] += 1
            else:
                if not _asks_for_patience(answer):
                    return answer
                self.told.later[answer.status] += 1
            if time.monotonic() > deadline:
                raise AssertionError(f"{method} {path.split('/')[1]} was not answered in {GIVES_UP_S:.0f} s")
            await asyncio.sleep(self._chance.uniform(0.5, 1.5) * PAUSE_S)

    async def _exchange(
        self,
        method: str,
        path: str,
        patience_s: float,
        *,
        form: Mapping[str, str] | None = None,
        **request: Any,
    ) -> _Answer:
        """One exchange, cut off when the patience is over."""
        at_once = {"Prefer": "respond-async"} if self._chance.random() < 0.5 else {}
        headers = {"Authorization": f"Bearer {CRM_KEY}", **at_once, **request.pop("headers", {})}
        if form is not None:
            request["data"] = _multipart(form)
        async with self._town.http.request(
            method,
            f"{self._town.gateway_url}{path}",
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=patience_s),
            **request,
        ) as answer:
            text = await answer.text()
        return _Answer(answer.status, answer.headers, _object(text))


def _asks_for_patience(answer: _Answer) -> bool:
    return answer.status >= 500 or answer.content.get("retryable") is True


def _multipart(form: Mapping[str, str]) -> aiohttp.FormData:
    data = aiohttp.FormData()
    data.add_field("settings", form["settings"], content_type="application/json")
    data.add_field("file", form["file"], filename="campaign.csv", content_type="text/csv")
    return data


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
