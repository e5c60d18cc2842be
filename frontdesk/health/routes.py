"""Probes for operators."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import Response

from frontdesk.doors.problems import json_response
from frontdesk.health.service import Readiness

_SPOOLED = {"database"}

router = APIRouter(tags=["health"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def healthz() -> Response:
    """The process serves requests."""
    return json_response({"status": "ok"})


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Calls can be served: Daily takes our key, and the host of the bots answers.

    Without its database the gateway is `degraded`: callers get their bots, and a spool keeps the books.
    """
    readiness: Readiness = request.app.state.readiness
    checks = await readiness.checks()
    missed = {part for part, verdict in checks.items() if verdict != "ok"}
    if missed - _SPOOLED:
        return json_response({"status": "not ready", "checks": checks}, HTTPStatus.SERVICE_UNAVAILABLE)
    return json_response({"status": "degraded" if missed else "ready", "checks": checks})
