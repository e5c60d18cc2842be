"""The gate as a whole: each rule has its no, and in doubt it is shut."""

import asyncio
from typing import Any

import pytest

from frontdesk.calls.models import NewCall
from frontdesk.calls.plan import OnBlocked
from frontdesk.crm.may_call import Said
from frontdesk.ended import EndedReason
from frontdesk.errors import DatabaseUnavailableError
from frontdesk.gate.answers import DATABASE_AWAY, FAULT, Answer, Later, No, Yes, as_planned
from frontdesk.gate.consent import CLOCKS_DIFFER_S
from frontdesk.gate.do_not_call import DoNotCall
from frontdesk.gate.holidays import check_holidays
from frontdesk.gate.service import Gate
from frontdesk.organizations import Organization, OrganizationsError
from frontdesk.patients.models import Patient
from frontdesk.patients.store import Patients
from frontdesk.storage.database import Database
from tests.gate.clinic import NEW_YORK, NOON, NUMBER, Asked, at, call, clinic, of, plan


def gate(database: Database, organization: Organization, *said: Said, enforced: bool = True) -> Gate:
    crm: Any = Asked(*said)
    return Gate(of(organization), DoNotCall(database), Patients(database), crm, enforced=enforced)


def patient(organization: Organization, **changes: Any) -> Patient:
    fields: dict[str, Any] = {
        "organization_id": str(organization.id),
        "id": "p-7",
        "phone_number": NUMBER,
        "created_at": 1.0,
        "updated_at": 1.0,
    }
    return Patient(**fields | changes)


async def test_all_rules_kept_is_a_yes(database: Database) -> None:
    """At noon on a working day a patient in the clinic's own zone may be called."""
    organization = clinic()
    assert await gate(database, organization).ask(call(organization), plan(), NOON) == Yes()


async def test_who_asked_not_to_be_called(database: Database) -> None:
    """A number on the list is never called, by that organization, also where rules are off."""
    organization, other = clinic(), clinic(id="7b0e3f52-5a0e-4b1c-8a56-0e4d2b7c9f11")
    await DoNotCall(database).add(str(organization.id), NUMBER)
    for enforced in (True, False):
        ours = gate(database, organization, enforced=enforced)
        told = await ours.ask(call(organization), plan(), NOON)
        assert told == No(EndedReason.BLOCKED_DO_NOT_CALL)
    assert await gate(database, other).ask(call(other), plan(), NOON) == Yes()


async def test_the_list_is_asked_each_time(database: Database) -> None:
    """A number that comes on the list between two attempts is not called a second time."""
    organization, one = clinic(), call(clinic())
    asked = gate(database, organization)
    assert await asked.ask(one, plan(), NOON) == Yes()
    await DoNotCall(database).asked_in_call(str(organization.id), NUMBER, one.id)
    assert await asked.ask(one, plan(), NOON) == No(EndedReason.BLOCKED_DO_NOT_CALL)


async def test_a_call_without_a_number(database: Database) -> None:
    """A call whose number was erased is not made."""
    organization = clinic()
    told = await gate(database, organization).ask(call(organization, to_number=None), plan(), NOON)
    assert told == No(EndedReason.BLOCKED_DO_NOT_CALL)


async def test_no_time_zone_is_a_no(database: Database) -> None:
    """The zone is never guessed from the number: unless somebody said it, nobody is called."""
    organization = clinic()
    asked = gate(database, organization)
    for zone in (None, "Mars/Base", "localtime"):
        told = await asked.ask(call(organization), plan(timezone=zone), NOON)
        assert told == No(EndedReason.BLOCKED_TIMEZONE)


async def test_whose_word_counts_for_the_time_zone(database: Database) -> None:
    """The request's zone goes before the patient's, and that before the organization's default."""
    organization = clinic({"default_timezone": "America/Los_Angeles", "within_opening_hours": False})
    early = at(NEW_YORK, 2026, 11, 18, 9)
    asked, one = gate(database, organization), call(organization, patient_id="p-7")
    assert isinstance(await asked.ask(one, plan(timezone=None), early), Later)
    await Patients(database).put(patient(organization, timezone="America/New_York"))
    assert await asked.ask(one, plan(timezone=None), early) == Yes()
    assert isinstance(await asked.ask(one, plan(timezone="America/Los_Angeles"), early), Later)


async def test_a_number_that_several_patients_share(database: Database) -> None:
    """A call to a number alone goes by the zone that all its patients share, or by none."""
    organization, people = clinic(), Patients(database)
    asked, one = gate(database, organization), call(organization)
    await people.put(patient(organization, timezone="America/New_York"))
    await people.put(patient(organization, id="p-8", timezone="America/New_York"))
    assert await asked.ask(one, plan(timezone=None), NOON) == Yes()
    await people.put(patient(organization, id="p-8", timezone="America/Chicago"))
    assert await asked.ask(one, plan(timezone=None), NOON) == No(EndedReason.BLOCKED_TIMEZONE)


async def test_a_campaigns_zone_is_for_whom_nobody_knows(database: Database) -> None:
    """What is known of the callee counts more than the campaign's zone, and that more than the clinic's."""
    organization, people = clinic({"default_timezone": "America/New_York"}), Patients(database)
    asked, late = gate(database, organization), at(NEW_YORK, 2026, 11, 18, 8, 30)
    pacific = plan(timezone=None, default_timezone="America/Los_Angeles")
    eastern = plan(timezone=None, default_timezone="America/New_York")
    assert isinstance(await asked.ask(call(organization), pacific, late), Later)
    assert await asked.ask(call(organization), eastern, late) == Yes()
    await people.put(patient(organization, timezone="America/Los_Angeles"))
    for known in (call(organization, patient_id="p-7"), call(organization)):
        assert isinstance(await asked.ask(known, eastern, late), Later)


async def test_consent(database: Database) -> None:
    """Where consent is demanded, the request's or the patient's record must have it, for this very number."""
    organization = clinic({"consent": True})
    asked, one = gate(database, organization), call(organization, patient_id="p-7")
    missing = No(EndedReason.BLOCKED_CONSENT)
    assert await asked.ask(one, plan(), NOON) == missing
    assert await asked.ask(one, plan(consent_at=NOON - 9), NOON) == Yes()
    assert await asked.ask(one, plan(consent_at=NOON + CLOCKS_DIFFER_S), NOON) == Yes()
    assert await asked.ask(one, plan(consent_at=NOON + CLOCKS_DIFFER_S + 1), NOON) == missing
    await Patients(database).put(patient(organization, consent_at=NOON - 9, phone_number="+12025550199"))
    assert await asked.ask(one, plan(), NOON) == missing
    await Patients(database).put(patient(organization, consent_at=NOON - 9))
    assert await asked.ask(one, plan(), NOON) == Yes()
    assert await asked.ask(call(organization), plan(), NOON) == missing


async def test_rules_that_are_off(database: Database) -> None:
    """For simulated phones hours, zones and consent do not matter."""
    organization = clinic({"consent": True})
    night = at(NEW_YORK, 2026, 11, 18, 23)
    asked = gate(database, organization, enforced=False)
    assert await asked.ask(call(organization), plan(timezone=None), night) == Yes()


async def test_the_plan_decides_what_a_refusal_for_now_becomes(database: Database) -> None:
    """A call that ends when blocked, or may not wait until morning, gets a no with the next allowed time."""
    organization, night = clinic(), at(NEW_YORK, 2026, 11, 18, 22)
    morning = at(NEW_YORK, 2026, 11, 19, 8)
    asked, one = gate(database, organization), call(organization)
    later = Later(EndedReason.BLOCKED_QUIET_HOURS, morning, "quiet_hours")
    no = No(EndedReason.BLOCKED_QUIET_HOURS, "quiet_hours", morning)
    assert await asked.ask(one, plan(), night) == later
    assert await asked.ask(one, plan(latest_at=morning), night) == later
    assert await asked.ask(one, plan(latest_at=morning - 1), night) == no
    assert await asked.ask(one, plan(on_blocked=OnBlocked.END), night) == no


def test_trouble_of_ours_is_no_refusal() -> None:
    """What says nothing of the call ends none, whatever its plan says of refusals."""
    trouble = Later(DATABASE_AWAY, NOON + 99)
    assert as_planned(trouble, plan(on_blocked=OnBlocked.END, latest_at=NOON)) == trouble


class Away:
    """A database that cannot be reached, or never answers."""

    def __init__(self, *, hangs: bool = False) -> None:
        self._hangs = hangs

    def reader(self) -> Any:
        return _Hanging() if self._hangs else _Refusing()


class _Refusing:
    async def __aenter__(self) -> None:
        raise DatabaseUnavailableError

    async def __aexit__(self, *_: object) -> None: ...


class _Hanging(_Refusing):
    async def __aenter__(self) -> None:
        await asyncio.Event().wait()


@pytest.mark.parametrize("on_blocked", list(OnBlocked))
@pytest.mark.parametrize("hangs", [False, True])
async def test_a_database_that_is_away(
    monkeypatch: pytest.MonkeyPatch, hangs: bool, on_blocked: OnBlocked
) -> None:
    """While nobody can look at the lists nobody is called; the call waits."""
    monkeypatch.setattr("frontdesk.gate.service._LISTS_WITHIN_S", 0.05)
    away: Any = Away(hangs=hangs)
    for enforced in (True, False):
        asked = gate(away, clinic(), enforced=enforced)
        told = await asked.ask(call(clinic()), plan(on_blocked=on_blocked), NOON)
        assert isinstance(told, Later)
        assert (told.reason, told.at > NOON) == (DATABASE_AWAY, True)


async def test_rules_that_cannot_be_applied(database: Database, capfd: pytest.CaptureFixture[str]) -> None:
    """A country whose holidays nobody knows, or an organization that is gone, holds all calls up."""
    broken = clinic({"holidays": {"country": "XX"}})
    told = await gate(database, broken).ask(call(broken), plan(), NOON)
    assert isinstance(told, Later)
    assert (told.reason, told.at > NOON) == (FAULT, True)
    stranger = call(broken, organization_id="7b0e3f52-5a0e-4b1c-8a56-0e4d2b7c9f11")
    assert isinstance(await gate(database, clinic()).ask(stranger, plan(), NOON), Later)
    assert NUMBER not in capfd.readouterr().err


def test_holidays_are_checked_at_start() -> None:
    """Every organization whose holidays nobody knows is told, by name and field."""
    check_holidays(of(clinic({"holidays": {"country": "US", "subdivision": "MA"}})))
    broken = [
        clinic({"holidays": {"country": "XX"}}, slug="one"),
        clinic({"holidays": {"country": "US", "subdivision": "ZZ"}}, slug="two", id=str(NIL)),
        clinic({"holidays": {"subdivision": "MA"}}, slug="three"),
    ]
    with pytest.raises(OrganizationsError) as caught:
        check_holidays(of(*broken))
    assert all(f"{slug}: outreach.holidays: " in str(caught.value) for slug in ("one", "two", "three"))


NIL = "00000000-0000-0000-0000-000000000000"
SAID: list[tuple[Said, Answer]] = [
    (Said(yes=True), Yes()),
    (Said(yes=False, code="not_eligible"), No(EndedReason.BLOCKED_CRM, "not_eligible")),
    (
        Said(yes=False, code="not_eligible", next_allowed_at=NOON + 9),
        Later(EndedReason.BLOCKED_CRM, NOON + 9, "not_eligible"),
    ),
    (
        Said(yes=False, code="not_eligible", next_allowed_at=NOON - 9),
        No(EndedReason.BLOCKED_CRM, "not_eligible"),
    ),
]


@pytest.mark.parametrize(("said", "told"), SAID)
async def test_what_the_crm_says(database: Database, said: Said, told: Answer) -> None:
    """Only a yes is a yes; a no may name a later time."""
    organization = clinic()
    assert await gate(database, organization, said).ask_crm(call(organization), plan(), NOON) == told


async def test_a_crm_that_cannot_be_asked(database: Database) -> None:
    """Silence of the CRM is no yes: the call waits a while, or ends if the request says so."""
    organization, silence = clinic(), Said(yes=False, code="timeout", heard=False)
    asked = gate(database, organization, silence, silence, silence)
    told = await asked.ask_crm(call(organization), plan(), NOON)
    assert isinstance(told, Later)
    assert (told.reason, told.detail) == (EndedReason.BLOCKED_CRM, "timeout")
    assert NOON + 60 <= told.at <= NOON + 90
    for ends in (plan(on_blocked=OnBlocked.END), plan(latest_at=NOON + 1)):
        assert isinstance(await asked.ask_crm(call(organization), ends, NOON), No)


async def test_a_question_that_fails(database: Database) -> None:
    """A fault of ours while the CRM is asked is no yes either."""

    class Broken:
        async def ask(self, call: NewCall) -> Said:
            raise RuntimeError(call.id)

    crm: Any = Broken()
    asked = Gate(of(clinic()), DoNotCall(database), Patients(database), crm)
    told = await asked.ask_crm(call(clinic()), plan(), NOON)
    assert isinstance(told, Later)
    assert told.reason == FAULT
