"""`python -m frontdesk.settings` writes .env.example, which lists every variable of gateway and bot."""

import textwrap
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from frontdesk.settings import BotSettings, CommonSettings, GatewaySettings, LaptopSettings

EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"
_HEAD = """# Every variable. Copy to .env and fill in what has no default.
# Written by `python -m frontdesk.settings`; a test keeps it current. The real environment wins over .env.
"""
_NEVER_LISTED = {"daily_room_url"}


def example() -> str:
    """The file's text."""
    common = dict(CommonSettings.model_fields)
    both = GatewaySettings.model_fields.keys() & BotSettings.model_fields.keys()
    common |= {name: GatewaySettings.model_fields[name] for name in sorted(both - common.keys())}
    return (
        _HEAD
        + _section("Gateway and bot", common)
        + "\n# DAILY_ROOM_URL is refused: pipecat would put every call into that one room.\n"
        + _section("Gateway", _only(GatewaySettings.model_fields, common))
        + _section("Bot", _only(BotSettings.model_fields, common))
        + _section(
            "make demo, make dev", _only(LaptopSettings.model_fields, common | GatewaySettings.model_fields)
        )
    )


def _only(fields: dict[str, FieldInfo], common: dict[str, FieldInfo]) -> dict[str, FieldInfo]:
    return {name: field for name, field in fields.items() if name not in common}


def _section(title: str, fields: dict[str, FieldInfo]) -> str:
    entries = (_entry(name, field) for name, field in fields.items() if name not in _NEVER_LISTED)
    return f"\n# ---- {title} ----\n" + "".join(entries)


def _entry(name: str, field: FieldInfo) -> str:
    about = textwrap.fill(field.description or "", 100, initial_indent="# ", subsequent_indent="# ")
    variable = name.upper()
    if field.default is PydanticUndefined:
        return f"\n{about}\n{variable}=your-{name.replace('_', '-')}\n"
    return f"\n{about}\n# {variable}={_shown(field.default)}\n"


def _shown(default: object) -> str:
    if isinstance(default, SecretStr):  # a default is no secret
        return default.get_secret_value()
    return "" if default in (None, ()) else str(default)


if __name__ == "__main__":
    EXAMPLE.write_text(example(), encoding="utf-8")
