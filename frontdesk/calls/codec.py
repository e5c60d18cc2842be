"""Frozen dataclasses as compact JSON: fields with their default are left out."""

import dataclasses
import types
import typing
from collections.abc import Callable
from enum import Enum
from functools import cache
from typing import Any, NamedTuple, TypeVar

Model = TypeVar("Model")


class _Part(NamedTuple):
    name: str
    default: Any
    read: Callable[[Any], Any] | None


_NO_DEFAULT = object()


def dumped(model: Any) -> dict[str, Any]:
    """A dataclass instance, ready for JSON."""
    kind: Callable[..., Any] = type(model)
    return {
        part.name: _plain(value)
        for part in _parts(kind)
        if (value := getattr(model, part.name)) != part.default
    }


def loaded(kind: Callable[..., Model], data: dict[str, Any]) -> Model:
    """Read what `dumped` wrote; unknown fields are ignored, so that an older program reads a newer one's."""
    return kind(
        **{
            part.name: value if part.read is None or value is None else part.read(value)
            for part in _parts(kind)
            if (value := data.get(part.name, _NO_DEFAULT)) is not _NO_DEFAULT
        }
    )


def _plain(value: Any) -> Any:
    if type(value) is tuple:
        return [_plain(item) for item in value]
    return dumped(value) if hasattr(value, "__dataclass_fields__") else value


@cache
def _parts(kind: Any) -> tuple[_Part, ...]:
    hints = typing.get_type_hints(kind)
    return tuple(
        _Part(field.name, _default(field), _reader(hints[field.name])) for field in dataclasses.fields(kind)
    )


def _default(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return _NO_DEFAULT if field.default is dataclasses.MISSING else field.default


def _reader(hint: Any) -> Callable[[Any], Any] | None:
    origin = typing.get_origin(hint)
    if origin in {types.UnionType, typing.Union}:
        return next((reader for reader in map(_reader, typing.get_args(hint)) if reader), None)
    if origin is tuple:
        item = _reader(typing.get_args(hint)[0])
        return (lambda values: tuple(map(item, values))) if item else tuple
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return lambda data: loaded(hint, data)
    return hint if isinstance(hint, type) and issubclass(hint, Enum) else None
