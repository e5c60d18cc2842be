"""The result: one line for each row of the file."""

import csv
import io
import json

import pytest

from frontdesk.ended import EndedReason
from tests.campaigns.campaign_office import Office, a_csv, number


async def test_every_row_has_a_line(office: Office) -> None:
    """Each row is there in its order: what became of its call, what is wrong with it, or nothing yet."""
    lines = [f"{number(index)},e-{index}" for index in range(600)]
    file = a_csv(*lines, "+1999,odd", header="phone_number,external_id")
    campaign = await office.sent(file)
    await office.ask("POST", f"/campaigns/{campaign['campaign_id']}/start")
    await office.gateway.campaigns.rounds.once()
    first = office.gateway.queue.taken[0]
    await office.gateway.end(first, EndedReason.BLOCKED_CONSENT)
    rows = await office.result(campaign)
    assert [row["row"] for row in rows] == [str(index) for index in range(1, 602)]
    by_call = {row["call_id"]: row for row in rows}
    ended = by_call[first]
    assert (ended["state"], ended["ended_reason"], ended["retryable"]) == (
        "ended",
        "blocked_consent",
        "false",
    )
    assert ended["external_id"] == f"e-{int(ended['row']) - 1}"
    assert (rows[-1]["state"], rows[-2]["state"]) == ("not_callable", "pending")
    assert "phone_number" in rows[-1]["problems"]


async def test_no_value_is_a_formula(office: Office) -> None:
    """A value that a spreadsheet would take for a formula is shown as text; numbers stay as they are."""
    file = a_csv(f"{number(0)},=1+1", header="phone_number,external_id")
    (row,) = await office.result(await office.sent(file, {"start": False}))
    assert (row["external_id"], row["phone_number"]) == ("'=1+1", number(0))


@pytest.mark.parametrize(
    "begin", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", " =", "\xa0+"]
)
async def test_no_begin_of_a_value_is_one_of_a_formula(office: Office, begin: str) -> None:
    """Whatever signs a spreadsheet takes for the begin of a formula, a value behind them is text."""
    line = {"phone_number": number(0), "patient_id": f"{begin}1+1"}
    campaign = await office.sent(json.dumps(line).encode(), {"start": False})
    path = f"/campaigns/{campaign['campaign_id']}/result.csv"
    text = (await office.ask("GET", path)).content.decode()
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["patient_id"] == f"'{begin}1+1"


async def test_every_value_is_quoted(office: Office) -> None:
    """No value reaches into the next one, whatever a spreadsheet takes for a separator."""
    file = a_csv(f"{number(0)},a;b", header="phone_number,external_id")
    campaign = await office.sent(file, {"start": False})
    text = (await office.ask("GET", f"/campaigns/{campaign['campaign_id']}/result.csv")).text
    for line in text.splitlines():
        assert line == ",".join(f'"{value}"' for value in next(csv.reader([line])))


async def test_the_file_has_a_name(office: Office) -> None:
    """It is CSV, to be saved under the campaign's id."""
    campaign = await office.sent(a_csv(number(0)), {"start": False})
    reply = await office.ask("GET", f"/campaigns/{campaign['campaign_id']}/result.csv")
    assert reply.headers["content-type"].startswith("text/csv")
    assert campaign["campaign_id"] in reply.headers["content-disposition"]
