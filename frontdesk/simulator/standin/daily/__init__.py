"""A stand-in for the native module `daily` (daily-python), for the simulator only.

Put the folder above first on PYTHONPATH, and pipecat's own DailyTransport runs on the simulator unchanged.
It joins rooms at http://<loopback> and nothing else; the room's URL is all it needs to know. It uses the
standard library and `websockets`, which pipecat brings.
"""

from .audio import AudioData, CustomAudioSource, CustomAudioTrack, VirtualSpeakerDevice
from .client import CallClient
from .device import Daily, LogLevel
from .events import EventHandler
from .video import (
    CustomVideoSource,
    CustomVideoTrack,
    NativeVad,
    VideoFrame,
    VirtualCameraDevice,
    VirtualMicrophoneDevice,
)

IS_SIMULATED = True

__all__ = [
    "AudioData",
    "CallClient",
    "CustomAudioSource",
    "CustomAudioTrack",
    "CustomVideoSource",
    "CustomVideoTrack",
    "Daily",
    "EventHandler",
    "LogLevel",
    "NativeVad",
    "VideoFrame",
    "VirtualCameraDevice",
    "VirtualMicrophoneDevice",
    "VirtualSpeakerDevice",
]
