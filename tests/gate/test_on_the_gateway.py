"""The gate in front of a real gateway's dials: what it refuses reaches neither room nor bot."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.crm.receiver import Receiver
from tests.crm.test_may_call import YES, saying
from tests.crm.world import SECRET
from tests.gate.clinic import ALWAYS_OPEN, NUMBER, ROOT
from tests.gateway.conftest import Configure, configure, far
from tests.gateway.far import Far
from tests.gateway.gate import KEY, Gateway, Reply, serving
from tests.gateway.linked_bot import SESSION, LinkedBot
from tests.gateway.test_dialout_canceled import DIAL

__all__ = ["configure", "far"]

HEADERS = {"Authorization": f"Bearer {KEY}"}


def zone_where_it_is(hour: int) -> str:
    """A zone whose clocks are within this hour now; `Etc/GMT+5` is five hours behind."""
    behind = (datetime.now(UTC).hour - hour + 12) % 24 - 12
    return f"Etc/GMT{behind:+d}" if behind else "UTC"


QUIET = "blocked_quiet_hours"
SOON_S = 8.0
"""Late enough for what is to be done before."""
DAY, NIGHT = zone_where_it_is(13), zone_where_it_is(2)


@pytest.fixture
def clinics(tmp_path: Path) -> Path:
    """One that never closes, and does not mind to call often."""
    folder = tmp_path / "clinics"
    folder.mkdir()
    content = yaml.safe_load((ROOT / "clinics" / "bright-smile.yaml").read_text(encoding="utf-8"))
    content |= {"opening_hours": ALWAYS_OPEN}
    (folder / "bright-smile.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


@asynccontextmanager
async def strict(configure: Configure, clinics: Path, **changes: Any) -> AsyncIterator[Gateway]:
    """A gateway that enforces the rules."""
    settings = configure(clinics_dir=clinics, outreach_rules="enforced", dialout_wait_s=60, **changes)
    async with serving(settings) as gateway:
        yield gateway


async def when(gateway: Gateway, call_id: str, *states: str) -> dict[str, Any]:
    """The call's record, once it stands there."""
    async with asyncio.timeout(60):
        while True:
            record: dict[str, Any] = (await gateway.send("GET", f"/calls/{call_id}", headers=HEADERS)).body
            if record["state"] in states:
                return record
            await asyncio.sleep(0.02)


def wanted(**changes: Any) -> dict[str, Any]:
    return {"phone_number": NUMBER, "timezone": DAY} | changes


async def test_by_day_the_phone_is_dialed(configure: Configure, clinics: Path, far: Far) -> None:
    """A callee for whom it is day is called."""
    async with strict(configure, clinics) as gateway:
        reply = await gateway.dial(wanted())
        assert (reply.status, reply.body["status"]) == (201, "dialing")
    assert len(far.of("/start")) == 1


async def test_by_night_the_call_waits(configure: Configure, clinics: Path, far: Far) -> None:
    """A callee for whom it is night is called at eight, or not at all if the request says so."""
    async with strict(configure, clinics) as gateway:
        waits = (await gateway.dial(wanted(timezone=NIGHT))).body
        record = await when(gateway, waits["call_id"], "rescheduled")
        ends = (await gateway.dial(wanted(timezone=NIGHT, on_blocked="end"))).body
        ended = await when(gateway, ends["call_id"], "ended")
    assert record["waiting_for"] == "blocked_quiet_hours"
    at = datetime.fromisoformat(record["next_attempt_at"])
    assert (at.minute, 0 < at.timestamp() - time.time() <= 6 * 3600) == (0, True)
    assert ended["ended_reason"] == "blocked_quiet_hours"
    assert ended["next_allowed_at"] == record["next_attempt_at"]
    assert (far.of("/rooms"), far.of("/start")) == ([], [])


async def test_a_wish_holds_from_the_next_dial_on(configure: Configure, clinics: Path, far: Far) -> None:
    """A number that comes on the list while its call waits is not dialed; taken off, it is called again."""
    async with strict(configure, clinics) as gateway:
        soon = datetime.fromtimestamp(time.time() + SOON_S, UTC).isoformat()
        waits = await gateway.dial(wanted(schedule={"earliest_at": soon}), {"Prefer": "respond-async"})
        call_id = waits.body["call_id"]
        assert (await gateway.send("PUT", f"/do-not-call/{NUMBER}", headers=HEADERS)).status == 200
        record = await when(gateway, call_id, "ended")
        assert far.of("/start") == []
        assert (await gateway.send("DELETE", f"/do-not-call/{NUMBER}", headers=HEADERS)).status == 204
        again = await gateway.dial(wanted())
    assert (record["ended_reason"], again.status) == ("blocked_do_not_call", 201)
    assert again.body["ended_reason"] is None


async def test_a_wish_holds_up_to_the_dial(configure: Configure, clinics: Path, far: Far) -> None:
    """A number that comes on the list while its bot starts is not dialed: the bot's claim is refused."""
    async with strict(configure, clinics) as gateway:
        call_id = (await gateway.dial(wanted())).body["call_id"]
        assert (await gateway.send("PUT", f"/do-not-call/{NUMBER}", headers=HEADERS)).status == 200
        claimed = await LinkedBot(gateway, far).claim()
        record = await when(gateway, call_id, "ended")
        await far.until(lambda: far.deleted == [far.of("/rooms")[0].body["name"]], deadline_s=60)
        late = await LinkedBot(gateway, far).claim()
    assert (claimed.status, claimed.body["granted"], late.body["granted"]) == (200, False, False)
    assert record["ended_reason"] == "blocked_do_not_call"
    assert len(far.of("/start")) == 1


async def test_night_may_fall_while_a_bot_starts(configure: Configure, clinics: Path, far: Far) -> None:
    """A patient who moved to where it is night before the dial is called in the morning."""
    async with strict(configure, clinics) as gateway:
        await keep(gateway)
        call_id = (await gateway.dial({"patient_id": "p-1"})).body["call_id"]
        await keep(gateway, timezone=NIGHT)
        claimed = await LinkedBot(gateway, far).claim()
        record = await when(gateway, call_id, "rescheduled")
        attempts = (await gateway.send("GET", f"/calls/{call_id}/attempts", headers=HEADERS)).body
    assert (claimed.body["granted"], record["waiting_for"]) == (False, QUIET)
    assert datetime.fromisoformat(record["next_attempt_at"]).timestamp() > time.time() + 60
    assert [one["ended_reason"] for one in attempts["attempts"]] == [QUIET]


async def test_what_was_granted_stays_granted(configure: Configure, clinics: Path, far: Far) -> None:
    """A bot whose answer was lost asks again, and may dial although the rules have changed since."""
    async with strict(configure, clinics) as gateway:
        await gateway.dial(wanted())
        bot = LinkedBot(gateway, far)
        first = await bot.claim()
        await gateway.send("PUT", f"/do-not-call/{NUMBER}", headers=HEADERS)
        again = await bot.claim()
    assert (first.body["granted"], again.body["granted"]) == (True, True)


class Redialing(LinkedBot):
    """A bot whose first dial never rang."""

    async def again(self) -> Reply:
        """Ask whether it may dial a second time."""
        return await self._post("claim", {"session_id": SESSION, "dial": 2})

    async def fail(self) -> None:
        """Tell that the dial before was the last, and what it came to."""
        ended = {"dial": 1, "reason": "carrier_unavailable"}
        await self.say(DIAL[0], ("dial_ended", ended), ("ended", {"reason": "carrier_unavailable"}))


async def test_a_wish_holds_between_two_dials(configure: Configure, clinics: Path, far: Far) -> None:
    """A number that comes on the list after a carrier's error is not dialed again, nor by another attempt."""
    retry = {"retry": {"on": ["failed"], "delays": [1]}}
    async with strict(configure, clinics) as gateway:
        call_id = (await gateway.dial(wanted(**retry))).body["call_id"]
        bot = Redialing(gateway, far)
        assert (await bot.claim()).body["granted"]
        allowed = await bot.again()
        await gateway.send("PUT", f"/do-not-call/{NUMBER}", headers=HEADERS)
        refused = await bot.again()
        going_on = await gateway.send("GET", f"/calls/{call_id}", headers=HEADERS)
        await bot.fail()
        record = await when(gateway, call_id, "ended")
    assert (allowed.body["granted"], refused.status, refused.body["granted"]) == (True, 200, False)
    assert going_on.body["ended_reason"] is None
    assert record["ended_reason"] == "blocked_do_not_call"
    assert len(far.of("/start")) == 1


async def test_night_may_fall_between_two_dials(configure: Configure, clinics: Path, far: Far) -> None:
    """What a carrier's error left undone in the evening is done in the morning, as the plan says."""
    async with strict(configure, clinics) as gateway:
        await keep(gateway)
        request = {"patient_id": "p-1", "retry": {"on": ["failed"], "delays": [1]}}
        call_id = (await gateway.dial(request)).body["call_id"]
        bot = Redialing(gateway, far)
        await bot.claim()
        await keep(gateway, timezone=NIGHT)
        refused = await bot.again()
        await bot.fail()
        async with asyncio.timeout(60):
            while (record := await when(gateway, call_id, "rescheduled"))["waiting_for"] != QUIET:
                await asyncio.sleep(0.02)
    assert refused.body["granted"] is False
    assert datetime.fromisoformat(record["next_attempt_at"]).timestamp() > time.time() + 60
    assert len(far.of("/start")) == 1


async def test_no_dial_is_granted_after_the_latest_time(
    configure: Configure, clinics: Path, far: Far
) -> None:
    """A session that dials in time may not dial again when the call's time is over."""
    async with strict(configure, clinics) as gateway:
        latest = time.time() + SOON_S
        schedule = {"latest_at": datetime.fromtimestamp(latest, UTC).isoformat()}
        await gateway.dial(wanted(schedule=schedule))
        bot = Redialing(gateway, far)
        assert (await bot.claim()).body["granted"]
        async with asyncio.timeout(60):
            while (await bot.again()).body["granted"]:
                await asyncio.sleep(0.05)
    assert time.time() > latest


def demanding(clinics: Path) -> None:
    """The clinic calls only who agreed."""
    path = clinics / "bright-smile.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["outreach"] = content.get("outreach", {}) | {"consent": True}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


async def keep(gateway: Gateway, **fields: Any) -> None:
    """Keep the patient p-1."""
    patient = {"phone_number": NUMBER, "timezone": DAY} | fields
    reply = await gateway.send("PUT", "/patients/p-1", headers=HEADERS, json=patient)
    assert reply.status == 200, reply.body


async def test_a_recorded_consent_is_for_its_number(configure: Configure, clinics: Path, far: Far) -> None:
    """Who agreed to be called at one number has not agreed to be called at another one."""
    demanding(clinics)
    async with strict(configure, clinics) as gateway:
        await keep(gateway, consent_at="2026-03-02T14:05:00-08:00")
        other = await gateway.dial(wanted(phone_number="+12025550199", patient_id="p-1"))
        record = await when(gateway, other.body["call_id"], "ended")
        assert far.of("/start") == []
        own = await gateway.dial({"patient_id": "p-1"})
    assert (record["ended_reason"], own.body["status"]) == ("blocked_consent", "dialing")


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"consent_at": None}, "blocked_consent"), ({"timezone": NIGHT}, "blocked_quiet_hours")],
)
async def test_calls_that_wait_go_by_the_record(
    configure: Configure, clinics: Path, far: Far, changed: dict[str, Any], why: str
) -> None:
    """A consent that is withdrawn, and a move, hold for calls that were accepted before, too."""
    demanding(clinics)
    async with strict(configure, clinics) as gateway:
        agreed = "2026-03-02T14:05:00-08:00"
        await keep(gateway, consent_at=agreed)
        soon = datetime.fromtimestamp(time.time() + SOON_S, UTC).isoformat()
        request = {"patient_id": "p-1", "schedule": {"earliest_at": soon}, "on_blocked": "end"}
        waits = await gateway.dial(request, {"Prefer": "respond-async"})
        await keep(gateway, **{"consent_at": agreed} | changed)
        record = await when(gateway, waits.body["call_id"], "ended")
    assert (record["ended_reason"], far.of("/start")) == (why, [])


async def test_nobody_is_called_twice_within_a_day(configure: Configure, clinics: Path, far: Far) -> None:
    """A second call to the same number waits until a day after the first, whoever asks for it."""
    async with strict(configure, clinics) as gateway:
        assert (await gateway.dial(wanted())).body["status"] == "dialing"
        second = await gateway.dial(wanted())
        record = await when(gateway, second.body["call_id"], "rescheduled")
    assert record["waiting_for"] == "blocked_frequency"
    assert len(far.of("/start")) == 1


async def test_the_crm_has_the_last_word(configure: Configure, clinics: Path, far: Far) -> None:
    """The CRM is asked after all rules and right before the dial; its no ends the call, its yes dials."""
    async with Receiver(script=[saying(b'{"eligible": false, "reason": "in surgery"}'), saying(YES)]) as crm:
        changes = {"crm_may_call_url": crm.url, "crm_secrets": SECRET, "crm_allow_private": True}
        async with strict(configure, clinics, **changes) as gateway:
            await gateway.dial(wanted(timezone=NIGHT))
            assert crm.got == []
            refused = await gateway.dial(wanted(external_id=uuid.uuid4().hex))
            record = await when(gateway, refused.body["call_id"], "ended")
            assert far.of("/start") == []
            yes = await gateway.dial(wanted(phone_number="+12025550124"))
    assert (record["ended_reason"], yes.body["status"]) == ("blocked_crm", "dialing")
    assert "surgery" not in str(record)
    assert [got.body["to"] for got in crm.got] == [NUMBER, "+12025550124"]


async def test_a_patient_brings_number_and_zone(configure: Configure, clinics: Path, far: Far) -> None:
    """A stored patient is called by id, at the number and by the clock that are stored."""
    async with strict(configure, clinics) as gateway:
        body = {"phone_number": NUMBER, "timezone": DAY}
        await gateway.send("PUT", "/patients/p-7", json=body, headers=HEADERS)
        reply = await gateway.dial({"patient_id": "p-7"})
        nobody = await gateway.dial({"patient_id": "p-8"})
    assert (reply.status, reply.body["status"]) == (201, "dialing")
    assert (nobody.status, nobody.body["code"]) == (404, "patient_not_found")
