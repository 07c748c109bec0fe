"""Rooms, echoes and the last step of a mix. Stereo waves are float32 [2, samples]."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.signal import oaconvolve

from api.demo.synth.dsp import SAMPLE_RATE, Wave, as_wave, biquad

__all__ = ["chorus", "echo", "master", "reverb"]

_LOUDNESS = 0.14
"""Root mean square that a finished piece aims at (about -17 dB of full scale)."""


@lru_cache(maxsize=8)
def _room(seconds: float, damping: float) -> Wave:
    n = int(seconds * SAMPLE_RATE)
    rng = np.random.default_rng(11)
    tail = rng.standard_normal((2, n)).astype(np.float32)
    tail *= np.exp(np.arange(n, dtype=np.float32) * np.float32(-6.9 / n))
    tail = biquad("low", tail, damping)
    tail[:, : int(0.012 * SAMPLE_RATE)] = 0.0
    return np.asarray(tail / np.sqrt((tail**2).sum(axis=1, keepdims=True)), dtype=np.float32)


def reverb(stereo: Wave, seconds: float = 1.4, damping: float = 5000.0) -> Wave:
    """Return only the room's answer to ``stereo``: decaying, darkened noise convolved with it (J. A. Moorer, 1979)."""
    return np.asarray(oaconvolve(stereo, _room(seconds, damping), axes=-1)[:, : stereo.shape[1]], dtype=np.float32)


def echo(stereo: Wave, seconds: float, feedback: float = 0.4, times: int = 4) -> Wave:
    """Return only the echoes of ``stereo``, which change sides."""
    out = np.zeros_like(stereo)
    step = int(seconds * SAMPLE_RATE)
    for turn in range(1, times + 1):
        if turn * step >= stereo.shape[1]:
            break
        heard = stereo[::-1] if turn % 2 else stereo
        out[:, turn * step :] += np.float32(feedback**turn) * heard[:, : -turn * step]
    return out


def chorus(stereo: Wave, depth: float = 0.003, rate: float = 0.6) -> Wave:
    """Return ``stereo`` mixed with copies of itself whose delay, of about ``depth`` seconds, wanders at ``rate`` Hz."""
    n = stereo.shape[1]
    index = np.arange(n, dtype=np.float64)
    out = stereo.copy()
    for side, shift in ((0, 0.0), (1, 0.5)):
        wander = depth * SAMPLE_RATE * (1.2 + np.sin(2 * np.pi * (rate * index / SAMPLE_RATE + shift)))
        out[side] = 0.65 * stereo[side] + 0.5 * np.interp(index - wander, index, stereo[side]).astype(np.float32)
    return out


def master(stereo: Wave) -> Wave:
    """Return ``stereo`` without rumble, at an even loudness, softly limited below full scale, with its ends faded."""
    wave = biquad("high", stereo, 28.0)
    wave *= np.float32(_LOUDNESS / max(1e-9, float(np.sqrt(np.mean(wave**2)))))
    wave = as_wave(0.92 * np.tanh(wave / 0.92))
    fade_in, fade_out = int(0.004 * SAMPLE_RATE), int(0.8 * SAMPLE_RATE)
    wave[:, :fade_in] *= np.linspace(0, 1, fade_in, dtype=np.float32)
    wave[:, -fade_out:] *= np.linspace(1, 0, fade_out, dtype=np.float32) ** 2
    return wave
