import asyncio
import base64
import json
from typing import Any

import pytest
from pipecat.frames.frames import TTSAudioRawFrame, TTSSpeakFrame, TTSStoppedFrame, TTSTextFrame
from pipecat.pipeline.worker import PipelineParams
from pipecat.services.cartesia.tts import CartesiaTTSService
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.speech.line import mulaw_decode
from frontdesk.simulator.speech.listener import Listener
from frontdesk.simulator.vendors.behavior import Behavior
from tests.simulator.lone_service import served

GOOD = {"X-API-Key": "any-key", "Cartesia-Version": "2026-03-01"}
VOICE = "71a7ad14-091c-4e8e-a314-022ece01c121"


def url(simulator: SimulatorServer) -> str:
    return simulator.base_url.replace("http", "ws") + "/cartesia/tts/websocket"


def request(text: str, context: str = "a", /, **more: Any) -> str:
    body = {
        "model_id": "sonic-3.6",
        "transcript": text,
        "voice": {"mode": "id", "id": VOICE},
        "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 8000},
        "context_id": context,
        "continue": False,
        "max_buffer_delay_ms": 0,
    }
    return json.dumps(body | more)


async def until_done(socket: ClientConnection, *contexts: str) -> list[dict[str, Any]]:
    received: list[dict[str, Any]] = []
    waiting = set(contexts or ("a",))
    async with asyncio.timeout(30):
        while waiting:
            received.append(json.loads(await socket.recv()))
            if received[-1]["type"] in ("done", "error"):
                waiting.discard(received[-1].get("context_id", ""))
    return received


def audio(received: list[dict[str, Any]], context: str = "a") -> bytes:
    chunks = (m for m in received if m["type"] == "chunk" and m["context_id"] == context)
    return b"".join(base64.b64decode(chunk["data"]) for chunk in chunks)


def heard(simulator: SimulatorServer, pcm: bytes, rate: int = 8000) -> str:
    """What a person on the phone would understand of it."""
    listener = Listener(rate, simulator.world.phrasebook.bot_phrases)
    understood = [*listener.feed(pcm), listener.finalize()]
    return " ".join(h.text for h in understood if h)


@pytest.mark.parametrize("rate", [8000, 16000, 24000])
async def test_pipecats_service_speaks(simulator: SimulatorServer, rate: int) -> None:
    """The unchanged Cartesia service gets speech that a person understands, the words of it, and its end."""
    service = CartesiaTTSService(
        api_key="any-key", url=url(simulator), settings=CartesiaTTSService.Settings(voice=VOICE)
    )
    text = "We are open from nine to five. Can I help you with anything else?"
    params = PipelineParams(audio_out_sample_rate=rate)
    frames, _ = await served(service, TTSSpeakFrame(text), TTSStoppedFrame, params=params)
    pcm = b"".join(frame.audio for frame in frames if isinstance(frame, TTSAudioRawFrame))
    assert heard(simulator, pcm, rate) == text
    assert " ".join(frame.text for frame in frames if isinstance(frame, TTSTextFrame)) == text
    assert any(isinstance(frame, TTSStoppedFrame) for frame in frames)


async def test_audio_comes_faster_than_it_is_heard_and_in_chunks(simulator: SimulatorServer) -> None:
    """Several chunks arrive before the speech could have been played, each with its context, then done."""
    async with connect(url(simulator), additional_headers=GOOD) as socket:
        began = asyncio.get_running_loop().time()
        await socket.send(request("Thank you for calling the clinic. How can I help you today? " * 4))
        received = await until_done(socket)
        took = asyncio.get_running_loop().time() - began
    assert len([m for m in received if m["type"] == "chunk"]) > 5
    assert {m["context_id"] for m in received} == {"a"}
    assert took < len(audio(received)) / 16000
    assert (received[-1]["type"], received[-1]["done"]) == ("done", True)


async def test_pieces_of_a_context_become_sentences(simulator: SimulatorServer) -> None:
    """Words that arrive one by one are gathered to sentences, with times that go on through the context."""
    async with connect(url(simulator), additional_headers=GOOD) as socket:
        for word in ("We ", "are ", "open. ", "Good", "bye."):
            extra: dict[str, Any] = {"continue": True, "max_buffer_delay_ms": 3000, "add_timestamps": True}
            await socket.send(request(word, **extra))
        await socket.send(request(""))
        received = await until_done(socket)
    times = [m["word_timestamps"] for m in received if m["type"] == "timestamps"]
    assert [t["words"] for t in times] == [["We", "are", "open."], ["Goodbye."]]
    assert times[1]["start"][0] >= times[0]["end"][-1]
    assert heard(simulator, audio(received)) == "We are open. Goodbye."


async def test_what_is_gathered_is_spoken_when_the_delay_is_over(simulator: SimulatorServer) -> None:
    """An unfinished sentence is spoken after max_buffer_delay_ms, and flush speaks it at once."""
    async with connect(url(simulator), additional_headers=GOOD) as socket, asyncio.timeout(30):
        await socket.send(request("One moment", **{"continue": True, "max_buffer_delay_ms": 50}))
        assert json.loads(await socket.recv())["type"] == "chunk"
        await socket.send(
            request(" please", "b", **{"continue": True, "max_buffer_delay_ms": 5000, "flush": True})
        )
        while (message := json.loads(await socket.recv()))["type"] != "flush_done":
            pass
    assert (message["context_id"], message["flush_id"]) == ("b", 1)


async def test_a_canceled_context_falls_silent(simulator: SimulatorServer) -> None:
    """After a cancel no more audio of that context comes; others go on."""
    long = "This is a very long line. " * 20
    async with connect(url(simulator), additional_headers=GOOD) as socket, asyncio.timeout(30):
        await socket.send(request(long))
        await socket.recv()
        await socket.send(json.dumps({"context_id": "a", "cancel": True}))
        await socket.send(request("Goodbye.", "b"))
        received = await until_done(socket, "b")
    assert "done" not in [m["type"] for m in received if m["context_id"] == "a"]
    assert heard(simulator, audio(received, "b")) == "Goodbye."


async def test_mulaw_and_speed_are_obeyed(simulator: SimulatorServer) -> None:
    """pcm_mulaw gives one octet a sample, and a higher speed shorter speech that is still understood."""
    mulaw = {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000}
    async with connect(url(simulator), additional_headers=GOOD) as socket:
        await socket.send(request("How can I help you today?", output_format=mulaw))
        normal = audio(await until_done(socket))
        fast = request("How can I help you today?", output_format=mulaw, generation_config={"speed": 1.4})
        await socket.send(fast)
        faster = audio(await until_done(socket))
    assert len(faster) < 0.85 * len(normal)
    assert heard(simulator, mulaw_decode(normal)) == "How can I help you today?"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"model_id": "other"}, "invalid_model_id"),
        ({"voice": {"mode": "id", "id": ""}}, "invalid_voice"),
        ({"output_format": {"container": "mp3"}}, "invalid_output_format"),
    ],
)
async def test_bad_requests_are_errors_of_their_context(
    simulator: SimulatorServer, change: dict[str, Any], code: str
) -> None:
    """A bad request is answered with Cartesia's error event, naming the context; the connection goes on."""
    async with connect(url(simulator), additional_headers=GOOD) as socket:
        await socket.send(request("Hello.", **change))
        await socket.send(request("Hello.", "b"))
        received = await until_done(socket, "a", "b")
    errors = [m for m in received if m["type"] == "error"]
    assert [(m["context_id"], m["status_code"], m["error_code"]) for m in errors] == [("a", 400, code)]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Cartesia-Version": "2026-03-01"}, 401),
        ({"X-API-Key": "wrong-key", "Cartesia-Version": "2026-03-01"}, 401),
        ({"X-API-Key": "any-key"}, 400),
    ],
)
async def test_bad_handshakes_are_refused(
    simulator: SimulatorServer, headers: dict[str, str], status: int
) -> None:
    """A wrong key or a missing version is refused at the handshake."""
    with pytest.raises(InvalidStatus) as refused:
        await connect(url(simulator), additional_headers=headers)
    assert refused.value.response.status_code == status


async def test_a_vendor_can_disconnect_in_the_middle(simulator: SimulatorServer) -> None:
    """With the trouble `disconnect` the connection ends instead of the first audio."""
    simulator.world.vendors.behaviors["cartesia"] = Behavior(trouble="disconnect")
    async with connect(url(simulator), additional_headers=GOOD) as socket:
        await socket.send(request("Hello."))
        with pytest.raises(ConnectionClosed):
            await until_done(socket)
