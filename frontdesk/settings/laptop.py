"""What `make demo` and `make dev` read on top: ports, and whom to call with real keys."""

from pydantic import Field, field_validator

from frontdesk.errors import FrontdeskError
from frontdesk.phone import dialable
from frontdesk.settings.base import CommonSettings


class LaptopSettings(CommonSettings):
    """Where the parts listen on this machine, and the phone that the demo calls with real keys."""

    port: int = Field(8080, ge=1, le=65535, description="Port that the gateway listens on.")
    runner_port: int = Field(7860, ge=1, le=65535, description="Port of pipecat's dev runner.")
    sim_port: int = Field(9099, ge=1, le=65535, description="Port of the simulator.")
    demo_phone_number: str | None = Field(
        None, description="Your own phone, E.164: with real keys, `make demo` calls it. The call costs money."
    )

    @field_validator("demo_phone_number")
    @classmethod
    def _dialable(cls, value: str | None) -> str | None:
        try:
            return dialable(value) if value else None
        except FrontdeskError as error:
            raise ValueError(error.detail) from None
