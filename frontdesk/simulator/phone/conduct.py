"""What people do on the line: conversations, voicemail, call screening, silence.

A conduct is a generator that is asked once every 20 ms; it acts on the leg and yields to wait for the next
frame. When it returns, the person hangs up.
"""

import math
import struct
from collections.abc import Callable, Iterator
from typing import TypeAlias

from frontdesk.simulator.phone.leg import Leg
from frontdesk.simulator.phone.people import (
    BargeIn,
    Expect,
    HangUp,
    Manner,
    Person,
    Press,
    Say,
    Screening,
    Step,
    Voicemail,
    Wait,
)
from frontdesk.simulator.phone.playout import FRAME_S
from frontdesk.simulator.speech.line import PHONE_RATE

Conduct: TypeAlias = Callable[[Leg], Iterator[None]]
Frames: TypeAlias = Iterator[None]

KEY_GAP_S = 0.25
HELLO_DELAY_S = 0.3
BEEP_HZ = 1000
BEEP_S = 0.4


def converse(manner: Manner, hello: str | None = None) -> Conduct:
    """Go through a script in turn with the other side, then hang up or stay."""
    return lambda leg: _Conversation(leg, manner).run(hello)


def be_silent(patience_s: float) -> Conduct:
    """Pick up, say nothing, and hang up after a while."""

    def conduct(leg: Leg) -> Frames:
        yield from _pass(leg, patience_s)
        leg.hang_up("gave_up")
        yield

    return conduct


def keep_mailbox(mailbox: Voicemail, manner: Manner) -> Conduct:
    """Greet, beep and record; hangs up after silence or when the tape is full."""

    def conduct(leg: Leg) -> Frames:
        yield from _pass(leg, HELLO_DELAY_S)
        yield from _speak(leg, mailbox.greeting, manner)
        yield from _pass(leg, mailbox.beep_after_s)
        leg.record.mark("voicemail_beep")
        leg.play(beep())
        while leg.speaking:
            yield
        yield from _record(leg, mailbox)

    return conduct


def _record(leg: Leg, mailbox: Voicemail) -> Frames:
    began = leg.time
    while leg.time - began < mailbox.max_message_s:
        if leg.time - max(leg.other_spoke_at or began, began) > mailbox.silence_s:
            break
        yield
    leg.record.mark("voicemail_recorded", {"seconds": round(leg.time - began, 2)})
    leg.hang_up("voicemail_hung_up")


def screen(screening: Screening, person: Person) -> Conduct:
    """Ask who is calling; then put the person through, or refuse."""

    def conduct(leg: Leg) -> Frames:
        yield from _pass(leg, HELLO_DELAY_S)
        conversation = _Conversation(leg, person)
        yield from _speak(leg, screening.prompt, person)
        conversation.spoke_at = leg.time
        yield from conversation.turn()
        leg.record.mark("screening_accepted" if screening.accepts else "screening_refused")
        if screening.accepts:
            yield from conversation.run(person.hello)
        else:
            yield from _speak(leg, screening.refusal, person)
            leg.hang_up("screening_refused")

    return conduct


def _pass(leg: Leg, seconds: float) -> Frames:
    until = leg.time + seconds
    while leg.time < until:
        yield


def _speak(leg: Leg, text: str, manner: Manner) -> Frames:
    leg.say(text, manner.voice, manner.wpm)
    while leg.speaking:
        yield


def beep() -> bytes:
    """The tone after a mailbox's greeting: 8 kHz PCM."""
    count = int(PHONE_RATE * BEEP_S)
    wave = (int(8000 * math.sin(2 * math.pi * BEEP_HZ * n / PHONE_RATE)) for n in range(count))
    return struct.pack(f"<{count}h", *wave)


class _Conversation:
    """One person's way through a script."""

    def __init__(self, leg: Leg, manner: Manner) -> None:
        self._leg = leg
        self._manner = manner
        self.spoke_at = 0.0

    def run(self, hello: str | None) -> Frames:
        if hello:
            yield from _pass(self._leg, HELLO_DELAY_S)
            yield from self._say(hello)
        for step in self._manner.script:
            yield from self._act(step)
        if self._manner.stays:
            yield from self._stay()
        else:
            yield from self.turn()

    def _act(self, step: Step) -> Frames:
        match step:
            case Say():
                yield from self._in_turn(at_once=step.at_once)
                yield from self._say(step.say)
            case Press():
                yield from self._in_turn(at_once=step.at_once)
                yield from self._press(step.press)
            case Wait():
                yield from _pass(self._leg, step.wait)
            case BargeIn():
                yield from self._barge_in(step)
            case Expect():
                yield from self._expect(step)
            case HangUp():
                yield from self._in_turn(at_once=step.at_once)
                self._leg.hang_up("person_hung_up")
                yield

    def _in_turn(self, *, at_once: bool) -> Frames:
        if not at_once:
            yield from self.turn()

    def turn(self) -> Frames:
        """Wait until the other side has spoken since our last word and is silent again."""
        leg = self._leg
        while not self._my_turn():
            silent_since = max(self.spoke_at, leg.other_spoke_at or 0.0)
            if leg.time - silent_since > self._manner.patience_s:
                leg.hang_up("gave_up")
            yield

    def _my_turn(self) -> bool:
        heard_at = self._leg.other_spoke_at
        answered = heard_at is not None and heard_at > self.spoke_at
        return answered and heard_at is not None and self._leg.time - heard_at >= self._manner.pause_s

    def _say(self, text: str) -> Frames:
        yield from _speak(self._leg, text, self._manner)
        self.spoke_at = self._leg.time

    def _press(self, keys: str) -> Frames:
        for key in keys:
            self._leg.press(key)
            yield from _pass(self._leg, KEY_GAP_S)
        self.spoke_at = self._leg.time

    def _barge_in(self, step: BargeIn) -> Frames:
        leg, began = self._leg, self._leg.time
        while not self._talking_for(step.after_s, began):
            if leg.time - began > self._manner.patience_s:
                leg.hang_up("gave_up")
            yield
        leg.record.mark("person_barges_in")
        yield from self._say(step.barge_in)

    def _talking_for(self, seconds: float, since: float) -> bool:
        leg = self._leg
        if leg.other_spoke_at is None or leg.other_began_at is None:
            return False
        now_talking = leg.time - leg.other_spoke_at <= 2 * FRAME_S
        return now_talking and leg.time - max(leg.other_began_at, since) >= seconds

    def _expect(self, step: Expect) -> Frames:
        leg, began = self._leg, self._leg.time
        wanted = plain(step.expect)
        while not any(wanted in plain(text) for at, text in leg.heard if at >= self.spoke_at):
            if leg.time - began > step.within_s:
                leg.record.failed_expectations += 1
                leg.record.mark("expectation_failed", step.expect)
                return
            yield
        leg.record.mark("expectation_met", step.expect)

    def _stay(self) -> Frames:
        leg = self._leg
        while True:
            if leg.time - max(self.spoke_at, leg.other_spoke_at or 0.0) > self._manner.patience_s:
                leg.hang_up("gave_up")
            yield


def plain(text: str) -> str:
    """Words alone, in lower case."""
    kept = "".join(c if c.isalnum() or c == "'" else " " for c in text.lower())
    return " ".join(kept.split())
