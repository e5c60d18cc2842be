"""The page of all errors."""

import importlib
import pkgutil

import frontdesk
from frontdesk.errors import FrontdeskError
from frontdesk.errors.__main__ import PAGE, concrete_errors, page

SKIPPED = (
    "frontdesk.simulator",
    "frontdesk.demo",
    "frontdesk.cli",
    "frontdesk.agent",
    "frontdesk.migrations.env",
)


def every_error() -> set[type[FrontdeskError]]:
    """Every error class of the gateway, wherever it is defined."""
    for module in pkgutil.walk_packages(frontdesk.__path__, "frontdesk."):
        if not module.name.startswith(SKIPPED) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, unseen = set(), [FrontdeskError]
    while unseen:
        error = unseen.pop()
        found.add(error)
        unseen += error.__subclasses__()
    return found


def test_the_page_is_current() -> None:
    """docs/errors.md is what `python -m frontdesk.errors` writes."""
    every_error()
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_error_is_on_it() -> None:
    """Each error has a code of its own, and each code stands on the page with its status."""
    errors = every_error()
    assert len({error.code for error in errors}) == len(errors)
    assert set(concrete_errors()) == errors
    for error in errors:
        assert f"| `{error.code}` | {error.status} |" in PAGE.read_text(encoding="utf-8")


def test_they_can_be_told() -> None:
    """Each error's problem document is complete, and its status fits the member in the answer."""
    for error in every_error():
        problem = error(retry_after_s=3).problem("request-1")
        assert {"type", "title", "status", "detail", "code", "retryable", "request_id"} <= problem.keys()
        assert 400 <= problem["status"] < 600
        assert problem["retry_after_s"] == 3
