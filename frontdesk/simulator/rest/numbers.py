"""The domain's phone numbers: search, buy, list, release (Daily docs, phone numbers)."""

import re
import uuid
from dataclasses import dataclass
from typing import Any

from frontdesk.simulator.api import Problem, Request, Route
from frontdesk.simulator.clock import Clock
from frontdesk.simulator.rest.apilog import iso
from frontdesk.simulator.rest.errors import not_found
from frontdesk.simulator.rest.fields import check_types, refuse_unknown
from frontdesk.simulator.rest.pages import page
from frontdesk.simulator.switches import Switches

DAY_S = 86_400
RELEASE_AFTER_S = 14 * DAY_S
AREA_CODES = {"CA": ("415", "213"), "FL": ("305",), "NY": ("212",), "DC": ("202",), "TX": ("512",)}
CITIES = {"New York": "212", "San Francisco": "415", "Los Angeles": "213", "Miami": "305", "Austin": "512"}
_DIGITS = re.compile(r"\d{3,7}")
_AREA = re.compile(r"\d{3}")


@dataclass(frozen=True, slots=True)
class OwnedNumber:
    """A number that the domain bought. `id` is what `callerId` takes; `bought_at` is Unix seconds."""

    id: str
    number: str
    pagination_id: int
    bought_at: float


class Numbers:
    """All numbers of the domain, oldest first. The id of a number is always the same for the same number."""

    def __init__(self, clock: Clock, seeded: list[str]) -> None:
        self._clock = clock
        self._owned: dict[str, OwnedNumber] = {}
        self._next = 3391
        for number in seeded:
            self._add(number, clock.wall() - 30 * DAY_S)

    def get(self, number_id: str) -> OwnedNumber | None:
        """The number with that id."""
        return self._owned.get(number_id)

    def by_number(self, number: str) -> OwnedNumber | None:
        """The owned number with those digits, with or without `+`."""
        digits = number.removeprefix("+")
        return next((one for one in self._owned.values() if one.number == f"+{digits}"), None)

    def owns(self, number: str) -> bool:
        """Whether the domain owns it."""
        return self.by_number(number) is not None

    def all(self) -> list[OwnedNumber]:
        """Every number, oldest first."""
        return list(self._owned.values())

    def buy(self, number: str) -> OwnedNumber:
        """Add a number that is not owned yet."""
        return self._add(number, self._clock.wall())

    def release(self, number_id: str) -> None:
        """Give a number back."""
        del self._owned[number_id]

    def _add(self, number: str, at: float) -> OwnedNumber:
        owned = OwnedNumber(str(uuid.uuid5(uuid.NAMESPACE_URL, f"tel:{number}")), number, self._next, at)
        self._next += 1
        self._owned[owned.id] = owned
        return owned


def available(numbers: Numbers) -> list[tuple[str, str]]:
    """Fictional numbers for sale with their region: six of each area code."""
    return [
        (number, region)
        for region, codes in AREA_CODES.items()
        for code in codes
        for number in (f"+1{code}55501{line:02d}" for line in range(20, 26))
        if not numbers.owns(number)
    ]


class NumberRoutes:
    """The four endpoints about numbers."""

    def __init__(self, numbers: Numbers, clock: Clock, switches: Switches) -> None:
        self._numbers = numbers
        self._clock = clock
        self._switches = switches

    def routes(self) -> list[Route]:
        """Their table."""
        return [
            Route("GET", "/list-available-numbers", self.list_available),
            Route("POST", "/buy-phone-number", self.buy),
            Route("GET", "/purchased-phone-numbers", self.purchased),
            Route("DELETE", "/release-phone-number/{id}", self.release),
        ]

    async def list_available(self, request: Request) -> dict[str, Any]:
        """Numbers for sale that fit the search."""
        query = request.query
        _check_search(query)
        found = [pair for pair in available(self._numbers) if _fits(*pair, query)]
        key = self._switches.available_number_key
        data = [{key: number, "region": region} for number, region in found]
        return {"total_count": len(data), "data": data}

    async def buy(self, request: Request) -> dict[str, Any]:
        """Buy the given number, or any Californian one."""
        refuse_unknown(request.body, {"number"})
        check_types(request.body, {"number": "string"})
        for_sale = available(self._numbers)
        wanted = request.body.get("number") or next((n for n, region in for_sale if region == "CA"), None)
        if wanted is None or wanted not in {number for number, _ in for_sale}:
            raise _unprocessable()
        bought = self._numbers.buy(wanted)
        return {"id": bought.id, "number": bought.number}

    async def purchased(self, request: Request) -> dict[str, Any]:
        """The numbers of the domain, newest first."""
        wanted, name = request.query.get("filter_number"), request.query.get("filter_name")
        items = [one for one in reversed(self._numbers.all()) if wanted is None or wanted in one.number]
        if name:
            items = [one for one in items if name in _name(one)]
        return page(items, request.query, cursor=lambda one: str(one.pagination_id), show=_show)

    async def release(self, request: Request) -> dict[str, Any]:
        """Give a number back, not before its fourteenth day."""
        owned = self._numbers.get(request.params["id"])
        if owned is None:
            raise not_found("phone number not found")
        if self._clock.wall() - owned.bought_at < RELEASE_AFTER_S:
            raise Problem(422, {"error": "Failed to release new number, try again in 14 days"})
        self._numbers.release(owned.id)
        return {"status": "ok"}


def _check_search(query: dict[str, str]) -> None:
    area, region, city = query.get("areacode"), query.get("region"), query.get("city")
    parts = [query[name] for name in ("contains", "starts_with", "ends_with") if name in query]
    clashes = (area and (region or city), city and (not region or parts), len(parts) > 1)
    odd_area = area is not None and not _AREA.fullmatch(area)
    if any(clashes) or odd_area or not all(_DIGITS.fullmatch(part) for part in parts):
        raise Problem(400, {"error": "validation-error", "info": "invalid path parameter"})


def _fits(number: str, region: str, query: dict[str, str]) -> bool:
    national = number.removeprefix("+1")
    area = query.get("areacode") or CITIES.get(query.get("city", ""))
    return (
        (area is None or national.startswith(area))
        and query.get("region") in {None, region}
        and query.get("contains", "") in national
        and national.startswith(query.get("starts_with", ""))
        and national.endswith(query.get("ends_with", ""))
    )


def _unprocessable() -> Problem:
    error = {"detail": "Number is invalid.", "status": "422", "title": "Invalid Attribute", "code": "422"}
    return Problem(422, {"errors": [error], "status": 422})


def _name(owned: OwnedNumber) -> str:
    return f"Line {owned.pagination_id}"


def _show(owned: OwnedNumber) -> dict[str, Any]:
    return {
        "name": _name(owned),
        "type": "purchased_phone_number",
        "id": owned.id,
        "pagination_id": owned.pagination_id,
        "created_date": iso(owned.bought_at),
        "number": owned.number,
        "status": "verified",
        "verified": True,
    }
