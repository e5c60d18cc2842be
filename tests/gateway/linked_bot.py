"""A bot that a test plays: it says over the link what the test wants the gateway to hear."""

from datetime import UTC, datetime
from typing import Any, Protocol

from tests.gateway.far import Far
from tests.gateway.gate import Reply

SESSION = "bot-session"


class Sends(Protocol):
    """A gateway that can be asked."""

    async def send(self, method: str, path: str, **options: Any) -> Reply:
        """Send a request and read the answer."""


class LinkedBot:
    """What the bot of the latest start says over the link."""

    def __init__(self, gateway: Sends, far: Far) -> None:
        body = far.of("/start")[-1].body["body"]
        self._gateway = gateway
        self._link = f"/link/calls/{body['call_id']}"
        self._headers = {"Authorization": f"Bearer {body['callback']['token']}"}
        self._attempt = body["attempt"]
        self._said = 0

    async def claim(self) -> Reply:
        return await self._post("claim", {"session_id": SESSION})

    async def say(self, *reports: tuple[str, dict[str, object]]) -> Any:
        """Report; gives what the gateway orders."""
        events = []
        for kind, data in reports:
            self._said += 1
            at = datetime.now(UTC).isoformat()
            name = f"e-{self._attempt}-{self._said}"
            events.append({"id": name, "sequence": self._said, "type": kind, "at": at, "data": data})
        reply = await self._post("events", {"session_id": SESSION, "events": events})
        assert reply.status == 200, reply.body
        return reply.body["orders"]

    async def _post(self, what: str, body: object) -> Reply:
        return await self._gateway.send("POST", f"{self._link}/{what}", json=body, headers=self._headers)
