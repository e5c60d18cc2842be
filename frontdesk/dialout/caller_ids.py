"""Which number a callee is shown."""

from collections.abc import Iterable
from uuid import UUID

from frontdesk.dialout.models import DialoutRequest
from frontdesk.errors import InvalidBodyError, NumberNotDialableError
from frontdesk.organizations import Organization
from frontdesk.phone import dialable


def caller_id_of(
    request: DialoutRequest, organization: Organization, everybody: Iterable[Organization]
) -> UUID | None:
    """Daily's id of the number to show; Daily shows any of the domain's when none is named.

    A number must be listed under `caller_ids`. An id must be listed, too, unless the organization is the only
    one and lists none.

    Raises:
        InvalidBodyError: The number to be shown is not the organization's.
    """
    settings = request.dialout_settings
    named = settings.caller_id if settings is not None else request.caller_id
    if named is None:
        return organization.caller_id or next((own.id for own in organization.caller_ids), None)
    found = named if isinstance(named, UUID) else _id_of(named, organization)
    if found is None or not _may_show(found, organization, everybody):
        field = "caller_id" if settings is None else "dialout_settings.caller_id"
        raise InvalidBodyError(errors=[{"field": field, "message": "is not the organization's"}])
    return found


def _id_of(number: str, organization: Organization) -> UUID | None:
    try:
        wanted = dialable(number)
    except NumberNotDialableError:
        return None
    return next((own.id for own in organization.caller_ids if own.number == wanted), None)


def _may_show(named: UUID, organization: Organization, everybody: Iterable[Organization]) -> bool:
    if named in _own(organization):
        return True
    return not organization.caller_ids and all(other is organization for other in everybody)


def _own(organization: Organization) -> set[UUID]:
    listed = {own.id for own in organization.caller_ids}
    return listed if organization.caller_id is None else listed | {organization.caller_id}
