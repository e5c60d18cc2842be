"""The rules of wall clocks: quiet hours of the callee; hours and holidays of the organization."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo

from frontdesk.ended import EndedReason
from frontdesk.organizations import WEEKDAYS, Hours, QuietHours, Weekday

_MIDNIGHT = time()


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nobody is called at night, where the callee is."""

    reason: ClassVar[EndedReason] = EndedReason.BLOCKED_QUIET_HOURS
    zone: ZoneInfo
    hours: QuietHours

    @property
    def edges(self) -> Iterable[time]:
        """The morning."""
        return (self.hours.end,)

    def forbids(self, local: datetime) -> str | None:
        """`quiet_hours`; the beginning is quiet, the end is not. Equal ones leave no hour to call."""
        clock, begin, end = local.time(), self.hours.begin, self.hours.end
        quiet = begin <= clock < end if begin < end else clock >= begin or clock < end
        return "quiet_hours" if quiet else None


@dataclass(frozen=True, slots=True)
class Open:
    """The organization calls while it is open."""

    reason: ClassVar[EndedReason] = EndedReason.BLOCKED_CLOSED
    zone: ZoneInfo
    hours: Mapping[Weekday, Hours | Literal["closed"]]

    @property
    def edges(self) -> Iterable[time]:
        """Whenever it opens on any day."""
        return {hours.opens for hours in self.hours.values() if isinstance(hours, Hours)}

    def forbids(self, local: datetime) -> str | None:
        """`closed`; at the very time of closing it is."""
        hours = self.hours[WEEKDAYS[local.weekday()]]
        is_open = isinstance(hours, Hours) and hours.opens <= local.time() < hours.closes
        return None if is_open else "closed"


@dataclass(frozen=True, slots=True)
class Working:
    """The organization calls nobody on its holidays."""

    reason: ClassVar[EndedReason] = EndedReason.BLOCKED_CLOSED
    zone: ZoneInfo
    holidays: Container[date]

    @property
    def edges(self) -> Iterable[time]:
        """The day after."""
        return (_MIDNIGHT,)

    def forbids(self, local: datetime) -> str | None:
        """`holiday`."""
        return "holiday" if local.date() in self.holidays else None


ClockRule = Quiet | Open | Working
