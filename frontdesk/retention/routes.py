"""Erasure on request, and the record of all erasures, over HTTP."""

from http import HTTPStatus
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from frontdesk.calls.views import Moment, moment, moment_or_none
from frontdesk.doors.bodies import parse_object, read_body, require_json, validate
from frontdesk.doors.keys import authenticate
from frontdesk.doors.openapi import SECURED, json_body
from frontdesk.keys.models import Principal, Scope
from frontdesk.retention.models import Erasure, Subject, plain_number
from frontdesk.retention.service import Retention

_LIMIT_BYTES = 16 * 1024
router = APIRouter(tags=["erasures"])


class ErasureRequest(BaseModel):
    """Whose data are to be erased: exactly one of the two."""

    model_config = ConfigDict(extra="forbid")

    patient_id: str | None = Field(None, min_length=1, max_length=200, description="The CRM's id.")
    phone_number: str | None = Field(
        None, max_length=40, description="E.164: of who called in, or was called, not of the clinic."
    )

    @field_validator("phone_number")
    @classmethod
    def _international(cls, value: str | None) -> str | None:
        plain = None if value is None else plain_number(value)
        if plain is not None and not (plain.startswith("+") and plain[1:].isdecimal() and plain.isascii()):
            raise ValueError("must be in E.164 form: '+', country code, number")
        return plain

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.patient_id is None) == (self.phone_number is None):
            raise ValueError("give either patient_id or phone_number")
        return self

    @property
    def subject(self) -> Subject:
        """Whose data."""
        if self.patient_id is not None:
            return Subject("patient_id", self.patient_id)
        return Subject("phone_number", self.phone_number or "")


class ErasureView(BaseModel):
    """The record of an erasure; it names nobody."""

    erasure_id: str
    organization_id: str | None = Field(description="Null: all organizations.")
    kind: Literal["retention", "request"]
    requested_by: str | None = Field(description="Id of the API key, `operator` or `local`.")
    subject_hash: str | None = Field(
        description="HMAC-SHA256 of the person, with a secret of this installation."
    )
    requested_at: Moment
    done_at: Moment | None = Field(
        description="Null while calls of the person go on, or events for the CRM are under way."
    )
    calls: int = Field(description="How many calls were erased.")
    turns: int = Field(description="How many sentences of transcripts were erased.")


class Erasures(BaseModel):
    """The newest 200 erasures."""

    erasures: tuple[ErasureView, ...]


async def _eraser(request: Request) -> Principal:
    return await authenticate(request, Scope.ERASE)


def _retention(request: Request) -> Retention:
    retention: Retention = request.app.state.retention
    return retention


Eraser = Annotated[Principal, Depends(_eraser)]
Service = Annotated[Retention, Depends(_retention)]


@router.post("/erasures", status_code=HTTPStatus.ACCEPTED, openapi_extra=json_body(ErasureRequest) | SECURED)
async def ask(request: Request, eraser: Eraser, retention: Service) -> ErasureView:
    """Have everything erased that the organization's calls until now hold of one person.

    The patient that `PUT /patients` kept is forgotten at once. A number on the do-not-call list stays on
    it, without the reason that somebody wrote: the wish not to be called outlives what is known of a person.
    Transcripts, what tools were asked and said, numbers, names, the CRM's variables and metadata, and the
    payloads of events that were delivered. State, reason, times and counts of the calls remain. Calls that
    go on are erased when they end; `done_at` tells when all is done.
    """
    require_json(request)
    wanted = validate(ErasureRequest, parse_object(await read_body(request, _LIMIT_BYTES)))
    return _shown(await retention.request(eraser, wanted.subject, eraser.organization_id))


@router.get("/erasures", openapi_extra=SECURED)
async def every(eraser: Eraser, retention: Service) -> Erasures:
    """What was erased, and by whose request: the newest first."""
    return Erasures(erasures=tuple(map(_shown, await retention.every(eraser.organization_id))))


@router.get("/erasures/{erasure_id}", openapi_extra=SECURED)
async def one(
    eraser: Eraser, retention: Service, erasure_id: Annotated[str, Path(max_length=100)]
) -> ErasureView:
    """One erasure, and whether it is done."""
    return _shown(await retention.find(eraser, erasure_id))


def _shown(erasure: Erasure) -> ErasureView:
    return ErasureView(
        erasure_id=erasure.id,
        organization_id=erasure.organization_id,
        kind=erasure.kind,
        requested_by=erasure.requested_by,
        subject_hash=erasure.subject_hash,
        requested_at=moment(erasure.requested_at),
        done_at=moment_or_none(erasure.done_at),
        calls=erasure.calls,
        turns=erasure.turns,
    )
