"""Errors of Daily's REST API (Daily docs, errors): `{"error": code, "info": text}`."""

from frontdesk.simulator.api import Problem


def invalid(info: str) -> Problem:
    """400 `invalid-request-error`, Daily's answer to nearly everything."""
    return Problem(400, {"error": "invalid-request-error", "info": info})


def missing_field() -> Problem:
    """400 with the text of every example in Daily's description."""
    return invalid("missing required field")


def not_found(info: str) -> Problem:
    """404 for a thing that is not there."""
    return Problem(404, {"error": "not-found", "info": info})
