"""Patients over HTTP: what calls out need to know of them."""

import time
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from frontdesk.doors.bodies import parse_object, read_body, require_json, validate
from frontdesk.doors.keys import authenticate
from frontdesk.doors.openapi import SECURED, json_body
from frontdesk.doors.owner import Slug, owner
from frontdesk.errors import PatientNotFoundError
from frontdesk.keys.models import Principal, Scope
from frontdesk.patients.store import Patients
from frontdesk.patients.views import PatientRequest, PatientView

_LIMIT_BYTES = 16 * 1024
router = APIRouter(tags=["patients"])


async def _reader(request: Request) -> Principal:
    return await authenticate(request, Scope.PATIENTS_READ)


async def _writer(request: Request) -> Principal:
    return await authenticate(request, Scope.PATIENTS_WRITE)


def _store(request: Request) -> Patients:
    store: Patients = request.app.state.patients
    return store


Reader = Annotated[Principal, Depends(_reader)]
Writer = Annotated[Principal, Depends(_writer)]
Store = Annotated[Patients, Depends(_store)]
PatientId = Annotated[str, Path(min_length=1, max_length=200, description="The CRM's own id.")]


@router.get("/patients/{patient_id}", openapi_extra=SECURED)
async def find(
    request: Request, reader: Reader, store: Store, patient_id: PatientId, organization: Slug = None
) -> PatientView:
    """What is kept of a patient."""
    patient = await store.find(str(owner(request, reader, organization).id), patient_id)
    if patient is None:
        raise PatientNotFoundError
    return PatientView.of(patient)


@router.put("/patients/{patient_id}", openapi_extra=json_body(PatientRequest) | SECURED)
async def keep(
    request: Request, writer: Writer, store: Store, patient_id: PatientId, organization: Slug = None
) -> PatientView:
    """Keep a patient, in place of what was kept before; calls that wait go by it from now on."""
    owned = owner(request, writer, organization)
    require_json(request)
    wanted = validate(PatientRequest, parse_object(await read_body(request, _LIMIT_BYTES)))
    return PatientView.of(await store.put(wanted.patient(str(owned.id), patient_id, time.time())))


@router.delete("/patients/{patient_id}", status_code=HTTPStatus.NO_CONTENT, openapi_extra=SECURED)
async def forget(
    request: Request, writer: Writer, store: Store, patient_id: PatientId, organization: Slug = None
) -> None:
    """Forget a patient; `POST /erasures` also erases the patient's calls. The do-not-call list stays."""
    await store.remove(str(owner(request, writer, organization).id), patient_id)
