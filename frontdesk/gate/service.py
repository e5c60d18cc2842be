"""The gate: every rule that a call out must obey, before each dial. It never raises; in doubt it is shut."""

import asyncio
from zlib import crc32
from zoneinfo import ZoneInfo

from loguru import logger

from frontdesk.calls.models import NewCall
from frontdesk.calls.plan import Plan
from frontdesk.crm.may_call import MayCall, Said
from frontdesk.ended import EndedReason
from frontdesk.errors import DatabaseUnavailableError
from frontdesk.gate.answers import DATABASE_AWAY, FAULT, Answer, Later, No, Yes, as_planned
from frontdesk.gate.clock import hour_allows, rules_of
from frontdesk.gate.consent import is_past
from frontdesk.gate.do_not_call import DoNotCall
from frontdesk.gate.holidays import Calendar
from frontdesk.organizations import Organization, Organizations, known_timezone
from frontdesk.patients.models import Patient
from frontdesk.patients.store import Patients

_LISTS_WITHIN_S = 5.0
_DATABASE_AGAIN_S = 5.0
_FAULT_AGAIN_S = 60.0
_CRM_AGAIN_S = 60.0
_SPREAD_S = 30.0
"""So that calls which found the CRM away do not all come back in the same second."""


class Gate:
    """Answers whether a call may be made. How often a number is called, `frequency` says, with the slot.

    Args:
        organizations: Their rules.
        do_not_call: Who is never called.
        patients: Time zones and consent.
        may_call: Asks the CRM.
        enforced: Whether hours, holidays, time zones and consent count; the list and the CRM always do.
    """

    def __init__(
        self,
        organizations: Organizations,
        do_not_call: DoNotCall,
        patients: Patients,
        may_call: MayCall,
        *,
        enforced: bool = True,
    ) -> None:
        self._organizations = organizations
        self._do_not_call = do_not_call
        self._patients = patients
        self._may_call = may_call
        self._enforced = enforced
        self._calendars: dict[str, Calendar] = {}

    async def ask(self, call: NewCall, plan: Plan, now: float) -> Answer:
        """Whether a call may be made now, by all that is known here; asked before a slot is taken.

        `Later` already obeys the plan: what may not wait is a `No`.
        """
        try:
            async with asyncio.timeout(_LISTS_WITHIN_S):
                answer = await self._ask(call, plan, now)
        except (DatabaseUnavailableError, TimeoutError):
            return Later(DATABASE_AWAY, now + _DATABASE_AGAIN_S)
        except Exception as error:  # noqa: BLE001 - what cannot be judged is not dialed
            logger.error("nobody can tell whether to call: {}", type(error).__name__, call_id=call.id)
            return Later(FAULT, now + _FAULT_AGAIN_S, type(error).__name__)
        return as_planned(answer, plan) if isinstance(answer, Later) else answer

    async def ask_crm(self, call: NewCall, plan: Plan, now: float) -> Answer:
        """Whether the CRM says yes, if it wants to be asked; asked last, right before the dial."""
        try:
            said = await self._may_call.ask(call)
        except Exception as error:  # noqa: BLE001 - as above
            logger.error("the CRM was not asked whether to call: {}", type(error).__name__, call_id=call.id)
            return Later(FAULT, now + _FAULT_AGAIN_S, type(error).__name__)
        answer = _of_crm(said, call, now)
        return as_planned(answer, plan) if isinstance(answer, Later) else answer

    async def _ask(self, call: NewCall, plan: Plan, now: float) -> Answer:
        if call.to_number is None or await self._do_not_call.has(call.organization_id, call.to_number):
            return No(EndedReason.BLOCKED_DO_NOT_CALL)
        if not self._enforced:
            return Yes()
        organization = self._organizations.by_id(call.organization_id)
        patient = await self._patient(call)
        if organization.outreach.consent and not _agreed(call, plan, patient, now):
            return No(EndedReason.BLOCKED_CONSENT)
        zone = await self._zone(call, plan, patient, organization)
        if zone is None:
            return No(EndedReason.BLOCKED_TIMEZONE)
        return hour_allows(rules_of(organization, self._calendar(organization), zone), now)

    async def _patient(self, call: NewCall) -> Patient | None:
        if call.patient_id is None:
            return None
        return await self._patients.find(call.organization_id, call.patient_id)

    async def _zone(
        self, call: NewCall, plan: Plan, patient: Patient | None, organization: Organization
    ) -> ZoneInfo | None:
        """The callee's: by the request, the patient's record, or the default of campaign or clinic."""
        name = plan.timezone or (patient.timezone if patient else await self._zone_at(call))
        name = name or plan.default_timezone or organization.outreach.default_timezone
        try:
            return None if name is None else ZoneInfo(known_timezone(name))
        except ValueError:
            return None

    async def _zone_at(self, call: NewCall) -> str | None:
        """Of a number whose patient nobody named: what all patients with this number have in common."""
        zones = {one.timezone for one in await self._patients.at(call.organization_id, call.to_number or "")}
        return zones.pop() if len(zones) == 1 else None

    def _calendar(self, organization: Organization) -> Calendar:
        known = self._calendars.get(organization.slug)
        if known is None:
            known = self._calendars[organization.slug] = Calendar(organization.outreach.holidays)
        return known


def _agreed(call: NewCall, plan: Plan, patient: Patient | None, now: float) -> bool:
    """Consent is given for a number: that of the record counts for the record's number alone."""
    recorded = patient is not None and patient.phone_number == call.to_number
    times = (plan.consent_at, patient.consent_at if patient is not None and recorded else None)
    return any(at is not None and is_past(at, now) for at in times)


def _of_crm(said: Said, call: NewCall, now: float) -> Answer:
    if said.yes:
        return Yes()
    if not said.heard:
        return Later(EndedReason.BLOCKED_CRM, now + _CRM_AGAIN_S + _spread_s(call.id), said.code)
    if said.next_allowed_at is not None and said.next_allowed_at > now:
        return Later(EndedReason.BLOCKED_CRM, said.next_allowed_at, said.code)
    return No(EndedReason.BLOCKED_CRM, said.code)


def _spread_s(call_id: str) -> float:
    return crc32(call_id.encode()) / 0xFFFFFFFF * _SPREAD_S
