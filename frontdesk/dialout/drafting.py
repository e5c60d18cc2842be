"""From a request to the call that goes into the books."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from frontdesk.calls.codec import dumped
from frontdesk.calls.models import Data, NewCall
from frontdesk.calls.plan import Brief, Plan
from frontdesk.contract import DialoutSettings, Limits
from frontdesk.dialout.caller_ids import caller_id_of
from frontdesk.dialout.models import DialoutRequest
from frontdesk.errors import InvalidBodyError, PatientNotFoundError, TimezoneUnknownError
from frontdesk.gate.consent import is_past
from frontdesk.organizations import Organization, Organizations

_A_DAY_S = 86400.0
_A_WEEK_S = 7 * _A_DAY_S
_FURTHEST_S = 90 * _A_DAY_S


class Patient(Protocol):
    """What is stored of a patient, as far as a call needs it."""

    @property
    def phone_number(self) -> str:
        """E.164."""

    @property
    def timezone(self) -> str | None:
        """IANA."""

    @property
    def first_name(self) -> str | None:
        """For the conversation."""

    @property
    def language(self) -> str | None:
        """For the conversation."""


class Patients(Protocol):
    """The patients that are stored."""

    async def find(self, organization_id: str, patient_id: str) -> Patient | None:
        """One of them; None when it is not known.

        Raises:
            DatabaseUnavailableError: The books cannot be read.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What is known of a call besides its request.

    Args:
        call_id: 32 hex digits.
        digest: Of the request; None when nobody may repeat it.
        campaign_id: The campaign that it belongs to.
        default_timezone: The campaign's, for callees whose own nobody knows.
        urgent: Overtakes what campaigns have waiting.
    """

    call_id: str
    digest: str | None = None
    campaign_id: str | None = None
    default_timezone: str | None = None
    urgent: bool = True


class Drafting:
    """Checks a request against organization, patient and gateway, and makes a call of it.

    Args:
        organizations: Everybody, whose numbers nobody else may show.
        patients: Those that are stored.
        limits: What a request leaves out; `max_duration_s` is also the most that it may ask for.
        timezone_needed: Whether quiet hours are obeyed, so that the callee's time zone must be known.
        clock: UTC seconds.
    """

    def __init__(
        self,
        organizations: Organizations,
        patients: Patients,
        limits: Limits,
        *,
        timezone_needed: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._organizations = organizations
        self._patients = patients
        self._limits = limits
        self._timezone_needed = timezone_needed
        self._clock = clock

    async def draft(self, request: DialoutRequest, organization: Organization, ticket: Ticket) -> NewCall:
        """The call that a request asks for.

        Raises:
            UnknownWorkflowError: The organization has no such workflow.
            PatientNotFoundError: The request names a patient alone, who is not known.
            TimezoneUnknownError: Nobody said where the callee is.
            InvalidBodyError: The limits exceed those of the gateway, the time is over or too far away, or the
                number to be shown is not the organization's.
            DatabaseUnavailableError: The patient cannot be looked up.
        """
        patient = await self._patient(request, organization)
        now = self._clock()
        line = self._line(request, organization, patient)
        return NewCall(
            id=ticket.call_id,
            direction="outbound",
            organization_id=str(organization.id),
            workflow=organization.knows(request.workflow or organization.outbound_workflow),
            created_at=now,
            to_number=line.phone_number,
            patient_id=request.patient_id,
            line=line.model_dump(mode="json", exclude_none=True),
            limits=self._within(request).model_dump(),
            variables=request.variables,
            metadata=request.metadata,
            caller_id=None if line.caller_id is None else str(line.caller_id),
            external_id=request.external_id,
            campaign_id=ticket.campaign_id,
            request_digest=ticket.digest,
            plan=self._plan(request, organization, patient, now, ticket).to_json(),
            brief=dumped(_brief(request, patient)),
        )

    async def _patient(self, request: DialoutRequest, organization: Organization) -> Patient | None:
        if request.patient_id is None:
            return None
        found = await self._patients.find(str(organization.id), request.patient_id)
        if found is None and request.phone_number is None and request.dialout_settings is None:
            raise PatientNotFoundError
        return found

    def _line(
        self, request: DialoutRequest, organization: Organization, patient: Patient | None
    ) -> DialoutSettings:
        """Daily shows any of the domain's numbers when none is named, and any that is."""
        caller_id = caller_id_of(request, organization, self._organizations)
        settings = request.dialout_settings
        if settings is not None:
            return settings.model_copy(update={"caller_id": caller_id})
        number = request.phone_number or (patient.phone_number if patient else None)
        if number is None:
            raise PatientNotFoundError
        return DialoutSettings(phone_number=number, caller_id=caller_id)

    def _plan(
        self,
        request: DialoutRequest,
        organization: Organization,
        patient: Patient | None,
        now: float,
        ticket: Ticket,
    ) -> Plan:
        """What the request says alone: the record may change, and is asked again before each dial."""
        default = ticket.default_timezone or organization.outreach.default_timezone
        known = request.timezone or (patient.timezone if patient else None) or default
        if known is None and self._timezone_needed:
            raise TimezoneUnknownError
        earliest_at, latest_at = _window(request, now)
        consent_at = _seconds(request.consent_at)
        if consent_at is not None and not is_past(consent_at, now):
            raise _wrong("consent_at", "is in the future")
        return Plan(
            earliest_at=earliest_at,
            latest_at=latest_at,
            max_attempts=request.retry.max_attempts,
            retry_on=request.retry.on if request.retry.max_attempts > 1 else (),
            delays_s=request.retry.delays_s if request.retry.max_attempts > 1 else (),
            on_blocked=request.on_blocked,
            timezone=request.timezone,
            default_timezone=ticket.default_timezone,
            consent_at=consent_at,
            urgent=ticket.urgent,
        )

    def _within(self, request: DialoutRequest) -> Limits:
        limits, longest = request.limits_over(self._limits), self._limits.max_duration_s
        if limits.max_duration_s > longest:
            field = "limits.max_duration_s" if request.max_duration_s is None else "max_duration_s"
            raise _wrong(field, f"at most {longest} on this gateway")
        return limits


def _window(request: DialoutRequest, now: float) -> tuple[float, float]:
    """Unless the request says how long: a week, in which a clinic opens again and three calls are allowed."""
    schedule = request.schedule
    earliest_at = max(now, _seconds(schedule.earliest_at) or now)
    asked, furthest_at = _seconds(schedule.latest_at), now + _FURTHEST_S
    latest_at = earliest_at + _A_DAY_S if asked is None else asked
    if latest_at <= now:
        raise _wrong("schedule.latest_at", "is over")
    if latest_at > furthest_at:
        raise _wrong("schedule", f"at most {_FURTHEST_S / _A_DAY_S:.0f} days ahead")
    if asked is None:
        latest_at = min(earliest_at + _A_WEEK_S + request.retry.longest_s, furthest_at)
    return earliest_at, latest_at


def _brief(request: DialoutRequest, patient: Patient | None) -> Brief:
    stored: Data = {}
    if patient is not None:
        named = {"first_name": patient.first_name, "language": patient.language}
        stored = {name: value for name, value in named.items() if value is not None}
    return Brief(request.voicemail.model_dump(mode="json"), stored | request.patient_data)


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _wrong(field: str, message: str) -> InvalidBodyError:
    return InvalidBodyError(f"Correct these fields: {field}.", errors=[{"field": field, "message": message}])
