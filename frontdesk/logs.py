"""One sink for every log line: ours, pipecat's and uvicorn's; JSON in production; nothing personal in it."""

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TextIO

from loguru import logger

if TYPE_CHECKING:
    from loguru import Message, Record

_call_id: ContextVar[str] = ContextVar("call_id", default="-")

# pipecat writes tokens, numbers and whole transcripts at DEBUG and INFO; these modules do so by design.
_TALKATIVE = ("pipecat.runner.run", "pipecat.runner.daily")
_SECRETS = re.compile(
    r"(?P<jwt>\beyJ[\w-]+\.[\w-]+\.[\w-]*)"
    r"|(?P<bearer>\b(?:Bearer|Token)\s+[^\s'\",}]+)"
    r"|(?P<key>\b(?:sk|pk)[-_][\w-]{8,})"
    r"|(?P<number>\+?(?<![\w.:-])\d[\d().\- ]{7,}\d(?![\w:-]))",
    re.IGNORECASE,
)
_PLAIN = "{time:HH:mm:ss.SSS} {level: <7} {extra[call_id]} {name} | {message}\n{exception}"


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
    return _SECRETS.sub(lambda match: f"[{match.lastgroup}]", text)


def configure_logging(*, level: str = "INFO", production: bool = False, stream: TextIO | None = None) -> None:
    """Send all lines of this process to one stream (stderr), masked, with the call id.

    Safe to call again; the last call holds.
    """
    target = stream or sys.stderr
    logger.remove()
    logger.configure(patcher=_patch, extra={"call_id": "-"})
    for module in _TALKATIVE:
        logger.disable(module)
    if production:
        logger.add(lambda message: _write_json(message, target), level=level, format="{message}", catch=True)
    else:
        logger.add(target, level=level, format=_PLAIN, backtrace=False, diagnose=False)
    logging.basicConfig(
        handlers=[_Intercept()], level=logging.getLevelName(level) if level != "TRACE" else 1, force=True
    )
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True


def _patch(record: "Record") -> None:
    record["message"] = mask(record["message"])
    record["extra"].setdefault("call_id", "-")
    if record["extra"]["call_id"] == "-":
        record["extra"]["call_id"] = _call_id.get()


def _write_json(message: "Message", target: TextIO) -> None:
    record = message.record
    line = {
        "time": record["time"].isoformat(),
        "level": record["level"].name,
        "call_id": record["extra"]["call_id"],
        "logger": record["name"],
        "message": record["message"],
        **{key: value for key, value in record["extra"].items() if key != "call_id"},
    }
    if record["exception"] is not None:
        line["exception"] = mask(repr(record["exception"].value))
    target.write(json.dumps(line, default=str) + "\n")
    target.flush()


class _Intercept(logging.Handler):
    """Hands the standard library's records to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        logger.patch(lambda r: r.update(name=record.name)).opt(exception=record.exc_info).log(
            level, "{}", record.getMessage()
        )
