"""When the clocks allow a call, through every change of them."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.ended import EndedReason
from frontdesk.gate.answers import Later, No, Yes
from frontdesk.gate.clock import LEAD_S, hour_allows, rules_of
from frontdesk.gate.holidays import Calendar
from frontdesk.gate.moments import next_moment, refusal
from frontdesk.gate.rules import ClockRule, Open, Quiet, Working
from frontdesk.organizations import Hours, QuietHours
from tests.gate.clinic import ALL_DAYS, ALWAYS_OPEN, LOS_ANGELES, NEW_YORK, at, clinic

ZONES = [
    *("America/New_York", "America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata"),
    *("America/Havana", "Asia/Beirut", "Africa/Casablanca", "Pacific/Apia", "UTC", "America/St_Johns"),
    *("Africa/Cairo", "Pacific/Chatham", "America/Scoresbysund", "Antarctica/Troll"),
]
_STEP_S = 60


def quiet(zone: ZoneInfo, begin: str = "21:00", end: str = "08:00") -> Quiet:
    return Quiet(zone, QuietHours(begin=time.fromisoformat(begin), end=time.fromisoformat(end)))


def test_the_night_begins_and_ends_to_the_second() -> None:
    """From nine in the evening until eight in the morning nobody is called, by the callee's own clock."""
    rules = [quiet(LOS_ANGELES)]
    evening, morning = at(LOS_ANGELES, 2026, 11, 18, 21), at(LOS_ANGELES, 2026, 11, 19, 8)
    assert next_moment(rules, evening - 1) == evening - 1
    assert next_moment(rules, evening) == morning
    assert next_moment(rules, morning - 1) == morning
    assert next_moment(rules, morning) == morning


def test_quiet_hours_within_one_day() -> None:
    """Quiet hours that do not cross midnight, such as a siesta, are quiet between their ends alone."""
    rules = [quiet(NEW_YORK, "12:30", "14:00")]
    assert next_moment(rules, at(NEW_YORK, 2026, 11, 18, 13)) == at(NEW_YORK, 2026, 11, 18, 14)
    assert next_moment(rules, at(NEW_YORK, 2026, 11, 18, 23)) == at(NEW_YORK, 2026, 11, 18, 23)


def test_the_spring_gap() -> None:
    """Where the end of the night falls into the hour that does not exist, the night ends with the jump."""
    rules = [quiet(NEW_YORK, "21:00", "02:30")]
    jump = at(NEW_YORK, 2026, 3, 8, 3)
    assert next_moment(rules, at(NEW_YORK, 2026, 3, 8, 1, 30)) == jump
    assert datetime.fromtimestamp(jump - 1, NEW_YORK).time() == time(1, 59, 59)


def test_the_autumn_fold() -> None:
    """Where the clocks go back into the night, the night returns: an hour that comes twice is quiet twice."""
    rules = [quiet(NEW_YORK, "21:00", "01:30")]
    first, second = at(NEW_YORK, 2026, 11, 1, 1, 30), at(NEW_YORK, 2026, 11, 1, 1, 30, fold=1)
    assert second - first == 3600
    assert next_moment(rules, at(NEW_YORK, 2026, 11, 1, 1)) == first
    assert next_moment(rules, at(NEW_YORK, 2026, 11, 1, 1, 0, fold=1)) == second


def test_the_autumn_fold_over_the_evening() -> None:
    """Where the evening's last hour comes twice, the second one is as good as the first."""
    rules = [quiet(NEW_YORK, "02:00", "06:00")]
    assert next_moment(rules, at(NEW_YORK, 2026, 11, 1, 1, 59, fold=1)) == at(
        NEW_YORK, 2026, 11, 1, 1, 59, fold=1
    )


def test_the_long_night_of_spring_is_an_hour_shorter() -> None:
    """Eight o'clock is eight o'clock on the day of the change, too."""
    rules = [quiet(NEW_YORK)]
    night = at(NEW_YORK, 2026, 3, 7, 21)
    assert next_moment(rules, night) == night + 10 * 3600
    autumn = at(NEW_YORK, 2026, 10, 31, 21)
    assert next_moment(rules, autumn) == autumn + 12 * 3600


def test_a_day_that_never_was() -> None:
    """A holiday that the date line skipped (Samoa, 30 December 2011) holds nothing up."""
    apia = ZoneInfo("Pacific/Apia")
    rules = [Working(apia, frozenset({date(2011, 12, 30)}))]
    before = at(apia, 2011, 12, 29, 23, 59, 59)
    assert next_moment(rules, before + 1) == before + 1
    assert datetime.fromtimestamp(before + 1, apia).date() == date(2011, 12, 31)


def test_callee_and_clinic_in_different_zones() -> None:
    """It must be day for the callee and the clinic must be open: both clocks count, each in its own zone."""
    rules = rules_of(clinic(), Calendar(clinic().outreach.holidays), LOS_ANGELES)
    early = at(NEW_YORK, 2026, 11, 18, 9)
    told = hour_allows(rules, early)
    assert told == Later(EndedReason.BLOCKED_QUIET_HOURS, at(LOS_ANGELES, 2026, 11, 18, 8), "quiet_hours")
    late = at(NEW_YORK, 2026, 11, 18, 17, 30)
    told = hour_allows(rules, late)
    assert told == Later(EndedReason.BLOCKED_CLOSED, at(LOS_ANGELES, 2026, 11, 19, 8), "closed")


def test_what_is_allowed_must_last_until_it_rings() -> None:
    """In the last minute before the night no call begins: it would ring at night."""
    rules = [quiet(NEW_YORK)]
    evening = at(NEW_YORK, 2026, 11, 18, 21)
    assert hour_allows(rules, evening - LEAD_S - 1) == Yes()
    told = hour_allows(rules, evening - LEAD_S)
    assert told == Later(EndedReason.BLOCKED_QUIET_HOURS, at(NEW_YORK, 2026, 11, 19, 8), "quiet_hours")


def test_holidays_and_the_weekend_after_them() -> None:
    """After Thanksgiving and the closed days behind it, the first moment is that of the next opening."""
    organization = clinic(
        {"holidays": {"country": "US", "subdivision": "MA", "extra": ["2026-11-27"]}},
        timezone="America/New_York",
    )
    rules = rules_of(organization, Calendar(organization.outreach.holidays), NEW_YORK)
    told = hour_allows(rules, at(NEW_YORK, 2026, 11, 26, 10))
    assert told == Later(EndedReason.BLOCKED_CLOSED, at(NEW_YORK, 2026, 11, 30, 8), "holiday")


def test_opening_hours_may_not_matter() -> None:
    """With `within_opening_hours: false` a clinic that is closed may call, but not at night."""
    organization = clinic({"within_opening_hours": False})
    rules = rules_of(organization, Calendar(organization.outreach.holidays), NEW_YORK)
    assert hour_allows(rules, at(NEW_YORK, 2026, 11, 21, 12)) == Yes()
    assert isinstance(hour_allows(rules, at(NEW_YORK, 2026, 11, 21, 22)), Later)


def test_closed_is_closed_at_the_time_of_closing() -> None:
    """From the opening on, and until the very time of closing, the clinic is open."""
    rules = [Open(NEW_YORK, clinic().opening_hours)]
    opens, closes = at(NEW_YORK, 2026, 11, 18, 8), at(NEW_YORK, 2026, 11, 18, 17)
    told = [refusal(rules, moment) is None for moment in (opens - 1, opens, closes - 1, closes)]
    assert told == [False, True, True, False]


def test_who_never_opens_never_calls() -> None:
    """A clinic without any opening hours gets a no, without a time."""
    organization = clinic(opening_hours=dict.fromkeys(ALL_DAYS, "closed"))
    rules = rules_of(organization, Calendar(organization.outreach.holidays), NEW_YORK)
    assert hour_allows(rules, at(NEW_YORK, 2026, 11, 18, 12)) == No(EndedReason.BLOCKED_CLOSED, "closed")


def test_always_open_is_always_open() -> None:
    """Hours around the clock leave the night alone as a rule."""
    organization = clinic(opening_hours=ALWAYS_OPEN)
    rules = rules_of(organization, Calendar(organization.outreach.holidays), NEW_YORK)
    assert hour_allows(rules, at(NEW_YORK, 2026, 11, 22, 20)) == Yes()


wall = st.times(max_value=time(23, 59)).map(lambda one: one.replace(second=0, microsecond=0))
nights = st.tuples(wall, wall).filter(lambda pair: pair[0] != pair[1])
days = st.sampled_from([None, *(Hours(opens=time(opens), closes=time(17, 30)) for opens in (0, 7, 9, 13))])
moments = st.integers(1_704_067_200, 1_830_297_600).map(float)
"""Of the years 2024 to 2027."""


@st.composite
def rule_sets(draw: st.DrawFn) -> list[ClockRule]:
    """A night for the callee; perhaps hours and holidays of the clinic, in another zone."""
    callee, home = (ZoneInfo(draw(st.sampled_from(ZONES))) for _ in range(2))
    begin, end = draw(nights)
    rules: list[ClockRule] = [Quiet(callee, QuietHours(begin=begin, end=end))]
    if draw(st.booleans()):
        hours = {day: draw(days) or "closed" for day in ALL_DAYS}
        rules.append(Open(home, hours))  # type: ignore[arg-type]
    if draw(st.booleans()):
        start = draw(st.dates(date(2024, 1, 1), date(2027, 12, 31)))
        rules.append(Working(home, {start + timedelta(day) for day in range(draw(st.integers(1, 9)))}))
    return rules


@settings(deadline=None)
@given(rule_sets(), moments)
def test_a_yes_is_never_inside_quiet_hours(rules: list[ClockRule], now: float) -> None:
    """Whatever the rules and zones: on yes, the clocks of callee and clinic allow it, then and soon."""
    told = hour_allows(rules, now)
    ask_again = told.at if isinstance(told, Later) else now
    if isinstance(told, No):
        return
    for moment in (ask_again, ask_again + LEAD_S):
        night, *others = rules
        assert isinstance(night, Quiet)
        local = datetime.fromtimestamp(moment, night.zone).time()
        begin, end = night.hours.begin, night.hours.end
        assert not (begin <= local < end if begin < end else local >= begin or local < end)
        assert all(rule.forbids(datetime.fromtimestamp(moment, rule.zone)) is None for rule in others)
    assert hour_allows(rules, ask_again) == Yes()


@settings(deadline=None)
@given(rule_sets(), moments)
def test_the_moment_is_the_earliest(rules: list[ClockRule], now: float) -> None:
    """No minute between the question and the moment that is named would have been allowed."""
    found = next_moment(rules, now)
    last = now + 3 * 86_400 if found is None else min(found, now + 3 * 86_400)
    minute = now
    while minute < last:
        assert refusal(rules, minute) is not None
        minute += _STEP_S
    if found is not None and found > now:
        assert refusal(rules, found - 1) is not None


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("year", [2025, 2026])
def test_every_night_of_a_year(zone: str, year: int) -> None:
    """On every day of a year, in every kind of zone, the night ends when the clock first says eight."""
    there = ZoneInfo(zone)
    rules = [quiet(there)]
    for day in range(365):
        morning = datetime.combine(date(year, 1, 1) + timedelta(day), time(8), there)
        assert next_moment(rules, (morning - timedelta(hours=9)).timestamp()) == morning.timestamp()
