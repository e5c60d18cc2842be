"""Checks rows as the door for calls out would, so that what is wrong is told before the first dial."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from frontdesk.campaigns.models import Row
from frontdesk.campaigns.raw import COLUMNS, STRUCTURED, Problem, RawRow, problem
from frontdesk.campaigns.settings import CampaignSettings
from frontdesk.contract import Limits
from frontdesk.dialout.drafting import Drafting, Ticket
from frontdesk.dialout.models import DialoutRequest
from frontdesk.doors.bodies import as_frontdesk_error
from frontdesk.errors import FrontdeskError, PatientNotFoundError, TimezoneUnknownError, UnknownWorkflowError
from frontdesk.organizations import Organization, Organizations
from frontdesk.patients.models import Patient

_IN_SCHEDULE = ("earliest_at", "latest_at")
_MERGED = ("schedule", "variables", "metadata")
_FIELDS: dict[type[FrontdeskError], str] = {
    PatientNotFoundError: "patient_id",
    TimezoneUnknownError: "timezone",
    UnknownWorkflowError: "workflow",
}
_ANYBODY = {"phone_number": "+12025550123"}
_LONGEST_TEXT = 32 * 1024
_LONGEST_ID = 200
_MOST_TOLD = 20


class KnownPatients:
    """The patients that a batch of rows names, as `Drafting` asks for them."""

    def __init__(self) -> None:
        self._known: Mapping[str, Patient] = {}

    def know(self, patients: Mapping[str, Patient]) -> None:
        """Forget those of the batch before."""
        self._known = patients

    async def find(self, organization_id: str, patient_id: str) -> Patient | None:
        """One of them; all are of the campaign's own organization."""
        found = self._known.get(patient_id)
        return found if found is not None and found.organization_id == organization_id else None


class RowCheck:
    """Checks the rows of one campaign.

    Args:
        settings: What holds for all of them.
        organization: Whose campaign.
        organizations: Everybody, whose numbers nobody else may show.
        limits: Of the gateway.
        timezone_needed: Whether a callee's time zone must be known.
    """

    def __init__(
        self,
        settings: CampaignSettings,
        organization: Organization,
        organizations: Organizations,
        limits: Limits,
        *,
        timezone_needed: bool,
    ) -> None:
        self.patients = KnownPatients()
        self._base = settings.for_rows()
        self._nobody = Ticket(call_id="0" * 32, default_timezone=settings.timezone)
        self._organization = organization
        self._drafting = Drafting(organizations, self.patients, limits, timezone_needed=timezone_needed)

    async def settings(self) -> None:
        """Check what holds for all rows, by a row that says nothing of its own.

        Raises:
            FrontdeskError: No row could be called.
        """
        example = merged(self._base, {"timezone": "UTC"} | self._base | _ANYBODY)
        try:
            request = DialoutRequest.model_validate(example)
        except ValidationError as error:
            raise as_frontdesk_error(error) from None
        await self._drafting.draft(request, self._organization, self._nobody)

    async def row(self, raw: RawRow) -> Row:
        """One row, checked; nothing of it is in what is told."""
        if raw.values is None:
            return Row(raw.number, problems=(problem("row", raw.problem or "cannot be read"),))
        said = own_request(raw.values)
        patient_id = patient_id_of(raw.values)
        unreadable = _unreadable(raw.values)
        if unreadable:
            return Row(raw.number, None, patient_id, problems=tuple(unreadable))
        number = None
        try:
            request = DialoutRequest.model_validate(merged(self._base, said))
            number = request.phone_number
            draft = await self._drafting.draft(request, self._organization, self._nobody)
        except ValidationError as error:
            return Row(raw.number, None, patient_id, problems=told(as_frontdesk_error(error)))
        except FrontdeskError as error:
            return Row(raw.number, number, patient_id, problems=told(error))
        return Row(raw.number, draft.to_number, patient_id, said)


def own_request(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a `DialoutRequest` that a row says; what is no field is a variable."""
    said: dict[str, Any] = {name: told for name, told in values.items() if name in (*COLUMNS, *STRUCTURED)}
    window = {name: said.pop(name) for name in _IN_SCHEDULE if name in said}
    if window:
        said["schedule"] = _joined(said.get("schedule", {}), window)
    variables = {name: told for name, told in values.items() if name not in (*COLUMNS, *STRUCTURED)}
    if variables:
        said["variables"] = _joined(said.get("variables", {}), variables)
    return said


def merged(base: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """The whole request of a row: its own word counts more than the campaign's."""
    whole = {**base, **said}
    for name in _MERGED:
        if name in base and name in said:
            whole[name] = _joined(base[name], said[name])
    return whole


def _joined(first: Any, second: Any) -> Any:
    """Both objects in one; anything else is left for the check to refuse."""
    if isinstance(first, dict) and isinstance(second, dict):
        return {**first, **second}
    return second if isinstance(first, dict) else first


def _unreadable(values: Mapping[str, Any]) -> list[Problem]:
    """Texts that no database holds."""
    told = []
    for name, value in values.items():
        if not isinstance(value, str):
            continue
        if "\0" in value:
            told.append(problem(name, "holds NUL characters"))
        elif _is_no_unicode(value):
            told.append(problem(name, "is not UTF-8"))
        elif len(value) > _LONGEST_TEXT:
            told.append(problem(name, f"is longer than {_LONGEST_TEXT // 1024} KiB"))
    return told


def told(error: FrontdeskError) -> tuple[Problem, ...]:
    """What is wrong with a row, field by field; of many wrong fields the first."""
    errors: Sequence[Problem] = error.extensions.get("errors") or ()
    named = _FIELDS.get(type(error), "row")
    return tuple(errors[:_MOST_TOLD]) or (problem(named, error.title),)


def patient_id_of(values: Mapping[str, Any]) -> str | None:
    """The id of a patient that a row names, if any is known by it: texts that no database holds are none."""
    value = values.get("patient_id")
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID:
        return None
    return None if "\0" in value or _is_no_unicode(value) else value


def _is_no_unicode(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)
