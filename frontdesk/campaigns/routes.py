"""Campaigns over HTTP: sent as a file, driven, and asked how far they have come."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from frontdesk.campaigns import views
from frontdesk.campaigns.models import Campaign, CampaignState
from frontdesk.campaigns.pages import PageFilters, ProblemFilters, cursor_behind
from frontdesk.campaigns.service import Campaigns
from frontdesk.dialout.routes import KEY_HEADER, PREFER_HEADER
from frontdesk.doors.keys import authenticate
from frontdesk.doors.openapi import SECURED
from frontdesk.doors.problems import json_response
from frontdesk.keys.models import Principal, Scope

WAIT_S = 10.0
"""How long `POST /campaigns` waits for the file to be read."""
router = APIRouter(tags=["campaigns"])
CampaignId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The `campaign_id`: 32 hex digits.")]
_MULTIPART: dict[str, Any] = {
    "parameters": [KEY_HEADER, PREFER_HEADER],
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["settings", "file"],
                    "properties": {
                        "settings": {"$ref": "#/components/schemas/CampaignSettings"},
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "CSV with a header, or JSON lines; UTF-8, at most 64 MiB and "
                            "100,000 rows.",
                        },
                    },
                },
                "encoding": {"settings": {"contentType": "application/json"}},
            }
        },
    },
}


async def _reader(request: Request) -> Principal:
    return await authenticate(request, Scope.CALLS_READ)


async def _writer(request: Request) -> Principal:
    return await authenticate(request, Scope.CALLS_WRITE)


def _service(request: Request) -> Campaigns:
    campaigns: Campaigns = request.app.state.campaigns
    return campaigns


Reader = Annotated[Principal, Depends(_reader)]
Writer = Annotated[Principal, Depends(_writer)]
Service = Annotated[Campaigns, Depends(_service)]


@router.post(
    "/campaigns",
    status_code=HTTPStatus.CREATED,
    response_model=views.CampaignView,
    responses={
        HTTPStatus.ACCEPTED: {"model": views.CampaignView, "description": "The file is still being read."},
        HTTPStatus.OK: {"model": views.CampaignView, "description": "It was sent before."},
    },
    openapi_extra=_MULTIPART | SECURED,
)
async def create(request: Request) -> Response:
    """Send a file; each row becomes a call.

    All rows are checked before the first call. Nothing wrong: the campaign starts. Else it is a `draft`:
    see `/problems`, then start it without those rows, or cancel it and send another file. With an
    `Idempotency-Key` the request may be repeated. The answer waits ten seconds for a long file (201), then
    reading goes on (202); with `Prefer: respond-async` it does not wait.
    """
    principal = await authenticate(request, Scope.CALLS_WRITE)
    campaigns = _service(request)
    upload = await campaigns.room.receive(request)
    wait_s = 0.0 if "respond-async" in request.headers.get("prefer", "").lower() else WAIT_S
    key = request.headers.get("idempotency-key")
    campaign, replayed = await campaigns.create(
        principal, upload.settings, upload.file, key=key, wait_s=wait_s
    )
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    return json_response(await _shown(campaigns, campaign), _status(campaign, replayed=replayed), headers)


@router.get("/campaigns", openapi_extra=SECURED)
async def page(
    reader: Reader, campaigns: Service, filters: Annotated[PageFilters, Query()]
) -> views.CampaignPage:
    """The organization's campaigns, newest first."""
    found = await campaigns.store.page(reader.organization_id, filters.after, filters.limit + 1)
    shown = found[: filters.limit]
    cursor = cursor_behind(shown[-1]) if len(found) > filters.limit else None
    return views.CampaignPage(campaigns=tuple(map(views.summary_view, shown)), next_cursor=cursor)


@router.get("/campaigns/{campaign_id}", openapi_extra=SECURED)
async def one(reader: Reader, campaigns: Service, campaign_id: CampaignId) -> views.CampaignView:
    """One campaign: where it stands, and its calls counted by state and reason."""
    return await _shown(campaigns, await campaigns.find(reader, campaign_id))


@router.get("/campaigns/{campaign_id}/problems", openapi_extra=SECURED)
async def problems(
    reader: Reader,
    campaigns: Service,
    campaign_id: CampaignId,
    filters: Annotated[ProblemFilters, Query()],
) -> views.ProblemPage:
    """Rows that are not called, and why: fields and rules, never a value."""
    campaign = await campaigns.find(reader, campaign_id)
    rows = await campaigns.rows.problems(campaign.id, filters.cursor, filters.limit + 1)
    return views.problems_view(rows, filters.limit)


@router.get("/campaigns/{campaign_id}/log", openapi_extra=SECURED)
async def log(reader: Reader, campaigns: Service, campaign_id: CampaignId) -> views.CampaignLog:
    """What happened to a campaign, and why it paused: the newest thousand entries, oldest first."""
    campaign = await campaigns.find(reader, campaign_id)
    return views.log_view(await campaigns.store.log(campaign.id))


@router.get(
    "/campaigns/{campaign_id}/result.csv",
    response_class=Response,
    responses={HTTPStatus.OK: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    openapi_extra=SECURED,
)
async def result(reader: Reader, campaigns: Service, campaign_id: CampaignId) -> Response:
    """What became of each row, at any time: one line per row, in their order."""
    campaign = await campaigns.find(reader, campaign_id)
    headers = {"Content-Disposition": f'attachment; filename="campaign-{campaign.id}.csv"'}
    return StreamingResponse(campaigns.results.csv(campaign), headers=headers, media_type="text/csv")


@router.post("/campaigns/{campaign_id}/start", openapi_extra=SECURED)
async def start(writer: Writer, campaigns: Service, campaign_id: CampaignId) -> views.CampaignView:
    """Start a draft; rows with a problem are left out."""
    return await _shown(campaigns, await campaigns.start(writer, campaign_id))


@router.post("/campaigns/{campaign_id}/pause", openapi_extra=SECURED)
async def pause(writer: Writer, campaigns: Service, campaign_id: CampaignId) -> views.CampaignView:
    """Dial no more until it is resumed; calls that go on are not touched."""
    return await _shown(campaigns, await campaigns.pause(writer, campaign_id))


@router.post("/campaigns/{campaign_id}/resume", openapi_extra=SECURED)
async def resume(writer: Writer, campaigns: Service, campaign_id: CampaignId) -> views.CampaignView:
    """Go on dialing."""
    return await _shown(campaigns, await campaigns.resume(writer, campaign_id))


@router.post("/campaigns/{campaign_id}/cancel", openapi_extra=SECURED)
async def cancel(
    writer: Writer,
    campaigns: Service,
    campaign_id: CampaignId,
    *,
    hang_up: Annotated[bool, Query(description="End the calls that go on, too.")] = False,
) -> views.CampaignView:
    """Dial no more, for good: what waits is canceled. `ended_at` is set when the last call has ended."""
    return await _shown(campaigns, await campaigns.cancel(writer, campaign_id, hang_up=hang_up))


async def _shown(campaigns: Campaigns, campaign: Campaign) -> views.CampaignView:
    return views.campaign_view(campaign, await campaigns.counting.of(campaign.id))


def _status(campaign: Campaign, *, replayed: bool) -> HTTPStatus:
    if campaign.state is CampaignState.LOADING:
        return HTTPStatus.ACCEPTED
    return HTTPStatus.OK if replayed else HTTPStatus.CREATED
