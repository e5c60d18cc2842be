"""Why Daily would refuse to dial: the checks of start_dialout, with Daily's own texts where known."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from frontdesk.simulator.rooms.room import Room

if TYPE_CHECKING:
    from frontdesk.simulator.world import World

MAX_USER_ID = 36
E164 = re.compile(r"\+[1-9]\d{6,14}")
NOT_OWNER = "unable to start dialout (is dialout enabled? are you a room owner or participant admin?)"
NOT_ENABLED = "dial-out not enabled for room. add enable_dialout property to room"
NOT_APPROVED = (
    "dial-out to PhoneNumber is not enabled for domain. Contact support to enable it for your domain"
)
NO_INTERNATIONAL = "International dialout not supported. Contact sales to enable it for your domain"
TOO_MANY_LEGS = "maximum number of SIP/PSTN sessions per room reached"
TOO_MANY_CALLS = "maximum number of concurrent calls reached"
RATE_LIMITED = "rate-limit-error"


class DialoutChecks:
    """The checks of one domain.

    :param ringing: How many calls ring in a room, or anywhere when asked with None.
    """

    def __init__(self, world: "World", ringing: Callable[[Room | None], int]) -> None:
        self._world = world
        self._ringing = ringing

    def refusal(self, room: Room, settings: dict[str, Any], *, owner: bool, by_client: bool) -> str | None:
        """Why Daily would not dial, or None."""
        if by_client and (text := _invalid_settings(settings)):
            return text
        found = next((one for one in self._refusals(room, settings, owner=owner) if one), None)
        return found or (self._rate_limited() if by_client else None)

    def _refusals(self, room: Room, settings: dict[str, Any], *, owner: bool) -> Iterator[str | None]:
        switches = self._world.switches
        number = settings.get("phoneNumber")
        yield None if owner else NOT_OWNER
        yield None if room.properties.get("enable_dialout") else NOT_ENABLED
        yield NOT_APPROVED if number and not switches.domain_dialout_approved else None
        abroad = number and not str(number).startswith("+1")
        yield NO_INTERNATIONAL if abroad and not switches.international_dialout else None
        yield None if self._may_use(settings.get("callerId")) else switches.invalid_caller_id_info
        full = len(room.legs) + self._ringing(room) >= self._world.settings.max_legs_per_room
        yield TOO_MANY_LEGS if full else None
        cap, up = switches.max_concurrent_calls, len(self._world.switchboard.all()) + self._ringing(None)
        yield TOO_MANY_CALLS if cap is not None and up >= cap else None

    def _rate_limited(self) -> str | None:
        limited = self._world.switches.client_dialout_limited and self._world.limits.take("pstn") is not None
        return RATE_LIMITED if limited else None

    def _may_use(self, caller_id: Any) -> bool:
        if caller_id is None or self._world.numbers.get(str(caller_id)) is not None:
            return True
        return self._world.switches.caller_id_may_be_number and self._world.numbers.owns(str(caller_id))


def _invalid_settings(settings: dict[str, Any]) -> str | None:
    """Daily's client checks settings before it asks; `Dialout settings are not valid` is its own wording."""
    number, uri = settings.get("phoneNumber"), settings.get("sipUri")
    problem = None
    if bool(number) == bool(uri):
        problem = "exactly one of phoneNumber and sipUri is needed"
    elif number and not E164.fullmatch(str(number)):
        problem = "phoneNumber must be in E.164 format"
    elif uri and not str(uri).startswith("sip:"):
        problem = "sipUri must begin with sip:"
    elif len(str(settings.get("userId") or "")) > MAX_USER_ID:
        problem = "userId must be at most 36 characters"
    return f"Dialout settings are not valid: {problem}" if problem else None
