"""The simulator's one application: every door in, over one world."""

from fastapi import FastAPI

from frontdesk.simulator import cloud_control, control, rtc
from frontdesk.simulator.cloud_api import CloudApi
from frontdesk.simulator.fault_middleware import FaultMiddleware
from frontdesk.simulator.rest.app import DailyRest
from frontdesk.simulator.vendors.routes import vendor_routers
from frontdesk.simulator.world import World

DESCRIPTION = """
Daily's cloud, the phone network, the people on it and the AI vendors, all on this machine.

Only what starts with `/sim` is documented here: it drives the simulator and shows what happened. The other doors
(`/v1` Daily, `/cloud/v1` Pipecat Cloud, `/openai/v1`, `/deepgram`, `/cartesia`) follow their vendors' own documents.
"""


def create_app(world: World) -> FastAPI:
    """Wire the doors to a world. The caller starts and closes the world."""
    app = FastAPI(
        title="Frontdesk simulator",
        description=DESCRIPTION,
        docs_url="/sim/docs",
        redoc_url=None,
        openapi_url="/sim/openapi.json",
    )
    app.state.world = world
    app.include_router(control.router)
    app.include_router(rtc.router)
    for router in vendor_routers:
        app.include_router(router)
    app.include_router(cloud_control.router)
    app.mount("/v1", DailyRest(world))
    app.mount("/cloud/v1", CloudApi(world))
    app.add_middleware(FaultMiddleware, faults=world.faults)
    return app
