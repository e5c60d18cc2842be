"""How a vendor's stand-in behaves: its latency, and its troubles on command."""

from collections import deque
from typing import Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field

from frontdesk.simulator.vendors.rules import Rules

__all__ = ["Behavior", "VendorName", "Vendors"]

_KEPT = 1000

VendorName: TypeAlias = Literal["deepgram", "cartesia", "openai"]


class Behavior(BaseModel):
    """Latency and troubles of one vendor; the defaults are a vendor that answers at once."""

    model_config = ConfigDict(extra="forbid")

    first_byte_ms: float = Field(0, ge=0, le=60_000, description="Wait before an answer begins.")
    trouble: Literal["none", "refuse", "disconnect", "silence"] = Field(
        "none",
        description=(
            "refuse: the handshake or request is answered with `refuse_status`; disconnect: the connection "
            "ends in the middle of an answer or of the audio; silence: all is taken, nothing answered."
        ),
    )
    refuse_status: int = Field(401, ge=400, le=599)
    disconnect_after_s: float = Field(0, ge=0, description="Seconds of audio before a `disconnect`.")


class Vendors:
    """The three vendors: behavior and uses of each, the model's rules, and the latest transcripts."""

    def __init__(self) -> None:
        self.behaviors: dict[VendorName, Behavior] = {}
        self.uses: dict[VendorName, int] = {}
        self.rules = Rules()
        self.transcripts: deque[str] = deque(maxlen=_KEPT)
        self.reset()

    def used(self, name: VendorName) -> Behavior:
        """Count one connection or request; gives the behavior that it meets."""
        self.uses[name] += 1
        return self.behaviors[name]

    def reset(self) -> None:
        """Back to three vendors that work, with the rules they came with."""
        self.behaviors = {name: Behavior() for name in get_args(VendorName)}
        self.uses = dict.fromkeys(self.behaviors, 0)
        self.rules = Rules()
        self.transcripts.clear()
