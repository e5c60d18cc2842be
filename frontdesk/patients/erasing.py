"""What is kept of a person is erased with the person's calls."""

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.gate.tables import do_not_call
from frontdesk.patients.tables import patients


async def erase_person(
    connection: AsyncConnection,
    organization_id: str | None,
    *,
    patient_id: str | None = None,
    phone_number: str | None = None,
) -> int:
    """Forget the patients with this id or number; returns how many they were.

    A number on the do-not-call list stays there, without what somebody wrote about it: the wish not to be
    called outlives everything else that is known of a person.

    Args:
        connection: In a transaction that writes.
        organization_id: Whose; None for all.
        patient_id: The CRM's id.
        phone_number: E.164.
    """
    they = and_(_of(patients.c.organization_id, organization_id), _person(patient_id, phone_number))
    numbers = select(patients.c.phone_number).where(they)
    listed = or_(do_not_call.c.number == phone_number, do_not_call.c.number.in_(numbers))
    of_it = _of(do_not_call.c.organization_id, organization_id)
    await connection.execute(update(do_not_call).where(of_it, listed).values(reason=None))
    return (await connection.execute(delete(patients).where(they))).rowcount


def _person(patient_id: str | None, phone_number: str | None) -> ColumnElement[bool]:
    by_id, by_number = patients.c.id == patient_id, patients.c.phone_number == phone_number
    return by_id if patient_id is not None else by_number


def _of(column: ColumnElement[str], organization_id: str | None) -> ColumnElement[bool]:
    return column == organization_id if organization_id is not None else column.is_not(None)
