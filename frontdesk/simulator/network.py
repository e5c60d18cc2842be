"""The phone network: calls that come in to the clinic's numbers, and calls that bots place."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from frontdesk.simulator.people import Manner
    from frontdesk.simulator.record import Record
    from frontdesk.simulator.rooms import Room
    from frontdesk.simulator.world import World


class PinlessRejected(Exception):  # noqa: N818
    """A pinlessCallUpdate that Daily refuses; `info` is the text of the 400."""

    def __init__(self, info: str) -> None:
        super().__init__(info)
        self.info = info


class PhoneNetwork:
    """Places calls between people and rooms."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def call_in(self, from_: str | None, to: str, manner: "Manner") -> "Record":
        """Somebody dials `to`. Returns at once; `record.done` is set when the call is over."""
        raise NotImplementedError

    def pinless_update(self, call_id: str, call_domain: str, sip_uri: str) -> None:
        """Bridge a held caller to a room. Raises `PinlessRejected`."""
        raise NotImplementedError

    async def start_dialout(
        self, room: "Room", settings: dict[str, Any], *, owner: bool
    ) -> tuple[str | None, str | None]:
        """Call somebody from a room. Returns (session id, None) or (None, error text)."""
        raise NotImplementedError

    async def stop_dialout(self, room: "Room", session_id: str) -> str | None:
        """Hang up on a called person, or stop ringing. Returns an error text or None."""
        raise NotImplementedError

    async def close(self) -> None:
        """End every call."""
