"""Events for the CRM over HTTP: the log of their deliveries, sending again, and the endpoints."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request
from starlette.responses import Response

from frontdesk.crm import views
from frontdesk.crm.delivery_log import DeliveryLog
from frontdesk.crm.events import CALL_EVENTS, PING_ABOUT, PING_EVENT, CallEvent, PingEvent
from frontdesk.doors.keys import authenticate
from frontdesk.doors.openapi import SECURED
from frontdesk.keys.models import Principal, Scope

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


async def _reader(request: Request) -> Principal:
    return await authenticate(request, Scope.WEBHOOKS_READ)


async def _writer(request: Request) -> Principal:
    return await authenticate(request, Scope.WEBHOOKS_WRITE)


def _log(request: Request) -> DeliveryLog:
    log: DeliveryLog = request.app.state.crm.log
    return log


Reader = Annotated[Principal, Depends(_reader)]
Writer = Annotated[Principal, Depends(_writer)]
Log = Annotated[DeliveryLog, Depends(_log)]
DeliveryId = Annotated[str, Path(pattern="^dlv_[0-9a-f_]{1,80}$")]
EndpointId = Annotated[str, Path(pattern="^ep_[0-9a-f]{16}$")]


@router.get("/deliveries", openapi_extra=SECURED)
async def page(
    reader: Reader, log: Log, filters: Annotated[views.DeliveryFilters, Query()]
) -> views.DeliveryPage:
    """Deliveries of the organization's events, newest first; all filters must hold."""
    return await log.page(reader.organization_id, filters)


@router.get("/deliveries/{delivery_id}", openapi_extra=SECURED)
async def record(reader: Reader, log: Log, delivery_id: DeliveryId) -> views.DeliveryRecord:
    """One delivery with every try and the event itself."""
    return await log.record(reader.organization_id, delivery_id)


@router.post("/deliveries/{delivery_id}/resend", status_code=HTTPStatus.ACCEPTED, openapi_extra=SECURED)
async def resend(writer: Writer, log: Log, delivery_id: DeliveryId) -> views.Delivery:
    """Deliver once more, whatever became of it; the schedule begins anew, the `webhook-id` stays.

    An endpoint that is disabled is enabled by this.
    """
    return await log.resend(writer.organization_id, delivery_id)


@router.get("/endpoints", openapi_extra=SECURED)
async def endpoints(reader: Reader, log: Log) -> views.EndpointList:
    """The organization's endpoints, and how they do."""
    return await log.endpoints(reader.organization_id)


@router.post("/endpoints/{endpoint_id}/enable", status_code=HTTPStatus.NO_CONTENT, openapi_extra=SECURED)
async def enable(
    writer: Writer,
    log: Log,
    endpoint_id: EndpointId,
    resend_missed: Annotated[bool, Query(description="Also send what it missed while disabled.")] = False,
) -> Response:
    """Send events to an endpoint again that was disabled."""
    await log.enable(writer.organization_id, endpoint_id, resend_missed=resend_missed)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/endpoints/{endpoint_id}/test", status_code=HTTPStatus.ACCEPTED, openapi_extra=SECURED)
async def test(writer: Writer, log: Log, endpoint_id: EndpointId) -> views.Delivery:
    """Send an event of type `webhook.test`; `GET /webhooks/deliveries/{id}` tells what came of it."""
    return await log.test(writer.organization_id, endpoint_id)


def document_webhooks(app: FastAPI) -> None:
    """Add the events that the CRM is sent to the app's OpenAPI (`webhooks`)."""
    for event_type, about in CALL_EVENTS.items():
        _document(app, event_type, about, _told)
    _document(app, PING_EVENT, PING_ABOUT, _tested)


def _document(app: FastAPI, event_type: str, about: str, told: Any) -> None:
    app.webhooks.add_api_route(
        event_type,
        told,
        methods=["POST"],
        name=event_type,
        description=about,
        status_code=HTTPStatus.NO_CONTENT,
        tags=["events"],
    )


def _told(body: CallEvent) -> None:
    """The signature of an event's receiver; nothing here calls it."""


def _tested(body: PingEvent) -> None:
    """The signature of a test's receiver; nothing here calls it."""
