"""What the clocks say of a call: where it is for the callee, and at home."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from frontdesk.gate.answers import Later, No, Yes
from frontdesk.gate.holidays import Calendar
from frontdesk.gate.moments import next_moment, refusal
from frontdesk.gate.rules import ClockRule, Open, Quiet, Working
from frontdesk.organizations import Organization

LEAD_S = 60.0
"""From the yes until the phone rings: a slot is waited for, and a bot is started. It must ring in time."""


def rules_of(organization: Organization, calendar: Calendar, callee: ZoneInfo) -> list[ClockRule]:
    """The rules for a callee in this zone; what is told of a refusal is the first that forbids."""
    outreach, home = organization.outreach, organization.zone
    rules: list[ClockRule] = [Quiet(callee, outreach.quiet_hours), Working(home, calendar)]
    if outreach.within_opening_hours:
        rules.append(Open(home, organization.opening_hours))
    return rules


def hour_allows(rules: Sequence[ClockRule], now: float) -> Yes | Later | No:
    """Whether all rules allow this moment (UTC seconds); if not, when they will."""
    refused = refusal(rules, now, LEAD_S)
    if refused is None:
        return Yes()
    rule, code = refused
    at = next_moment(rules, now, LEAD_S)
    return No(rule.reason, code) if at is None else Later(rule.reason, at, code)
