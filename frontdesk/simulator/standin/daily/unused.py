"""The part of the call client that a phone call never needs.

Settings are accepted without effect; streaming and video have no stand-in: their completions get an error.
"""

# ruff: noqa: ARG002 (the parameters are part of the signature)

from collections.abc import Callable, Mapping
from typing import Any

Completion = Callable[..., Any]

NOT_SIMULATED = "not simulated"


class UnusedClient:
    """Names and parameters of daily-python's CallClient, without anything behind them."""

    def _done(self, completion: Completion | None, error: str | None = None) -> None:
        if completion is not None:
            completion(error)

    def add_custom_video_track(
        self, track_name: Any, video_track: Any, completion: Completion | None = None
    ) -> None:
        """Not simulated: the completion gets an error."""
        self._done(completion, NOT_SIMULATED)

    def add_live_streaming_endpoints(
        self, endpoints: Any, stream_id: Any = None, completion: Completion | None = None
    ) -> None:
        """Not simulated: the completion gets an error."""
        self._done(completion, NOT_SIMULATED)

    def get_network_stats(self) -> Mapping[str, Any]:
        """Always empty."""
        return {}

    def inputs(self) -> Mapping[str, Any]:
        """Always empty."""
        return {}

    def publishing(self) -> Mapping[str, Any]:
        """Always empty."""
        return {}

    def remove_custom_audio_track(self, track_name: Any, completion: Completion | None = None) -> None:
        """Accepted without effect."""
        self._done(completion)

    def remove_custom_video_track(self, track_name: Any, completion: Completion | None = None) -> None:
        """Accepted without effect."""
        self._done(completion)

    def remove_live_streaming_endpoints(
        self, endpoints: Any, stream_id: Any = None, completion: Completion | None = None
    ) -> None:
        """Not simulated: the completion gets an error."""
        self._done(completion, NOT_SIMULATED)

    def set_ice_config(self, ice_config: Any = None, completion: Completion | None = None) -> None:
        """Accepted without effect."""
        self._done(completion)

    def set_proxy_url(self, proxy_url: Any = None, completion: Completion | None = None) -> None:
        """Accepted without effect."""
        self._done(completion)

    def set_video_renderer(
        self,
        participant_id: Any,
        callback: Any,
        video_source: Any = "camera",
        color_format: Any = "RGBA",
        logging_interval_ms: Any = 10000,
    ) -> None:
        """Accepted without effect."""

    def start_live_stream_with_endpoints(
        self,
        endpoints: Any,
        streaming_settings: Any = None,
        stream_id: Any = None,
        force_new: Any = None,
        completion: Completion | None = None,
    ) -> None:
        """Not simulated: the completion gets an error."""
        self._done(completion, NOT_SIMULATED)

    def start_live_stream_with_rtmp_urls(
        self,
        rtmp_urls: Any,
        streaming_settings: Any = None,
        stream_id: Any = None,
        force_new: Any = None,
        completion: Completion | None = None,
    ) -> None:
        """Not simulated: the completion gets an error."""
        self._done(completion, NOT_SIMULATED)

    def stop_live_stream(self, stream_id: Any = None, completion: Completion | None = None) -> None:
        """Not simulated: the completion gets an error."""
        self._done(completion, NOT_SIMULATED)

    def subscription_profiles(self) -> Mapping[str, Any]:
        """Always empty."""
        return {}

    def update_custom_audio_track(
        self,
        track_name: Any,
        audio_track: Any,
        ignore_audio_level: Any = None,
        completion: Completion | None = None,
    ) -> None:
        """Accepted without effect."""
        self._done(completion)

    def update_custom_video_track(
        self, track_name: Any, video_track: Any, completion: Completion | None = None
    ) -> None:
        """Accepted without effect."""
        self._done(completion)

    def update_inputs(self, input_settings: Any, completion: Completion | None = None) -> None:
        """Accepted without effect."""
        self._done(completion)

    def update_live_stream(
        self, update_settings: Any, stream_id: Any = None, completion: Completion | None = None
    ) -> None:
        """Not simulated: the completion gets an error."""
        self._done(completion, NOT_SIMULATED)

    def update_permissions(self, permissions: Any, completion: Completion | None = None) -> None:
        """Accepted without effect."""
        self._done(completion)

    def update_publishing(self, publishing_settings: Any, completion: Completion | None = None) -> None:
        """Accepted without effect."""
        self._done(completion)

    def update_recording(
        self, update_settings: Any, stream_id: Any = None, completion: Completion | None = None
    ) -> None:
        """Accepted without effect."""
        self._done(completion)

    def update_subscription_profiles(
        self, profile_settings: Any, completion: Completion | None = None
    ) -> None:
        """Accepted without effect."""
        self._done(completion)

    def update_transcription(
        self, participants: Any = None, instance_id: Any = None, completion: Completion | None = None
    ) -> None:
        """Accepted without effect."""
        self._done(completion)
