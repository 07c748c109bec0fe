"""Oscillators, envelopes and filters. All waves are mono float32 [samples] at ``SAMPLE_RATE`` unless said otherwise."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import lfilter

__all__ = [
    "SAMPLE_RATE",
    "Wave",
    "adsr",
    "as_wave",
    "biquad",
    "decay",
    "hz",
    "noise",
    "phase_of",
    "pulse",
    "saw",
    "sine",
    "sweep_lowpass",
    "triangle",
]

SAMPLE_RATE = 32_000
"""Samples a second."""

Wave = NDArray[np.float32]

_BLOCK = 512


def as_wave(values: ArrayLike) -> Wave:
    """Return ``values`` as float32."""
    return np.asarray(values, dtype=np.float32)


def hz(midi: float) -> float:
    """Return the frequency in Hz of a MIDI note number (69 is 440 Hz)."""
    return float(440.0 * 2.0 ** ((midi - 69.0) / 12.0))


def phase_of(frequency: float | NDArray[np.float64], n: int, start: float = 0.0) -> NDArray[np.float64]:
    """Return the phase in cycles, 0 to 1, float64 [n], of a steady or moving frequency in Hz (float64 [n])."""
    if isinstance(frequency, np.ndarray):
        return np.asarray((start + np.cumsum(frequency / SAMPLE_RATE)) % 1.0)
    return np.asarray((start + np.arange(n) * (frequency / SAMPLE_RATE)) % 1.0)


def sine(phase: NDArray[np.float64]) -> Wave:
    """Return a sine of a phase in cycles."""
    return as_wave(np.sin((2 * math.pi * phase).astype(np.float32)))


def _smooth_step(phase: NDArray[np.float64], step: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return the two-sample polynomial that takes the alias out of a unit step (polyBLEP, Välimäki and Huovilainen, 2007)."""
    before = np.maximum(0.0, 1.0 - (1.0 - phase) / step)
    after = np.maximum(0.0, 1.0 - phase / step)
    return np.asarray(before**2 - after**2)


def saw(frequency: float | NDArray[np.float64], n: int, start: float = 0.0) -> Wave:
    """Return a band-limited rising saw tooth, -1 to 1."""
    phase = phase_of(frequency, n, start)
    return (2.0 * phase - 1.0 - _smooth_step(phase, frequency / SAMPLE_RATE)).astype(np.float32)


def pulse(frequency: float | NDArray[np.float64], n: int, width: float = 0.5) -> Wave:
    """Return a band-limited pulse wave of duty cycle ``width``, without its constant part."""
    return np.asarray((saw(frequency, n) - saw(frequency, n, width)) * 0.9, dtype=np.float32)


def triangle(frequency: float | NDArray[np.float64], n: int) -> Wave:
    """Return a triangle, -1 to 1."""
    return (4.0 * np.abs(phase_of(frequency, n, 0.25) - 0.5) - 1.0).astype(np.float32)


def noise(n: int, seed: int) -> Wave:
    """Return white noise, -1 to 1, the same for the same seed."""
    return np.random.default_rng(seed).uniform(-1.0, 1.0, n).astype(np.float32)


def decay(n: int, seconds: float) -> Wave:
    """Return an exponential fall to a thousandth within ``seconds``."""
    return as_wave(np.exp(np.arange(n, dtype=np.float32) * np.float32(-6.9 / (seconds * SAMPLE_RATE))))


def adsr(n: int, attack: float, fall: float, sustain: float, release: float) -> Wave:
    """Return an envelope, float32 [n]: ``attack``, ``fall`` and ``release`` in seconds, the release ending at sample ``n``."""
    points = np.array([0.0, attack, attack + fall]) * SAMPLE_RATE
    off = max(1.0, n - release * SAMPLE_RATE)
    body = np.interp(np.arange(n), points, [0.0, 1.0, sustain])
    tail = np.interp(np.arange(n), [off, n], [1.0, 0.0])
    return (body * tail**2).astype(np.float32)


def _coefficients(kind: str, cutoff: float, q: float) -> tuple[list[float], list[float]]:
    """Return the filters of R. Bristow-Johnson's 'Cookbook formulae for audio EQ biquad filter coefficients'."""
    omega = 2 * math.pi * min(cutoff, 0.45 * SAMPLE_RATE) / SAMPLE_RATE
    cosine, alpha = math.cos(omega), math.sin(omega) / (2 * q)
    if kind == "low":
        top = [(1 - cosine) / 2, 1 - cosine, (1 - cosine) / 2]
    elif kind == "high":
        top = [(1 + cosine) / 2, -(1 + cosine), (1 + cosine) / 2]
    else:
        top = [alpha, 0.0, -alpha]
    return [v / (1 + alpha) for v in top], [1.0, -2 * cosine / (1 + alpha), (1 - alpha) / (1 + alpha)]


def biquad(kind: str, wave: Wave, cutoff: float, q: float = 0.707) -> Wave:
    """Return ``wave``, float32 [..., samples], through a ``low``, ``high`` or ``band`` pass at ``cutoff`` Hz."""
    top, bottom = _coefficients(kind, cutoff, q)
    return np.asarray(lfilter(top, bottom, wave, axis=-1), dtype=np.float32)


def sweep_lowpass(wave: Wave, cutoffs: NDArray[np.float64], q: float = 0.9) -> Wave:
    """Return ``wave`` through a low pass whose cutoff in Hz, float64 [samples], moves; held for 16 ms at a time."""
    out = np.empty_like(wave)
    state = np.zeros(2)
    for start in range(0, len(wave), _BLOCK):
        top, bottom = _coefficients("low", float(cutoffs[start]), q)
        out[start : start + _BLOCK], state = lfilter(top, bottom, wave[start : start + _BLOCK], zi=state)
    return out
