"""One sink for every log line: ours, pipecat's and uvicorn's; JSON in production; nothing personal in it."""

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from importlib import import_module
from typing import TYPE_CHECKING, TextIO

from loguru import logger

if TYPE_CHECKING:
    from loguru import Message, Record

_call_id: ContextVar[str] = ContextVar("call_id", default="-")

# These write tokens, numbers and SIP addresses by design, at DEBUG and INFO.
_TALKATIVE = ("pipecat.runner.run", "pipecat.runner.daily")
# And these quote what was said: all of pipecat below INFO, and two lines above it.
_QUOTES = (
    ("pipecat.services.tts_service", "not speaking ["),
    ("pipecat.services.openai.base_llm", "Failed to parse function call arguments"),
)
_QUOTING = {"pydantic", "pydantic_core", "fastapi", "sqlalchemy", "asyncpg"}
_TOKENS = re.compile(
    r"(?P<jwt>\beyJ[\w-]+\.[\w-]+\.[\w-]*)"
    r"|(?P<credentials>\b[Bb]earer\s+[^\s'\",}]+|\b[Tt]oken\s+(?=\S*\d)[^\s'\",}]+)"
    r"|(?P<key>\b(?:sk|pk|fdk|whsec)[-_][\w+/=-]{8,})"
    r"|(?P<password>(?<=://)[^\s/:@]*:[^\s@]+(?=@))"
    r"|(?P<room>https://(?!api\.)[\w-]+\.daily\.co/[\w-]+)"  # who knows a room's address may join the call
)
# Searching for one of these first is ten times faster than the expression.
_HINTS = ("eyJ", "earer ", "oken ", "sk-", "sk_", "pk-", "pk_", "fdk_", "whsec_", "daily.co/", "://")
_NUMBER = re.compile(r"\d[\d().\- ]{7,}\d")
_NEVER_BEFORE = re.compile(r"[\w.-]")
_NEVER_AFTER = re.compile(r"\w|-\w")
# What only looks like a number: a date (with an hour behind it), an IPv4 address, a decimal, a UUID.
_NO_NUMBER = re.compile(
    r"\d{4}-\d{2}-\d{2}( \d{1,2})?|\d{1,3}(\.\d{1,3}){3}|\d+\.\d+|\d{8}-\d{4}-\d{4}-\d{4}-\d{12}"
)
_PLAIN = "{time:HH:mm:ss.SSS} {level: <7} {extra[call_id]} {name} | {message}"


@contextmanager
def call_context(call_id: str) -> Iterator[None]:
    """Put a call's id on every line that is logged inside, also by tasks started inside."""
    token = _call_id.set(call_id)
    try:
        yield
    finally:
        _call_id.reset(token)


def mask(text: str) -> str:
    """Replace tokens, keys and phone numbers by what they are."""
    if any(hint in text for hint in _HINTS):
        text = _TOKENS.sub(lambda match: f"[{match.lastgroup}]", text)
    return _NUMBER.sub(_mask_number, text)


def _mask_number(match: re.Match[str]) -> str:
    text, start = match.string, match.start()
    before = text[start - 1 : start]
    if before == "+":
        return "[number]"
    in_a_word = _NEVER_BEFORE.match(before) or _NEVER_AFTER.match(text, match.end())
    return match.group() if in_a_word or _NO_NUMBER.fullmatch(match.group()) else "[number]"


def configure_logging(*, level: str = "INFO", production: bool = False, stream: TextIO | None = None) -> None:
    """Send all lines of this process to one stream (stderr), masked, with the call id.

    Safe to call again; the last call holds.
    """
    logger.remove()
    logger.configure(patcher=_patch, extra={"call_id": "-"})
    logger.enable("pipecat")
    for module in _TALKATIVE:
        logger.disable(module)

    def write(message: "Message") -> None:
        target = stream or sys.stderr
        target.write(mask(_json_line(message.record) if production else message))
        target.flush()

    line = "{message}" if production else _PLAIN
    logger.add(write, level=level, format=line, filter=_to_be_written, backtrace=False, diagnose=False)
    _let_the_host_ship()
    _take_over_standard_logging(level)


def _let_the_host_ship() -> None:
    # Pipecat Cloud's image reads stderr back, logs each line again, and ships it from a sink of its own that
    # `logger.remove` took away. At CRITICAL that sink takes what was read back and nothing unmasked.
    with suppress(ImportError):
        import_module("pcc_structured_logs").add_file_sink(logger, "CRITICAL")


def _take_over_standard_logging(level: str) -> None:
    # Below INFO the clients of Daily and the vendors write whole messages.
    number = max(logger.level(level).no, logging.INFO)
    logging.basicConfig(handlers=[_Intercept()], level=number, force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        theirs = logging.getLogger(name)
        theirs.handlers = []
        theirs.propagate = True
        theirs.setLevel(logging.NOTSET)
    logging.getLogger("uvicorn.access").disabled = True


def _to_be_written(record: "Record") -> bool:
    # What the host read back from stderr stands there already; again, it would be read back again.
    return "pcc_stream" not in record["extra"] and _quotes_nobody(record)


def _quotes_nobody(record: "Record") -> bool:
    name = record["name"] or ""
    if not name.startswith("pipecat"):
        return True
    quoted = any(name == module and mark in record["message"] for module, mark in _QUOTES)
    return record["level"].no >= logging.INFO and not quoted


def _patch(record: "Record") -> None:
    if record["extra"].setdefault("call_id", "-") == "-":
        record["extra"]["call_id"] = _call_id.get()
    exception = record["exception"]
    if exception is not None and any(map(_may_quote, _chain(exception.value))):
        told = UnquotedError(type(exception.value).__name__)
        record["exception"] = exception._replace(type=UnquotedError, value=told)


class UnquotedError(Exception):
    """Stands in a log for an error whose text may quote what somebody said; it names that error's class."""


def _may_quote(error: BaseException) -> bool:
    """Whether it is by those who show the value that did not fit."""
    return type(error).__module__.partition(".")[0] in _QUOTING


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _json_line(record: "Record") -> str:
    line = {
        "time": record["time"].isoformat(),
        "level": record["level"].name,
        "logger": record["name"],
        "message": record["message"],
        **record["extra"],
    }
    if record["exception"] is not None:
        line["exception"] = repr(record["exception"].value)
    return json.dumps(line, default=str, ensure_ascii=False) + "\n"


class _Intercept(logging.Handler):
    """Hands the standard library's records to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno

        def rename(entry: "Record") -> None:
            entry["name"] = record.name

        logger.patch(rename).opt(exception=record.exc_info).log(level, "{}", record.getMessage())
