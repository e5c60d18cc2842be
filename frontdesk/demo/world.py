"""The demo's hand on the simulator and on the gateway, over HTTP as anyone else has it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp


class UnexpectedAnswerError(Exception):
    """A part answered something else than it should."""


class World:
    """Places calls and reads what became of them.

    Args:
        session: HTTP client.
        simulator: Base URL of the simulator.
        gateway: Base URL of the gateway.
        api_key: The CRM's key.
    """

    def __init__(self, session: aiohttp.ClientSession, simulator: str, gateway: str, api_key: str) -> None:
        self._session = session
        self._simulator = simulator
        self._gateway = gateway
        self._crm = {"Authorization": f"Bearer {api_key}"}

    async def dial(self, call: Mapping[str, Any]) -> str:
        """Somebody picks up a phone and dials; returns the call's id."""
        answer = await self._json("POST", f"{self._simulator}/sim/calls", call)
        return str(answer["id"])

    async def settle(self, number: str, person: Mapping[str, Any]) -> None:
        """Somebody moves in at a number."""
        await self._json("PUT", f"{self._simulator}/sim/people/{number}", person)

    async def crm_calls(self, body: Mapping[str, Any], key: str | None = None) -> tuple[dict[str, Any], bool]:
        """The CRM posts to /dialout; gives the answer, and whether it was given before.

        Args:
            body: The request.
            key: Makes it safe to repeat.
        """
        headers = self._crm | ({"Idempotency-Key": key} if key else {})
        url = f"{self._gateway}/dialout"
        async with self._session.post(url, json=body, headers=headers) as answer:
            content = await _checked(answer)
            return content, answer.headers.get("Idempotent-Replayed") == "true"

    async def subscribe(self, hmac: str) -> None:
        """Have the simulated Daily send its events to the gateway."""
        endpoint = {"url": f"{self._gateway}/daily-events", "hmac": hmac, "retryType": "exponential"}
        await self._json(
            "POST", f"{self._simulator}/v1/webhooks", endpoint, {"Authorization": "Bearer daily"}
        )

    async def newest(self, direction: str) -> str:
        """The gateway's id of the newest call in one direction."""
        answer = await self._json(
            "GET", f"{self._gateway}/calls?direction={direction}&limit=1", headers=self._crm
        )
        return str(answer["calls"][0]["call_id"])

    async def kept(self, call_id: str, part: str = "") -> dict[str, Any]:
        """A call as the gateway's books have it; `part` is empty, `/timeline` or `/transcript`."""
        return await self._json("GET", f"{self._gateway}/calls/{call_id}{part}", headers=self._crm)

    async def call(self, call: str) -> dict[str, Any]:
        """One call as the simulator's record has it."""
        return await self._json("GET", f"{self._simulator}/sim/calls/{call}")

    async def calls(self) -> list[dict[str, Any]]:
        """All calls as the simulator's records have them."""
        return list((await self._json("GET", f"{self._simulator}/sim/calls"))["calls"])

    async def heard_by_bots(self) -> list[str]:
        """What the speech-to-text stand-in understood, from the sound alone."""
        answer = await self._json("GET", f"{self._simulator}/sim/vendors/deepgram/transcripts")
        return list(answer["transcripts"])

    async def events(self, opened: asyncio.Event) -> AsyncIterator[dict[str, Any]]:
        """Timeline and transcript of every call, as they happen; `opened` is set once nothing is missed."""
        forever = aiohttp.ClientTimeout(total=None, sock_read=None)
        async with self._session.get(f"{self._simulator}/sim/events", timeout=forever) as stream:
            opened.set()
            async for line in stream.content:
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])

    async def _json(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        async with self._session.request(method, url, json=body, headers=headers) as answer:
            return await _checked(answer)


async def _checked(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    text = await answer.text()
    if answer.status >= 400:  # noqa: PLR2004
        raise UnexpectedAnswerError(f"{answer.method} {answer.url} answered {answer.status}: {text[:500]}")
    return dict(json.loads(text)) if text else {}
