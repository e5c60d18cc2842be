"""How a row becomes a call: through the same door as every other call out."""

from typing import Protocol

from frontdesk.dialout.acceptance import Accepted
from frontdesk.dialout.idempotency import Key, KeyKind
from frontdesk.dialout.models import DialoutRequest
from frontdesk.organizations import Organization


class Acceptor(Protocol):
    """Accepts calls out; `Acceptance` of the dial-out door is one."""

    async def accept(
        self,
        request: DialoutRequest,
        organization: Organization,
        *,
        key: Key | None,
        campaign_id: str | None = None,
        default_timezone: str | None = None,
        urgent: bool = True,
    ) -> Accepted:
        """Enter a call into the books, or return the one that the key names.

        Raises:
            FrontdeskError: Nothing was accepted, or that is not known; the same key may be used again.
        """


def row_key(campaign_id: str, number: int) -> Key:
    """What makes a row one call, however often, and by whichever gateway, it is accepted."""
    return Key(KeyKind.CAMPAIGN_ROW, f"{campaign_id}/{number}")
