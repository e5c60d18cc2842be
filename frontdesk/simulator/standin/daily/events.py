"""The events of a call. Handlers override what they care about; a thread of the client calls them."""

from typing import Any, Self


class EventHandler:
    """Base class of event handlers, as in daily-python."""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Accept any arguments, as the native class does."""
        return super().__new__(cls)

    def on_active_speaker_changed(self, participant: Any) -> None:
        """Event: active speaker changed."""

    def on_app_message(self, message: Any, sender: Any) -> None:
        """Event: app message."""

    def on_available_devices_updated(self, available_devices: Any) -> None:
        """Event: available devices updated."""

    def on_call_state_updated(self, state: Any) -> None:
        """Event: call state updated."""

    def on_dialin_connected(self, data: Any) -> None:
        """Event: dialin connected."""

    def on_dialin_error(self, data: Any) -> None:
        """Event: dialin error."""

    def on_dialin_ready(self, sip_endpoint: Any) -> None:
        """Event: dialin ready."""

    def on_dialin_stopped(self, data: Any) -> None:
        """Event: dialin stopped."""

    def on_dialin_warning(self, data: Any) -> None:
        """Event: dialin warning."""

    def on_dialout_answered(self, data: Any) -> None:
        """Event: dialout answered."""

    def on_dialout_connected(self, data: Any) -> None:
        """Event: dialout connected."""

    def on_dialout_error(self, data: Any) -> None:
        """Event: dialout error."""

    def on_dialout_stopped(self, data: Any) -> None:
        """Event: dialout stopped."""

    def on_dialout_warning(self, data: Any) -> None:
        """Event: dialout warning."""

    def on_dtmf_event(self, data: Any) -> None:
        """Event: dtmf event."""

    def on_error(self, message: Any) -> None:
        """Event: error."""

    def on_inputs_updated(self, input_settings: Any) -> None:
        """Event: inputs updated."""

    def on_live_stream_error(self, stream_id: Any, message: Any) -> None:
        """Event: live stream error."""

    def on_live_stream_started(self, status: Any) -> None:
        """Event: live stream started."""

    def on_live_stream_stopped(self, stream_id: Any) -> None:
        """Event: live stream stopped."""

    def on_live_stream_updated(self, update: Any) -> None:
        """Event: live stream updated."""

    def on_live_stream_warning(self, stream_id: Any, message: Any) -> None:
        """Event: live stream warning."""

    def on_network_connection_status_updated(self, status: Any) -> None:
        """Event: network connection status updated."""

    def on_network_stats_updated(self, stats: Any) -> None:
        """Event: network stats updated."""

    def on_participant_counts_updated(self, counts: Any) -> None:
        """Event: participant counts updated."""

    def on_participant_joined(self, participant: Any) -> None:
        """Event: participant joined."""

    def on_participant_left(self, participant: Any, reason: Any) -> None:
        """Event: participant left."""

    def on_participant_updated(self, participant: Any) -> None:
        """Event: participant updated."""

    def on_publishing_updated(self, publishing_settings: Any) -> None:
        """Event: publishing updated."""

    def on_recording_error(self, stream_id: Any, message: Any) -> None:
        """Event: recording error."""

    def on_recording_started(self, status: Any) -> None:
        """Event: recording started."""

    def on_recording_stopped(self, stream_id: Any) -> None:
        """Event: recording stopped."""

    def on_subscription_profiles_updated(self, subscription_profiles: Any) -> None:
        """Event: subscription profiles updated."""

    def on_subscriptions_updated(self, subscriptions: Any) -> None:
        """Event: subscriptions updated."""

    def on_transcription_error(self, message: Any) -> None:
        """Event: transcription error."""

    def on_transcription_message(self, message: Any) -> None:
        """Event: transcription message."""

    def on_transcription_started(self, status: Any) -> None:
        """Event: transcription started."""

    def on_transcription_stopped(self, stopped_by: Any, stopped_by_error: Any) -> None:
        """Event: transcription stopped."""

    def on_transcription_updated(self, update: Any) -> None:
        """Event: transcription updated."""
