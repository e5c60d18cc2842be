"""Probes for operators."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import Response

from frontdesk.doors.problems import json_response
from frontdesk.health.service import Readiness

router = APIRouter(tags=["health"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def healthz() -> Response:
    """The process serves requests."""
    return json_response({"status": "ok"})


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Calls can be served: Daily takes our key, and the host of the bots answers."""
    readiness: Readiness = request.app.state.readiness
    checks = await readiness.checks()
    ready = all(verdict == "ok" for verdict in checks.values())
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return json_response({"status": "ready" if ready else "not ready", "checks": checks}, status)
