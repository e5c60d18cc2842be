"""Patients in the database."""

from sqlalchemy import ColumnElement, RowMapping, and_, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from frontdesk.errors import PatientNotFoundError
from frontdesk.patients.models import Patient
from frontdesk.patients.tables import patients
from frontdesk.storage.database import Database
from frontdesk.storage.statement import replacing

_REPLACE = replacing(patients)
_MOST_AT_A_NUMBER = 50


class Patients:
    """Reads and writes the patients of all organizations.

    Every method raises `DatabaseUnavailableError` while the books are away.

    Args:
        database: The books.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, organization_id: str, patient_id: str) -> Patient | None:
        """The patient of this organization with the CRM's id; None when there is none."""
        async with self._database.reader() as connection:
            return await _find(connection, organization_id, patient_id)

    async def at(self, organization_id: str, number: str) -> list[Patient]:
        """The patients of an organization with this number (E.164), at most 50: families share one."""
        of_it = (patients.c.organization_id == organization_id, patients.c.phone_number == number)
        query = select(patients).where(*of_it).order_by(patients.c.id).limit(_MOST_AT_A_NUMBER)
        async with self._database.reader() as connection:
            return [Patient(**row) for row in (await connection.execute(query)).mappings()]

    async def put(self, patient: Patient) -> Patient:
        """Keep a patient in place of what was kept before; `created_at` stays the first one's."""
        async with self._database.writer() as connection:
            before = await _find(connection, patient.organization_id, patient.id)
            row = {name: getattr(patient, name) for name in Patient.__slots__}
            if before is not None:
                row["created_at"] = before.created_at
            await _REPLACE.execute(connection, row)
        return Patient(**row)

    async def remove(self, organization_id: str, patient_id: str) -> None:
        """Forget a patient.

        Raises:
            PatientNotFoundError: There is none.
        """
        async with self._database.writer() as connection:
            gone = await connection.execute(delete(patients).where(_this(organization_id, patient_id)))
        if not gone.rowcount:
            raise PatientNotFoundError


def _this(organization_id: str, patient_id: str) -> ColumnElement[bool]:
    return and_(patients.c.organization_id == organization_id, patients.c.id == patient_id)


async def _find(connection: AsyncConnection, organization_id: str, patient_id: str) -> Patient | None:
    row = (await connection.execute(select(patients).where(_this(organization_id, patient_id)))).mappings()
    found: RowMapping | None = row.one_or_none()
    return None if found is None else Patient(**found)
