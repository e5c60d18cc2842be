"""Kinds of fields that a request for a call has: times, and what the sender adds of its own."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, JsonValue
from pydantic_core import to_json

_NUMBER = re.compile(r"\s*[+-]?[0-9.]+\s*")
"""pydantic takes a number for seconds since 1970."""
_FIRST_CONSENT = datetime(1970, 1, 2, tzinfo=UTC)


def _at_most(kib: int) -> AfterValidator:
    def check(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if len(to_json(value)) > kib * 1024:
            raise ValueError(f"must be at most {kib} KiB as JSON")
        return value

    return AfterValidator(check)


def _text(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and not _NUMBER.fullmatch(value)):
        return value
    raise ValueError("must be a time with its offset, RFC 3339, such as 2026-03-02T14:05:00-05:00")


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time of this century") from None


def _ever(value: datetime) -> datetime:
    """Systems that know of no consent tend to send the first moment that they can write."""
    if value < _FIRST_CONSENT:
        raise ValueError("must be a time since 1970; leave it out when there was no consent")
    return value


Metadata = Annotated[dict[str, JsonValue], _at_most(8)]
Variables = Annotated[dict[str, JsonValue], _at_most(32)]
Time = Annotated[AwareDatetime, BeforeValidator(_text), AfterValidator(_utc)]
ConsentTime = Annotated[Time, AfterValidator(_ever)]
