"""One call: its record, timeline, transcript and attempts."""

import pytest

from tests.records.office import LIVE, NOW, Office

VIEWS = ("", "/timeline", "/transcript", "/attempts")


async def test_the_record(office: Office) -> None:
    """The record tells how long each part took, who was on the line, why it ended and what to do."""
    call_id = await office.call(ended_detail="x", variables={"name": "Ada"}, ended_reason="no_answer")
    await office.attempt(call_id, dials=[{"number": 1}])
    await office.leg(call_id)
    await office.turn(call_id)
    await office.turn(call_id)
    await office.tool(call_id)
    body = (await office.ask(f"/calls/{call_id}")).json()
    assert body["durations"] == {
        "to_answer_ms": 2000,
        "answered_to_first_word_ms": 450,
        "talk_ms": 58000,
        "total_ms": 60000,
    }
    assert (body["ended_reason"], body["retryable"]) == ("no_answer", True)
    assert body["advice"]
    assert (body["turns"], body["tool_calls"], body["variables"]) == (2, 1, {"name": "Ada"})
    assert [(a["number"], a["dials"], a["joined_at"]) for a in body["attempts"]] == [
        (1, 1, "2027-01-15T08:00:01.000Z")
    ]
    assert body["legs"][0]["session_id"] == "leg-1"
    assert "line" not in body
    assert "life" not in body


async def test_a_live_call(office: Office) -> None:
    """What has not come yet is null, and a hang-up that was ordered is shown as such."""
    plain = await office.call(**LIVE)
    canceling = await office.call(**LIVE, life={"hang_up": {"why": "canceled", "at": NOW}})
    body = (await office.ask(f"/calls/{plain}")).json()
    assert (body["canceling"], body["retryable"], body["advice"]) == (False, None, None)
    assert (body["durations"]["total_ms"], body["ended_at"]) == (None, None)
    assert (await office.ask(f"/calls/{canceling}")).json()["canceling"] is True


async def test_a_call_that_waits(office: Office) -> None:
    """A call out that waits says for what, from when until when it may be dialed, and how often."""
    plan = {"earliest_at": NOW, "latest_at": NOW + 3600, "max_attempts": 3, "timezone": "Europe/Kyiv"}
    waits = {"state": "rescheduled", "next_attempt_at": NOW + 60, "waiting_for": "busy", "plan": plan}
    call_id = await office.call(**LIVE | waits, external_id="crm-7", brief={"patient_data": {"name": "Ada"}})
    body = (await office.ask(f"/calls/{call_id}")).json()
    assert (body["next_attempt_at"], body["waiting_for"]) == ("2027-01-15T08:01:00.000Z", "busy")
    assert (body["earliest_at"], body["latest_at"], body["max_attempts"], body["external_id"]) == (
        *("2027-01-15T08:00:00.000Z", "2027-01-15T09:00:00.000Z"),
        *(3, "crm-7"),
    )
    assert not {"brief", "plan", "request_digest"} & body.keys()


async def test_a_call_that_was_blocked(office: Office) -> None:
    """A call that may not be made says when it may be."""
    blocked = {"attempt": 1, "reason": "blocked_frequency", "next_allowed_at": NOW + 86400}
    call_id = await office.call(ended_reason="blocked_frequency", life={"blocked": blocked})
    body = (await office.ask(f"/calls/{call_id}")).json()
    assert (body["ended_reason"], body["next_allowed_at"]) == (
        "blocked_frequency",
        "2027-01-16T08:00:00.000Z",
    )


async def test_rings_are_counted(office: Office) -> None:
    """An attempt tells how often a phone rang: by its dials, or by Daily's account alone."""
    call_id = await office.call()
    dials = [{"number": 1, "reason": "carrier_unavailable"}, {"number": 2, "ringing_at": NOW + 2}]
    await office.attempt(call_id, number=1, dials=dials, ringing_at=NOW + 2)
    await office.attempt(call_id, number=2, dials=[], ringing_at=NOW + 60)
    await office.attempt(call_id, number=3, dials=[dials[0]], ringing_at=None)
    tried = (await office.ask(f"/calls/{call_id}/attempts")).json()["attempts"]
    told = (await office.ask(f"/calls/{call_id}")).json()["attempts"]
    assert [one["rings"] for one in tried] == [one["rings"] for one in told] == [1, 1, 0]


async def test_the_timeline(office: Office) -> None:
    """All events stand in the order of their own clocks, with what came late marked, and without words."""
    call_id = await office.call()
    personal = {"from": "+12025550123", "text": "Ada", "dial": 2, "session_id": "s"}
    await office.event(call_id, type="turn", at=NOW + 5, received_at=NOW + 5.1, data=personal)
    await office.event(
        call_id, source="daily", type="daily.dialin.connected", at=NOW + 2, late=True, data=personal
    )
    await office.event(call_id, source="gateway", type="opened", at=NOW, data={"room": "r"})
    body = (await office.ask(f"/calls/{call_id}/timeline")).json()
    events = [(e["ms"], e["type"], e["late"], e["data"]) for e in body["events"]]
    assert events == [
        (0, "opened", False, {"room": "r"}),
        (2000, "daily.dialin.connected", True, {"session_id": "s"}),
        (5000, "turn", False, {"dial": 2, "session_id": "s"}),
    ]
    assert (body["started_at"], body["events"][2]["delay_ms"]) == ("2027-01-15T08:00:00.000Z", 100)


async def test_the_transcript(office: Office) -> None:
    """Turns stand where they began, tools between them, each with its times."""
    call_id = await office.call()
    await office.turn(call_id, role="bot", text="Hello.", at=NOW + 9, started_at=NOW + 3, interrupted=True)
    await office.turn(call_id, at=NOW + 5, latency_ms={"total": 800})
    await office.tool(call_id, at=NOW + 6)
    entries = (await office.ask(f"/calls/{call_id}/transcript")).json()["entries"]
    assert [(e["type"], e["ms"]) for e in entries] == [("turn", 3000), ("turn", 5000), ("tool", 6000)]
    bot, user, tool = entries
    assert (bot["role"], bot["text"], bot["interrupted"]) == ("bot", "Hello.", True)
    assert (user["role"], user["latency_ms"]) == ("user", {"total": 800})
    assert (tool["arguments"], tool["result"], tool["duration_ms"]) == (
        {"day": "monday"},
        {"opens": "09:00"},
        12.5,
    )


async def test_the_attempts(office: Office) -> None:
    """Each attempt is told with its host and with all dials, their times in RFC 3339."""
    call_id = await office.call()
    dial = {"number": 1, "dialing_at": NOW + 1, "ended_at": None, "reason": "busy"}
    await office.attempt(call_id, number=2, dials=[])
    await office.attempt(call_id, dials=[dial])
    first, second = (await office.ask(f"/calls/{call_id}/attempts")).json()["attempts"]
    assert (first["number"], second["number"], first["host"]) == (1, 2, "local")
    assert first["dials"] == [dial | {"dialing_at": "2027-01-15T08:00:01.000Z"}]


async def test_an_erased_call(office: Office) -> None:
    """After erasure the transcript is gone for good, and everything else is still told."""
    call_id = await office.call(erased_at=NOW + 99)
    answers = {view: await office.ask(f"/calls/{call_id}{view}") for view in VIEWS}
    assert (answers["/transcript"].status_code, answers["/transcript"].json()["code"]) == (410, "erased")
    assert [answers[view].status_code for view in ("", "/timeline", "/attempts")] == [200, 200, 200]


@pytest.mark.parametrize("view", VIEWS)
async def test_ids(office: Office, view: str) -> None:
    """An id that no call has is 404, and one that no call can have is 422; both say so as problems."""
    nobody = await office.ask(f"/calls/{'0' * 32}{view}")
    assert (nobody.status_code, nobody.json()["code"]) == (404, "call_not_found")
    for wrong in ("0" * 31, "0" * 33, "G" * 32, "%00", "00000000-0000-0000-0000-000000000000"):
        answer = await office.ask(f"/calls/{wrong}{view}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")
        assert answer.headers["content-type"] == "application/problem+json"


async def test_the_door_comes_first(office: Office) -> None:
    """Who has no key is told nothing about parameters or calls."""
    await office.key()
    for path in ("/calls?limit=0", "/calls/x", f"/calls/{'0' * 32}", "/keys"):
        answer = await office.http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "api_key_missing")
