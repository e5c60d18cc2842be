"""Which calls are wanted: the parameters of `GET /calls`, and the cursor of its pages."""

import base64
import hashlib
import re
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import from_json, to_json

from frontdesk.calls.models import Direction, State
from frontdesk.ended import EndedReason
from frontdesk.errors import InvalidCursorError

_METADATA = re.compile(r"metadata\.([A-Za-z0-9_-]{1,64})")
_MOST_METADATA = 5
Position = tuple[float, str]


def _plus(value: object) -> object:
    """A `+` that was not encoded arrives as a space."""
    return f"+{value[1:]}" if isinstance(value, str) and value.startswith(" ") else value


Number = Annotated[str, BeforeValidator(_plus), Field(max_length=64)]


class CallFilters(BaseModel):
    """Filters of the list; all that are given must hold. `metadata.<key>=<value>` compares text."""

    model_config = ConfigDict(extra="allow", frozen=True)

    state: tuple[State | Literal["open", "live"], ...] = Field(
        (), description="Any of these; `open`: not ended yet; `live`: an attempt goes on."
    )
    direction: Direction | None = None
    from_number: Number | None = Field(None, alias="from", description="Who called, E.164.")
    to_number: Number | None = Field(None, alias="to", description="Who was called, E.164.")
    patient_id: str | None = Field(None, max_length=200)
    external_id: str | None = Field(None, max_length=255, description="The CRM's own id of the call.")
    campaign_id: str | None = Field(None, max_length=60)
    ended_reason: tuple[EndedReason, ...] = Field((), description="Any of these.")
    workflow: str | None = Field(None, max_length=60)
    created_after: AwareDatetime | None = Field(None, description="RFC 3339; this moment or later.")
    created_before: AwareDatetime | None = Field(None, description="RFC 3339; before this moment.")
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(
        None, max_length=400, description="`next_cursor` of the page before, with the same filters."
    )

    @model_validator(mode="after")
    def _only_metadata(self) -> "CallFilters":
        extra = self.model_extra or {}
        unknown = [name for name in extra if not _METADATA.fullmatch(name)]
        if unknown:
            raise ValueError(
                "unknown parameters were sent; the documentation of this route lists all of them"
            )
        if len(extra) > _MOST_METADATA or not all(isinstance(value, str) for value in extra.values()):
            raise ValueError("at most five metadata filters, each once")
        return self

    @property
    def metadata(self) -> dict[str, str]:
        """Wanted value by key of the call's metadata."""
        return {name.removeprefix("metadata."): value for name, value in (self.model_extra or {}).items()}

    def after(self, principal: str | None) -> Position | None:
        """Where the page begins: after the call of this time and id.

        Raises:
            InvalidCursorError: The cursor was not made for this list.
        """
        if self.cursor is None:
            return None
        try:
            at, call_id, _ = from_json(base64.urlsafe_b64decode(self.cursor.encode()))
            position = float(at), str(call_id)
        except (ValueError, TypeError):
            raise InvalidCursorError from None
        if self.cursor != self.cursor_after(position, principal):
            raise InvalidCursorError
        return position

    def cursor_after(self, position: Position, principal: str | None) -> str:
        """The cursor of the page that begins after this call."""
        content = to_json([*position, self._seal(position, principal)])
        return base64.urlsafe_b64encode(content).decode()

    def _seal(self, position: Position, principal: str | None) -> str:
        """Tells a cursor of other filters; it is no secret, for what a key may see hangs on no cursor."""
        filters = self.model_dump_json(exclude={"cursor", "limit"})
        content = to_json([*position, principal, filters])
        return hashlib.sha256(content).hexdigest()[:16]
