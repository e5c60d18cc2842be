"""The rules by which the language model's stand-in answers: data, documented, replaceable at run time.

A rule of `heard` is tried on the person's last words, in order. When one of its tools is offered, it is
called; otherwise its `say` is spoken, and a rule that has none is passed over. A rule of `results` is tried
on what a tool gave back. Templates name fields in braces: `{day}` from the rule's own groups and the
`details` found in the person's words, `{opening_hours.monday}` from a tool's JSON result. A rule of `judged`
is tried on what is to be classified.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = ["HeardRule", "JudgedRule", "ResultRule", "Rules"]


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]


class HeardRule(BaseModel):
    """What to do when a person's words match `heard` (a regular expression, searched, case ignored)."""

    model_config = ConfigDict(extra="forbid")

    heard: Pattern
    tools: Pattern | None = Field(None, description="Names of tools that serve: a regular expression.")
    arguments: dict[str, str] = Field(
        default_factory=dict,
        description="Argument templates by parameter; other parameters take the detail of the same name.",
    )
    say: str | None = Field(None, description="Spoken when no such tool is offered.")


class ResultRule(BaseModel):
    """What to say after a tool whose name matches `tool` gave a result whose text matches `result`."""

    model_config = ConfigDict(extra="forbid")

    tool: Pattern
    result: Pattern = ""
    say: str = Field(description="A template over the result's fields; skipped when a field is missing.")


class JudgedRule(BaseModel):
    """The choice for words that match `heard`: the first option that matches `choice`."""

    model_config = ConfigDict(extra="forbid")

    heard: Pattern
    choice: Pattern


_DAY = (
    r"(?P<value>today|tomorrow|(?:next )?(?:mon|tues|wednes|thurs|fri|satur|sun)day)s?"
    r"(?: (?:morning|afternoon|evening))?"
)

_DETAILS = {
    r"day|date|when|weekday": rf"\b{_DAY}\b",
    r"time|hour": r"\b(?P<value>\d{1,2}(?::\d\d)?(?: ?[ap]\.?m\.?)?|noon|morning|afternoon|evening)\b",
    r"service|treatment|procedure|appointment_type|type|reason|item": (
        r"\b(?P<value>cleaning|check-?up|filling|whitening|crown|root canal|toothache|extraction|implant)\b"
    ),
    r"(?:\w+_)?name": r"\b(?:my name is|this is|i am|i'm) (?P<value>[a-z'-]+(?: [a-z'-]+)?)",
    r"phone(?:_number)?": r"(?P<value>\+?\d[\d -]{5,}\d)",
}

_ENDING = r"\b(?:bye|goodbye|that(?:'| i)s all|have a (?:nice|good) day|nothing else|no,? thank)"
_BOOKING = r"\b(?:book|schedule|make|need|get|want|like)\b.*\b(?:appointment|cleaning|check-?up|visit)\b"

_HEARD = (
    HeardRule(
        heard=_ENDING,
        tools=r"end|hang_?up|terminate|finish|goodbye",
        say="Thank you for calling. Goodbye.",
    ),
    HeardRule(
        heard=r"\b(?:human|person|operator|representative|receptionist|real people|someone)\b",
        tools=r"transfer|handoff|hand_over|escalate|operator|human",
        say="I am sorry, nobody is free right now. Can I take a message?",
    ),
    HeardRule(
        heard=r"\b(?:cost|costs|price|prices|how much|charge|fee)\b",
        tools=r"price|cost|fee|service",
        say="A cleaning costs ninety dollars.",
    ),
    HeardRule(
        heard=r"\b(?:hours|open|close|closed|closing)\b",
        tools=r"hours|open",
        say="We are open from nine to five, Monday to Friday.",
    ),
    HeardRule(
        heard=r"\b(?:address|located|location|where are you|find you|directions)\b",
        tools=r"address|location|directions|clinic_info",
        say="We are at one hundred Main Street.",
    ),
    HeardRule(
        heard=r"\bcancel\b",
        tools=r"cancel\w*appointment|appointment\w*cancel",
        say="Your appointment is canceled. Is there anything else?",
    ),
    HeardRule(
        heard=r"\b(?:move|reschedule|change|another (?:day|time))\b",
        tools=r"reschedul|move|change",
        say="I have moved your appointment. Is there anything else?",
    ),
    HeardRule(
        heard=_BOOKING,
        tools=r"book|schedule|create\w*appointment|reserve",
        say="Your appointment is booked. Is there anything else?",
    ),
    HeardRule(
        heard=r"\b(?:confirm|i will be there|i'll be there|see you)\b",
        tools=r"confirm",
        say="Thank you, your appointment is confirmed. Is there anything else?",
    ),
    HeardRule(
        heard=r"^\W*(?:yes|yeah|speaking|that'?s me|sure|okay|ok)\b",
        tools=r"confirm",
        say="Thank you. Is there anything else I can do for you?",
    ),
    HeardRule(heard=r"\b(?:thanks|thank you)\b", say="You are welcome. Is there anything else?"),
    HeardRule(
        heard=r"^\W*(?:hello|hi|good (?:morning|afternoon|evening))\b", say="Hello. How can I help you?"
    ),
)

_RESULTS = (
    ResultRule(tool=r"end|hang_?up|terminate|finish|goodbye", say="Thank you for calling. Goodbye."),
    ResultRule(
        tool="", result=r"IN_PROGRESS|\"status\": ?\"(?:started|running|pending)\"", say="One moment, please."
    ),
    ResultRule(tool="", result=r"\"error\"", say="I am sorry, I could not do that. {error}"),
)


_JUDGED = (
    JudgedRule(heard=r"\bscreening\b|\bsay your name\b", choice=r"screen"),
    JudgedRule(
        heard=r"\bvoice ?mail\b|\bmailbox\b|\bleave (?:me |us )?a message\b|\bafter the (?:tone|beep)\b",
        choice=r"voice ?mail|machine",
    ),
)


class Rules(BaseModel):
    """Everything the stand-in knows. The defaults suit the front desk of a dental clinic."""

    model_config = ConfigDict(extra="forbid")

    greeting: str = "Hello, thank you for calling. How can I help you today?"
    fallback: str = "Sorry, could you say that again?"
    ask: str = Field(
        "Could you tell me the {parameter}, please?", description="A required argument is missing."
    )
    instructed: Pattern = Field(
        r"\b(?:say|ask|greet|tell|speak)\b[^\"“]*[\"“](?P<say>[^\"”]+)[\"”]",
        description="Found in a mid-call instruction of the bot (role developer): its group is spoken.",
    )
    details: dict[Pattern, Pattern] = Field(
        default_factory=lambda: dict(_DETAILS),
        description="Where the person's words hold an argument, by a pattern of the parameter's name.",
    )
    heard: tuple[HeardRule, ...] = _HEARD
    results: tuple[ResultRule, ...] = _RESULTS
    judged: tuple[JudgedRule, ...] = Field(
        _JUDGED, description="For requests that ask to choose; without a match the first option is chosen."
    )
