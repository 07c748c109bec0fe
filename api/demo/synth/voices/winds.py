"""Brass, flute, trumpet and organ."""

from __future__ import annotations

import numpy as np

from api.demo.synth.dsp import Wave, adsr, biquad, noise, phase_of, pulse, saw, sine, sweep_lowpass
from api.demo.synth.voices.tones import samples, vibrato_of

__all__ = ["brass", "flute", "organ", "trumpet"]


def brass(frequency: float, seconds: float) -> Wave:
    """Play a horn: the louder, the brighter."""
    n = samples(seconds + 0.05)
    shape = adsr(n, 0.05, 0.15, 0.8, 0.07)
    tone = vibrato_of(frequency, n, 5.0, 0.002, 0.3)
    raw = np.asarray(0.6 * saw(tone, n) + 0.4 * saw(tone * 1.003, n, 0.3), dtype=np.float32)
    return sweep_lowpass(raw, 300 + shape.astype(np.float64) * min(5000.0, frequency * 7), 0.8) * shape


def flute(frequency: float, seconds: float) -> Wave:
    """Play a breathy near-sine with vibrato."""
    n = samples(seconds + 0.06)
    phase = phase_of(vibrato_of(frequency, n, 5.1, 0.006, 0.3), n)
    breath = biquad("band", noise(n, 17), min(9000.0, frequency * 2), 2.0)
    tone = sine(phase) + 0.28 * sine(2 * phase % 1.0) + 0.1 * sine(3 * phase % 1.0) + 0.12 * breath
    return np.asarray(tone * adsr(n, 0.05, 0.1, 0.85, 0.07), dtype=np.float32)


def trumpet(frequency: float, seconds: float) -> Wave:
    """Play a muted trumpet: a nasal band over a bright tone."""
    n = samples(seconds + 0.04)
    raw = pulse(vibrato_of(frequency, n, 5.4, 0.005, 0.25), n, 0.2)
    tone = np.asarray(0.5 * biquad("low", raw, 2600.0) + 0.8 * biquad("band", raw, 1600.0, 1.5), dtype=np.float32)
    return tone * adsr(n, 0.025, 0.1, 0.75, 0.05)


def organ(frequency: float, seconds: float) -> Wave:
    """Drawbars with a turning speaker."""
    n = samples(seconds + 0.04)
    tone = vibrato_of(frequency, n, 6.2, 0.003, 0.01)
    phase = phase_of(tone, n)
    mix = sum(height * sine(ratio * phase % 1.0) for ratio, height in ((0.5, 0.5), (1, 1.0), (1.5, 0.5), (2, 0.5), (3, 0.2)))
    return np.asarray(mix * adsr(n, 0.01, 0.05, 0.95, 0.04) / 2.0, dtype=np.float32)
