"""Start, pause, resume and cancel; and that other organizations see nothing of it."""

import uuid
from typing import Any

import pytest

from frontdesk.keys.models import EVERYTHING
from tests.campaigns.campaign_office import Office, a_csv, assert_it_adds_up, number, numbers

WRONG = "+1999"


async def drive(office: Office, campaign: dict[str, object], what: str) -> tuple[int, str]:
    """Status, and the state or the code."""
    reply = await office.ask("POST", f"/campaigns/{campaign['campaign_id']}/{what}")
    body = reply.json()
    return reply.status_code, body.get("state") if reply.status_code == 200 else body["code"]


async def test_a_draft_is_started_without_its_problems(office: Office) -> None:
    """Started, a draft calls its good rows, each once, and the others never."""
    campaign = await office.sent(a_csv(number(0), WRONG, number(1)))
    assert await drive(office, campaign, "start") == (200, "running")
    await office.gateway.campaigns.rounds.once()
    calls = await office.gateway.calls_of(campaign["campaign_id"])
    assert sorted(call["to_number"] for call in calls) == sorted([number(0), number(1)])


async def test_a_draft_without_good_rows_cannot_start(office: Office) -> None:
    """There is nothing to start."""
    campaign = await office.sent(a_csv(WRONG))
    assert await drive(office, campaign, "start") == (409, "campaign_state")


async def test_pause_and_resume(office: Office) -> None:
    """Paused, no row becomes a call, and the calls that wait are held; resumed, both go on."""
    campaign = await office.sent(numbers(100))
    await office.gateway.campaigns.rounds.once()
    fed = len(office.gateway.queue.taken)
    assert await drive(office, campaign, "pause") == (200, "paused")
    await office.gateway.campaigns.rounds.once()
    holds = office.gateway.campaigns.holds
    assert len(office.gateway.queue.taken) == fed
    assert await holds.hold(campaign["campaign_id"]) == "campaign_paused"
    assert await drive(office, campaign, "resume") == (200, "running")
    assert await holds.hold(campaign["campaign_id"]) is None


async def test_who_paused_it_and_why(office: Office) -> None:
    """The log names who did what, and when."""
    campaign = await office.sent(numbers(1))
    await drive(office, campaign, "pause")
    assert (await office.find(campaign))["paused_why"] == "requested"
    paused = (await office.log(campaign))[-1]
    assert (paused["what"], paused["data"]) == ("paused", {"why": "requested"})
    assert paused["by"] not in {"", "gateway"}


@pytest.mark.parametrize(("first", "again"), [("pause", "paused"), ("cancel", "canceled")])
async def test_twice_is_once(office: Office, first: str, again: str) -> None:
    """What is so already is answered as it is, and not written down again."""
    campaign = await office.sent(numbers(1))
    await drive(office, campaign, first)
    entries = len(await office.log(campaign))
    assert await drive(office, campaign, first) == (200, again)
    assert len(await office.log(campaign)) == entries


async def test_what_cannot_be(office: Office) -> None:
    """A campaign is not started, paused or resumed in a state for something else."""
    campaign = await office.sent(numbers(1), {"start": False})
    assert await drive(office, campaign, "pause") == (409, "campaign_state")
    assert await drive(office, campaign, "resume") == (409, "campaign_state")
    await drive(office, campaign, "cancel")
    for what in ("start", "pause", "resume"):
        assert await drive(office, campaign, what) == (409, "campaign_state")


async def test_cancel_calls_off_what_waits(office: Office) -> None:
    """Canceled, calls that wait end as canceled, rows that are no calls never become any."""
    campaign = await office.sent(numbers(100))
    await office.gateway.campaigns.rounds.once()
    assert await drive(office, campaign, "cancel") == (200, "canceled")
    found = await office.until_over(campaign)
    assert set(found["progress"]["reasons"]) == {"canceled"}
    assert found["progress"]["ended"] == len(office.gateway.queue.taken) < 100
    assert found["ended_at"] is not None
    assert (found["progress"]["pending"], found["progress"]["canceled"]) == (
        0,
        100 - found["progress"]["ended"],
    )
    assert_it_adds_up(found["progress"])
    states = {row["state"] for row in await office.result(campaign)}
    assert states == {"ended", "canceled"}


async def test_cancel_while_it_is_read(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Canceled while its file is being read, a campaign is over, and none of its rows is ever a call."""
    rows = office.gateway.campaigns.rows
    add = rows.add

    async def canceling(campaign_id: str, *given: Any) -> None:
        await drive(office, {"campaign_id": campaign_id}, "cancel")
        await add(campaign_id, *given)

    monkeypatch.setattr(rows, "add", canceling)
    campaign = await office.sent(numbers(3))
    found = await office.until_over(campaign)
    assert (found["state"], found["progress"]["states"]) == ("canceled", {})


async def test_cancel_leaves_who_is_on_the_phone(office: Office) -> None:
    """Without `hang_up`, a call that goes on is left alone, and the campaign is over when it has ended."""
    campaign = await office.sent(numbers(2))
    await office.gateway.campaigns.rounds.once()
    live, _ = office.gateway.queue.taken
    await office.gateway.launch(live)
    await drive(office, campaign, "cancel")
    for _ in range(3):
        await office.gateway.campaigns.rounds.once()
    found = await office.find(campaign)
    assert (found["progress"]["going_on"], found["ended_at"]) == (1, None)
    assert live not in office.gateway.woken
    await office.gateway.campaigns.rounds.once()
    await drive(office, campaign, "cancel?hang_up=true")
    await office.gateway.campaigns.rounds.once()
    assert live in office.gateway.woken


async def test_others_see_nothing(office: Office) -> None:
    """To a key of another organization, no campaign exists."""
    campaign = await office.sent(numbers(1))
    path = f"/campaigns/{campaign['campaign_id']}"
    other = str(uuid.uuid4())
    office.keys[other] = (await office.keyring.create("theirs", other, EVERYTHING))[1]
    asked = [("GET", part) for part in ("", "/problems", "/log", "/result.csv")]
    asked += [("POST", f"/{what}") for what in ("start", "pause", "resume", "cancel")]
    for method, part in asked:
        reply = await office.ask(method, path + part, organization=other)
        assert (reply.status_code, reply.json()["code"]) == (404, "campaign_not_found")
    listed = await office.ask("GET", "/campaigns", organization=other)
    assert listed.json() == {"campaigns": [], "next_cursor": None}


async def test_pages(office: Office) -> None:
    """Campaigns and problems come in pages, each of them once."""
    sent = [await office.sent(a_csv(WRONG, WRONG, WRONG), {"name": f"c{index}"}) for index in range(5)]
    names, cursor = [], ""
    while cursor is not None:
        page = (await office.ask("GET", f"/campaigns?limit=2{cursor and f'&cursor={cursor}'}")).json()
        names += [campaign["name"] for campaign in page["campaigns"]]
        cursor = page["next_cursor"]
    assert names == ["c4", "c3", "c2", "c1", "c0"]
    path = f"/campaigns/{sent[0]['campaign_id']}/problems?limit=2"
    page = (await office.ask("GET", path)).json()
    rest = (await office.ask("GET", f"{path}&cursor={page['next_cursor']}")).json()
    assert [row["row"] for row in page["rows"] + rest["rows"]] == [1, 2, 3]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("cursor", ["x", "WzEsMl0=", "W10=", "WzFlNDAwLCJhIl0=", "%ff"])
async def test_a_cursor_that_nobody_made(office: Office, cursor: str) -> None:
    """A cursor of somebody's own making is refused."""
    assert (await office.ask("GET", f"/campaigns?cursor={cursor}")).status_code in {400, 422}
