import asyncio
import json
from typing import Any

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.worker import PipelineParams
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.tests.utils import SleepFrame
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from frontdesk.simulator.server import SimulatorServer
from frontdesk.simulator.speech.line import mulaw_encode, resample
from frontdesk.simulator.vendors.behavior import Behavior
from tests.simulator.lone_service import Step, served
from tests.simulator.sounds import LINES, quiet, spoken

GOOD = "encoding=linear16&sample_rate=8000&model=nova-3-general&punctuate=true&interim_results=true"
KEY = {"Authorization": "Token any-key"}


def url(simulator: SimulatorServer, query: str = GOOD) -> str:
    return f"{simulator.base_url.replace('http', 'ws')}/deepgram/v1/listen?{query}"


def base_url(simulator: SimulatorServer) -> str:
    return simulator.base_url.replace("http", "ws") + "/deepgram"


async def messages(socket: ClientConnection) -> list[dict[str, Any]]:
    """Everything up to the end of the stream."""
    async with asyncio.timeout(30):
        return [json.loads(message) async for message in socket]


async def transcribed(simulator: SimulatorServer, pcm: bytes, query: str = GOOD) -> list[dict[str, Any]]:
    async with connect(url(simulator, query), additional_headers=KEY) as socket:
        for start in range(0, len(pcm), 320):
            await socket.send(pcm[start : start + 320])
        await socket.send(json.dumps({"type": "CloseStream"}))
        return await messages(socket)


def finals(received: list[dict[str, Any]]) -> str:
    texts = [m["channel"]["alternatives"][0]["transcript"] for m in received if m.get("is_final")]
    return " ".join(filter(None, texts))


def line(text: str, tail_s: float = 0.6) -> bytes:
    return quiet(0.3).tobytes() + spoken(text).tobytes() + quiet(tail_s).tobytes()


async def heard_by_pipecat(
    simulator: SimulatorServer, pcm: bytes, *then: Step, rate: int = 8000
) -> list[Frame]:
    service = DeepgramSTTService(api_key="any-key", base_url=base_url(simulator))
    size = rate // 50 * 2
    audio = [InputAudioRawFrame(pcm[i : i + size], rate, 1) for i in range(0, len(pcm), size)]
    params = PipelineParams(audio_in_sample_rate=rate)
    down, _ = await served(service, *audio, VADUserStoppedSpeakingFrame(), *then, params=params)
    return list(down)


@pytest.mark.parametrize("rate", [8000, 16000])
async def test_pipecats_service_hears_a_patient(simulator: SimulatorServer, rate: int) -> None:
    """The unchanged Deepgram service gets interim results and one finalized transcript from audio alone."""
    simulator.world.phrasebook.add_person_lines(LINES)
    pcm = resample(line(LINES[2], tail_s=0.2), 8000, rate)
    frames = await heard_by_pipecat(simulator, pcm, TranscriptionFrame, rate=rate)
    final = [frame for frame in frames if isinstance(frame, TranscriptionFrame)]
    assert [(frame.text, frame.finalized) for frame in final] == [(LINES[2], True)]
    assert any(
        isinstance(frame, InterimTranscriptionFrame) and LINES[2].startswith(frame.text) for frame in frames
    )


async def test_pipecats_service_hears_nothing_in_unknown_speech(simulator: SimulatorServer) -> None:
    """Speech that is in nobody's script gives the bot no words."""
    simulator.world.phrasebook.add_person_lines(LINES)
    frames = await heard_by_pipecat(
        simulator, line("The weather is nice today.", tail_s=0.2), SleepFrame(1.5)
    )
    assert not [
        frame for frame in frames if isinstance(frame, (TranscriptionFrame, InterimTranscriptionFrame))
    ]


async def test_results_carry_everything_that_the_sdk_needs(simulator: SimulatorServer) -> None:
    """A final result has times, words and metadata; the stream ends with its Metadata message."""
    simulator.world.phrasebook.add_person_lines(LINES)
    received = await transcribed(simulator, line(LINES[1]))
    final = next(m for m in received if m["type"] == "Results" and m["is_final"])
    words = final["channel"]["alternatives"][0]["words"]
    assert final["speech_final"]
    assert final["from_finalize"] is False
    assert [word["punctuated_word"] for word in words] == LINES[1].split()
    assert [word["word"] for word in words][-1] == "cost"
    assert 0.2 < words[0]["start"] < 0.5 < words[-1]["end"] < final["start"] + final["duration"]
    assert set(final["metadata"]["model_info"]) == {"name", "version", "arch"}
    assert received[-1]["type"] == "Metadata"
    assert received[-1]["duration"] == pytest.approx(len(line(LINES[1])) / 16000, abs=0.03)


async def test_finalize_answers_at_once_and_says_so(simulator: SimulatorServer) -> None:
    """Finalize gives what was said so far with from_finalize, also when nothing was said."""
    simulator.world.phrasebook.add_person_lines(LINES)
    async with connect(url(simulator), additional_headers=KEY) as socket:
        await socket.send(line(LINES[0], tail_s=0.1))
        for _ in range(2):
            await socket.send(json.dumps({"type": "Finalize"}))
        await socket.send(json.dumps({"type": "CloseStream"}))
        received = await messages(socket)
    answers = [m for m in received if m.get("from_finalize")]
    assert [m["channel"]["alternatives"][0]["transcript"] for m in answers] == [LINES[0], ""]


async def test_transcripts_are_plain_unless_punctuation_is_asked(simulator: SimulatorServer) -> None:
    """Without punctuate or smart_format a transcript is bare lower case; mu-law is understood too."""
    simulator.world.phrasebook.add_person_lines(LINES)
    octets = mulaw_encode(line(LINES[0]))
    received = await transcribed(simulator, octets, "encoding=mulaw&sample_rate=8000&model=nova-3")
    assert finals(received) == "what are your opening hours"
    assert all(m["type"] != "Results" or m["is_final"] for m in received)


async def test_speech_events_come_when_asked(simulator: SimulatorServer) -> None:
    """vad_events and utterance_end_ms bring SpeechStarted before the words and UtteranceEnd after them."""
    simulator.world.phrasebook.add_person_lines(LINES)
    query = f"{GOOD}&vad_events=true&utterance_end_ms=1000"
    async with connect(url(simulator, query), additional_headers=KEY) as socket:
        pcm = line(LINES[0], tail_s=1.0)
        for start in range(0, len(pcm), 320):
            await socket.send(pcm[start : start + 320])
        async with asyncio.timeout(30):
            kinds: list[str] = []
            last: dict[str, Any] = {}
            while "Results" not in kinds or not last.get("is_final"):
                last = json.loads(await socket.recv())
                kinds.append(last["type"])
            for _ in range(60):
                await socket.send(bytes(320))
            while kinds[-1] != "UtteranceEnd":
                kinds.append(json.loads(await socket.recv())["type"])
    assert kinds[0] == "SpeechStarted"


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        (GOOD, {}, 401),
        (GOOD, {"Authorization": "Token wrong-key"}, 401),
        ("encoding=mp7&sample_rate=8000", KEY, 400),
        ("encoding=linear16&sample_rate=fast", KEY, 400),
        ("encoding=linear16&sample_rate=8000&utterance_end_ms=1000", KEY, 400),
        ("encoding=linear16&sample_rate=8000&model=elsewhere", KEY, 400),
    ],
)
async def test_bad_handshakes_are_refused(
    simulator: SimulatorServer, query: str, headers: dict[str, str], status: int
) -> None:
    """A wrong key or parameter is refused at the handshake, in Deepgram's shape."""
    with pytest.raises(InvalidStatus) as refused:
        await connect(url(simulator, query), additional_headers=headers)
    assert refused.value.response.status_code == status
    assert set(json.loads(refused.value.response.body or b"{}")) == {"err_code", "err_msg", "request_id"}


async def test_a_refusing_vendor_makes_pipecats_service_unusable(simulator: SimulatorServer) -> None:
    """With the trouble `refuse` the bot's service reports a permanent error at once."""
    simulator.world.vendors.behaviors["deepgram"] = Behavior(trouble="refuse", refuse_status=402)
    service = DeepgramSTTService(api_key="any-key", base_url=base_url(simulator))
    _, up = await served(service, ErrorFrame)
    assert any("402" in str(getattr(frame, "error", "")) for frame in up)
    assert simulator.world.vendors.uses["deepgram"] == 1


async def test_a_vendor_can_disconnect_in_the_middle(simulator: SimulatorServer) -> None:
    """With the trouble `disconnect` the connection ends after so many seconds of audio."""
    simulator.world.vendors.behaviors["deepgram"] = Behavior(trouble="disconnect", disconnect_after_s=0.5)
    async with connect(url(simulator), additional_headers=KEY) as socket:
        with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012
            for _ in range(1000):
                await socket.send(bytes(320))
                await asyncio.sleep(0)
            await messages(socket)
            await socket.send(b"")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011


async def test_a_silent_vendor_takes_everything_and_says_nothing(simulator: SimulatorServer) -> None:
    """With the trouble `silence` a stream ends without a single message."""
    simulator.world.phrasebook.add_person_lines(LINES)
    simulator.world.vendors.behaviors["deepgram"] = Behavior(trouble="silence")
    assert await transcribed(simulator, line(LINES[0])) == []


async def test_an_unknown_control_message_is_an_error_and_not_the_end(simulator: SimulatorServer) -> None:
    """Nonsense in a text message is answered with an Error; KeepAlive with nothing; the stream goes on."""
    simulator.world.phrasebook.add_person_lines(LINES)
    async with connect(url(simulator), additional_headers=KEY) as socket:
        await socket.send("nonsense")
        await socket.send(json.dumps({"type": "KeepAlive"}))
        await socket.send(line(LINES[0]))
        await socket.send(json.dumps({"type": "CloseStream"}))
        received = await messages(socket)
    assert received[0]["type"] == "Error"
    assert finals(received) == LINES[0]
