"""A call on its way to a bot: all that the bot will be told, but for the room."""

import uuid
from dataclasses import dataclass, field, replace
from typing import Self

from pydantic import JsonValue

from frontdesk.calls.codec import loaded
from frontdesk.calls.models import NewCall
from frontdesk.calls.plan import Brief
from frontdesk.contract import (
    AgentRequest,
    Callback,
    CallContext,
    DialinSettings,
    DialoutSettings,
    Limits,
    Voicemail,
)
from frontdesk.daily.room_names import room_name
from frontdesk.daily.rooms import Room
from frontdesk.organizations import Organization

_NOTHING_KNOWN = CallContext()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, before it has a room.

    Args:
        created_at: When it was accepted, UTC seconds.
        installation: Ours, as the names of the call's rooms have it from the first to the last.
    """

    call_id: str
    created_at: float
    installation: str
    organization: Organization
    workflow: str
    line: DialinSettings | DialoutSettings
    limits: Limits
    voicemail: Voicemail = field(default_factory=Voicemail)
    patient_id: str | None = None
    patient_data: dict[str, JsonValue] = field(default_factory=dict)
    variables: dict[str, JsonValue] = field(default_factory=dict)
    metadata: dict[str, JsonValue] = field(default_factory=dict)

    @classmethod
    def resumed(cls, call: NewCall, organization: Organization, installation: str) -> Self:
        """A call of either direction as the ledger knows it; an incoming one without what the CRM said of it.

        Raises:
            UnknownWorkflowError: The organization has no such workflow any more.
            pydantic.ValidationError: What the ledger has is no call, as after its numbers were erased.
        """
        incoming = call.direction == "inbound"
        settings = DialinSettings if incoming else DialoutSettings
        known = cls(
            call_id=call.id,
            created_at=call.created_at,
            installation=installation,
            organization=organization,
            workflow=organization.knows(call.workflow),
            line=settings.model_validate(call.line),
            limits=Limits.model_validate(call.limits),
        )
        return known if incoming else known._briefed(call)

    def _briefed(self, call: NewCall) -> Self:
        brief = loaded(Brief, {"voicemail": {}, "patient_data": {}} | call.brief)
        return replace(
            self,
            voicemail=Voicemail.model_validate(brief.voicemail),
            patient_id=call.patient_id,
            patient_data=brief.patient_data,
            variables=call.variables,
            metadata=call.metadata,
        )

    def room(self, attempt: int) -> str:
        """The name of an attempt's room."""
        return room_name(self.installation, self.call_id, attempt)

    def record(self) -> NewCall:
        """The call as the ledger keeps it."""
        line = self.line
        incoming = isinstance(line, DialinSettings)
        return NewCall(
            id=self.call_id,
            direction="inbound" if incoming else "outbound",
            organization_id=str(self.organization.id),
            workflow=self.workflow,
            created_at=self.created_at,
            from_number=line.From if isinstance(line, DialinSettings) else None,
            to_number=line.To if isinstance(line, DialinSettings) else line.phone_number,
            patient_id=self.patient_id,
            line=line.model_dump(mode="json", exclude_none=True),
            limits=self.limits.model_dump(),
            variables=self.variables,
            metadata=self.metadata,
        )

    def request(
        self,
        room: Room,
        attempt: int,
        *,
        callback: Callback | None = None,
        context: CallContext | None = None,
    ) -> AgentRequest:
        """What the bot of one attempt gets; `context` is what the CRM said of the caller so far."""
        context = context or _NOTHING_KNOWN
        return AgentRequest(
            room_url=room.url,
            token=room.token,
            session_id=str(uuid.uuid4()),
            call_id=self.call_id,
            attempt=attempt,
            organization_id=str(self.organization.id),
            organization_slug=self.organization.slug,
            client_name=self.organization.name,
            workflow=context.workflow or self.workflow,
            patient_id=self.patient_id,
            patient_data=self.patient_data,
            dialin_settings=self.line if isinstance(self.line, DialinSettings) else None,
            dialout_settings=self.line if isinstance(self.line, DialoutSettings) else None,
            limits=self.limits,
            voicemail=self.voicemail,
            callback=callback,
            refusal=context.refusal,
            variables=self.variables | context.variables,
            metadata=self.metadata,
        )
