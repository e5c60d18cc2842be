"""What a request becomes, and what is refused before anything is written down."""

from typing import Any

import pytest

from frontdesk.calls.plan import OnBlocked, Plan, RetryOn
from frontdesk.contract import DialoutSettings, Limits
from frontdesk.dialout.models import DialoutRequest
from frontdesk.doors.bodies import validate
from frontdesk.errors import (
    FrontdeskError,
    InvalidBodyError,
    NumberNotDialableError,
    PatientNotFoundError,
    TimezoneUnknownError,
    UnknownWorkflowError,
)
from tests.dialout.counter import MAIN, NOW, NUMBER, SECOND, THEIRS, UNLISTED, Counter, at

WEEK_S = 7 * 86400


async def drafted(counter: Counter, **changes: Any) -> Any:
    return (await counter.accept(key=None, **changes)).call


def plan_of(call: Any) -> Plan:
    return Plan.from_json(call.plan)


async def test_a_plain_request(counter: Counter) -> None:
    """What a request leaves out: at once, one attempt, within a week, urgent, with the gateway's limits."""
    call = await drafted(counter)
    assert plan_of(call) == Plan(earliest_at=NOW, latest_at=NOW + WEEK_S, timezone="America/New_York")
    assert Limits.model_validate(call.limits) == Limits()
    assert (call.direction, call.to_number, call.workflow) == ("outbound", NUMBER, "outreach")
    assert call.brief["voicemail"] == {"action": "hang_up", "message": None}


@pytest.mark.parametrize(
    ("retry", "longest_s"),
    [
        ({}, 1800 + 7200),
        ({"max_attempts": 1, "delays": [60]}, 0),
        ({"max_attempts": 5, "delays": [60, 600]}, 60 + 3 * 600),
        ({"max_attempts": 2, "delays": [60, 600]}, 60),
    ],
)
async def test_there_is_time_for_every_attempt(
    counter: Counter, retry: dict[str, Any], longest_s: float
) -> None:
    """Without a latest time the delays of a retry lengthen the week in which a call may be made."""
    assert plan_of(await drafted(counter, retry=retry)).latest_at == NOW + WEEK_S + longest_s


@pytest.mark.parametrize(
    "request_",
    [
        {"schedule": {"earliest_at": at(85 * 86400)}},
        {"schedule": {"earliest_at": at(30 * 86400)}, "retry": {"max_attempts": 10, "delays": [604800]}},
    ],
)
async def test_no_default_is_further_away_than_a_request_may_ask_for(
    counter: Counter, request_: dict[str, Any]
) -> None:
    """What the request leaves out never makes it one that is refused."""
    assert plan_of(await drafted(counter, **request_)).latest_at == NOW + 90 * 86400


async def test_everything_said_is_kept(counter: Counter) -> None:
    """All that a request may say of when, how often, how long and with what is in the call."""
    call = await drafted(
        counter,
        workflow="reception",
        variables={"visit": "Tuesday"},
        metadata={"crm": 7},
        patient_id="p-7",
        patient_data={"first_name": "Ada"},
        external_id="visit-7",
        schedule={"earliest_at": at(60), "latest_at": at(7200)},
        retry={"max_attempts": 4, "on": ["busy", "voicemail"], "delays": [60, 600.5]},
        voicemail={"action": "leave_message", "message": "Please call back."},
        ring_timeout_s=25,
        max_duration_s=300,
        limits={"dial_attempts": 2},
        consent_at=at(-1000),
        on_blocked="end",
    )
    assert plan_of(call) == Plan(
        earliest_at=NOW + 60,
        latest_at=NOW + 7200,
        max_attempts=4,
        retry_on=(RetryOn.BUSY, RetryOn.VOICEMAIL),
        delays_s=(60.0, 600.5),
        on_blocked=OnBlocked.END,
        timezone="America/New_York",
        consent_at=NOW - 1000,
    )
    assert call.limits == {"max_duration_s": 300, "ring_timeout_s": 25, "dial_attempts": 2}
    assert (call.workflow, call.external_id, call.patient_id) == ("reception", "visit-7", "p-7")
    assert (call.variables, call.metadata) == ({"visit": "Tuesday"}, {"crm": 7})
    assert call.brief == {
        "voicemail": {"action": "leave_message", "message": "Please call back."},
        "patient_data": {"first_name": "Ada"},
    }


async def test_the_official_body(counter: Counter) -> None:
    """`dialout_settings` alone, as in the official example, is a whole request but for the time zone."""
    settings = {"phone_number": NUMBER, "caller_id": str(SECOND), "display_name": "Clinic", "extension": "1#"}
    call = await drafted(counter, phone_number=..., dialout_settings=settings)
    assert DialoutSettings.model_validate(call.line) == DialoutSettings.model_validate(settings)
    assert call.caller_id == str(SECOND)


async def test_retries_have_defaults(counter: Counter) -> None:
    """An empty `retry` is three attempts after busy, no answer and failure; none is a single attempt."""
    plan = plan_of(await drafted(counter, retry={}))
    assert (plan.max_attempts, plan.delays_s) == (3, (1800.0, 7200.0))
    assert plan.retry_on == (RetryOn.BUSY, RetryOn.NO_ANSWER, RetryOn.FAILED)


async def test_a_known_patient_need_not_be_described(counter: Counter) -> None:
    """Number, name and language that a request leaves out are the stored patient's.

    Time zone and consent are looked up again before each dial: the call keeps what its request said of them.
    """
    ours = counter.clinics.by_slug("bright-smile")
    counter.stored.keep(
        ours, "p-1", timezone="Europe/Berlin", first_name="Ada", language="de", consent_at=NOW - 5
    )
    call = await drafted(counter, phone_number=..., timezone=..., patient_id="p-1")
    assert (call.to_number, call.patient_id) == (NUMBER, "p-1")
    assert (plan_of(call).timezone, plan_of(call).consent_at) == (None, None)
    assert call.brief["patient_data"] == {"first_name": "Ada", "language": "de"}


async def test_the_request_counts_more_than_the_store(counter: Counter) -> None:
    """What the request says of a stored patient holds for this call."""
    counter.stored.keep(
        counter.clinics.by_slug("bright-smile"),
        "p-1",
        phone_number="+12025550199",
        timezone="Europe/Berlin",
        first_name="Ada",
        consent_at=NOW - 500,
    )
    call = await drafted(counter, patient_id="p-1", patient_data={"first_name": "Grace"}, consent_at=at(-1))
    assert (call.to_number, plan_of(call).timezone) == (NUMBER, "America/New_York")
    assert plan_of(call).consent_at == NOW - 1
    assert call.brief["patient_data"] == {"first_name": "Grace"}


async def test_patients_of_others_are_not_known(counter: Counter) -> None:
    """A patient whom another organization stored is unknown; with a number the id is merely echoed."""
    counter.stored.keep(counter.clinics.by_slug("theirs"), "p-1", timezone="Europe/Berlin")
    with pytest.raises(PatientNotFoundError):
        await drafted(counter, phone_number=..., patient_id="p-1")
    with pytest.raises(TimezoneUnknownError):
        await drafted(counter, timezone=..., patient_id="p-1")
    assert (await drafted(counter, patient_id="p-1")).patient_id == "p-1"


async def test_the_time_zone_is_never_guessed(counter: Counter) -> None:
    """Without a time zone of request, patient or organization a call is refused, whatever its number says."""
    with pytest.raises(TimezoneUnknownError):
        await drafted(counter, timezone=...)
    ours = counter.clinics.by_slug("bright-smile")
    outreach = ours.outreach.model_copy(update={"default_timezone": "America/Chicago"})
    settled = ours.model_copy(update={"outreach": outreach})
    request = validate(DialoutRequest, {"phone_number": NUMBER})
    accepted = await counter.acceptance.accept(request, settled, key=None)
    assert plan_of(accepted.call).timezone is None  # the gate takes the organization's, as it is then


@pytest.mark.parametrize(
    ("named", "slug", "shown"),
    [
        (..., "bright-smile", MAIN),
        ("+14155550101", "bright-smile", SECOND),
        ("+1 415 555 0100", "bright-smile", MAIN),
        (str(SECOND), "bright-smile", SECOND),
        (str(UNLISTED), "bright-smile", None),
        (str(THEIRS), "bright-smile", None),
        ("+14155550199", "bright-smile", None),
        ("911", "bright-smile", None),
        (..., "plain", ...),
        (str(UNLISTED), "plain", None),
        (str(THEIRS), "plain", None),
        (str(MAIN), "plain", None),
        (str(SECOND), "theirs", None),
        ("+14155550101", "plain", None),
    ],
)
@pytest.mark.parametrize("official", [False, True])
async def test_whose_number_is_shown(
    counter: Counter, named: Any, slug: str, shown: Any, official: bool
) -> None:
    """Only the organization's own numbers are shown, by id or, when they are listed, by number."""
    is_number = isinstance(named, str) and len(named) < 36
    if official and is_number:
        pytest.skip("dialout_settings take ids alone")
    body: dict[str, Any] = {"caller_id": named}
    if official:
        settings = {"phone_number": NUMBER} | ({} if named is ... else {"caller_id": named})
        body = {"phone_number": ..., "dialout_settings": settings}
    if shown is not None:
        call = await drafted(counter, slug=slug, **body)
        assert call.caller_id == (None if shown is ... else str(shown))
        assert call.line.get("caller_id") == call.caller_id
        return
    with pytest.raises(InvalidBodyError) as caught:
        await drafted(counter, slug=slug, **body)
    field = "dialout_settings.caller_id" if official else "caller_id"
    assert caught.value.extensions["errors"] == [{"field": field, "message": "is not the organization's"}]


@pytest.mark.parametrize(
    ("change", "error", "field"),
    [
        ({"phone_number": ...}, InvalidBodyError, "body"),
        ({"phone_number": "911"}, NumberNotDialableError, "phone_number"),
        ({"dialout_settings": {"phone_number": NUMBER}}, InvalidBodyError, "body"),
        ({"timezone": "Mars/Olympus"}, InvalidBodyError, "timezone"),
        ({"timezone": "../../etc/passwd"}, InvalidBodyError, "timezone"),
        ({"workflow": "nothing"}, UnknownWorkflowError, None),
        ({"external_id": ""}, InvalidBodyError, "external_id"),
        ({"external_id": "a b"}, InvalidBodyError, "external_id"),
        ({"schedule": {"earliest_at": "2027-01-15T08:00:00"}}, InvalidBodyError, "schedule.earliest_at"),
        ({"schedule": {"earliest_at": NOW}}, InvalidBodyError, "schedule.earliest_at"),
        (
            {"schedule": {"earliest_at": "0001-01-01T00:00:00+12:00"}},
            InvalidBodyError,
            "schedule.earliest_at",
        ),
        ({"schedule": {"earliest_at": at(9), "latest_at": at(9)}}, InvalidBodyError, "schedule"),
        ({"schedule": {"latest_at": at(0)}}, InvalidBodyError, "schedule.latest_at"),
        ({"schedule": {"latest_at": "1970-01-01T00:00:00Z"}}, InvalidBodyError, "schedule.latest_at"),
        ({"schedule": {"latest_at": at(91 * 86400)}}, InvalidBodyError, "schedule"),
        ({"schedule": {"at": at(9)}}, InvalidBodyError, "schedule.at"),
        ({"retry": {"max_attempts": 0}}, InvalidBodyError, "retry.max_attempts"),
        ({"retry": {"on": ["declined"]}}, InvalidBodyError, "retry.on.0"),
        ({"retry": {"delays": [60, -1]}}, InvalidBodyError, "retry.delays.1"),
        ({"retry": {"delays": []}}, InvalidBodyError, "retry.delays"),
        ({"ring_timeout_s": 4}, InvalidBodyError, "ring_timeout_s"),
        ({"ring_timeout_s": 20, "limits": {"ring_timeout_s": 20}}, InvalidBodyError, "body"),
        ({"max_duration_s": 3601}, InvalidBodyError, "max_duration_s"),
        ({"limits": {"max_duration_s": 3601}}, InvalidBodyError, "limits.max_duration_s"),
        ({"voicemail": {"action": "leave_message"}}, InvalidBodyError, "voicemail"),
        ({"voicemail": {"action": "leave_message", "message": " \n"}}, InvalidBodyError, "voicemail.message"),
        ({"voicemail": {"acton": "leave_message"}}, InvalidBodyError, "voicemail.acton"),
        (
            {"phone_number": ..., "dialout_settings": {"phone_number": NUMBER, "callerId": "x"}},
            InvalidBodyError,
            "dialout_settings.callerId",
        ),
        (
            {"phone_number": ..., "dialout_settings": {"phone_number": NUMBER, "display_name": "a\r\nb"}},
            InvalidBodyError,
            "dialout_settings.display_name",
        ),
        ({"on_blocked": "ignore"}, InvalidBodyError, "on_blocked"),
        ({"consent_at": at(600)}, InvalidBodyError, "consent_at"),
        ({"consent_at": True}, InvalidBodyError, "consent_at"),
        ({"consent_at": "1700000000"}, InvalidBodyError, "consent_at"),
        ({"consent_at": "0001-01-01T00:00:00Z"}, InvalidBodyError, "consent_at"),
    ],
)
async def test_what_is_refused(
    counter: Counter, change: dict[str, Any], error: type[FrontdeskError], field: str | None
) -> None:
    """What cannot be used is refused with the name of the field, and nothing is accepted."""
    with pytest.raises(error) as caught:
        await drafted(counter, **change)
    if field is not None:
        assert [one["field"] for one in caught.value.extensions["errors"]] == [field]
    assert counter.queue.taken == []


async def test_checking_accepts_nothing(counter: Counter) -> None:
    """A request can be checked without becoming a call."""
    ours = counter.clinics.by_slug("bright-smile")
    await counter.acceptance.check(
        validate(DialoutRequest, {"phone_number": NUMBER, "timezone": "UTC"}), ours
    )
    with pytest.raises(TimezoneUnknownError):
        await counter.acceptance.check(validate(DialoutRequest, {"phone_number": NUMBER}), ours)
    assert counter.queue.taken == []
