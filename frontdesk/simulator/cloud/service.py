"""Pipecat Cloud: capacity, warm and cold starts, and sessions that start bots through a dev runner."""

import asyncio
import json
import uuid
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from frontdesk.simulator.api import Problem
from frontdesk.simulator.cloud.errors import at_capacity, cloud_error, not_ready, rate_limited
from frontdesk.simulator.cloud.sessions import Agent, Session
from frontdesk.simulator.limits import Bucket, Limit
from frontdesk.simulator.rest.properties import check_room_properties, check_token_properties
from frontdesk.simulator.rooms.room import Room, RoomClient
from frontdesk.simulator.webhooks.dialin import compact

if TYPE_CHECKING:
    from frontdesk.simulator.world import World

CLOUD_KEY = "pipecat-cloud-domain-key"


class Cloud:
    """Starts bots. Sessions run in tasks of their own, which `aclose` cancels."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.agents = {name: Agent(name, one) for name, one in world.settings.cloud_agents.items()}
        self._waiting: dict[str, list[Session]] = {}
        self._bots: dict[str, Session] = {}
        self._rate: tuple[float, Bucket] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        world.rooms.on_client_joined.append(self._client_joined)
        world.rooms.on_client_left.append(self._client_left)

    async def start(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        """Serve a checked start request; raises the Problems that Pipecat Cloud documents."""
        agent = self._willing(name)
        runner = agent.settings.runner_url or self._world.settings.runner_url
        makes_room = request.get("createDailyRoom") is True
        made = self._make_room(request) if makes_room and runner is None else {}
        now = self._world.clock.wall()
        session = Session(agent, agent.settings.state == "cold", now, now)
        agent.remember(session)
        self._expect(session, request.get("body"), made)
        answer = {"sessionId": session.id, **made}
        if self._world.switches.start_answers == "accepted" and not (makes_room and runner):
            self._spawn(session, self._run(session, runner, request))
            return answer
        reply = await self._launch(session, runner, request)
        if reply is None:
            raise cloud_error(500)
        self._spawn(session, self._live(session, runner))
        return answer | {key: reply[key] for key in ("dailyRoom", "dailyToken") if key in reply}

    async def stop(self, session: Session) -> None:
        """Stop a session at once: its bot is thrown out of its room, or not let in when it comes."""
        session.stopped = True
        room = self._world.rooms.get(session.room) if session.room else None
        if room is not None:
            await room.eject([bot for bot, one in self._bots.items() if one is session])
        self._end(session, "TERMINATED")

    async def aclose(self) -> None:
        """Cancel all that is on its way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _willing(self, name: str) -> Agent:
        """The agent, if it is deployed, ready and not full; else the documented refusal."""
        agent = self.agents.get(name)
        if agent is None:
            raise cloud_error(404)
        self._check_rate()
        settings = agent.settings
        if settings.fail != "none":
            raise cloud_error(int(settings.fail))
        if not settings.ready:
            raise not_ready(self._world.switches.not_ready_status)
        if agent.active >= settings.max_agents:
            raise at_capacity(self._world.switches.capacity_body)
        return agent

    def _check_rate(self) -> None:
        rate = self._world.switches.start_rate_per_s
        if rate is None:
            return
        if self._rate is None or self._rate[0] != rate:
            self._rate = (rate, Bucket(Limit(1, 1 / rate)))
        if self._rate[1].take(self._world.clock.monotonic()) is not None:
            raise rate_limited()

    def _make_room(self, request: dict[str, Any]) -> dict[str, str]:
        properties = request.get("dailyRoomProperties") or {}
        claims = {"is_owner": True, **(request.get("dailyMeetingTokenProperties") or {})}
        try:
            check_room_properties(properties, self._world.switches)
            check_token_properties(claims, self._world.switches)
        except Problem as problem:
            raise cloud_error(400, str(problem.body["info"])) from problem
        room = self._world.rooms.create(f"cloud-{uuid.uuid4().hex}", properties, "private")
        self._world.tokens.saw_key(CLOUD_KEY)
        key = self._world.settings.daily_api_key or CLOUD_KEY
        now = self._world.clock.wall()
        token = self._world.tokens.sign({**claims, "room_name": room.name}, key=key, now=now)
        return {"dailyRoom": room.url, "dailyToken": token}

    async def _run(self, session: Session, runner: str | None, request: dict[str, Any]) -> None:
        if await self._launch(session, runner, request) is not None:
            await self._live(session, runner)

    async def _launch(
        self, session: Session, runner: str | None, request: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Wait as long as a start takes, then start the bot; None when the runner refuses."""
        agent = session.agent
        settings = agent.settings
        await self._world.clock.sleep(settings.cold_start_s if session.cold else settings.warm_start_s)
        if session.ended_at is not None:
            return None
        reply = {} if runner is None else await self._ask_runner(runner, request)
        if reply is None:
            self._end(session, "HTTP_ERROR")
            return None
        session.started_at = session.updated_at = self._world.clock.wall()
        if session.cold and settings.stays_warm:
            agent.settings = agent.settings.model_copy(update={"state": "warm"})
        self._expect(session, None, reply)
        return reply

    async def _ask_runner(self, runner: str, request: dict[str, Any]) -> dict[str, Any] | None:
        body = compact({**request, "transport": "daily"})
        timeout_s = self._world.settings.runner_timeout_s
        reply = await self._world.client.post(f"{runner.rstrip('/')}/start", body, timeout_s=timeout_s)
        if not reply.ok:
            return None
        try:
            answer = json.loads(reply.body)
        except ValueError:
            return None
        return answer if isinstance(answer, dict) else {}

    async def _live(self, session: Session, runner: str | None) -> None:
        """Give up on a bot that never comes, and stop one that stays too long."""
        if runner is None:
            await self._world.clock.sleep(self._world.settings.noop_bot_s)
            self._end(session, "HTTP_COMPLETED")
            return
        patience = self._world.settings.join_timeout_s
        await self._world.clock.sleep(patience)
        if session.meetings:
            await self._world.clock.sleep(session.agent.settings.max_session_s - patience)
        await self.stop(session)

    def _spawn(self, session: Session, life: Coroutine[Any, Any, None]) -> None:
        if session.ended_at is not None:
            life.close()
            return
        session.task = asyncio.create_task(life)
        self._tasks.add(session.task)
        session.task.add_done_callback(self._tasks.discard)

    def _expect(self, session: Session, body: Any, made: dict[str, Any]) -> None:
        """Remember in which room the bot will appear: that of the start body, or the one made for it."""
        if session.room is not None:
            return
        session.room = _room_name(made.get("dailyRoom")) or _room_name((body or {}).get("room_url"))
        if session.room is None:
            return
        self._waiting.setdefault(session.room, []).append(session)
        room = self._world.rooms.get(session.room)
        for client in list(room.clients.values()) if room else []:
            self._client_joined(room, client)

    def _client_joined(self, room: Room | None, client: RoomClient) -> None:
        waiting = self._waiting.get(room.name) if room else None
        if room is None or not waiting or client.id in self._bots:
            return
        session = waiting.pop(0)
        if session.stopped:
            client.close()
            return
        self._bots[client.id] = session
        session.meetings.append({"participantId": client.id, "meetingId": room.meeting_id})

    def _client_left(self, _room: Room, client: RoomClient) -> None:
        session = self._bots.pop(client.id, None)
        if session is not None:
            self._end(session, "HTTP_COMPLETED")

    def _end(self, session: Session, completion: str) -> None:
        if session.ended_at is not None:
            return
        session.ended_at = session.updated_at = self._world.clock.wall()
        session.completion = completion
        session.agent.active -= 1
        waiting = self._waiting.get(session.room or "", [])
        if session in waiting and not session.stopped:
            waiting.remove(session)
        if session.task and session.task is not asyncio.current_task():
            session.task.cancel()


def _room_name(url: Any) -> str | None:
    """The name of the room that a URL leads to."""
    return urlsplit(url).path.strip("/") or None if isinstance(url, str) else None
