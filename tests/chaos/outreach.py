"""The trial of calls out: single ones and a campaign, while gateways die and patients call in."""

import asyncio
import contextlib
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.chaos.crm import Crm
from tests.chaos.monkey import Monkey
from tests.chaos.outreach_judge import OutreachJudge, Witnessed
from tests.chaos.patients import Patients
from tests.chaos.people import Policy
from tests.chaos.phones import Phones
from tests.chaos.receiver import Mood
from tests.chaos.requests import Mix, Wish, campaign_rows, single_calls
from tests.chaos.town import Town, TownPlan
from tests.chaos.trial import IMPATIENT, DatabaseKind, Outcome, books

DIALS = 3
CAMPAIGN = Policy(max_attempts=3, on=("busy", "no_answer", "voicemail", "failed"), delay_s=1.0, dials=DIALS)
TUNING = IMPATIENT | {
    "patience": IMPATIENT["patience"] | {"join_s": 40, "lease_s": 20, "settle_s": 20},
}
"""A bot whose gateway was away pauses for up to ten seconds before it offers its reports again. A caller
whose gateway died is found by one that is itself killed again and again: no bot is given up before."""
HOLD_S = 118.0
"""Hold music of nearly a minute, played twice: patients wait while gateways come and go."""
FEW = 0.9
"""The monkey may stop when this share of the calls has ended."""


@dataclass(frozen=True)
class Outreach:
    """What is tried.

    Attributes:
        seed: Repeats the choices of a trial; the machine's own timing remains.
        database: Where the books are.
        singles: Calls that are asked for one by one.
        rows: Calls of a campaign.
        kills: How often gateways die at least.
        gap_s: Mean seconds between two requests.
        up_s: Shortest and longest life of a gateway, in seconds.
        gateways: How many share the books; of several, the last one is lost for good halfway.
        capacity: Most calls at once.
        reserve: How many of them are kept for patients.
        starts_per_s: Dials that may start in a second.
        patient_s: Mean seconds between two patients who call in.
        settle_s: How long everything may take to come to rest, in seconds.
        keep: Folder for books and logs that are to stay; None removes them.
    """

    seed: int
    database: DatabaseKind
    singles: int = 24
    rows: int = 12
    kills: int = 4
    gap_s: float = 0.25
    up_s: tuple[float, float] = (2.5, 5.0)
    gateways: int = 1
    capacity: int = 14
    reserve: int = 4
    starts_per_s: float = 8.0
    patient_s: float = 1.0
    settle_s: float = 180.0
    keep: Path | None = None


async def run(trial: Outreach) -> Outcome:
    """Run one trial from nothing to the verdict."""
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(_folder(trial))
        url = await stack.enter_async_context(books(trial.database, folder))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        town = await stack.enter_async_context(Town(_plan(trial, folder, url), http).running())
        outcome = await _Run(trial, town).judged()
    outcome.seconds = time.monotonic() - began
    return outcome


def _plan(trial: Outreach, folder: Path, url: str) -> TownPlan:
    return TownPlan(
        folder=folder,
        database_url=url,
        gateways=trial.gateways,
        mood=Mood(),
        tuning=TUNING,
        balanced=True,
        hold_s=HOLD_S,
        settings={
            "CAPACITY": str(trial.capacity),
            "INCOMING_RESERVE": str(trial.reserve),
            "SINGLE_RESERVE": "1",
            "HOLD_BUDGET_S": str(HOLD_S - 10),
            "DIAL_ATTEMPTS": str(DIALS),
            "DIAL_STARTS_PER_S": str(trial.starts_per_s),
        },
        seed=trial.seed,
    )


@contextlib.contextmanager
def _folder(trial: Outreach) -> Iterator[Path]:
    if trial.keep is not None:
        trial.keep.mkdir(parents=True, exist_ok=True)
        yield trial.keep
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        yield Path(name)


class _Run:
    """One trial under way."""

    def __init__(self, trial: Outreach, town: Town) -> None:
        self._trial = trial
        self._town = town
        self._chance = random.Random(trial.seed)
        self._singles = single_calls(trial.singles, self._chance, Mix())
        self._rows = campaign_rows(trial.rows, self._chance, CAMPAIGN)
        self._crm = Crm(town, self._chance)
        chance = random.Random(trial.seed + 2)
        self._patients = Patients(town, chance, at_once=trial.reserve, gap_s=trial.patient_s, hasty=False)
        self._monkey = Monkey(
            town,
            random.Random(trial.seed + 1),
            trial.up_s,
            trial.kills,
            hosts=False,
            loses_one=trial.gateways > 1,
        )
        self._few = asyncio.Event()
        self._over = asyncio.Event()

    async def judged(self) -> Outcome:
        """All of it, and the verdict."""
        trial, town = self._trial, self._town
        async with Phones(town.http, town.simulator_url).watched() as phones, OutreachJudge(town) as judge:
            await self._settle_people([*self._singles, *self._rows])
            async with asyncio.TaskGroup() as group:
                group.create_task(self._monkey.run(self._few))
                group.create_task(self._patients.run(self._over, at_least=trial.kills))
                group.create_task(self._call_out(judge))
            lost = town.lost_with(self._monkey.log.lost)
            left = await judge.settled(self._patients.callers, lost, trial.settle_s)
            witnessed = Witnessed(
                singles=self._singles,
                rows=self._rows,
                told=self._crm.told,
                callers=self._patients.callers,
                history=await phones.history(),
                capacity=trial.capacity,
                reserve=trial.reserve,
                lost=lost,
            )
            wrong = [*left, *await judge.broken(witnessed)]
            totals = await judge.totals(witnessed)
        return Outcome(trial, wrong, self._monkey.log, totals)

    async def _settle_people(self, wishes: Sequence[Wish]) -> None:
        for wish in wishes:
            await self._town.sim("PUT", f"/people/{wish.person.number}", wish.person.manner())

    async def _call_out(self, judge: OutreachJudge) -> None:
        """Everything that the CRM wants; over when each call has ended, or the patience has."""
        await self._crm.list_numbers(self._singles)
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(self._crm.run(self._singles, self._trial.gap_s))
            campaign = group.create_task(self._campaign())
            await self._watch(judge, asked, campaign)
            campaign.cancel()
        self._over.set()

    async def _campaign(self) -> None:
        if self._rows:
            await self._crm.run_campaign("spring", self._rows, CAMPAIGN.for_rows())

    async def _watch(self, judge: OutreachJudge, *requests: "asyncio.Task[None]") -> None:
        """Wait until every call that is wanted has ended; say before when few are left."""
        expected = len(self._singles) + len(self._rows)
        deadline = time.monotonic() + self._trial.settle_s + 20 * self._trial.kills
        while time.monotonic() < deadline:
            still_open, ended = await judge.calls_out()
            if ended >= FEW * expected:
                self._few.set()
            if not still_open and all(request.done() for request in requests):
                break
            await asyncio.sleep(1)
        self._few.set()
