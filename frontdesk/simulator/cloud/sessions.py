"""What Pipecat Cloud remembers: agents and their sessions."""

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any

from frontdesk.simulator.rest.apilog import iso
from frontdesk.simulator.settings import AgentSettings

ENDED_KEPT = 1000


@dataclass(slots=True, eq=False)
class Session:
    """One bot that was asked for. Times are Unix seconds; `room` is the name of the room it belongs in."""

    agent: "Agent"
    cold: bool
    created_at: float
    updated_at: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    room: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    completion: str | None = None
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
        self.active = 0
        """Sessions that hold an instance."""

    def remember(self, session: Session) -> None:
        """Keep a session; of those that ended, the oldest beyond a thousand are forgotten."""
        self.sessions[session.id] = session
        self.active += 1
        if len(self.sessions) > ENDED_KEPT:
            ended = (key for key, one in self.sessions.items() if one.ended_at is not None)
            self.sessions.pop(next(ended, ""), None)


def session_object(session: Session, *, details: bool = False) -> dict[str, Any]:
    """A session as Pipecat Cloud shows it; `details` for the endpoint of one session."""
    started = session.started_at
    shown: dict[str, Any] = {
        "sessionId": session.id,
        "serviceId": session.agent.id,
        "organizationId": str(uuid.UUID(int=0)),
        "deploymentId": str(uuid.uuid5(uuid.UUID(session.agent.id), "deployment")),
        "endedAt": None if session.ended_at is None else iso(session.ended_at),
        "botStartSeconds": None if started is None else round(started - session.created_at),
        "coldStart": session.cold,
        "completionStatus": session.completion,
        "createdAt": iso(session.created_at),
        "updatedAt": iso(session.updated_at),
    }
    return shown | {"resourceMetrics": None, "meetingIds": session.meetings} if details else shown
