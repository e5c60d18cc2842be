"""Makes a call of one row, and says what became of that."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import ValidationError

from frontdesk.campaigns.acceptor import Acceptor, row_key
from frontdesk.campaigns.checking import merged, patient_id_of
from frontdesk.campaigns.row_store import Ready, RowStore
from frontdesk.dialout.models import DialoutRequest
from frontdesk.doors.bodies import as_frontdesk_error
from frontdesk.errors import (
    FrontdeskError,
    IdempotencyConflictError,
    InvalidBodyError,
    NumberNotDialableError,
    PatientNotFoundError,
    RequestError,
    TimezoneUnknownError,
)
from frontdesk.organizations import Organization

_OWN_FIELDS = ("schedule", "consent_at")


class Fate(Enum):
    """What became of a row."""

    CALLED = "called"
    REFUSED = "refused"
    """It can never be a call, and others can."""
    HALTS = "halts"
    """The organization or the gateway is not what it was when the row was good: others are refused, too."""
    GONE = "gone"
    """It was erased since it was read from the books."""
    AGAIN = "again"
    """Nobody knows; it must be tried again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row.

    Args:
        number: Of the row.
        fate: What became of it.
        call_id: Of its call, once it is one.
        error: Why it cannot be one.
    """

    number: int
    fate: Fate
    call_id: str = ""
    error: FrontdeskError | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """What is the same for all rows of a campaign.

    Args:
        campaign_id: Whose rows.
        organization: Who calls.
        base: What the request of each row begins with.
        default_timezone: Of callees whose own nobody knows.
    """

    campaign_id: str
    organization: Organization
    base: Mapping[str, Any]
    default_timezone: str | None


class Calling:
    """Makes calls of rows, however often it is asked to.

    Args:
        rows: In the books.
        acceptance: Takes calls out.
    """

    def __init__(self, rows: RowStore, acceptance: Acceptor) -> None:
        self._rows = rows
        self._acceptance = acceptance

    async def call(self, whole: Whole, row: Ready) -> Outcome:
        """Make a call of a row."""
        try:
            return await self._call(whole, row)
        except ValidationError as error:
            return Outcome(row.number, Fate.REFUSED, error=as_frontdesk_error(error))
        except FrontdeskError:
            return Outcome(row.number, Fate.AGAIN)

    async def _call(self, whole: Whole, row: Ready) -> Outcome:
        if not await self._rows.is_good(whole.campaign_id, row.number):
            return Outcome(row.number, Fate.GONE)
        organization, key = whole.organization, row_key(whole.campaign_id, row.number)
        called = Outcome(row.number, Fate.CALLED, key.call_id(str(organization.id)))
        request = DialoutRequest.model_validate(merged(whole.base, row.request))
        try:
            await self._acceptance.accept(
                request,
                organization,
                key=key,
                campaign_id=whole.campaign_id,
                default_timezone=whole.default_timezone,
                urgent=False,
            )
        except IdempotencyConflictError:
            return called  # the key is the row's alone: its call was accepted before an upgrade
        except RequestError as error:
            if error.retryable:
                raise
            own = await self._is_its_own(row, organization, error)
            return Outcome(row.number, Fate.REFUSED if own else Fate.HALTS, error=error)
        return called

    async def _is_its_own(self, row: Ready, organization: Organization, error: RequestError) -> bool:
        """Whether a row that was good is refused for what is its own: its time, its number, its patient.

        Neither row nor settings ever change: all else that is refused now has changed for all rows.
        """
        if isinstance(error, PatientNotFoundError | NumberNotDialableError):
            return True
        if isinstance(error, TimezoneUnknownError):
            patient_id = patient_id_of(row.request)
            return patient_id is not None and not await self._rows.patients(
                str(organization.id), [patient_id]
            )
        fields = [one["field"].partition(".")[0] for one in error.extensions.get("errors", ())]
        return isinstance(error, InvalidBodyError) and bool(fields) and set(fields) <= set(_OWN_FIELDS)
