"""Checks of request fields. The texts other than `missing required field` are the simulator's own."""

from collections.abc import Collection, Mapping
from typing import Any

from frontdesk.simulator.rest.errors import invalid, missing_field

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "array": (list,),
    "recording": (str, list),
}


def refuse_unknown(body: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Raise a 400 for a property that is not allowed (`additionalProperties: false`)."""
    for name in body:
        if name not in allowed:
            raise invalid(f"unknown property '{name}'")


def check_type(name: str, value: Any, expected: str, *, fractions: bool = False) -> None:
    """Raise a 400 unless a value has a type of Daily's description; `fractions` lets integers be floats."""
    kinds = _TYPES[expected]
    if expected == "integer" and fractions:
        kinds = (int, float)
    odd_boolean = isinstance(value, bool) and expected != "boolean"
    if odd_boolean or not isinstance(value, kinds):
        raise invalid(
            f"property '{name}' must be of type {'string' if expected == 'recording' else expected}"
        )


def check_types(
    body: Mapping[str, Any], expected: Mapping[str, str], *, fractions: Collection[str] = ()
) -> None:
    """Check the type of every field that is listed and present; null counts as absent."""
    for name, kind in expected.items():
        if body.get(name) is not None:
            check_type(name, body[name], kind, fractions=name in fractions)


def check_choice(name: str, value: Any, choices: Collection[Any]) -> None:
    """Raise a 400 unless a value is one of the choices."""
    if value not in choices:
        raise invalid(f"property '{name}' must be one of {', '.join(map(str, choices))}")


def required_text(body: Mapping[str, Any], *names: str) -> tuple[str, ...]:
    """The values of fields that must be non-empty strings."""
    values = tuple(body.get(name) for name in names)
    if not all(values):
        raise missing_field()
    for name, value in zip(names, values, strict=True):
        check_type(name, value, "string")
    return tuple(str(value) for value in values)


def optional_object(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The value of a field that must be an object; empty when absent or null."""
    value = body.get(name)
    if value is None:
        return {}
    check_type(name, value, "object")
    return dict(value)


def whole_number(query: Mapping[str, str], name: str, default: int) -> int:
    """A query parameter that must be a non-negative integer."""
    text = query.get(name)
    if text is None:
        return default
    if not text.isdecimal() or not text.isascii():
        raise invalid(f"invalid query parameter '{name}'")
    return int(text)
