"""Pipecat Cloud: agents, their capacity, and sessions that start bots through a dev runner."""

import asyncio
import json
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from frontdesk.simulator.apilog import iso
from frontdesk.simulator.cloud_errors import at_capacity, cloud_error, not_ready, rate_limited
from frontdesk.simulator.limits import Bucket, Limit
from frontdesk.simulator.rest.properties import check_room_properties, check_token_properties
from frontdesk.simulator.rooms import Room, RoomClient
from frontdesk.simulator.settings import AgentSettings
from frontdesk.simulator.webhooks import compact

if TYPE_CHECKING:
    from frontdesk.simulator.world import World

ENDED_KEPT = 1000
CLOUD_KEY = "pipecat-cloud-domain-key"


@dataclass(slots=True, eq=False)
class Session:
    """One bot that was asked for. Times are Unix seconds; `room` is the name of the room it belongs in."""

    agent: str
    cold: bool
    created_at: float
    updated_at: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    room: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    completion: str | None = None
    joined: bool = False
    stopped: bool = False
    meetings: list[dict[str, str | None]] = field(default_factory=list)
    task: asyncio.Task[None] | None = None


class Agent:
    """A deployed agent; `settings` may be replaced at any time."""

    def __init__(self, name: str, settings: AgentSettings) -> None:
        self.name = name
        self.settings = settings
        self.id = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
        self.sessions: dict[str, Session] = {}

    def active(self) -> list[Session]:
        """Sessions that hold an instance."""
        return [session for session in self.sessions.values() if session.ended_at is None]

    def remember(self, session: Session) -> None:
        """Keep a session; of those that ended, the oldest beyond a thousand are forgotten."""
        self.sessions[session.id] = session
        if len(self.sessions) > ENDED_KEPT:
            ended = (key for key, one in self.sessions.items() if one.ended_at is not None)
            self.sessions.pop(next(ended, ""), None)


class Cloud:
    """Starts bots. Sessions run in tasks of their own, which `aclose` cancels."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.agents = {name: Agent(name, one) for name, one in world.settings.cloud_agents.items()}
        self._by_room: dict[str, Session] = {}
        self._rate: Bucket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        world.rooms.on_client_joined.append(self._client_joined)
        world.rooms.on_client_left.append(self._client_left)

    async def start(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        """Serve a checked start request; raises the Problems that Pipecat Cloud documents."""
        agent = self._willing(name)
        now = self._world.clock.wall()
        session = Session(name, agent.settings.state == "cold", now, now)
        agent.remember(session)
        runner = agent.settings.runner_url or self._world.settings.runner_url
        answer: dict[str, Any] = {"sessionId": session.id}
        try:
            if request.get("createDailyRoom") and runner is None:
                answer |= self._make_room(session, request)
        except Exception:
            self._end(session, "400")
            raise
        self._expect(session, _room_name(request.get("body")))
        wait = request.get("createDailyRoom") or self._world.switches.start_answers == "started"
        if runner is None or not wait:
            self._spawn(session, self._run(agent, session, runner, request))
            return answer
        reply = await self._launch(agent, session, runner, request)
        if reply is None:
            self._end(session, "HTTP_ERROR")
            raise cloud_error(500)
        self._spawn(session, self._live(agent, session))
        return answer | {key: reply[key] for key in ("dailyRoom", "dailyToken") if key in reply}

    async def stop(self, session: Session) -> None:
        """Stop a session at once: its bot is thrown out of its room, or not let in when it comes."""
        session.stopped = True
        room = self._world.rooms.get(session.room) if session.room else None
        if room is not None:
            await room.eject(list(room.clients))
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
        if len(agent.active()) >= settings.max_agents:
            raise at_capacity(self._world.switches.capacity_body)
        return agent

    def _check_rate(self) -> None:
        rate = self._world.switches.start_rate_per_s
        if rate is None:
            self._rate = None
            return
        self._rate = self._rate or Bucket(Limit(1, 1 / rate))
        if self._rate.take(self._world.clock.monotonic()) is not None:
            raise rate_limited()

    def _make_room(self, session: Session, request: dict[str, Any]) -> dict[str, str]:
        properties = request.get("dailyRoomProperties") or {}
        token_properties = request.get("dailyMeetingTokenProperties") or {}
        check_room_properties(properties, self._world.switches)
        check_token_properties(token_properties, self._world.switches)
        room = self._world.rooms.create(f"cloud-{session.id}", properties, "private")
        session.room = room.name
        self._world.tokens.saw_key(CLOUD_KEY)
        key = self._world.settings.daily_api_key or CLOUD_KEY
        claims = {"is_owner": True, **token_properties, "room_name": room.name}
        return {
            "dailyRoom": room.url,
            "dailyToken": self._world.tokens.sign(claims, key=key, now=self._world.clock.wall()),
        }

    async def _run(self, agent: Agent, session: Session, runner: str | None, request: dict[str, Any]) -> None:
        if await self._launch(agent, session, runner, request) is None:
            self._end(session, "HTTP_ERROR")
        elif runner is None:
            await self._world.clock.sleep(self._world.settings.noop_bot_s)
            self._end(session, "HTTP_COMPLETED")
        else:
            await self._live(agent, session)

    async def _launch(
        self, agent: Agent, session: Session, runner: str | None, request: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Wait as long as a start takes, then start the bot; None when the runner refuses."""
        settings = agent.settings
        await self._world.clock.sleep(settings.cold_start_s if session.cold else settings.warm_start_s)
        if session.ended_at is not None:
            return None
        reply = {} if runner is None else await self._ask_runner(runner, request)
        if reply is None:
            return None
        session.started_at = session.updated_at = self._world.clock.wall()
        if session.cold and settings.stays_warm:
            agent.settings = agent.settings.model_copy(update={"state": "warm"})
        self._expect(session, _room_name({"room_url": reply.get("dailyRoom")}))
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

    async def _live(self, agent: Agent, session: Session) -> None:
        """Give up on a bot that never comes, and stop one that stays too long."""
        patience = self._world.settings.join_timeout_s
        await self._world.clock.sleep(patience)
        if session.joined:
            await self._world.clock.sleep(agent.settings.max_session_s - patience)
        if session.ended_at is None:
            await self.stop(session)

    def _spawn(self, session: Session, life: Coroutine[Any, Any, None]) -> None:
        if session.ended_at is not None:
            life.close()
            return
        session.task = asyncio.create_task(life)
        self._tasks.add(session.task)
        session.task.add_done_callback(self._tasks.discard)

    def _expect(self, session: Session, room: str | None) -> None:
        session.room = session.room or room
        if session.room is None or session.ended_at is not None:
            return
        self._by_room[session.room] = session
        inside = self._world.rooms.get(session.room)
        for client in list(inside.clients.values()) if inside else []:
            self._client_joined(inside, client)

    def _client_joined(self, room: Room | None, client: RoomClient) -> None:
        session = self._by_room.get(room.name) if room else None
        if session is None or room is None:
            return
        if session.stopped:
            client.close()
            return
        session.joined = True
        session.meetings.append({"participantId": client.id, "meetingId": room.meeting_id})

    def _client_left(self, room: Room, _client: RoomClient) -> None:
        session = self._by_room.get(room.name)
        if session is not None and session.joined and not room.clients:
            self._end(session, "HTTP_COMPLETED")

    def _end(self, session: Session, completion: str) -> None:
        if session.ended_at is not None:
            return
        session.ended_at = session.updated_at = self._world.clock.wall()
        session.completion = completion
        if session.room and not session.stopped:
            self._by_room.pop(session.room, None)
        if session.task and session.task is not asyncio.current_task():
            session.task.cancel()


def _room_name(body: Any) -> str | None:
    """The name of the room that a start body points at."""
    url = body.get("room_url") if isinstance(body, dict) else None
    return urlsplit(url).path.strip("/") or None if isinstance(url, str) else None


def session_object(session: Session, agent: Agent, *, details: bool = False) -> dict[str, Any]:
    """A session as Pipecat Cloud shows it; `details` for the endpoint of one session."""
    started = session.started_at
    shown: dict[str, Any] = {
        "sessionId": session.id,
        "serviceId": agent.id,
        "organizationId": str(uuid.UUID(int=0)),
        "deploymentId": str(uuid.uuid5(uuid.UUID(agent.id), "deployment")),
        "endedAt": None if session.ended_at is None else iso(session.ended_at),
        "botStartSeconds": None if started is None else round(started - session.created_at),
        "coldStart": session.cold,
        "completionStatus": session.completion,
        "createdAt": iso(session.created_at),
        "updatedAt": iso(session.updated_at),
    }
    return shown | {"resourceMetrics": None, "meetingIds": session.meetings} if details else shown
