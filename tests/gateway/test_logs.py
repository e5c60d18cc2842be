"""What may stand in a log."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from loguru import logger
from pydantic import ValidationError

from frontdesk.calls.filters import CallFilters
from frontdesk.logs import call_context, configure_logging, mask
from tests.gateway.conftest import Configure
from tests.gateway.far import Answer, Far
from tests.gateway.gate import incoming, serving


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    yield io.StringIO()
    configure_logging()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call +12025550123 now", "call +[number] now"),
        ("(202) 555-0123 and 202.555.0123", "([number] and [number]"),
        ("sip:+12025550123@carrier", "sip:+[number]@carrier"),
        ("sip:12025550123@carrier", "sip:[number]@carrier"),
        ("to +12025550123: busy", "to +[number]: busy"),
        ("dialed+12025550123x", "dialed+[number]x"),
        ("{'to':'+12025550123'}", "{'to':'+[number]'}"),
        ("12025550123", "[number]"),
        ("got eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl!", "got [jwt]!"),
        ("Authorization: Bearer abc.def", "Authorization: [credentials]"),
        ("Authorization: Token 0a1b2c3d4e", "Authorization: [credentials]"),
        ("sk-proj-abcdefgh12345678", "[key]"),
        ("pk_0123456789abcdef", "[key]"),
        ("fdk_0123456789ab_" + "x" * 43, "[key]"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw+/=", "[key]"),
        ("at postgresql://frontdesk:p:w/d@books/db", "at postgresql://[password]@books/db"),
        ("Joining https://clinic.daily.co/pipecat-telephony-1a2b3c4d", "Joining [room]"),
        ("POST https://api.daily.co/v1/rooms", "POST https://api.daily.co/v1/rooms"),
    ],
)
def test_secrets_and_numbers_are_masked(text: str, masked: str) -> None:
    """Numbers in any usual form, tokens and keys are replaced by what they are."""
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20",
        "2026-11-20 10:33:56",
        "2026-11-20T10:33:56.123456+00:00",
        "took 1234.567891 ms",
        "127.0.0.1:8080",
        "192.168.100.200",
        "0d6bb1a4-2f0e-4b51-9a53-6f1c2c5a7e10",
        "12345678-1234-4123-8123-123456789012",
        "pipecat-telephony-1a2b3c4d",
        "12345678-1234-4abc-8123-123456789012",
        "room 200 OK 201",
        "Daily gave no token for it",
    ],
)
def test_what_is_no_number_stays(text: str) -> None:
    """Dates, times, durations, addresses and ids can be read."""
    assert mask(text) == text


def test_production_writes_json(stream: io.StringIO) -> None:
    """In production each line is one JSON object with time, level, call id and the given members."""
    configure_logging(production=True, stream=stream)
    with call_context("call-7"):
        logger.info("bot started", room="room-1", launch_ms=12)
    logger.warning("no call")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    first, second = (line for line in lines if line["logger"] == __name__)
    assert first["message"] == "bot started"
    assert (first["call_id"], first["room"], first["launch_ms"], first["level"]) == (
        "call-7",
        "room-1",
        12,
        "INFO",
    )
    assert second["call_id"] == "-"


@pytest.mark.parametrize("production", [True, False])
def test_everything_is_masked(stream: io.StringIO, *, production: bool) -> None:
    """Messages, bound members and exceptions are masked, and no variable of a traceback is shown."""
    configure_logging(production=production, stream=stream)
    logger.info("calling {}", "+12025550123", to="+12025550124")
    number = "+12025550125"
    try:
        int(number + "x")
    except ValueError:
        logger.exception("failed")
    text = stream.getvalue()
    assert "calling" in text
    assert "202555012" not in text


@pytest.mark.parametrize("production", [True, False])
def test_errors_that_quote_are_not_quoted(stream: io.StringIO, *, production: bool) -> None:
    """Of an error whose text may show what it was given, or that stems from one, only the class is logged."""
    configure_logging(production=production, stream=stream)
    said = "lovelace".title()
    try:
        try:
            CallFilters.model_validate({"limit": said})
        except ValidationError as error:
            raise RuntimeError(said) from error
    except RuntimeError:
        logger.exception("failed")
    text = stream.getvalue()
    assert "UnquotedError" in text
    assert "RuntimeError" in text
    assert said not in text


def test_the_standard_librarys_lines_come_along(stream: io.StringIO) -> None:
    """Lines of uvicorn, aiohttp and others go through the same sink, with the call id and masked."""
    logging.getLogger("uvicorn.error").setLevel("CRITICAL")  # as another server in the process may have
    configure_logging(production=True, stream=stream)
    with call_context("call-8"):
        logging.getLogger("uvicorn.error").warning("peer %s", "+12025550123")
        logging.getLogger("aiohttp.client").error("lost")
    lines = {line["logger"]: line for line in map(json.loads, stream.getvalue().splitlines())}
    assert lines["uvicorn.error"]["message"] == "peer +[number]"
    assert lines["aiohttp.client"]["message"] == "lost"
    assert {lines[name]["call_id"] for name in ("uvicorn.error", "aiohttp.client")} == {"call-8"}


def test_pipecats_talkative_modules_are_silent(stream: io.StringIO) -> None:
    """What pipecat logs about rooms and start requests, with tokens and numbers, is not written."""
    configure_logging(level="TRACE", stream=stream)
    exec(
        compile("from loguru import logger; logger.info('token')", "daily.py", "exec"),
        {"__name__": "pipecat.runner.daily"},
    )
    assert stream.getvalue() == ""


async def test_calls_leave_nothing_personal(configure: Configure, far: Far, stream: io.StringIO) -> None:
    """Calls leave one line per started bot in the log, with the call's id, and nothing personal."""
    far.starts.extend([Answer(), Answer(400)])
    async with serving(configure(log_level="TRACE")) as gateway:
        configure_logging(level="INFO", production=True, stream=stream)
        first = await gateway.ring(incoming(sipHeaders={"X-Name": "Ada Lovelace"}))
        await gateway.ring(incoming())
        await gateway.dial({"dialout_settings": {"phone_number": "+12025550123"}})
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    started = [line for line in lines if line["message"] == "bot started"]
    assert [line["direction"] for line in started] == ["inbound", "outbound"]
    assert started[0]["call_id"] == first.body["call_id"]
    assert [line for line in lines if line["level"] == "ERROR" and line["call_id"] != "-"]
    for secret in ("2025550123", "4155550100", "eyJ", "Lovelace", "daily-key", "test-key"):
        assert secret not in stream.getvalue()
