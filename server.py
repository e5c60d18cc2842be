"""The gateway: `python server.py`, or `uvicorn server:app --reload`.

Puts the parts together; the decisions are in `frontdesk/`.
"""

import contextlib
import gc
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import uvicorn
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from loguru import logger
from pydantic_core import to_json

from frontdesk.calls import routes as call_routes
from frontdesk.campaigns import routes as campaign_routes
from frontdesk.campaigns.settings import CampaignSettings
from frontdesk.crm import routes as crm_routes
from frontdesk.crm.endpoints import load_endpoints
from frontdesk.daily.events import routes as daily_events_routes
from frontdesk.dialin import routes as dialin_routes
from frontdesk.dialin.models import DialinWebhook
from frontdesk.dialout import routes as dialout_routes
from frontdesk.dialout.models import DialoutRequest
from frontdesk.doors.openapi import document
from frontdesk.doors.problems import install_problem_handlers
from frontdesk.doors.protocol import ProblemProtocol
from frontdesk.doors.requests import RequestFrame
from frontdesk.doors.shutdown import Deadline, Server
from frontdesk.doors.signature import SignatureCheck
from frontdesk.engine.transact import lingers
from frontdesk.errors import DatabaseInUseError, DatabaseUrlError
from frontdesk.gate import routes as gate_routes
from frontdesk.gate.holidays import check_holidays
from frontdesk.gate.views import WishRequest
from frontdesk.health import routes as health_routes
from frontdesk.keys import routes as key_routes
from frontdesk.link import routes as link_routes
from frontdesk.logs import configure_logging
from frontdesk.organizations import Organizations, OrganizationsError, load_organizations
from frontdesk.outbound import engine_address
from frontdesk.patients import routes as patient_routes
from frontdesk.patients.views import PatientRequest
from frontdesk.retention import routes as retention_routes
from frontdesk.retention.routes import ErasureRequest
from frontdesk.services import Services, Tuning
from frontdesk.settings import GatewaySettings, SettingsError
from frontdesk.storage.addresses import sqlite_path

# FastAPI's own would put bodies of failed requests, with numbers and names, into spans and logs.
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False}
_KEEP_ALIVE_S = 30
_DNS_CACHE_S = 60
_LAST_LAUNCHES_S = 20
_TUNING = Tuning()
_ROUTES = (
    dialout_routes,
    link_routes,
    call_routes,
    crm_routes,
    key_routes,
    retention_routes,
    campaign_routes,
    gate_routes,
    patient_routes,
    health_routes,
)
_BODIES = (DialinWebhook, DialoutRequest, ErasureRequest, WishRequest, PatientRequest, CampaignSettings)
UVICORN: dict[str, Any] = {
    "http": ProblemProtocol,
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "proxy_headers": False,
}


def create_app(settings: GatewaySettings | None = None, *, tuning: Tuning = _TUNING) -> FastAPI:
    """Build the gateway.

    Args:
        settings: From the environment when None.
        tuning: How long its parts wait; for tests.

    Raises:
        SettingsError: The environment cannot be used.
        OrganizationsError: The files of `clinics/` cannot be used.
        DatabaseUrlError: DATABASE_URL or ENGINE_DATABASE_URL names no database that we know.
    """
    settings = settings or GatewaySettings.load()
    sqlite_path(settings.database_url.get_secret_value())
    sqlite_path(engine_address(settings))
    organizations = load_organizations(settings.clinics_dir)
    check_holidays(organizations)
    endpoints = load_endpoints(organizations, settings)
    configure_logging(level=settings.log_level, production=settings.production)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        settings.publish()
        async with _http_session(settings) as http:
            try:
                services = Services(app, settings, organizations, endpoints, http, tuning)
            except DatabaseInUseError as error:
                logger.critical("{}. {}", error.title, error.advice)
                raise
            async with services.running():
                _announce(settings, organizations)
                yield

    app = FastAPI(title="Frontdesk", lifespan=lifespan, telemetry=_NO_TELEMETRY)
    app.state.settings = settings
    app.state.deadline = Deadline(_LAST_LAUNCHES_S)
    app.state.signature = _signature(settings)
    dialin_routes.install(app)
    daily_events_routes.install(app)
    for routes in _ROUTES:
        app.include_router(routes.router)
    crm_routes.document_webhooks(app)
    install_problem_handlers(app)
    app.add_middleware(RequestFrame)
    document(app, *_BODIES)
    return app


def _signature(settings: GatewaySettings) -> SignatureCheck | None:
    secret = settings.pinless_hmac_secret
    if secret is None:
        return None
    return SignatureCheck(secret.get_secret_value(), settings.signature_tolerance_s)


def _http_session(settings: GatewaySettings) -> aiohttp.ClientSession:
    """One session for the whole gateway: its pool is as large as the calls that may arrive at once."""
    connector = aiohttp.TCPConnector(
        limit=settings.upstream_connections,
        limit_per_host=0,
        keepalive_timeout=_KEEP_ALIVE_S,
        ttl_dns_cache=_DNS_CACHE_S,
    )
    timeout = aiohttp.ClientTimeout(total=settings.upstream_timeout_s)
    return aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
        json_serialize_bytes=to_json,
    )


def _announce(settings: GatewaySettings, organizations: Organizations) -> None:
    where = "Pipecat Cloud" if settings.production else "the dev runner"
    logger.info("the gateway serves {} organizations; bots run on {}", len(organizations), where)
    if settings.pinless_hmac_secret is None:
        logger.warning("the dial-in door is open to this machine: PINLESS_HMAC_SECRET is not set")
    if not settings.frontdesk_api_keys and not settings.production:
        logger.warning("the dial-out door is open to this machine: FRONTDESK_API_KEYS is not set")
    if len(organizations) > 1:
        _announce_borrowed_numbers(organizations)
    if settings.production:
        _announce_lacks(settings)


def _announce_borrowed_numbers(organizations: Organizations) -> None:
    for organization in organizations:
        if organization.caller_id is None and not organization.caller_ids:
            logger.warning("{} lists no caller_ids: Daily shows any number it has", organization.slug)


def _announce_lacks(settings: GatewaySettings) -> None:
    if settings.daily_events_secret is None:
        logger.warning("what Daily tells of calls is refused: DAILY_EVENTS_SECRET is not set")
    if settings.pipecat_private_key is None:
        logger.warning("a bot that hangs cannot be stopped: PIPECAT_PRIVATE_KEY is not set")


def __getattr__(name: str) -> FastAPI:
    """Let `uvicorn server:app` find the app without building one on import."""
    if name == "app":
        return create_app()
    raise AttributeError(name)


def _settle_memory() -> None:
    """Keep the garbage collector from walking imported code and calls in flight: a quarter of a call's CPU.

    A call leaves no cycles behind, so nearly all that the collector would walk is still in use.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def main(tuning: Tuning = _TUNING) -> int:
    """Serve until told to stop; 2 when the settings or the organizations cannot be used."""
    try:
        settings = GatewaySettings.load()
        app = create_app(settings, tuning=tuning)
    except (SettingsError, OrganizationsError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - there is no log yet
        return 2
    except DatabaseUrlError as error:
        print(f"{error.title}. {error.advice}", file=sys.stderr)  # noqa: T201 - as above
        return 2
    _settle_memory()
    server = Server(
        uvicorn.Config(app, host=settings.host, port=settings.port, **UVICORN), app.state.deadline
    )
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn repeats the signal after its shutdown
        server.run()
    return _left(0 if server.started else 3)


def _left(code: int) -> int:
    """The exit code; leaves at once when nothing but the queue's threads still wait for their database."""
    if lingers():
        sys.stderr.flush()
        os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
