"""The simulator's one application: every door in, over one world."""

from fastapi import FastAPI
from starlette.types import ASGIApp

from frontdesk.simulator import cloud_control, control, control_troubles, rtc
from frontdesk.simulator.cloud_api import CloudApi
from frontdesk.simulator.environment_routes import router as environment_router
from frontdesk.simulator.fault_middleware import FaultMiddleware
from frontdesk.simulator.hosts import VendorHosts
from frontdesk.simulator.rest.app import DailyRest
from frontdesk.simulator.vendors.routes import vendor_routers
from frontdesk.simulator.world import World

DESCRIPTION = """
Daily's cloud, the phone network, the people on it and the AI vendors, all on this machine.

Only what starts with `/sim` is documented here: it drives the simulator and shows what happened. The other
doors (`/v1` Daily, `/cloud/v1` Pipecat Cloud, `/openai/v1`, `/deepgram`, `/cartesia`) follow their vendors'
documents.
"""


def create_app(world: World) -> ASGIApp:
    """Wire the doors to a world, faults outermost. The caller closes the world."""
    app = FastAPI(
        title="Frontdesk simulator",
        description=DESCRIPTION,
        docs_url="/sim/docs",
        redoc_url=None,
        openapi_url="/sim/openapi.json",
    )
    app.state.world = world
    app.mount("/v1", DailyRest(world))
    app.mount("/cloud/v1", CloudApi(world))
    ours = (rtc.router, control.router, control_troubles.router, cloud_control.router, environment_router)
    for router in (*ours, *vendor_routers):
        app.include_router(router)
    return VendorHosts(FaultMiddleware(app, world.faults))
