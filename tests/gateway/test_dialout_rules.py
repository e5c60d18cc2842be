"""What lists and rules make of a request at the dial-out door."""

from typing import Any

from tests.gateway.conftest import Configure
from tests.gateway.far import Far
from tests.gateway.gate import KEY, Gateway, serving

HEADERS = {"Authorization": f"Bearer {KEY}"}
NUMBER = "+12025550123"


async def put(gateway: Gateway, path: str, body: Any) -> None:
    reply = await gateway.send("PUT", path, json=body, headers=HEADERS)
    assert reply.status in {200, 201}, reply.body


async def test_who_does_not_want_calls_gets_none(gateway: Gateway, far: Far) -> None:
    """A number on the do-not-call list is not dialed, and the CRM sees why; repeated, it hears the same."""
    await put(gateway, f"/do-not-call/{NUMBER}", {"reason": "asked for it"})
    first = await gateway.dial({"phone_number": NUMBER}, {"Idempotency-Key": "k-1"})
    assert (first.status, first.body["status"]) == (201, "ended")
    assert first.body["ended_reason"] == "blocked_do_not_call"
    again = await gateway.dial({"phone_number": NUMBER}, {"Idempotency-Key": "k-1"})
    assert (again.status, again.body["ended_reason"]) == (200, "blocked_do_not_call")
    assert far.seen == []


async def test_a_stored_patient_is_called_by_id(gateway: Gateway, far: Far) -> None:
    """The id of a stored patient is enough: the bot gets number, id and name; an unknown one is a 404."""
    stored = {"phone_number": NUMBER, "timezone": "America/New_York", "first_name": "Ada"}
    await put(gateway, "/patients/p-1", stored)
    assert (await gateway.dial({"patient_id": "p-1"})).status == 201
    request = far.of("/start")[0].body["body"]
    assert request["dialout_settings"]["phone_number"] == NUMBER
    assert (request["patient_id"], request["patient_data"]["first_name"]) == ("p-1", "Ada")
    unknown = await gateway.dial({"patient_id": "p-2"})
    assert (unknown.status, unknown.body["code"]) == (404, "patient_not_found")


async def test_where_the_callee_is_must_be_known(configure: Configure, far: Far) -> None:
    """Where quiet hours are obeyed, a call without a time zone is refused; with one it is accepted."""
    async with serving(configure(outreach_rules="enforced")) as gateway:
        refused = await gateway.dial({"phone_number": NUMBER})
        assert (refused.status, refused.body["code"]) == (422, "timezone_unknown")
        assert far.seen == []
        told = await gateway.dial({"phone_number": NUMBER, "timezone": "America/New_York"})
        assert told.status in {201, 202}  # what o'clock it is there, the gate's own tests say
        await put(gateway, "/patients/p-1", {"phone_number": NUMBER, "timezone": "America/Chicago"})
        assert (await gateway.dial({"patient_id": "p-1"})).status in {201, 202}
