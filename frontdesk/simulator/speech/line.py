"""What a phone line does to samples: G.711 companding, rates, loudness. PCM is 16-bit little-endian mono."""

import math
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import soxr

__all__ = [
    "PHONE_RATE", "Law", "Resampler", "Samples", "alaw_decode", "alaw_encode", "g711",
    "mulaw_decode", "mulaw_encode", "resample", "resampled", "rms",
]  # fmt: skip

PHONE_RATE = 8000

Law: TypeAlias = Literal["mulaw", "alaw"]
Samples: TypeAlias = npt.NDArray[np.int16]
_Integers: TypeAlias = npt.NDArray[np.int32]

_MULAW_BIAS = 0x84
_MULAW_CLIP = 32635
_ALAW_INVERTED_BITS = 0x55
_PASSBAND = 0.9
_ZERO_CROSSINGS = 10


def mulaw_encode(pcm: bytes) -> bytes:
    """Compress PCM to G.711 µ-law, one octet a sample (ITU-T G.711, table 2)."""
    return _encoder("mulaw")[_indexes(pcm)].tobytes()


def mulaw_decode(octets: bytes) -> bytes:
    """Expand G.711 µ-law octets to PCM."""
    return _decoder("mulaw")[np.frombuffer(octets, np.uint8)].tobytes()


def alaw_encode(pcm: bytes) -> bytes:
    """Compress PCM to G.711 A-law, one octet a sample (ITU-T G.711, table 1)."""
    return _encoder("alaw")[_indexes(pcm)].tobytes()


def alaw_decode(octets: bytes) -> bytes:
    """Expand G.711 A-law octets to PCM."""
    return _decoder("alaw")[np.frombuffer(octets, np.uint8)].tobytes()


def g711(pcm: bytes, law: Law = "mulaw") -> bytes:
    """Send PCM over a G.711 leg and back: the same samples with the line's quantization."""
    return _round_trip(law)[_indexes(pcm)].tobytes()


def resample(pcm: bytes, from_rate: int, to_rate: int) -> bytes:
    """Change the rate of a complete piece of PCM; for a stream use Resampler."""
    if from_rate == to_rate:
        return pcm
    return resampled(np.frombuffer(pcm, "<i2"), from_rate, to_rate).tobytes()


def resampled(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """Change the rate of 16-bit samples, clipping what overshoots."""
    if from_rate == to_rate or not len(samples):
        return samples
    return _clipped(soxr.resample(samples.astype(np.float32), from_rate, to_rate))


class Resampler:
    """Changes the rate of a stream of PCM chunk by chunk, without a seam and one millisecond late.

    A polyphase filter of windowed sinc functions: block-wise resamplers hold back up to a tenth of a second.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        common = math.gcd(from_rate, to_rate)
        self._up, self._down = to_rate // common, from_rate // common
        self._filter = _polyphase_filter(self._up, self._down)
        self._taps = self._filter.shape[1]
        self._history = np.zeros(self._taps - 1, np.float32)
        self._next = 0

    def feed(self, pcm: bytes) -> bytes:
        """Take a chunk and give as much at the other rate."""
        if self._up == self._down or not pcm:
            return pcm
        chunk = np.frombuffer(pcm, "<i2")
        known = np.concatenate([self._history, chunk], dtype=np.float32)
        end = len(chunk) * self._up
        times = np.arange(self._next, end, self._down)
        self._next += len(times) * self._down - end
        self._history = known[len(chunk) :]
        windows = np.lib.stride_tricks.sliding_window_view(known, self._taps)[times // self._up]
        return _clipped(np.einsum("nk,nk->n", windows, self._filter[times % self._up])).tobytes()


@lru_cache(maxsize=16)
def _polyphase_filter(up: int, down: int) -> npt.NDArray[np.float32]:
    """One filter for each position between two samples: shape (up, taps), each of unit gain."""
    cutoff = min(1.0, up / down) * _PASSBAND
    half = math.ceil(_ZERO_CROSSINGS / min(1.0, up / down))
    away = np.arange(2 * half) - half + 1 - np.arange(up)[:, None] / up
    taps = np.sinc(cutoff * away) * np.cos(np.pi * away / (2 * half + 2)) ** 2
    return np.asarray(taps / taps.sum(axis=1, keepdims=True), np.float32)


def rms(pcm: bytes) -> float:
    """Loudness as the root mean square of the samples, 0 to 32768."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    return float(np.sqrt(np.dot(samples, samples) / len(samples))) if len(samples) else 0.0


def _clipped(samples: npt.NDArray[np.float32]) -> Samples:
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


def _indexes(pcm: bytes) -> npt.NDArray[np.uint16]:
    return np.frombuffer(pcm, "<u2")


@lru_cache(maxsize=2)
def _encoder(law: Law) -> npt.NDArray[np.uint8]:
    """All 65536 samples, in the order of their unsigned bit patterns, as octets."""
    values = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    return _mulaw_octets(values) if law == "mulaw" else _alaw_octets(values)


@lru_cache(maxsize=2)
def _decoder(law: Law) -> Samples:
    octets = np.arange(256, dtype=np.int32)
    return _mulaw_values(octets) if law == "mulaw" else _alaw_values(octets)


@lru_cache(maxsize=2)
def _round_trip(law: Law) -> Samples:
    return _decoder(law)[_encoder(law)]


def _magnitudes(values: _Integers) -> _Integers:
    """Magnitudes as the ITU's reference program takes them: one's complement of negative samples."""
    return np.where(values < 0, ~values, values)


def _mulaw_octets(values: _Integers) -> npt.NDArray[np.uint8]:
    magnitude = np.minimum(_magnitudes(values), _MULAW_CLIP) + _MULAW_BIAS
    segment = np.log2(magnitude).astype(np.int32) - 7
    step = (magnitude >> (segment + 3)) & 0x0F
    sign = np.where(values < 0, 0x80, 0)
    return np.asarray(~(sign | (segment << 4) | step) & 0xFF, np.uint8)


def _mulaw_values(octets: _Integers) -> Samples:
    bits = ~octets & 0xFF
    magnitude = ((((bits & 0x0F) << 3) + _MULAW_BIAS) << ((bits >> 4) & 0x07)) - _MULAW_BIAS
    return np.where(bits & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_octets(values: _Integers) -> npt.NDArray[np.uint8]:
    magnitude = _magnitudes(values) >> 3
    segment = np.maximum(np.log2(np.maximum(magnitude, 1)).astype(np.int32) - 4, 0)
    step = (magnitude >> np.maximum(segment, 1)) & 0x0F
    sign = np.where(values < 0, 0, 0x80)
    return np.asarray((sign | (segment << 4) | step) ^ _ALAW_INVERTED_BITS, np.uint8)


def _alaw_values(octets: _Integers) -> Samples:
    bits = octets ^ _ALAW_INVERTED_BITS
    segment, step = (bits >> 4) & 0x07, (bits & 0x0F) << 4
    magnitude = np.where(segment == 0, step + 8, (step + 0x108) << np.maximum(segment - 1, 0))
    return np.where(bits & 0x80, magnitude, -magnitude).astype(np.int16)
