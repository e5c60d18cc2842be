"""A clinic with rules, calls to make, and a gate in front of them."""

import uuid
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from frontdesk.calls.models import NewCall
from frontdesk.calls.plan import Plan
from frontdesk.crm.may_call import Said
from frontdesk.organizations import Organization, Organizations

ROOT = Path(__file__).resolve().parents[2]
NEW_YORK, LOS_ANGELES = ZoneInfo("America/New_York"), ZoneInfo("America/Los_Angeles")
ALL_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ALWAYS_OPEN = {day: {"opens": "00:00", "closes": "23:59:59.999999"} for day in ALL_DAYS}
NUMBER = "+12025550123"


def clinic(outreach: dict[str, Any] | None = None, **changes: Any) -> Organization:
    """The example clinic, in New York, with changes of its file."""
    content = yaml.safe_load((ROOT / "clinics" / "bright-smile.yaml").read_text(encoding="utf-8"))
    fields = content | {"slug": "bright-smile", "outreach": outreach or {}} | changes
    return Organization.model_validate(fields)


def at(
    zone: ZoneInfo,
    year: int,
    month: int,
    day: int,
    hour: int = 0,
    minute: int = 0,
    second: int = 0,
    fold: int = 0,
) -> float:
    """UTC seconds of a wall clock."""
    return datetime(year, month, day, hour, minute, second, tzinfo=zone, fold=fold).timestamp()


NOON = at(NEW_YORK, 2026, 11, 18, 12)
"""A Wednesday."""


def call(organization: Organization, **changes: Any) -> NewCall:
    """A call out that was accepted."""
    made = NewCall(
        id=uuid.uuid4().hex,
        direction="outbound",
        organization_id=str(organization.id),
        workflow="outreach",
        created_at=NOON,
        to_number=NUMBER,
    )
    return replace(made, **changes)


def plan(**changes: Any) -> Plan:
    """A plan that may wait for a month, for a callee in New York."""
    made = Plan(earliest_at=0.0, latest_at=NOON + 30 * 86_400, timezone="America/New_York")
    return replace(made, **changes)


def of(*organizations: Organization) -> Organizations:
    """Who is served."""
    return Organizations(organizations)


class Asked:
    """A CRM that says what it is told to say."""

    def __init__(self, *said: Said) -> None:
        self._said = list(said)
        self.about: list[NewCall] = []

    async def ask(self, call: NewCall) -> Said:
        """The next answer."""
        self.about.append(call)
        return self._said.pop(0) if self._said else Said(yes=True)
