"""The stand-in `daily` module against the installed real one, and the parts of it that need no room."""

import asyncio
import gc
import inspect
import re
import threading
import time
import weakref
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import daily as real
import pytest

from frontdesk.simulator.standin import daily as standin
from frontdesk.simulator.standin.daily import audio
from frontdesk.simulator.standin.daily.audio import LEAD_S
from frontdesk.simulator.standin.daily.link import RoomRefusedError, loopback_room
from frontdesk.simulator.standin.daily.pacing import pacer

PIPECAT = find_spec("pipecat")
assert PIPECAT is not None
assert PIPECAT.origin is not None
SOURCE = (Path(PIPECAT.origin).parent / "transports" / "daily" / "transport.py").read_text(encoding="utf-8")
CALLED = sorted(set(re.findall(r"self\._client\.([a-z_]+)\(", SOURCE)) & set(dir(real.CallClient)))
HANDLED = sorted(
    {n for n in re.findall(r"    def (on_[a-z_]+)\(self", SOURCE) if hasattr(real.EventHandler, n)}
)


def parameters(function: Callable[..., Any]) -> list[tuple[str, Any]]:
    """Names and defaults, without self."""
    found = inspect.signature(function).parameters.values()
    return [(one.name, one.default) for one in found if one.name != "self"]


def public(thing: Any) -> list[str]:
    return [name for name in dir(thing) if not name.startswith("_")]


def test_the_transport_is_what_we_think_it_is() -> None:
    """The lists below are not empty: pipecat's transport calls and implements what a phone call needs."""
    assert {"join", "leave", "release", "start_dialout", "send_dtmf", "set_audio_renderer"} <= set(CALLED)
    assert {"on_dialin_ready", "on_dialout_answered", "on_participant_joined"} <= set(HANDLED)


def test_the_stand_in_exports_what_the_real_module_exports() -> None:
    """Both modules have the same public names."""
    assert sorted(standin.__all__) == sorted(vars(real)["__all__"])


@pytest.mark.parametrize("name", public(real.CallClient))
def test_call_client_methods_are_the_same(name: str) -> None:
    """Every method of the real CallClient is there, with the same parameters and defaults."""
    assert parameters(getattr(standin.CallClient, name)) == parameters(getattr(real.CallClient, name))


@pytest.mark.parametrize("name", public(real.EventHandler))
def test_event_handler_methods_are_the_same(name: str) -> None:
    """Every event of the real EventHandler is there, with the same parameters."""
    assert parameters(getattr(standin.EventHandler, name)) == parameters(getattr(real.EventHandler, name))


@pytest.mark.parametrize(
    "kind", ["AudioData", "CustomAudioSource", "CustomAudioTrack", "VirtualSpeakerDevice", "LogLevel"]
)
def test_what_carries_sound_has_the_same_members(kind: str) -> None:
    """Members of the real classes for sound exist on the stand-in's."""
    ours = getattr(standin, kind)
    made = {
        "CustomAudioSource": (8000, 1),
        "VirtualSpeakerDevice": ("name", 8000, 1, True),
        "AudioData": (b"", 8000),
    }
    thing = ours(*made[kind]) if kind in made else ours
    if kind == "CustomAudioTrack":
        thing = ours(standin.CustomAudioSource(8000, 1))
    assert set(public(getattr(real, kind))) <= set(public(thing))


@pytest.mark.parametrize("name", public(real.Daily))
def test_daily_has_the_same_entry_points(name: str) -> None:
    """Every static method of the real Daily is there."""
    assert callable(getattr(standin.Daily, name))


@pytest.mark.parametrize(
    "kind", ["CustomVideoSource", "VirtualCameraDevice", "VirtualMicrophoneDevice", "NativeVad"]
)
def test_what_is_not_simulated_says_so(kind: str) -> None:
    """Video and local devices fail at once with a clear text."""
    with pytest.raises(NotImplementedError, match="not simulated"):
        getattr(standin, kind)(640, 480)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:9099/room",
        "http://example.daily.co/room",
        "http://10.0.0.1/room",
        "http://127.0.0.1:9099/",
    ],
)
def test_only_rooms_on_loopback_over_http(url: str) -> None:
    """Every address but http://<loopback>/<room> is refused before anything is dialed."""
    with pytest.raises(RoomRefusedError):
        loopback_room(url)
    assert loopback_room("http://localhost:9099/room").path == "/room"


async def test_writing_sound_takes_as_long_as_the_sound_lasts() -> None:
    """Completions come in real time, on another thread, but for the lead that a device takes."""
    source = standin.CustomAudioSource(8000, 1)
    threads: set[str] = set()
    loop = asyncio.get_running_loop()
    began = time.monotonic()
    for _ in range(20):
        written: asyncio.Future[int] = loop.create_future()

        def complete(frames: int, written: asyncio.Future[int] = written) -> None:
            threads.add(threading.current_thread().name)
            loop.call_soon_threadsafe(written.set_result, frames)

        source.write_frames(bytes(640), completion=complete)
        assert await asyncio.wait_for(written, 30) == 320
    took = time.monotonic() - began
    assert took >= 20 * 0.04 - LEAD_S - 0.01
    assert threading.current_thread().name not in threads


class PassedTime:
    """Takes the place of the module `time`: each sleep is over at once, and was as long as it should be."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_late_writer_is_not_slowed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that is a little late each time still plays in real time: nothing adds up."""
    passed = PassedTime()
    monkeypatch.setattr(audio, "time", passed)
    source = standin.CustomAudioSource(8000, 1)
    for _ in range(25):
        source.write_frames(bytes(640))
        passed.sleep(0.005)
    assert passed.now - 100 == pytest.approx(25 * 0.04 - LEAD_S + 0.005)


def test_completions_have_the_arity_of_the_real_ones() -> None:
    """Outside a call start_dialout completes with (None, error), everything else with (error,)."""
    client, got = standin.CallClient(), []
    client.start_dialout({}, completion=lambda *args: got.append(args))
    client.stop_dialout("nobody", completion=lambda *args: got.append(args))
    client.leave(completion=lambda *args: got.append(args))
    client.start_live_stream_with_endpoints([], completion=lambda *args: got.append(args))
    assert [len(args) for args in got] == [2, 1, 1, 1]
    assert got[0][0] is None
    assert "not in a call" in got[0][1]
    assert got[2] == (None,)


async def test_a_join_that_is_refused_completes_with_an_error() -> None:
    """Joining another machine's room fails in the completion, as (None, text), on another thread."""
    client, loop = standin.CallClient(), asyncio.get_running_loop()
    refused: asyncio.Future[tuple[Any, ...]] = loop.create_future()

    def complete(*args: Any) -> None:
        loop.call_soon_threadsafe(refused.set_result, args)

    client.join("https://example.daily.co/room", completion=complete)
    data, error = await asyncio.wait_for(refused, 30)
    assert data is None
    assert "loopback" in error
    client.release()


def test_tracks_are_not_kept_alive() -> None:
    """A track that its bot has dropped is gone, and its pipeline with it."""
    track = standin.CustomAudioTrack(standin.CustomAudioSource(8000, 1))
    gone = weakref.ref(track)
    del track
    gc.collect()
    assert gone() is None


def test_a_canceled_timer_holds_nothing() -> None:
    """Canceling a timer drops its references at once, not when its time comes."""
    handler = standin.EventHandler()
    gone = weakref.ref(handler)
    timer = pacer.after(60.0, print, handler)
    timer.cancel()
    del handler
    gc.collect()
    assert gone() is None


def test_the_speaker_mixes_those_who_have_spoken() -> None:
    """The virtual speaker sums the participants and gives nothing while there is not enough."""
    speaker = standin.Daily.create_speaker_device("test", sample_rate=8000, channels=1, non_blocking=True)
    assert speaker.read_frames(160) == b""
    speaker.feed("one", b"\x01\x00" * 160)
    speaker.feed("two", b"\x02\x00" * 160)
    assert speaker.read_frames(160) == b"\x03\x00" * 160
    speaker.feed("one", b"\x01\x00" * 160)
    speaker.forget("two")
    assert speaker.read_frames(160) == b"\x01\x00" * 160
