"""The simulator's one application: every door in, over one world."""

from fastapi import FastAPI
from starlette.types import ASGIApp

from frontdesk.simulator.cloud import control as cloud
from frontdesk.simulator.cloud.api import CloudApi
from frontdesk.simulator.control import environment, routes, troubles
from frontdesk.simulator.faults.middleware import FaultMiddleware
from frontdesk.simulator.foreign.hosts import VendorHosts
from frontdesk.simulator.rest.app import DailyRest
from frontdesk.simulator.rooms import rtc
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
    ours = (rtc.router, routes.router, troubles.router, cloud.router, environment.router)
    for router in (*ours, *vendor_routers):
        app.include_router(router)
    return VendorHosts(FaultMiddleware(app, world.faults))
