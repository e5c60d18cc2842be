"""Frozen dataclasses with slots, some fields changed; twice as fast as `dataclasses.replace`."""

import dataclasses
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

Model = TypeVar("Model")


def changed(model: Model, **changes: Any) -> Model:
    """A copy with these fields changed.

    Raises:
        KeyError: There is no such field.
    """
    kind: type[Model] = type(model)
    places, read, setters = _fields(kind)  # type: ignore[arg-type]
    values = list(read(model))
    for name, value in changes.items():
        values[places[name]] = value
    copy = object.__new__(kind)
    for put, value in zip(setters, values, strict=True):
        put(copy, value)
    return copy


@cache
def _fields(
    kind: Any,
) -> tuple[dict[str, int], Callable[[Any], tuple[Any, ...]], list[Callable[[Any, Any], None]]]:
    names = [field.name for field in dataclasses.fields(kind)]
    setters = [kind.__dict__[name].__set__ for name in names]
    return {name: place for place, name in enumerate(names)}, attrgetter(*names), setters
