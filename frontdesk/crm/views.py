"""What the API says of events for the CRM. Times are RFC 3339 in UTC."""

import base64
import binascii
import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import from_json, to_json

from frontdesk.calls.views import Moment
from frontdesk.errors import InvalidCursorError

DeliveryState = Literal["pending", "delivered", "failed", "disabled"]
_STATES = (
    "`pending`: not delivered yet; `delivered`; `failed`: given up after the last try; "
    "`disabled`: the endpoint was disabled before it got the event."
)


class DeliveryFilters(BaseModel):
    """Filters of the list; all that are given must hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    call_id: str | None = Field(None, max_length=64)
    state: DeliveryState | None = Field(None, description=_STATES)
    type: str | None = Field(None, max_length=60, description="Of the event, such as `call.ended`.")
    endpoint: str | None = Field(None, max_length=64, description="Id of an endpoint.")
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=200, description="`next_cursor` of the page before.")

    def after(self) -> tuple[float, str] | None:
        """Where the page begins: after the delivery of this time and id.

        Raises:
            InvalidCursorError: The cursor was not made here.
        """
        if self.cursor is None:
            return None
        try:
            at, delivery_id = from_json(base64.urlsafe_b64decode(self.cursor.encode()))
            position = float(at), str(delivery_id)
        except (ValueError, TypeError, binascii.Error):
            raise InvalidCursorError from None
        if not math.isfinite(position[0]) or "\0" in position[1]:
            raise InvalidCursorError
        return position


def cursor_after(at: float, delivery_id: str) -> str:
    """The cursor of the page that begins after this delivery."""
    return base64.urlsafe_b64encode(to_json([at, delivery_id])).decode()


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class Delivery(_View):
    """One event on its way to one endpoint."""

    id: str
    event_id: str = Field(description="The `webhook-id`.")
    type: str
    endpoint_id: str
    call_id: str | None
    sequence: int
    state: DeliveryState = Field(description=_STATES)
    tries: int
    next_try_at: Moment | None
    created_at: Moment
    delivered_at: Moment | None
    last_status: int | None = Field(description="HTTP status of the latest answer.")
    last_error: str | None = Field(description="Why there was no answer, in a word, such as `timeout`.")


class DeliveryPage(_View):
    """Deliveries, newest first."""

    deliveries: tuple[Delivery, ...]
    next_cursor: str | None


class TryView(_View):
    """One try. Bodies are not kept: they may be personal."""

    number: int
    at: Moment
    status: int | None
    error: str | None
    duration_ms: float


class DeliveryRecord(Delivery):
    """A delivery with its tries and what is sent."""

    log: tuple[TryView, ...]
    event: dict[str, JsonValue] = Field(description="The body, as it would be sent now.")


class EndpointView(_View):
    """An address that is told of events."""

    id: str
    url: str
    types: tuple[str, ...] = Field(description="Only these types of events; all when empty.")
    state: Literal["working", "failing", "disabled"]
    failing_since: Moment | None
    disabled_at: Moment | None
    disabled_why: Literal["gone", "failing"] | None
    pending: int = Field(description="Deliveries that wait.")


class EndpointList(_View):
    """The organization's endpoints."""

    endpoints: tuple[EndpointView, ...]
