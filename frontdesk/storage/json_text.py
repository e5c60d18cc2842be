"""JSON as the text that the tables and the spool hold."""

from typing import Any

from pydantic_core import from_json, to_json

__all__ = ["from_text", "to_text"]


def to_text(value: Any) -> str:
    """`value` as compact JSON.

    Raises:
        ValueError: It holds what JSON or UTF-8 cannot express.
    """
    return to_json(value, inf_nan_mode="null").decode()


def from_text(text: str | bytes) -> Any:
    """What `text` holds.

    Raises:
        ValueError: It is not JSON.
    """
    return from_json(text)
