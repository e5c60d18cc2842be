"""The call client that bots use, with the names and parameters of daily-python's."""

# ruff: noqa: ARG002 (parameters that a phone call does not need are still part of the signature)

from collections.abc import Callable, Mapping
from typing import Any

from .audio import CustomAudioTrack
from .call import Call, Completion
from .events import EventHandler
from .unused import UnusedClient

JoinCompletion = Callable[[Mapping[str, Any] | None, str | None], None]


class CallClient(UnusedClient):
    """A participant of one call at a time.

    Completions get one error string or None, except those of `join`, `start_dialout` and `start_recording`,
    which get (data, error) (daily-python reference, CallClient).
    """

    def __init__(self, event_handler: EventHandler | None = None) -> None:
        self._handler = event_handler
        self._user_name = ""
        self._call: Call | None = None
        self._subscriptions: dict[str, Any] = {}

    def set_user_name(self, user_name: str) -> None:
        """The name that others see."""
        self._user_name = user_name

    def join(
        self,
        meeting_url: str,
        meeting_token: str | None = None,
        client_settings: Mapping[str, Any] | None = None,
        completion: JoinCompletion | None = None,
    ) -> None:
        """Enter a room of the simulator; any other address fails in the completion."""
        self._call = Call(self._handler, self._user_name)
        self._call.join(meeting_url, meeting_token, client_settings or {}, completion)

    def leave(self, completion: Completion | None = None) -> None:
        """Leave the room."""
        if self._call is not None:
            self._call.leave(completion)
        elif completion is not None:
            completion(None)

    def release(self) -> None:
        """Give everything back; the client cannot be used afterwards."""
        call, self._call, self._handler = self._call, None, None
        if call is not None:
            call.release()

    def _ask(self, op: str, completion: Completion | None, *, with_data: bool = False, **values: Any) -> None:
        call = self._call or Call(None, "")
        call.ask(op, completion, with_data=with_data, **values)

    def participants(self) -> Mapping[str, Any]:
        """Everybody in the room by id; the client itself under `local`."""
        return dict(self._call.participants) if self._call else {}

    def participant_counts(self) -> Mapping[str, Any]:
        """How many are in the room."""
        return {"present": len(self.participants()), "hidden": 0}

    def active_speaker(self) -> Mapping[str, Any]:
        """Not simulated."""
        return {}

    def start_dialout(self, settings: Mapping[str, Any], completion: Completion | None = None) -> None:
        """Call a number; the completion gets (session id, error)."""
        self._ask("start_dialout", completion, with_data=True, settings=settings)

    def stop_dialout(self, participant_id: str, completion: Completion | None = None) -> None:
        """Hang up on a called person."""
        self._ask("stop_dialout", completion, session_id=participant_id)

    def send_dtmf(self, settings: Mapping[str, Any], completion: Completion | None = None) -> None:
        """Press keys on a phone leg."""
        self._ask("send_dtmf", completion, settings=settings)

    def sip_call_transfer(self, settings: Mapping[str, Any], completion: Completion | None = None) -> None:
        """Send a phone leg to another number."""
        self._ask("sip_call_transfer", completion, settings=settings)

    def sip_refer(self, settings: Mapping[str, Any], completion: Completion | None = None) -> None:
        """Send a SIP leg outside."""
        self._ask("sip_refer", completion, settings=settings)

    def send_app_message(
        self, message: Any, participant_id: str | None = None, completion: Completion | None = None
    ) -> None:
        """Send a message to one participant or, without an id, to all others."""
        self._ask("app_message", completion, message=message, to=participant_id)

    def send_prebuilt_chat_message(
        self, message: str, user_name: str | None = None, completion: Completion | None = None
    ) -> None:
        """Write into the chat; phones have none."""
        self._ask("chat_message", completion, message=message, name=user_name)

    def eject_remote_participants(self, ids: list[str], completion: Completion | None = None) -> None:
        """Throw others out; owners only."""
        self._ask("eject", completion, ids=list(ids))

    def start_recording(
        self,
        streaming_settings: Mapping[str, Any] | None = None,
        stream_id: str | None = None,
        force_new: bool | None = None,
        completion: Completion | None = None,
    ) -> None:
        """Not simulated: the completion gets (None, error)."""
        self._ask("start_recording", completion, with_data=True)

    def stop_recording(self, stream_id: str | None = None, completion: Completion | None = None) -> None:
        """Not simulated: the completion gets an error."""
        self._ask("stop_recording", completion)

    def start_transcription(
        self, settings: Mapping[str, Any] | None = None, completion: Completion | None = None
    ) -> None:
        """Not simulated: the completion gets an error."""
        self._ask("start_transcription", completion)

    def stop_transcription(self, completion: Completion | None = None) -> None:
        """Not simulated: the completion gets an error."""
        self._ask("stop_transcription", completion)

    def set_audio_renderer(
        self,
        participant_id: str,
        callback: Completion,
        audio_source: str = "microphone",
        sample_rate: int = 16000,
        callback_interval_ms: int = 20,
        logging_interval_ms: int = 10000,
    ) -> None:
        """Hand a participant's sound to `callback(id, AudioData, audio_source)`, silence included."""
        if self._call is not None:
            self._call.render(participant_id, callback, audio_source, sample_rate)

    def update_subscriptions(
        self,
        participant_settings: Mapping[str, Any] | None = None,
        profile_settings: Mapping[str, Any] | None = None,
        completion: Completion | None = None,
    ) -> None:
        """Remember what is subscribed to."""
        self._subscriptions.update(participant_settings or {})
        self._done(completion)

    def subscriptions(self) -> Mapping[str, Any]:
        """What `update_subscriptions` was told."""
        return dict(self._subscriptions)

    def update_remote_participants(
        self, remote_participants: Mapping[str, Any], completion: Completion | None = None
    ) -> None:
        """Change what others may hear; owners only."""
        self._ask("update_participants", completion, participants=remote_participants)

    def add_custom_audio_track(
        self,
        track_name: str,
        audio_track: CustomAudioTrack,
        ignore_audio_level: bool | None = None,
        completion: Completion | None = None,
    ) -> None:
        """Accepted and silent: a phone hears the microphone track."""
        self._done(completion)
