"""One client's call: joining, requests and their answers, events, the sound of each participant."""

import itertools
import threading
from collections.abc import Callable, Mapping
from typing import Any

from .audio import AudioData, CustomAudioSource, VirtualSpeakerDevice, track_source
from .device import Daily
from .events import EventHandler
from .link import Link, open_link
from .pacing import Timer, call_back, pacer

REQUEST_TIMEOUT_S = 20.0
LEAVE_TIMEOUT_S = 2.0

Completion = Callable[..., Any]
Renderer = tuple[Completion, str, int]


class Request:
    """A question to the room: its completion gets (data, error), or (error,) alone."""

    def __init__(self, completion: Completion | None, *, with_data: bool) -> None:
        self._completion = completion
        self._with_data = with_data
        self.timer: Timer | None = None

    def answer(self, data: Any, error: str | None) -> None:
        """Call back once; later answers are ignored."""
        completion, self._completion = self._completion, None
        if self.timer is not None:
            self.timer.cancel()
        if completion is not None:
            call_back(completion, *((data, error) if self._with_data else (error,)))


class Call:
    """From `join` to `leave`. All callbacks come from the thread that reads the line."""

    def __init__(self, handler: EventHandler | None, user_name: str) -> None:
        self._handler = handler
        self._user_name = user_name
        self._ids = itertools.count(1)
        self._requests: dict[int, Request] = {}
        self._renderers: dict[tuple[str, str], Renderer] = {}
        self._link: Link | None = None
        self._microphone: CustomAudioSource | None = None
        self._speaker: VirtualSpeakerDevice | None = None
        self._leaving = threading.Event()
        self._left: Request | None = None
        self.participants: dict[str, Any] = {}

    def join(
        self, url: str, token: str | None, settings: Mapping[str, Any], completion: Completion | None
    ) -> None:
        """Begin; everything else happens on a thread of this call."""
        self._microphone = _microphone(settings)
        self._speaker = Daily.take_selected_speaker()
        joined = Request(completion, with_data=True)
        threading.Thread(
            target=self._run, args=(url, token, joined), name="daily-standin-call", daemon=True
        ).start()

    def _run(self, url: str, token: str | None, joined: Request) -> None:
        self.emit("call_state_updated", "joining")
        try:
            with open_link(url) as link:
                self._converse(link, token, joined)
        except Exception as error:  # noqa: BLE001 (whatever fails, the bot has to learn it)
            joined.answer(None, f"connection-error: {error}")

    def _converse(self, link: Link, token: str | None, joined: Request) -> None:
        self._link, self._requests[0] = link, joined
        link.send({"op": "join", "id": 0, "room": link.room, "token": token, "name": self._user_name})
        link.read(self._on_message, self._on_audio)
        self._finish(link)

    def _on_message(self, message: dict[str, Any]) -> None:
        if "event" in message:
            self._on_event(message["event"], message["args"])
        elif (request := self._requests.pop(message["reply"], None)) is not None:
            if message["reply"] == 0 and not message.get("error"):
                self._on_joined(message["data"])
            request.answer(message.get("data"), message.get("error"))

    def _on_joined(self, data: dict[str, Any]) -> None:
        self.participants = dict(data["participants"])
        if self._microphone is not None and self._link is not None:
            self._microphone.connect(self._link.send_audio)
        if self._speaker is not None:
            self.subscribe("*", self._speaker.sample_rate)
        self.emit("call_state_updated", "joined")

    def _on_event(self, event: str, args: list[Any]) -> None:
        if event in {"participant_joined", "participant_updated"}:
            self.participants[args[0]["id"]] = args[0]
        elif event == "participant_left":
            self._forget(args[0]["id"])
        self.emit(event, *args)

    def _forget(self, participant_id: str) -> None:
        self.participants.pop(participant_id, None)
        if self._speaker is not None:
            self._speaker.forget(participant_id)
        for key in [key for key in self._renderers if key[0] == participant_id]:
            del self._renderers[key]

    def _on_audio(self, participant_id: str, rate: int, pcm: bytes) -> None:
        renderer = self._renderers.get((participant_id, "microphone"))
        if renderer is not None and renderer[2] == rate:
            call_back(renderer[0], participant_id, AudioData(pcm, rate), renderer[1])
        elif self._speaker is not None:
            self._speaker.feed(participant_id, pcm)

    def emit(self, event: str, *args: Any) -> None:
        """Tell the bot's handler of an event."""
        if self._handler is not None:
            call_back(getattr(self._handler, f"on_{event}"), *args)

    def ask(
        self, op: str, completion: Completion | None = None, *, with_data: bool = False, **values: Any
    ) -> None:
        """Ask the room for something; answers with an error when not in a call or after 20 s."""
        request = Request(completion, with_data=with_data)
        link = self._link
        if link is None or self._leaving.is_set():
            request.answer(None, f"unable to {op.replace('_', ' ')}: not in a call")
            return
        number = next(self._ids)
        self._requests[number] = request
        request.timer = pacer.after(REQUEST_TIMEOUT_S, self._time_out, number, op)
        link.send({"op": op, "id": number, **values})

    def _time_out(self, number: int, op: str) -> None:
        request = self._requests.pop(number, None)
        if request is not None:
            request.answer(None, f"{op.replace('_', ' ')} timed out")

    def subscribe(self, participant_id: str, rate: int) -> None:
        """Have a participant's sound sent, at a rate; `*` stands for everybody."""
        self.ask("subscribe", participant=participant_id, rate=rate)

    def render(self, participant_id: str, callback: Completion, source: str, rate: int) -> None:
        """Hand a participant's sound to the bot."""
        self._renderers[participant_id, source] = (callback, source, rate)
        if source == "microphone":
            self.subscribe(participant_id, rate)

    def leave(self, completion: Completion | None) -> None:
        """Go; the completion gets (error,) once the line is closed."""
        left = Request(completion, with_data=False)
        link = self._link
        if link is None:
            left.answer(None, None)
            return
        self._left = left
        self._leaving.set()
        left.timer = pacer.after(LEAVE_TIMEOUT_S, link.close)
        link.send({"op": "leave", "id": next(self._ids)})

    def _finish(self, link: Link) -> None:
        """The line is closed: by `leave`, or because the room threw the bot out."""
        self._link = None
        link.close()
        if self._microphone is not None:
            self._microphone.connect(None)
        waiting, self._requests = list(self._requests.values()), {}
        for request in waiting:
            request.answer(None, "the call has ended")
        self.emit("call_state_updated", "left")
        if self._left is not None:
            self._left.answer(None, None)

    def release(self) -> None:
        """Forget the bot, so that nothing of it stays reachable through this call."""
        self._handler = None
        self._renderers.clear()
        self.leave(None)


def _microphone(settings: Mapping[str, Any]) -> CustomAudioSource | None:
    """The source that `join`'s client settings name as the microphone."""
    microphone = settings.get("inputs", {}).get("microphone", {})
    if not isinstance(microphone, Mapping) or not microphone.get("isEnabled"):
        return None
    track = microphone.get("settings", {}).get("customTrack", {})
    return track_source(track.get("id", ""))
