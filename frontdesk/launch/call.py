"""A call on its way to a bot: all that the bot will be told, but for the room."""

import uuid
from dataclasses import dataclass, field

from pydantic import JsonValue

from frontdesk.contract import AgentRequest, DialinSettings, DialoutSettings, Limits, Voicemail
from frontdesk.daily.rooms import Room
from frontdesk.organizations import Organization


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, before it has a room."""

    call_id: str
    organization: Organization
    workflow: str
    line: DialinSettings | DialoutSettings
    limits: Limits
    voicemail: Voicemail = field(default_factory=Voicemail)
    patient_id: str | None = None
    patient_data: dict[str, JsonValue] = field(default_factory=dict)
    variables: dict[str, JsonValue] = field(default_factory=dict)
    metadata: dict[str, JsonValue] = field(default_factory=dict)

    def request(self, room: Room, attempt: int) -> AgentRequest:
        """What the bot of one attempt gets."""
        return AgentRequest(
            room_url=room.url,
            token=room.token,
            session_id=str(uuid.uuid4()),
            call_id=self.call_id,
            attempt=attempt,
            organization_id=str(self.organization.id),
            organization_slug=self.organization.slug,
            client_name=self.organization.name,
            workflow=self.workflow,
            patient_id=self.patient_id,
            patient_data=self.patient_data,
            dialin_settings=self.line if isinstance(self.line, DialinSettings) else None,
            dialout_settings=self.line if isinstance(self.line, DialoutSettings) else None,
            limits=self.limits,
            voicemail=self.voicemail,
            variables=self.variables,
            metadata=self.metadata,
        )
