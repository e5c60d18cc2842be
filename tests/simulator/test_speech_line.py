from collections.abc import Callable

import numpy as np
import pytest

from frontdesk.simulator.speech.line import (
    Law,
    Resampler,
    alaw_decode,
    alaw_encode,
    g711,
    mulaw_decode,
    mulaw_encode,
    resample,
    rms,
)

EVERY_SAMPLE = np.arange(-32768, 32768).astype("<i2")
# ITU-T G.711 tables 1 and 2: octet, decision value, sample, scaled to 16 bits.
MULAW_VALUES = {0x00: -32124, 0x80: 32124, 0x0F: -16764, 0x8F: 16764, 0xEF: 132, 0x6F: -132, 0xFE: 8, 0xFF: 0}
ALAW_VALUES = {0x2A: -32256, 0xAA: 32256, 0x55: -8, 0xD5: 8, 0xC5: 264, 0x45: -264, 0x80: 5504}


def tone(rate: int, seconds: float = 0.5, hertz: float = 440) -> bytes:
    time = np.arange(round(rate * seconds)) / rate
    return (8000 * np.sin(2 * np.pi * hertz * time)).astype("<i2").tobytes()


@pytest.mark.parametrize(("octet", "sample"), MULAW_VALUES.items())
def test_mulaw_expands_as_the_standard_says(octet: int, sample: int) -> None:
    """µ-law octets of the standard's table expand to the standard's values."""
    assert np.frombuffer(mulaw_decode(bytes([octet])), "<i2")[0] == sample


@pytest.mark.parametrize(("octet", "sample"), ALAW_VALUES.items())
def test_alaw_expands_as_the_standard_says(octet: int, sample: int) -> None:
    """A-law octets of the standard's table expand to the standard's values."""
    assert np.frombuffer(alaw_decode(bytes([octet])), "<i2")[0] == sample


@pytest.mark.parametrize(
    ("encode", "decode", "octets"),
    [
        # 0x7F is µ-law's negative zero: it expands to 0, which is compressed to 0xFF.
        (mulaw_encode, mulaw_decode, bytes(o for o in range(256) if o != 0x7F)),
        (alaw_encode, alaw_decode, bytes(range(256))),
    ],
)
def test_every_octet_survives_expansion_and_compression(
    encode: Callable[[bytes], bytes], decode: Callable[[bytes], bytes], octets: bytes
) -> None:
    """What G.711 can express is expressed by exactly one octet."""
    assert encode(decode(octets)) == octets


@pytest.mark.parametrize("law", ["mulaw", "alaw"])
def test_g711_is_monotonic_and_close(law: Law) -> None:
    """The line never swaps two samples, keeps signs, and errs by at most 1/32 of a sample and a step."""
    out = np.frombuffer(g711(EVERY_SAMPLE.tobytes(), law), "<i2").astype(int)
    values = EVERY_SAMPLE.astype(int)
    inside = np.abs(values) <= 32124
    assert (np.diff(out) >= 0).all()
    assert (np.abs(out - values)[inside] <= np.abs(values)[inside] / 32 + 8).all()


def test_g711_twice_is_g711_once() -> None:
    """A call over two legs of the same law loses nothing more than over one."""
    once = g711(EVERY_SAMPLE.tobytes())
    assert g711(once) == once


@pytest.mark.parametrize(("from_rate", "to_rate"), [(22050, 8000), (8000, 16000), (24000, 8000)])
def test_resampling_keeps_length_and_loudness(from_rate: int, to_rate: int) -> None:
    """A tone has the same duration and loudness at another rate."""
    out = resample(tone(from_rate), from_rate, to_rate)
    assert abs(len(out) / 2 / to_rate - 0.5) < 0.002
    assert rms(out) == pytest.approx(rms(tone(from_rate)), rel=0.02)


@pytest.mark.parametrize(
    ("from_rate", "to_rate"), [(8000, 16000), (16000, 8000), (24000, 8000), (44100, 8000)]
)
def test_a_stream_is_resampled_without_seams_and_delay(from_rate: int, to_rate: int) -> None:
    """Odd chunks of a stream give the whole tone, at once, at most 2 ms late, with next to no distortion."""
    pcm, stream, taken, given = tone(from_rate), Resampler(from_rate, to_rate), 0, b""
    for start in range(0, len(pcm), 322):
        given += stream.feed(pcm[start : start + 322])
        taken = min(start + 322, len(pcm))
        assert abs(len(given) / to_rate - taken / from_rate) <= 2 / to_rate
    got = np.frombuffer(given, "<i2").astype(float)[to_rate // 50 :]
    time = (np.arange(len(got)) + to_rate // 50) / to_rate
    waves = np.stack([np.sin(2 * np.pi * 440 * time), np.cos(2 * np.pi * 440 * time)], 1)
    fit, *_ = np.linalg.lstsq(waves, got, rcond=None)
    delay_s = -np.arctan2(fit[1], fit[0]) / (2 * np.pi * 440)
    assert np.abs(got - waves @ fit).max() < 60
    assert np.hypot(*fit) == pytest.approx(8000, rel=0.01)
    assert 0 <= delay_s % (1 / 440) < 0.002


def test_what_a_lower_rate_cannot_carry_is_removed() -> None:
    """A tone above half the new rate leaves next to nothing, instead of a false tone."""
    assert rms(Resampler(24000, 8000).feed(tone(24000, hertz=6000))) < 100


def test_loudness_of_nothing_and_of_a_tone() -> None:
    """Silence and no samples have loudness 0; a sine of amplitude 8000 has 8000 / √2."""
    assert rms(b"") == rms(bytes(320)) == 0.0
    assert rms(tone(8000)) == pytest.approx(8000 / 2**0.5, rel=0.001)
