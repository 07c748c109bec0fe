"""The log-mel front end that musicnn was trained on, in numpy."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from retrieval.base import Float32

__all__ = ["HOP", "N_FFT", "N_MELS", "SAMPLE_RATE", "log_mel"]

SAMPLE_RATE = 16_000
N_FFT = 512
HOP = 256
N_MELS = 96

_LINEAR_HZ = 200.0 / 3.0
_BREAK_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27.0


def log_mel(wave: Float32) -> Float32:
    """Return ``log10(10000 x + 1)`` of the mel power spectrogram, float32 [1 + samples // 256, 96].

    ``wave`` is float32 [samples], 16 kHz, mono. Frames are centred (the wave is mirrored at its ends), 512 samples of a periodic
    Hann window, 256 apart; the 96 mel bands cover 0 to 8 kHz on Slaney's scale, each of unit area, as librosa's.
    """
    half = N_FFT // 2
    mode = "reflect" if len(wave) > half else "constant"
    padded = np.pad(np.asarray(wave, dtype=np.float32), half, mode=mode)  # type: ignore[call-overload]
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]  # [frames, 512]
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window, axis=1)).astype(np.float32) ** 2  # [frames, 257]
    mel: Float32 = np.log10(1e4 * (power @ _filters()) + 1.0).astype(np.float32)
    return mel


def _to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    knee = _BREAK_HZ / _LINEAR_HZ
    return np.where(hz < _BREAK_HZ, hz / _LINEAR_HZ, knee + np.log(np.maximum(hz, 1e-9) / _BREAK_HZ) / _LOG_STEP)


def _to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    knee = _BREAK_HZ / _LINEAR_HZ
    return np.where(mel < knee, mel * _LINEAR_HZ, _BREAK_HZ * np.exp(_LOG_STEP * (mel - knee)))


@cache
def _filters() -> Float32:
    """Return triangular filters, float32 [257, 96]."""
    bins = np.linspace(0, SAMPLE_RATE / 2, N_FFT // 2 + 1)
    top = float(_to_mel(np.array([SAMPLE_RATE / 2]))[0])
    edges = _to_hz(np.linspace(0.0, top, N_MELS + 2))
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rise = (bins[:, None] - lower) / (centre - lower)
    fall = (upper - bins[:, None]) / (upper - centre)
    triangles = np.maximum(0.0, np.minimum(rise, fall)) * (2.0 / (upper - lower))
    return triangles.astype(np.float32)
