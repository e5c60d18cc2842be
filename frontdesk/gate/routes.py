"""The do-not-call list over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from loguru import logger

from frontdesk.doors.bodies import BODY_WITHIN_S, parse_object, read_body, require_json, validate
from frontdesk.doors.keys import authenticate
from frontdesk.doors.openapi import SECURED, json_body
from frontdesk.doors.owner import Slug, owner
from frontdesk.errors import BodyTimeoutError, BodyTooLargeError, MediaTypeError, NumberNotListedError
from frontdesk.gate.do_not_call import DoNotCall
from frontdesk.gate.importing import import_numbers
from frontdesk.gate.views import ImportReport, ListedNumber, ListPage, Number, PageRequest, WishRequest
from frontdesk.keys.models import Principal, Scope
from frontdesk.phone import dialable

_LIMIT_BYTES = 16 * 1024
FILE_BYTES = 16 * 1024 * 1024
FILE_WITHIN_S = 900.0
_CSV: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}
}
router = APIRouter(tags=["do not call"])


async def _reader(request: Request) -> Principal:
    return await authenticate(request, Scope.DO_NOT_CALL_READ)


async def _writer(request: Request) -> Principal:
    return await authenticate(request, Scope.DO_NOT_CALL_WRITE)


def _store(request: Request) -> DoNotCall:
    store: DoNotCall = request.app.state.do_not_call
    return store


Reader = Annotated[Principal, Depends(_reader)]
Writer = Annotated[Principal, Depends(_writer)]
Store = Annotated[DoNotCall, Depends(_store)]
AnyNumber = Annotated[Number, Path(description="E.164, the `+` as it is or as %2B.")]


@router.get("/do-not-call", openapi_extra=SECURED)
async def page(
    request: Request, reader: Reader, store: Store, wanted: Annotated[PageRequest, Query()]
) -> ListPage:
    """The organization's list, in the order of the numbers."""
    organization = owner(request, reader, wanted.organization)
    entries = await store.page(str(organization.id), after=wanted.after, limit=wanted.limit + 1)
    return ListPage.of(entries, wanted.limit)


@router.get("/do-not-call/{number}", openapi_extra=SECURED)
async def find(
    request: Request, reader: Reader, store: Store, number: AnyNumber, organization: Slug = None
) -> ListedNumber:
    """Whether a number is on the list; 404 when it is not."""
    owned = owner(request, reader, organization)
    entry = await store.find(str(owned.id), dialable(number))
    if entry is None:
        raise NumberNotListedError
    return ListedNumber.of(entry)


@router.put("/do-not-call/{number}", openapi_extra=json_body(WishRequest) | SECURED)
async def add(
    request: Request, writer: Writer, store: Store, number: AnyNumber, organization: Slug = None
) -> ListedNumber:
    """Never call this number again: from this moment on, whatever is scheduled or running.

    A number that is on the list stays as it is, but for a new `reason`. The body may be left out.
    """
    owned = owner(request, writer, organization)
    wish = await _wish(request)
    entry = await store.add(str(owned.id), dialable(number), reason=wish.reason or None)
    return ListedNumber.of(entry)


@router.delete("/do-not-call/{number}", status_code=HTTPStatus.NO_CONTENT, openapi_extra=SECURED)
async def remove(
    request: Request, writer: Writer, store: Store, number: AnyNumber, organization: Slug = None
) -> None:
    """Allow calls to this number again; 404 when it is not on the list."""
    owned = owner(request, writer, organization)
    await store.remove(str(owned.id), dialable(number))
    logger.info("key {} took a number off the do-not-call list of {}", writer.key_id, owned.slug)


@router.post("/do-not-call/import", openapi_extra=_CSV | SECURED)
async def import_file(
    request: Request, writer: Writer, store: Store, organization: Slug = None
) -> ImportReport:
    """Put the numbers of a CSV file on the list: at most 100,000 rows and 16 MiB, in UTF-8.

    The header names a column `number` (or `phone_number`, `phone`) and may name one `reason`; without a
    header, the first column is the number. A row that cannot be used is reported and harms no other.
    To send a file again changes nothing, also after an error.
    """
    owned = owner(request, writer, organization)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/csv":
        raise MediaTypeError("Send the file as it is, with the header `Content-Type: text/csv`.")
    return ImportReport.of(await import_numbers(store, str(owned.id), _chunks(request)))


async def _wish(request: Request) -> WishRequest:
    body = await read_body(request, _LIMIT_BYTES)
    if not body:
        return WishRequest(reason=None)
    require_json(request)
    return validate(WishRequest, parse_object(body))


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    """The body as it arrives: each part ten seconds after the one before at the latest, all in 15 minutes."""
    size, stream, now = 0, aiter(request.stream()), asyncio.get_running_loop().time
    end = now() + FILE_WITHIN_S
    while True:
        try:
            async with asyncio.timeout_at(min(now() + BODY_WITHIN_S, end)):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise BodyTimeoutError from None
        size += len(chunk)
        if size > FILE_BYTES:
            raise BodyTooLargeError(limit_bytes=FILE_BYTES)
        yield chunk
