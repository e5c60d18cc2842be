"""`python -m frontdesk.errors` writes docs/errors.md, the page of all error codes."""

from collections.abc import Iterator
from pathlib import Path

from frontdesk.errors import FrontdeskError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "errors.md"
_HEAD = """# Errors

<!-- Written by `python -m frontdesk.errors`; a test keeps it current. -->

Every error is an RFC 9457 problem document (`application/problem+json`) with these members:
`type`, `title`, `status`, `detail`, the stable `code`, `retryable` (whether the same request may succeed
later), `request_id` (also the header `X-Request-Id`), and where they help `errors` (one entry per field),
`retry_after_s` (also `Retry-After`), `limit_bytes`, `call_id`.

`python server.py` tells even what is no HTTP so; a plain `uvicorn server:app` answers that in its own words.

| code | status | retryable | what happened | what to do |
|---|---|---|---|---|
"""


def concrete_errors() -> list[type[FrontdeskError]]:
    """Every error with a code of its own, by status and code."""
    every: list[type[FrontdeskError]] = [FrontdeskError, *_below(FrontdeskError)]
    found = {error.code: error for error in every if "code" in vars(error)}
    return sorted(found.values(), key=lambda error: (error.status, error.code))


def page() -> str:
    """The page, in markdown."""
    return _HEAD + "".join(_row(error) for error in concrete_errors())


def _below(error: type[FrontdeskError]) -> Iterator[type[FrontdeskError]]:
    for child in error.__subclasses__():
        yield child
        yield from _below(child)


def _row(error: type[FrontdeskError]) -> str:
    retryable = "yes" if error.retryable else "no"
    return f"| `{error.code}` | {error.status} | {retryable} | {error.title}. | {error.advice} |\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
