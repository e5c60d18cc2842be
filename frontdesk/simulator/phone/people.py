"""How people behave on the phone: what callers say, and what happens when somebody is called."""

from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Channel: TypeAlias = Literal["completion", "error", "stopped", "error_then_stopped"]


class Outcome(StrEnum):
    """What a call to a number comes to."""

    ANSWER = "answer"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    DECLINE = "decline"
    VOICEMAIL = "voicemail"
    SCREENING = "screening"
    SILENT = "silent"
    CARRIER_ERROR = "carrier_error"
    INVALID_NUMBER = "invalid_number"


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Say(_Step):
    """Speak a line, when it is this person's turn."""

    say: str = Field(min_length=1, max_length=500, description="The line, spoken by a synthetic voice.")
    at_once: bool = Field(False, description="Do not wait for the other side to speak and fall silent.")


class Press(_Step):
    """Press keys, when it is this person's turn."""

    press: str = Field(pattern=r"^[0-9*#]{1,32}$", description="Keys in order, e.g. `12#`.")
    at_once: bool = Field(False, description="Do not wait for the other side to speak and fall silent.")


class Wait(_Step):
    """Stay silent for a while, whatever the other side does."""

    wait: float = Field(ge=0, le=600, description="Seconds.")


class BargeIn(_Step):
    """Speak over the other side while it is talking."""

    barge_in: str = Field(min_length=1, max_length=500, description="The line.")
    after_s: float = Field(
        0.6, ge=0, le=60, description="Seconds of the other side's speech before cutting in."
    )


class Expect(_Step):
    """Check that the other side has said something; a miss is on the record and fails the call."""

    expect: str = Field(
        min_length=1, description="Words that must occur, in any case, in what was understood."
    )
    within_s: float = Field(10.0, gt=0, le=600, description="Seconds to wait for them.")


class HangUp(_Step):
    """Hang up, when it is this person's turn."""

    hang_up: Literal[True] = True
    at_once: bool = Field(False, description="Do not wait for the other side to speak and fall silent.")


def _line_as_step(value: Any) -> Any:
    return {"say": value} if isinstance(value, str) else value


Step: TypeAlias = Annotated[Say | Press | Wait | BargeIn | Expect | HangUp, BeforeValidator(_line_as_step)]


class Manner(BaseModel):
    """A person's voice, words and patience on one call."""

    model_config = ConfigDict(extra="forbid")

    script: list[Step] = Field(
        default_factory=list,
        max_length=200,
        description="Steps in order; a plain string is a line to say. After the last one they hang up.",
    )
    voice: str = Field("en-us", pattern=r"^[A-Za-z0-9+_-]{1,40}$", description="espeak voice name.")
    wpm: int = Field(160, ge=80, le=400, description="Words per minute.")
    pause_s: float = Field(0.9, ge=0.1, le=30, description="Silence of the other side that ends its turn.")
    patience_s: float = Field(
        30.0, gt=0, le=3600, description="Silence after which they give up and hang up."
    )
    stays: bool = Field(
        False, description="Stay on the line after the last step until the other side hangs up."
    )

    def lines(self) -> list[str]:
        """Every line they may say, for the listeners' phrasebook."""
        return [
            s.say if isinstance(s, Say) else s.barge_in for s in self.script if isinstance(s, (Say, BargeIn))
        ]


class Voicemail(BaseModel):
    """A mailbox: greeting, beep, then a recording until the caller stops or the tape is full."""

    model_config = ConfigDict(extra="forbid")

    greeting: str = Field(
        "You have reached my voicemail. Please leave a message after the tone.",
        min_length=1,
        max_length=500,
        description="Spoken right after the pick-up.",
    )
    beep_after_s: float = Field(0.6, ge=0, le=60, description="Silence between the greeting and the beep.")
    max_message_s: float = Field(
        30.0, gt=0, le=600, description="Seconds after the beep at which it hangs up."
    )
    silence_s: float = Field(5.0, gt=0, le=60, description="Silence after the beep at which it hangs up.")


class Screening(BaseModel):
    """A call screener that asks who is calling before the person comes to the phone."""

    model_config = ConfigDict(extra="forbid")

    prompt: str = Field(
        "This person is using a screening service. Please say your name and why you are calling.",
        min_length=1,
        max_length=500,
        description="What the screener asks.",
    )
    accepts: bool = Field(True, description="Put the person through after an answer, or refuse the call.")
    refusal: str = Field("Sorry, they are not available. Goodbye.", min_length=1, max_length=500)


class Person(Manner):
    """Somebody at a number, and what happens when they are called."""

    outcomes: list[Outcome] = Field(
        default_factory=lambda: [Outcome.ANSWER],
        min_length=1,
        max_length=50,
        description="Outcomes of consecutive calls; the last one repeats.",
    )
    ring_s: float = Field(1.0, ge=0, le=300, description="Seconds of ringing before anything happens.")
    hello: str | None = Field(
        None, max_length=500, description="Said at pick-up, before the other side speaks."
    )
    channel: Channel | None = Field(
        None,
        description="How the bot learns of a call that was not answered; the simulator's switch if unset.",
    )
    voicemail: Voicemail = Field(default_factory=Voicemail)
    screening: Screening = Field(default_factory=Screening)

    def spoken(self) -> list[str]:
        """Every line that can be heard from this number."""
        extra = [self.voicemail.greeting, self.screening.prompt, self.screening.refusal]
        return [*self.lines(), *extra, *([self.hello] if self.hello else [])]


class People:
    """Who is at which number. Strangers answer and stay on the line until the other side hangs up."""

    def __init__(self) -> None:
        self._people: dict[str, Person] = {}
        self._calls: dict[str, int] = {}

    def put(self, number: str, person: Person) -> None:
        """Move somebody in; their outcomes start again with the first."""
        self._people[number] = person
        self._calls.pop(number, None)

    def get(self, number: str) -> Person | None:
        """Who lives at a number, if anybody was put there."""
        return self._people.get(number)

    def forget(self, number: str) -> bool:
        """Take somebody out again; False if nobody was there."""
        self._calls.pop(number, None)
        return self._people.pop(number, None) is not None

    def called(self, number: str) -> tuple[Person, Outcome]:
        """The person at a number and the outcome of this call; each call uses up one outcome."""
        person = self._people.get(number) or Person(stays=True)
        turn = self._calls.get(number, 0)
        self._calls[number] = turn + 1
        return person, person.outcomes[min(turn, len(person.outcomes) - 1)]
