"""The cursor of the pages of campaigns."""

import base64

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json, to_json

from frontdesk.campaigns.models import Campaign
from frontdesk.campaigns.store import Position
from frontdesk.errors import InvalidCursorError

_ID_DIGITS = 32


class PageFilters(BaseModel):
    """Which page of campaigns."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=200, description="`next_cursor` of the page before.")

    @property
    def after(self) -> Position | None:
        """Where the page begins.

        Raises:
            InvalidCursorError: The cursor was not made here.
        """
        if self.cursor is None:
            return None
        try:
            at, campaign_id = from_json(base64.urlsafe_b64decode(self.cursor.encode()), allow_inf_nan=False)
            position = float(at), str(campaign_id)
        except (ValueError, TypeError, OverflowError):
            raise InvalidCursorError from None
        if self.cursor != cursor_after(*position) or not _is_id(position[1]):
            raise InvalidCursorError
        return position


class ProblemFilters(BaseModel):
    """Which page of problems."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(100, ge=1, le=1000)
    cursor: int = Field(0, ge=0, le=2**31 - 1, description="`next_cursor` of the page before.")


def cursor_behind(campaign: Campaign) -> str:
    """The cursor of the page behind a campaign."""
    return cursor_after(campaign.created_at, campaign.id)


def cursor_after(created_at: float, campaign_id: str) -> str:
    """The same, of its time and id."""
    return base64.urlsafe_b64encode(to_json([created_at, campaign_id])).decode()


def _is_id(text: str) -> bool:
    return len(text) == _ID_DIGITS and text.isascii() and text.isalnum()
