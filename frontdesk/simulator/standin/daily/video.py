"""Names for video and local devices. Phone calls carry sound alone: making one of these says so."""

from typing import Any


class _NotSimulated:
    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        raise NotImplementedError(
            f"{type(self).__name__} is not simulated: a phone call carries one sound track"
        )


class VideoFrame(_NotSimulated):
    """A picture."""


class CustomVideoSource(_NotSimulated):
    """A source of pictures."""


class CustomVideoTrack(_NotSimulated):
    """A track of pictures."""


class VirtualCameraDevice(_NotSimulated):
    """A camera."""


class VirtualMicrophoneDevice(_NotSimulated):
    """A microphone."""


class NativeVad(_NotSimulated):
    """Daily's own voice activity detection; pipecat brings Silero."""
