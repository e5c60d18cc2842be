"""What the language model may do during a call."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Literal, Protocol, cast

from pipecat.adapters.llm.schemas.direct_function import tool_options
from pipecat.frames.frames import FunctionCallResultProperties
from pipecat.services.llm_service import FunctionCallParams

from frontdesk.agent.report import CallReport, Step
from frontdesk.agent.speech import TOOL_TIMEOUT_S
from frontdesk.organizations import WEEKDAYS, Hours, Organization, Weekday

NOON = 12


class HangUp(Protocol):
    """Ends the call politely."""

    def __call__(self) -> Awaitable[None]:
        """Say goodbye, let it be heard to its end, and hang up."""


@dataclass(frozen=True)
class CallResources:
    """What the tools of one call work with; `now` gives the time with its zone."""

    organization: Organization
    now: Callable[[], datetime]
    report: CallReport
    hang_up: HangUp


@tool_options(timeout_secs=TOOL_TIMEOUT_S)  # type: ignore[untyped-decorator]
async def get_opening_hours(params: FunctionCallParams, day: str = "today") -> None:  # noqa: D417
    """Look up when the clinic is open. Never guess opening hours.

    Args:
        day: A weekday such as "monday", or "today" or "tomorrow".
    """
    resources = cast("CallResources", params.app_resources)
    resources.report.step(Step.TOOL, tool="get_opening_hours")
    now = resources.now().astimezone(resources.organization.zone)
    await params.result_callback(opening_hours(resources.organization, day, now))


@tool_options(timeout_secs=TOOL_TIMEOUT_S)  # type: ignore[untyped-decorator]
async def end_call(params: FunctionCallParams) -> None:
    """End the call. The goodbye is spoken by itself: do not say one before.

    Use it when the other person says goodbye or has nothing more to ask.
    """
    resources = cast("CallResources", params.app_resources)
    resources.report.step(Step.TOOL, tool="end_call")
    await params.result_callback({"ended": True}, properties=FunctionCallResultProperties(run_llm=False))
    await resources.hang_up()


TOOLS = (get_opening_hours, end_call)


def opening_hours(organization: Organization, day: str, now: datetime) -> dict[str, Any]:
    """The hours of one day and whether the doors are open now.

    Args:
        organization: Whose hours.
        day: A weekday in any case, `today` or `tomorrow`; anything else is an error in the result.
        now: The time in the organization's zone.

    Returns:
        JSON-ready; times as HH:MM in the organization's zone.
    """
    weekday = _weekday(day, now)
    if weekday is None:
        return {"error": f"day must be one of {', '.join(WEEKDAYS)}, today or tomorrow"}
    hours = organization.opening_hours[weekday]
    open_now = _open(organization, now)
    found: dict[str, Any] = {"day": weekday, "open_now": open_now, "closed": hours == "closed"}
    if hours != "closed":
        found |= {"opens": f"{hours.opens:%H:%M}", "closes": f"{hours.closes:%H:%M}"}
    return found | {"summary": _sentence(weekday, hours, open_now=open_now)}


def _sentence(weekday: Weekday, hours: Hours | Literal["closed"], *, open_now: bool) -> str:
    """The result in words, for a language model to translate or to speak as it is."""
    day = weekday.capitalize()
    if hours == "closed":
        told = f"On {day} we are closed."
    else:
        told = f"On {day} we are open from {_spoken(hours.opens)} to {_spoken(hours.closes)}."
    return f"{told} Right now we are {'open' if open_now else 'closed'}."


def _spoken(moment: time) -> str:
    minutes = f":{moment.minute:02}" if moment.minute else ""
    return f"{moment.hour % 12 or 12}{minutes} {'AM' if moment.hour < NOON else 'PM'}"


def _weekday(day: str, now: datetime) -> Weekday | None:
    asked = day.strip().lower()
    if asked in ("", "today", "now"):
        return WEEKDAYS[now.weekday()]
    if asked == "tomorrow":
        return WEEKDAYS[(now + timedelta(days=1)).weekday()]
    return next((weekday for weekday in WEEKDAYS if weekday == asked), None)


def _open(organization: Organization, now: datetime) -> bool:
    hours = organization.opening_hours[WEEKDAYS[now.weekday()]]
    return hours != "closed" and hours.opens <= now.time() < hours.closes
