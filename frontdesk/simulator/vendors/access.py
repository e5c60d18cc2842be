"""Who may use a vendor's stand-in: any key but the empty one and those that the settings refuse."""

from starlette.datastructures import Headers

from frontdesk.simulator.world import World

__all__ = ["may_use", "token_of"]


def token_of(headers: Headers) -> str:
    """The credential of an Authorization header, whatever its scheme ("Token", "Bearer"); empty when none."""
    _, _, token = headers.get("authorization", "").strip().partition(" ")
    return token.strip()


def may_use(world: World, key: str) -> bool:
    """Whether a vendor accepts this key."""
    return bool(key) and key not in world.settings.refused_api_keys
