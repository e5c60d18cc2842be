"""`/logs/api` (Daily docs, logs): how a missed webhook can be audited."""

from typing import TYPE_CHECKING, Any

from frontdesk.simulator.api import Request, Route
from frontdesk.simulator.rest.apilog import entry_object
from frontdesk.simulator.rest.fields import check_choice
from frontdesk.simulator.rest.pages import page

if TYPE_CHECKING:
    from frontdesk.simulator.world import World

DEFAULT_LIMIT = "20"


class LogRoutes:
    """The last requests and the last webhooks."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """Their table."""
        return [Route("GET", "/logs/api", self.list_exchanges)]

    async def list_exchanges(self, request: Request) -> list[dict[str, Any]]:
        """Newest first, of one source (`api` by default)."""
        source = request.query.get("source", "api")
        check_choice("source", source, ("api", "webhook"))
        chosen = self._world.api_log.entries(
            "webhook" if source == "webhook" else "api", request.query.get("url")
        )
        domain_id = self._world.settings.domain_id
        listed = page(
            chosen,
            {"limit": DEFAULT_LIMIT, **request.query},
            cursor=lambda entry: entry[0],
            show=lambda entry: entry_object(entry[0], entry[1], source, domain_id),
        )
        data: list[dict[str, Any]] = listed["data"]
        return data
