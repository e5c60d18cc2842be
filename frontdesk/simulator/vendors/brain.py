"""Decides what the language model's stand-in answers: from the request and the rules alone."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import Any, TypeAlias

from frontdesk.simulator.vendors.rules import HeardRule, Rules

__all__ = ["Answer", "ToolCall", "answer", "text_of"]

_Message: TypeAlias = Mapping[str, Any]
_Tool: TypeAlias = Mapping[str, Any]

_SPOKEN_FIELDS = ("say", "spoken", "speech", "message", "answer", "summary", "text", "result")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the bot is to call."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """A text to speak, or a tool to call."""

    text: str = ""
    call: ToolCall | None = None


def answer(rules: Rules, messages: Sequence[_Message], tools: Sequence[_Tool]) -> Answer:
    """Answer the last message of a conversation (OpenAI's chat format)."""
    last = messages[-1] if messages else {}
    if last.get("role") == "tool":
        return Answer(_after_tool(rules, messages))
    if last.get("role") == "user":
        return _to_person(rules, messages, tools)
    return Answer(_to_instruction(rules, messages))


def _to_instruction(rules: Rules, messages: Sequence[_Message]) -> str:
    """The bot itself asks for words: a greeting at the beginning, else what its instruction quotes."""
    found = re.search(rules.instructed, text_of(messages[-1]), re.IGNORECASE) if messages else None
    if found:
        return found["say"]
    begun = any(message.get("role") in ("user", "assistant") for message in messages)
    return rules.fallback if begun else rules.greeting


def _to_person(rules: Rules, messages: Sequence[_Message], tools: Sequence[_Tool]) -> Answer:
    offered = {tool["function"]["name"]: tool["function"] for tool in tools if "function" in tool}
    words = _last_words(messages)
    decided = _by_rules(rules, words, words, offered)
    if decided is None and _asked(rules, messages):
        everything = [text_of(message) for message in messages if message.get("role") == "user"]
        earlier = next((text for text in reversed(everything[:-1]) if _matching(rules, text, offered)), "")
        decided = _by_rules(rules, earlier, f"{words} {earlier}", offered)
    return decided or Answer(rules.fallback)


def _by_rules(rules: Rules, words: str, known: str, offered: Mapping[str, _Tool]) -> Answer | None:
    """The first rule that matches `words`; arguments come from all that is `known`."""
    rule = _matching(rules, words, offered)
    if rule is None:
        return None
    tool = _tool_for(rule, offered)
    details = _details(rule, words)
    if tool is None:
        return Answer(_filled(rule.say or "", details) or rules.fallback)
    return _call(rules, rule, tool, details | _named(rules, tool, known))


def _matching(rules: Rules, words: str, offered: Mapping[str, _Tool]) -> HeardRule | None:
    return next(
        (
            rule
            for rule in rules.heard
            if re.search(rule.heard, words, re.IGNORECASE)
            and (rule.say is not None or _tool_for(rule, offered))
        ),
        None,
    )


def _tool_for(rule: HeardRule, offered: Mapping[str, _Tool]) -> _Tool | None:
    if rule.tools is None:
        return None
    names = (name for name in offered if re.search(rule.tools or "", name, re.IGNORECASE))
    return offered.get(next(names, ""))


def _call(rules: Rules, rule: HeardRule, tool: _Tool, details: Mapping[str, str]) -> Answer:
    """Call the tool, or ask the person for the first required argument that is not known."""
    schema = tool.get("parameters") or {}
    arguments: dict[str, Any] = {}
    for name, about in (schema.get("properties") or {}).items():
        template = rule.arguments.get(name)
        value = _filled(template, details) if template else details.get(name)
        if value is not None:
            arguments[name] = _typed(value, about)
    missing = [name for name in schema.get("required") or () if name not in arguments]
    if missing:
        return Answer(rules.ask.format(parameter=missing[0].replace("_", " ")))
    return Answer(call=ToolCall(str(tool["name"]), arguments))


def _details(rule: HeardRule, words: str) -> dict[str, str]:
    found = re.search(rule.heard, words, re.IGNORECASE)
    return {name: value for name, value in (found.groupdict() if found else {}).items() if value}


def _named(rules: Rules, tool: _Tool, words: str) -> dict[str, str]:
    """Arguments found in the person's words, for the parameters of a tool."""
    found: dict[str, str] = {}
    for name, about in ((tool.get("parameters") or {}).get("properties") or {}).items():
        choices = [str(choice) for choice in about.get("enum") or () if _mentions(words, str(choice))]
        patterns = (p for n, p in rules.details.items() if re.fullmatch(n, name, re.IGNORECASE))
        matches = (m for p in patterns if (m := re.search(p, words, re.IGNORECASE)))
        value = choices[0] if choices else next((m["value"] for m in matches), None)
        if value is not None and (choices or not about.get("enum")):
            found[name] = value
    return found


def _mentions(words: str, choice: str) -> bool:
    return re.search(rf"\b{re.escape(choice.replace('_', ' '))}", words, re.IGNORECASE) is not None


def _typed(value: str, about: Mapping[str, Any]) -> str | int | float | bool:
    kind = about.get("type")
    if kind == "boolean":
        return value.lower() in ("yes", "true", "1")
    if kind in ("integer", "number"):
        number = re.search(r"-?\d+(?:\.\d+)?", value)
        return (int if kind == "integer" else float)(float(number[0]) if number else 0)
    return value


def _asked(rules: Rules, messages: Sequence[_Message]) -> bool:
    """Whether the bot's last words asked for an argument."""
    question = re.escape(rules.ask).replace(re.escape("{parameter}"), ".+")
    spoken = next((text_of(m) for m in reversed(messages) if m.get("role") == "assistant"), "")
    return re.search(question, spoken) is not None


def _after_tool(rules: Rules, messages: Sequence[_Message]) -> str:
    """What to say about a tool's result: by a rule, else the result itself in words."""
    content = text_of(messages[-1])
    name = _tool_name(messages, messages[-1].get("tool_call_id"))
    fields = _fields(_parsed(content))
    for rule in rules.results:
        if re.search(rule.tool, name, re.IGNORECASE) and re.search(rule.result, content):
            filled = _filled(rule.say, fields)
            if filled is not None:
                return filled
    return _in_words(_parsed(content)) or rules.fallback


def _tool_name(messages: Sequence[_Message], call_id: object) -> str:
    calls = (call for message in messages for call in message.get("tool_calls") or ())
    return next((str(call["function"]["name"]) for call in calls if call.get("id") == call_id), "")


def _parsed(content: str) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content


def _fields(value: Any, prefix: str = "") -> dict[str, str]:
    """Every field of a JSON result by its dotted path, in words."""
    if not isinstance(value, dict):
        return {}
    found = {f"{prefix}{key}": _in_words(inner) for key, inner in value.items()}
    for key, inner in value.items():
        found |= _fields(inner, f"{prefix}{key}.")
    return found


def _in_words(value: Any) -> str:
    """A JSON value as one could say it."""
    if isinstance(value, dict):
        spoken = next((value[name] for name in _SPOKEN_FIELDS if isinstance(value.get(name), str)), None)
        parts = (f"{_plain(key)}: {_in_words(inner)}" for key, inner in value.items() if inner is not None)
        return spoken or ", ".join(parts)
    if isinstance(value, list):
        return ", ".join(_in_words(inner) for inner in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _plain(key: str) -> str:
    return key.replace("_", " ")


def _filled(template: str, fields: Mapping[str, str]) -> str | None:
    """A template with its fields filled in; None when one is missing."""
    if any(name not in fields for name in _names(template)):
        return None
    return "".join(
        text + (fields[name] if name is not None else "") for text, name, _, _ in Formatter().parse(template)
    )


def _names(template: str) -> Iterator[str]:
    return (name for _, name, _, _ in Formatter().parse(template) if name is not None)


def _last_words(messages: Sequence[_Message]) -> str:
    """The person's words since the bot last spoke, for a turn may reach the model in several messages."""
    words: list[str] = []
    for message in reversed(messages):
        if message.get("role") != "user":
            break
        words.append(text_of(message))
    return " ".join(reversed(words))


def text_of(message: _Message) -> str:
    """The words of a message."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content if isinstance(part, dict))
