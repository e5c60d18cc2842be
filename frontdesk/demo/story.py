"""What happens in the demo: a patient calls the clinic, then a CRM has the clinic call a patient."""

import asyncio
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from frontdesk.demo.crm import Crm
from frontdesk.demo.screen import Screen
from frontdesk.demo.world import World
from frontdesk.organizations import Organization

PATIENT = "+14155550142"
CALLEE = "+14155550187"
# Lines without a pause, whose end pipecat's turn detection hears at once in these voices; after others it
# waits 3 s more, and a pause may be taken for the end.
PATIENT_LINES = ("What are your opening hours?", "Have a nice day.")
CALLEE_LINES = ("I would like to know your opening hours.", "No thanks.")
PATIENT_VOICE, CALLEE_VOICE = "en-us", "en-us+f3"
CALL_TIMEOUT_S = 75.0
TOLD_TIMEOUT_S = 15.0
SOURCES = ["bot", "daily", "gateway"]
ENDED = ("call.attempt.ended", "call.ended")
TOLD_OF_THREE = [
    "call.started",
    "call.ringing",
    "call.attempt.ended",
    "call.rescheduled",
    "call.ringing",
    "call.attempt.ended",
    "call.rescheduled",
    "call.ringing",
    "call.answered",
    *ENDED,
]
REASONS = ({"busy"}, {"no_answer", "busy_or_no_answer"}, {"bot_hangup"})
"""How each of the three attempts may have ended, by the record."""
REQUEST = {
    "phone_number": CALLEE,
    "ring_timeout_s": 6,
    "retry": {"max_attempts": 3, "on": ["busy", "no_answer"], "delays_s": [2]},
}


@dataclass
class Verdict:
    """Whether a conversation really happened: what was checked, and what was missed."""

    title: str
    record: dict[str, Any]
    missed: list[str] = field(default_factory=list)

    def expect(self, claim: str, *, holds: bool) -> None:
        """Note a claim that does not hold."""
        if not holds:
            self.missed.append(claim)


class Story:
    """The demo's two calls."""

    def __init__(self, world: World, screen: Screen, clinic: Organization, crm: Crm) -> None:
        self._world = world
        self._screen = screen
        self._crm = crm
        self._clinic = clinic

    async def tell(self) -> list[Verdict]:
        """Place both calls, one after the other, and judge them."""
        opened = asyncio.Event()
        watching = asyncio.create_task(self._watch(opened))
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                await opened.wait()
            return [await self._patient_calls(), await self._crm_calls()]
        finally:
            watching.cancel()

    async def _watch(self, opened: asyncio.Event) -> None:
        async for event in self._world.events(opened):
            self._screen.show(event, "patient")

    async def _patient_calls(self) -> Verdict:
        number = self._clinic.numbers[0]
        self._screen.chapter(f"A patient dials {number}, the number of {self._clinic.name}")
        call = await self._world.dial(
            {"from": PATIENT, "to": number, "script": PATIENT_LINES, "voice": PATIENT_VOICE, "stays": True}
        )
        record = await self._ended(call)
        verdict = Verdict("The patient's call", record)
        greeting = self._clinic.workflows[self._clinic.inbound_workflow].greeting
        await self._judge(verdict, greeting, PATIENT_LINES)
        call_id = await self._world.newest("inbound")
        await self._show_books(verdict, call_id, ["call.started", "call.answered", *ENDED], PATIENT_LINES)
        return verdict

    async def _crm_calls(self) -> Verdict:
        self._screen.chapter("A CRM posts to /dialout, twice the same: busy, no answer, answered")
        await self._world.settle(
            CALLEE,
            {
                "outcomes": ["busy", "no_answer", "answer"],
                "script": CALLEE_LINES,
                "voice": CALLEE_VOICE,
                "ring_s": 1.0,
                "stays": True,
            },
        )
        accepted, replayed = await self._world.crm_calls(REQUEST, "demo-1")
        again, replayed_again = await self._world.crm_calls(REQUEST, "demo-1")
        self._screen.say(
            f"           POST /dialout answered: {accepted['status']}, call {accepted['call_id']}", "dim"
        )
        self._screen.say(f"           the same again: the same call ({again['call_id'][:8]}…)", "dim")
        attempts = await self._dialed(3)
        verdict = Verdict("The CRM's call", attempts[-1])
        verdict.expect(
            "the repeated request got the first one's call, and said so",
            holds=again["call_id"] == accepted["call_id"] and (replayed, replayed_again) == (False, True),
        )
        greeting = self._clinic.workflows[self._clinic.outbound_workflow].greeting
        await self._judge(verdict, greeting, CALLEE_LINES)
        await self._show_books(verdict, accepted["call_id"], TOLD_OF_THREE, CALLEE_LINES)
        await self._show_attempts(verdict, accepted["call_id"], [call["outcome"] for call in attempts])
        return verdict

    async def _show_attempts(self, verdict: Verdict, call_id: str, phones: list[str | None]) -> None:
        """Show and check the attempts of a call against what the phone saw."""
        record = await self._world.kept(call_id)
        self._screen.attempts(record["attempts"])
        reasons = [attempt["ended_reason"] for attempt in record["attempts"]]
        verdict.expect(
            f"the phone was dialed three times: busy, no answer, answered (it was {phones})",
            holds=len(phones) == len(REASONS) and phones[:2] == ["busy", "no_answer"],
        )
        verdict.expect(
            f"the record has an attempt for each, with its reason (it has {reasons})",
            holds=len(reasons) == len(REASONS)
            and all(reason in right for reason, right in zip(reasons, REASONS, strict=True)),
        )

    async def _judge(self, verdict: Verdict, greeting: str, lines: Sequence[str]) -> None:
        """Check the words that arrived at either end, understood from the sound."""
        person_heard = _words(" ".join(verdict.record["heard"]))
        bot_heard = _words(" ".join(await self._world.heard_by_bots()))
        verdict.expect("the bot's greeting reached the phone", holds=_words(greeting) in person_heard)
        verdict.expect("the opening hours reached the phone", holds="open" in person_heard.split())
        verdict.expect("the goodbye reached the phone", holds=_words(self._clinic.goodbye) in person_heard)
        for line in lines:
            said = line in verdict.record["said"]
            verdict.expect(f"the bot understood “{line}”", holds=said and _words(line) in bot_heard)

    async def _show_books(
        self, verdict: Verdict, call_id: str, told: list[str], lines: Sequence[str]
    ) -> None:
        """Show and check the gateway's record of a call, and what the CRM was told of it."""
        events = self._crm.call(call_id)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(events.ended.wait(), TOLD_TIMEOUT_S)
        record = await self._world.kept(call_id)
        timeline = (await self._world.kept(call_id, "/timeline"))["events"]
        transcript = (await self._world.kept(call_id, "/transcript"))["entries"]
        self._screen.say("")
        self._screen.record(record, timeline)
        self._screen.crm_events(events.events)
        _judge_record(verdict, record, timeline)
        verdict.expect(
            f"the CRM was told {', '.join(told)}, in order (it was {', '.join(events.types)})",
            holds=events.types == told and events.gapless and not self._crm.refused,
        )
        said = _words(" ".join(entry["text"] for entry in transcript if entry["type"] == "turn"))
        verdict.expect(
            "the record's transcript holds every line", holds=all(_words(x) in said for x in lines)
        )

    async def _ended(self, call: str) -> dict[str, Any]:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            while (record := await self._world.call(call))["state"] != "ended":
                await asyncio.sleep(0.1)
        return record

    async def _dialed(self, count: int) -> list[dict[str, Any]]:
        """Every call to the callee, once there are so many and all have ended."""
        async with asyncio.timeout(CALL_TIMEOUT_S):
            while True:
                calls = [call for call in await self._world.calls() if call["to_number"] == CALLEE]
                if len(calls) >= count and all(call["state"] == "ended" for call in calls):
                    return calls
                await asyncio.sleep(0.1)


def _judge_record(verdict: Verdict, record: dict[str, Any], timeline: list[dict[str, Any]]) -> None:
    state, reason = record["state"], record["ended_reason"]
    verdict.expect(
        f"the record says that the bot hung up (it says {state}, {reason})",
        holds=state == "ended" and reason == "bot_hangup",
    )
    verdict.expect(
        "the record has the time to the first word", holds=record["answered_to_first_word_ms"] is not None
    )
    sources = sorted({event["source"] for event in timeline})
    verdict.expect(f"bot, Daily and gateway told of the call (it was {sources})", holds=sources == SOURCES)


def _words(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.lower()))
