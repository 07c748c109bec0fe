"""Unpitched instruments: each returns one stroke, a mono wave of about unit height."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from api.demo.synth.dsp import SAMPLE_RATE, Wave, as_wave, biquad, decay, hz, noise, phase_of, pulse, sine

__all__ = ["stroke"]


def _falling(start: float, end: float, glide: float, seconds: float, fall: float) -> Wave:
    n = int(seconds * SAMPLE_RATE)
    sweep = end + (start - end) * np.exp(-np.arange(n) / (glide * SAMPLE_RATE))
    return sine(phase_of(sweep, n)) * decay(n, fall)


def _hiss(seconds: float, fall: float, low: float, seed: int) -> Wave:
    n = int(seconds * SAMPLE_RATE)
    return biquad("high", noise(n, seed), low) * decay(n, fall)


def _kick() -> Wave:
    body = _falling(160, 48, 0.035, 0.35, 0.3)
    body[:300] += 0.4 * noise(300, 1) * decay(300, 0.008)
    return as_wave(np.tanh(1.6 * body))


def _soft_kick() -> Wave:
    return _falling(95, 55, 0.03, 0.25, 0.2)


def _snare() -> Wave:
    wires = _hiss(0.25, 0.2, 1200, 2)
    wires[: int(0.12 * SAMPLE_RATE)] += 0.7 * _falling(240, 180, 0.02, 0.12, 0.1)
    return wires


def _march_snare() -> Wave:
    return _hiss(0.14, 0.12, 2200, 4)


def _brush() -> Wave:
    n = int(0.25 * SAMPLE_RATE)
    swell = np.minimum(1.0, np.arange(n, dtype=np.float32) / 1500)
    return biquad("low", biquad("high", noise(n, 5), 1800), 6000) * swell * decay(n, 0.3)


def _hat() -> Wave:
    return _hiss(0.06, 0.05, 7500, 6)


def _open_hat() -> Wave:
    return _hiss(0.35, 0.35, 7000, 7)


def _ride() -> Wave:
    n = int(0.7 * SAMPLE_RATE)
    metal = sum(pulse(f, n) for f in (3217.0, 4093.0, 5431.0, 6733.0))
    wash = biquad("high", np.asarray(metal, dtype=np.float32), 5000) * 0.15 + 0.35 * biquad("high", noise(n, 8), 6500)
    return np.asarray(wash * decay(n, 0.6), dtype=np.float32)


def _crash() -> Wave:
    return _hiss(1.6, 1.6, 3500, 9)


def _clap() -> Wave:
    n = int(0.3 * SAMPLE_RATE)
    wave = np.zeros(n, dtype=np.float32)
    for start in (0, 320, 640):
        wave[start:] += noise(n, 10)[: n - start] * decay(n - start, 0.03 if start < 640 else 0.2)
    return biquad("band", wave, 1500, 0.8) * np.float32(1.5)


def _shaker() -> Wave:
    n = int(0.09 * SAMPLE_RATE)
    return biquad("high", noise(n, 12), 5500) * np.hanning(n).astype(np.float32)


def _rim() -> Wave:
    n = int(0.06 * SAMPLE_RATE)
    return (sine(phase_of(1750, n)) + 0.7 * sine(phase_of(820, n))) * decay(n, 0.04)


def _bass_drum() -> Wave:
    return _falling(75, 52, 0.05, 0.6, 0.5)


def _block() -> Wave:
    n = int(0.12 * SAMPLE_RATE)
    return (sine(phase_of(hz(84), n)) + 0.4 * sine(phase_of(hz(84) * 2.6, n))) * decay(n, 0.07)


def _gong() -> Wave:
    n = int(2.5 * SAMPLE_RATE)
    wave = np.zeros(n, dtype=np.float32)
    for ratio, height in ((1, 1.0), (1.52, 0.6), (2.31, 0.5), (3.17, 0.35), (4.6, 0.25)):
        wave += np.float32(height) * sine(phase_of(92 * ratio, n)) * decay(n, 3.0 / ratio**0.5)
    return as_wave(wave / 2)


def _chip_snare() -> Wave:
    n = int(0.12 * SAMPLE_RATE)
    return np.repeat(noise(n // 6 + 1, 13), 6)[:n] * decay(n, 0.12)


def _chip_hat() -> Wave:
    n = int(0.03 * SAMPLE_RATE)
    return np.repeat(noise(n // 2 + 1, 14), 2)[:n] * decay(n, 0.03)


_STROKES = {
    "bass_drum": _bass_drum,
    "block": _block,
    "brush": _brush,
    "chip_hat": _chip_hat,
    "chip_snare": _chip_snare,
    "clap": _clap,
    "crash": _crash,
    "gong": _gong,
    "hat": _hat,
    "kick": _kick,
    "march_snare": _march_snare,
    "open_hat": _open_hat,
    "ride": _ride,
    "rim": _rim,
    "shaker": _shaker,
    "snare": _snare,
    "soft_kick": _soft_kick,
}


@lru_cache(maxsize=64)
def stroke(name: str) -> Wave:
    """Return one stroke on an instrument by name, float32 [samples]; shared, so not to be written to."""
    wave = _STROKES[name]().astype(np.float32)
    wave.setflags(write=False)
    return wave
