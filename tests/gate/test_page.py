"""docs/may-we-call.md says what holds."""

import re

import yaml

from frontdesk.ended import EndedReason
from frontdesk.gate.answers import DATABASE_AWAY, FAULT
from frontdesk.gate.holidays import check_holidays
from frontdesk.organizations import Outreach
from tests.gate.clinic import ROOT, clinic, of

PAGE = (ROOT / "docs" / "may-we-call.md").read_text(encoding="utf-8")


def test_the_example_is_a_clinic() -> None:
    """The example can be put into a file of `clinics/` as it stands."""
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    organization = clinic(**yaml.safe_load(found[1]))
    check_holidays(of(organization))
    assert organization.outreach != Outreach()
    assert organization.crm.may_call_url is not None


def test_every_refusal_is_explained() -> None:
    """Each code of a refusal, and each word of trouble, has a row that says what to do."""
    rows = {row.split("`")[1] for row in PAGE.splitlines() if row.startswith("| `blocked")}
    assert rows == {reason for reason in EndedReason if reason.startswith("blocked_")}
    assert all(f"waiting for `{word}`" in PAGE for word in (DATABASE_AWAY, FAULT))


def test_the_defaults_are_told() -> None:
    """The defaults on the page are those of the program."""
    default = Outreach()
    assert (default.quiet_hours.begin.hour, default.quiet_hours.end.hour) == (21, 8)
    assert (default.frequency.per_day, default.frequency.per_week) == (1, 3)
    assert (default.frequency.min_gap_minutes, default.consent, default.within_opening_hours) == (
        60,
        False,
        True,
    )
    assert all(
        part in PAGE
        for part in ("21:00 to 8:00", "1 in 24 hours, 3 in 7 days, 60 minutes", "no legal advice")
    )
