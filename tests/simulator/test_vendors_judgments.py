"""How the language model's stand-in classifies, for pipecat's own classifier and for others."""

import json
from typing import Any

import pytest

from frontdesk.simulator.vendors.judgments import judgment
from frontdesk.simulator.vendors.rules import JudgedRule, Rules


def asking(*options: str, name: str = "answered") -> dict[str, Any]:
    """A request's response_format, as pipecat's LLMClassifier makes it."""
    choice = {"type": "object", "properties": {"choice": {"type": "string", "enum": list(options)}}}
    schema = {"type": "object", "properties": {name: choice}}
    return {"type": "json_schema", "json_schema": {"name": "response", "schema": schema}}


def chosen(words: str, *options: str, rules: Rules | None = None) -> str:
    """What is chosen for these words."""
    text = f'Input:\n{words}\n\nQuestion "answered": a person, or leave a message after the tone?\nOptions:'
    told = json.loads(judgment(rules or Rules(), text, asking(*options)) or "{}")
    return str(told["answered"]["choice"])


OURS = ("person", "voicemail", "screening")


@pytest.mark.parametrize(
    ("words", "choice"),
    [
        ("Hello?", "person"),
        ("Miller and Sons, what can I do for you?", "person"),
        ("You have reached my voicemail.", "voicemail"),
        ("I am out. Leave me a message.", "voicemail"),
        ("This person is using a screening service. Please say your name.", "screening"),
    ],
)
def test_what_was_heard_is_classified_and_the_question_is_not(words: str, choice: str) -> None:
    """The choice follows from the words that were heard, not from those of the question."""
    assert chosen(words, *OURS) == choice


def test_other_bots_name_their_options_as_they_like() -> None:
    """Pipecat's own question has two options; whatever matches none of the rules is the first."""
    assert chosen("You have reached my voicemail.", "conversation", "voicemail") == "voicemail"
    assert chosen("Hello?", "conversation", "voicemail") == "conversation"
    assert chosen("Please say your name.", "human", "answering machine") == "human"


def test_rules_can_be_replaced() -> None:
    """A test may decide by words of its own."""
    rules = Rules(judged=(JudgedRule(heard="hello", choice="screening"),))
    assert chosen("Hello?", *OURS, rules=rules) == "screening"


def test_probabilities_add_up() -> None:
    """Every option has one, and the chosen one has the most."""
    told = json.loads(judgment(Rules(), "Input:\nHello?", asking(*OURS)) or "")["answered"]
    assert set(told["probabilities"]) == set(OURS)
    assert sum(told["probabilities"].values()) == pytest.approx(1)
    assert max(told["probabilities"], key=lambda option: told["probabilities"][option]) == told["choice"]


@pytest.mark.parametrize(
    "response_format",
    [
        None,
        {},
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}},
    ],
)
def test_everything_else_is_a_conversation(response_format: dict[str, Any] | None) -> None:
    """A request that offers no choice is answered as always."""
    assert judgment(Rules(), "Hello?", response_format) is None
