"""Band energies: what of a piece of speech survives gain, G.711 and a change of rate."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from frontdesk.simulator.speech.line import PHONE_RATE, Samples

__all__ = ["BANDS", "FRAME_S", "HOP", "WINDOW", "Bands", "band_levels", "loudness", "reference_level"]

BANDS = 18
HOP = PHONE_RATE // 50
WINDOW = 2 * HOP
FRAME_S = HOP / PHONE_RATE

Bands: TypeAlias = npt.NDArray[np.float32]

_LOWEST_HZ, _HIGHEST_HZ = 200, 3600


def _band_weights() -> npt.NDArray[np.float32]:
    """Which FFT bins belong to which band: shape (bins, BANDS)."""
    frequencies = np.fft.rfftfreq(WINDOW, 1 / PHONE_RATE)
    edges = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, BANDS + 1)
    inside = (frequencies[:, None] >= edges[:-1]) & (frequencies[:, None] < edges[1:])
    return inside.astype(np.float32)


_WEIGHTS = _band_weights()
_TAPER = np.hanning(WINDOW).astype(np.float32)


def band_levels(samples: Samples) -> Bands:
    """Level in dB of each band in each 20 ms frame of 8 kHz samples: shape (frames, BANDS)."""
    if len(samples) < WINDOW:
        samples = np.pad(samples, (0, WINDOW - len(samples)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    spectra = np.fft.rfft(frames * _TAPER, axis=1)
    power = (spectra.real**2 + spectra.imag**2).astype(np.float32) @ _WEIGHTS
    return np.asarray(10 * np.log10(power + 1e3), np.float32)


def loudness(levels: Bands) -> npt.NDArray[np.float32]:
    """Level in dB of each frame over all bands."""
    return np.asarray(10 * np.log10(np.sum(10 ** (levels / 10), axis=1)), np.float32)


def reference_level(levels: Bands) -> float:
    """The level that the loud frames of a piece of speech reach: what levels are measured against."""
    return float(np.percentile(loudness(levels), 90))
