"""All routes of the vendors' stand-ins."""

from frontdesk.simulator.vendors import cartesia, control, deepgram, openai

__all__ = ["vendor_routers"]

vendor_routers = (deepgram.router, openai.router, cartesia.router, control.router)
