import json
from typing import Any

import pytest

from frontdesk.simulator.vendors.brain import ToolCall, answer
from frontdesk.simulator.vendors.rules import HeardRule, ResultRule, Rules

PROMPT = {"role": "system", "content": "You are the receptionist of a clinic. Begin by greeting the caller."}


def tool(
    name: str, properties: dict[str, Any] | None = None, required: list[str] | None = None
) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties or {}, "required": required or []}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


def person(*words: str) -> list[dict[str, Any]]:
    return [PROMPT, *({"role": "user", "content": text} for text in words)]


def result(name: str, content: Any) -> list[dict[str, Any]]:
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": "{}"}}
    return [
        *person("something"),
        {"role": "assistant", "tool_calls": [call]},
        {
            "role": "tool",
            "tool_call_id": "c1",
            "content": content if isinstance(content, str) else json.dumps(content),
        },
    ]


def test_a_conversation_begins_with_a_greeting() -> None:
    """Asked to speak before anybody has spoken, the model greets."""
    assert answer(Rules(), [PROMPT], []).text == Rules().greeting


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("How much does a cleaning cost?", "A cleaning costs ninety dollars."),
        ("What are your opening hours?", "We are open from nine to five, Monday to Friday."),
        ("Where are you located?", "We are at one hundred Main Street."),
        ("No thank you, goodbye.", "Thank you for calling. Goodbye."),
        ("Blue is a color.", "Sorry, could you say that again?"),
        ("", "Sorry, could you say that again?"),
    ],
)
def test_without_tools_it_still_answers(words: str, expected: str) -> None:
    """A bot of any prompt and no tools holds a plausible conversation."""
    assert answer(Rules(), person(words), []).text == expected


@pytest.mark.parametrize(
    ("words", "offered", "call"),
    [
        ("Goodbye.", tool("end_call"), ToolCall("end_call")),
        ("Can I talk to a real person?", tool("transfer_to_human"), ToolCall("transfer_to_human")),
        (
            "Are you open on Saturday?",
            tool("get_opening_hours", {"day": {"type": "string"}}),
            ToolCall("get_opening_hours", {"day": "Saturday"}),
        ),
        ("When are you open?", tool("clinic_hours", {"day": {"type": "string"}}), ToolCall("clinic_hours")),
        (
            "I want to book a cleaning tomorrow morning at 9:30",
            tool(
                "book_appointment", {"service": {"enum": ["filling", "cleaning"]}, "time": {"type": "string"}}
            ),
            ToolCall("book_appointment", {"service": "cleaning", "time": "morning"}),
        ),
    ],
)
def test_an_offered_tool_is_called(words: str, offered: dict[str, Any], call: ToolCall) -> None:
    """When a fitting tool is offered it is called, with arguments found in the person's words."""
    assert answer(Rules(), person(words), [tool("other_thing"), offered]).call == call


def test_a_missing_argument_is_asked_for_and_then_used() -> None:
    """A required argument that nobody named is asked for, and the answer completes the call."""
    booking = tool(
        "book_appointment", {"name": {"type": "string"}, "day": {"type": "string"}}, ["name", "day"]
    )
    first = person("I would like to book a cleaning for Monday.")
    question = answer(Rules(), first, [booking])
    assert question.text == "Could you tell me the name, please?"
    talk = [
        *first,
        {"role": "assistant", "content": question.text},
        {"role": "user", "content": "My name is John Miller."},
    ]
    assert answer(Rules(), talk, [booking]).call == ToolCall(
        "book_appointment", {"name": "John Miller", "day": "Monday"}
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"message": "We open at nine."}, "We open at nine."),
        ({"monday": "nine to five", "sunday": None, "walk_ins": True}, "monday: nine to five, walk ins: yes"),
        ("We open at nine.", "We open at nine."),
        ({"error": "No such day."}, "I am sorry, I could not do that. No such day."),
        ("IN_PROGRESS", "One moment, please."),
        ("", "Sorry, could you say that again?"),
    ],
)
def test_a_tools_result_is_put_in_words(content: Any, expected: str) -> None:
    """Whatever a tool gives back is spoken."""
    assert answer(Rules(), result("lookup", content), []).text == expected


def test_result_rules_fill_in_fields_of_the_result() -> None:
    """A result rule speaks nested fields, and is passed over when one is missing."""
    rules = Rules(results=(ResultRule(tool="hours", say="On {when.day} we open at {when.at}."),))
    full = result("get_hours", {"when": {"day": "Monday", "at": 9}})
    assert answer(rules, full, []).text == "On Monday we open at 9."
    assert answer(rules, result("get_hours", {"text": "Closed."}), []).text == "Closed."


def test_rules_fill_in_groups_of_their_pattern() -> None:
    """Named groups of a rule's pattern appear in what is said and in arguments."""
    rule = HeardRule(
        heard=r"pain in my (?P<place>\w+)",
        tools="note",
        arguments={"text": "pain: {place}"},
        say="Your {place}?",
    )
    rules = Rules(heard=(rule,))
    assert answer(rules, person("I have a pain in my jaw"), []).text == "Your jaw?"
    noted = answer(
        rules, person("I have a pain in my jaw"), [tool("take_note", {"text": {"type": "string"}})]
    )
    assert noted.call == ToolCall("take_note", {"text": "pain: jaw"})


def test_an_instruction_in_the_middle_is_followed() -> None:
    """A developer message that quotes what to say is obeyed; another one gets the fallback."""
    talk = [*person("hello"), {"role": "assistant", "content": "Hello."}]
    ask = {"role": "developer", "content": 'The caller is silent. Ask them "Are you still there?" politely.'}
    assert answer(Rules(), [*talk, ask], []).text == "Are you still there?"
    assert answer(Rules(), [*talk, {"role": "developer", "content": "Go on."}], []).text == Rules().fallback


def test_words_of_one_turn_may_come_in_several_messages() -> None:
    """The person's messages since the bot last spoke count as one turn."""
    assert (
        answer(Rules(), person("How much", "does a cleaning cost?"), []).text
        == "A cleaning costs ninety dollars."
    )
