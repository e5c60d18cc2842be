"""Receives the file of a campaign: streamed to a temporary file, with limits of its own."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import IO, Final

from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from frontdesk.campaigns.settings import CampaignSettings
from frontdesk.doors.bodies import parse_object, validate
from frontdesk.errors import BodyTimeoutError, BodyTooLargeError, InvalidBodyError, MediaTypeError

FILE_BYTES: Final = 64 * 1024 * 1024
_SETTINGS_BYTES = 256 * 1024
ALL_BYTES = FILE_BYTES + _SETTINGS_BYTES + 64 * 1024
PIECE_WITHIN_S = 20.0
ALL_WITHIN_S = 900.0
_MOST_FILES = 2


@dataclass(frozen=True, slots=True)
class Upload:
    """What `POST /campaigns` was sent; the file lies on this machine's disk, without a name."""

    settings: CampaignSettings
    file: IO[bytes]


async def receive(request: Request, limit_bytes: int = ALL_BYTES) -> Upload:
    """Read a multipart body; memory does not grow with it.

    Args:
        request: With the parts `settings` (JSON, as a field or as a file) and `file`, in any order.
        limit_bytes: Most bytes of the body.

    Raises:
        MediaTypeError: It is no multipart/form-data, or not in UTF-8.
        BodyTooLargeError: The body is larger than the limit, or than its request says.
        BodyTimeoutError: Nothing came for 20 seconds, or it took longer than a quarter of an hour.
        InvalidBodyError: A part is missing or wrong.
    """
    _require_form(request)
    declared = declared_bytes(request)
    if declared is not None and declared > limit_bytes:
        raise BodyTooLargeError(limit_bytes=limit_bytes)
    parser = _Parser(
        request.headers,
        _limited(request, limit_bytes if declared is None else declared),
        max_files=_MOST_FILES,
        max_fields=_MOST_FILES,
        max_part_size=_SETTINGS_BYTES,
    )
    try:
        return await _upload(await _parsed(parser))
    except BaseException:
        parser.close_files()
        raise


def _require_form(request: Request) -> None:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind.lower() != b"multipart/form-data":
        raise MediaTypeError("Send multipart/form-data with the parts `settings` and `file`.")
    if not _is_utf_8(options.get(b"charset", b"utf-8")):
        raise MediaTypeError("Send multipart/form-data in UTF-8, or without a `charset`.")


def _is_utf_8(charset: bytes) -> bool:
    """Whatever else has a codec would be tried on texts of a stranger."""
    return charset.lower() in {b"utf-8", b"utf8"}


def declared_bytes(request: Request) -> int | None:
    """How many bytes a request says that its body has; None when it does not say."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isdecimal() else None


class _Parser(MultiPartParser):
    def close_files(self) -> None:
        """Also those of parts that never came to their end."""
        for file in self._files_to_close_on_error:
            file.close()


async def _parsed(parser: _Parser) -> dict[str, UploadFile | str]:
    try:
        async with asyncio.timeout(ALL_WITHIN_S):
            form = await parser.parse()
    except TimeoutError:
        raise BodyTimeoutError from None
    except MultiPartException:
        raise InvalidBodyError(errors=[_wrong("body", "is no multipart/form-data")]) from None
    return dict(form.multi_items())


async def _upload(parts: dict[str, UploadFile | str]) -> Upload:
    file = parts.get("file")
    if not isinstance(file, UploadFile):
        raise InvalidBodyError(errors=[_wrong("file", "must be sent as a file")])
    return Upload(await _settings(parts), file.file)


async def _settings(parts: dict[str, UploadFile | str]) -> CampaignSettings:
    part = parts.get("settings")
    if part is None or parts.keys() > {"file", "settings"}:
        raise InvalidBodyError(errors=[_wrong("settings", "must be sent as JSON, beside `file` alone")])
    if isinstance(part, str):
        return validate(CampaignSettings, parse_object(part.encode()))
    text = await part.read(_SETTINGS_BYTES + 1)
    await part.close()
    if len(text) > _SETTINGS_BYTES:
        raise BodyTooLargeError(limit_bytes=_SETTINGS_BYTES)
    return validate(CampaignSettings, parse_object(text))


async def _limited(request: Request, limit_bytes: int) -> AsyncGenerator[bytes, None]:
    """The body as it comes; the clock of each piece begins anew."""
    stream = request.stream()
    left = limit_bytes
    while True:
        try:
            async with asyncio.timeout(PIECE_WITHIN_S):
                piece = await anext(stream, None)
        except TimeoutError:
            raise BodyTimeoutError from None
        if piece is None:
            return
        left -= len(piece)
        if left < 0:
            raise BodyTooLargeError(limit_bytes=limit_bytes)
        yield piece


def _wrong(name: str, message: str) -> dict[str, str]:
    return {"field": name, "message": message}
