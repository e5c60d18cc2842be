"""The process-wide part of daily-python: start-up, log level, the selected speaker."""

import weakref
from enum import IntEnum
from typing import Any

from .audio import VirtualSpeakerDevice
from .video import NativeVad, VirtualCameraDevice, VirtualMicrophoneDevice


class LogLevel(IntEnum):
    """Levels of daily-core's log; the stand-in logs nothing."""

    Off = 0
    Error = 1
    Warn = 2
    Info = 3
    Debug = 4
    Trace = 5


_speakers: "weakref.WeakValueDictionary[str, VirtualSpeakerDevice]" = weakref.WeakValueDictionary()


class Daily:
    """Static entry points, as in daily-python."""

    _selected: str | None = None

    @staticmethod
    def init(worker_threads: int = 2, log_level: LogLevel = LogLevel.Off) -> None:
        """Nothing to start."""

    @staticmethod
    def deinit() -> None:
        """Nothing to stop."""

    @staticmethod
    def set_log_level(log_level: LogLevel) -> None:
        """Nothing is logged."""

    @staticmethod
    def create_speaker_device(
        device_name: str, sample_rate: int = 16000, channels: int = 1, non_blocking: bool = False
    ) -> VirtualSpeakerDevice:
        """Make a speaker for the mixed sound of a room."""
        speaker = VirtualSpeakerDevice(device_name, sample_rate, channels, non_blocking)
        _speakers[device_name] = speaker
        return speaker

    @staticmethod
    def select_speaker_device(device_name: str) -> None:
        """The client that joins next plays to this speaker."""
        Daily._selected = device_name

    @staticmethod
    def take_selected_speaker() -> VirtualSpeakerDevice | None:
        """The speaker of the client that joins now, and of no other; not part of daily-python."""
        name, Daily._selected = Daily._selected, None
        return _speakers.get(name) if name else None

    @staticmethod
    def create_camera_device(device_name: str, *_args: Any, **_kwargs: Any) -> VirtualCameraDevice:
        """Raises NotImplementedError."""
        return VirtualCameraDevice(device_name)

    @staticmethod
    def create_microphone_device(device_name: str, *_args: Any, **_kwargs: Any) -> VirtualMicrophoneDevice:
        """Raises NotImplementedError."""
        return VirtualMicrophoneDevice(device_name)

    @staticmethod
    def create_native_vad(*_args: Any, **_kwargs: Any) -> NativeVad:
        """Raises NotImplementedError."""
        return NativeVad()
