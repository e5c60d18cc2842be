"""The record over HTTP: calls, their timelines, transcripts and attempts; and how to call one off."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from frontdesk.calls import views
from frontdesk.calls.cancel import Cancellation
from frontdesk.calls.filters import CallFilters
from frontdesk.calls.queries import CallQueries
from frontdesk.doors.keys import authenticate
from frontdesk.doors.openapi import SECURED
from frontdesk.keys.models import Principal, Scope

router = APIRouter(tags=["calls"])
CallId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The `call_id`: 32 hex digits.")]


async def _reader(request: Request) -> Principal:
    return await authenticate(request, Scope.CALLS_READ)


async def _writer(request: Request) -> Principal:
    return await authenticate(request, Scope.CALLS_WRITE)


def _queries(request: Request) -> CallQueries:
    queries: CallQueries = request.app.state.call_queries
    return queries


Reader = Annotated[Principal, Depends(_reader)]
Writer = Annotated[Principal, Depends(_writer)]
Queries = Annotated[CallQueries, Depends(_queries)]


@router.get("/calls", openapi_extra=SECURED)
async def page(reader: Reader, queries: Queries, filters: Annotated[CallFilters, Query()]) -> views.CallPage:
    """The organization's calls, newest first.

    All filters must hold; `metadata.<key>=<value>` compares a text or number of the call's metadata.
    Pages stay as they are while calls arrive: send `next_cursor` with the same filters.
    """
    return await queries.page(reader.organization_id, filters)


@router.get("/calls/{call_id}", openapi_extra=SECURED)
async def record(reader: Reader, queries: Queries, call_id: CallId) -> views.CallRecord:
    """One call: where it stands, how long each part took, why it ended and what to do about it."""
    return await queries.record(reader.organization_id, call_id)


@router.get("/calls/{call_id}/timeline", openapi_extra=SECURED)
async def timeline(reader: Reader, queries: Queries, call_id: CallId) -> views.Timeline:
    """All that happened, in milliseconds since the start, by the account of gateway, bot and Daily."""
    return await queries.timeline(reader.organization_id, call_id)


@router.get("/calls/{call_id}/transcript", openapi_extra=SECURED)
async def transcript(reader: Reader, queries: Queries, call_id: CallId) -> views.Transcript:
    """What was said, and which tools were called; 410 once it was erased."""
    return await queries.transcript(reader.organization_id, call_id)


@router.get("/calls/{call_id}/attempts", openapi_extra=SECURED)
async def attempts(reader: Reader, queries: Queries, call_id: CallId) -> views.Attempts:
    """The attempts of a call, each with all its dials."""
    return await queries.attempts(reader.organization_id, call_id)


@router.delete(
    "/calls/{call_id}",
    status_code=HTTPStatus.ACCEPTED,
    responses={HTTPStatus.OK: {"model": views.Cancel, "description": "It was canceled before."}},
    openapi_extra=SECURED,
)
async def cancel(request: Request, response: Response, writer: Writer, call_id: CallId) -> views.Cancel:
    """Call it off or hang up, at any stage.

    The answer is 202 while the line is being closed; `GET /calls/{call_id}` shows `ended` with the reason
    `canceled` when it is. Asking again changes nothing. A call that ended otherwise is 409.
    """
    cancellation: Cancellation = request.app.state.cancellation
    answer = await cancellation.cancel(writer, call_id)
    response.status_code = HTTPStatus.ACCEPTED if answer.canceling else HTTPStatus.OK
    return answer
