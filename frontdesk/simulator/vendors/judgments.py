"""How the language model's stand-in classifies: requests that ask for JSON with a choice out of an enum.

The schema is OpenAI's structured output (API reference, `response_format`); pipecat's LLMClassifier sends it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from frontdesk.simulator.vendors.rules import Rules

__all__ = ["judgment"]

_Json: TypeAlias = Mapping[str, Any]

_INPUT = re.compile(r"\A(?:Input:\n)?(?P<input>.*?)(?:\n\nQuestion .*)?\Z", re.DOTALL)
_SURE = 0.96


def judgment(rules: Rules, text: str, response_format: _Json | None) -> str | None:
    """The JSON text that answers a classification; None when the request asks for something else.

    Args:
        rules: `judged` of them says which words mean which choice.
        text: The request's last message.
        response_format: Of the request.
    """
    questions = dict(_questions(response_format or {}))
    if not questions:
        return None
    found = _INPUT.match(text)
    words = found["input"] if found else text
    return json.dumps({name: _choice(rules, words, options) for name, options in questions.items()})


def _questions(response_format: _Json) -> Iterator[tuple[str, list[str]]]:
    schema = (response_format.get("json_schema") or {}).get("schema") or {}
    for name, answer in (schema.get("properties") or {}).items():
        options = ((answer.get("properties") or {}).get("choice") or {}).get("enum")
        if options:
            yield name, [str(option) for option in options]


def _choice(rules: Rules, words: str, options: list[str]) -> dict[str, Any]:
    """The first rule that matches and whose choice is offered; else the first option."""
    chosen = next(
        (
            option
            for rule in rules.judged
            for option in options
            if re.search(rule.heard, words, re.IGNORECASE) and re.search(rule.choice, option, re.IGNORECASE)
        ),
        options[0],
    )
    rest = (1 - _SURE) / max(1, len(options) - 1)
    return {"choice": chosen, "probabilities": {o: _SURE if o == chosen else rest for o in options}}
