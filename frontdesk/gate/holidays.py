"""The holidays of organizations: those of their country, and their own."""

from collections.abc import Container, Iterable
from datetime import date

import holidays

from frontdesk.organizations import Holidays, Organization, Organizations, OrganizationsError


class NoSuchHolidaysError(ValueError):
    """The country or the subdivision is none that the calendar knows."""


class Calendar:
    """The days on which an organization calls nobody.

    Args:
        section: Of its file.

    Raises:
        NoSuchHolidaysError: Nobody knows the holidays of this country or subdivision.
    """

    def __init__(self, section: Holidays) -> None:
        self._parts: tuple[Container[date], ...] = (frozenset(section.extra), *_public(section))

    def __contains__(self, day: object) -> bool:
        return any(day in part for part in self._parts)


def check_holidays(organizations: Organizations) -> None:
    """Look at the holidays of all organizations, at start.

    Raises:
        OrganizationsError: Some cannot be known; every organization is listed.
    """
    problems = [problem for one in organizations if (problem := _problem(one)) is not None]
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise OrganizationsError(f"The organizations cannot be used:\n{listed}")


def _problem(organization: Organization) -> str | None:
    try:
        Calendar(organization.outreach.holidays)
    except NoSuchHolidaysError as error:
        return f"{organization.slug}: outreach.holidays: {error}"
    return None


def _public(section: Holidays) -> Iterable[Container[date]]:
    if section.country is None:
        if section.subdivision is not None:
            raise NoSuchHolidaysError("subdivision needs its country")
        return ()
    try:
        return (holidays.country_holidays(section.country, subdiv=section.subdivision),)
    except NotImplementedError:
        raise NoSuchHolidaysError("no holidays are known of this country and subdivision") from None
