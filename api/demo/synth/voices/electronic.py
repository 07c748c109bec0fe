"""Synthesiser and console tones."""

from __future__ import annotations

import numpy as np

from api.demo.synth.dsp import SAMPLE_RATE, Wave, adsr, biquad, phase_of, pulse, saw, sine, sweep_lowpass, triangle
from api.demo.synth.voices.tones import samples, vibrato_of

__all__ = ["acid", "chip_bass", "chip_lead", "chip_square", "lead", "pad", "reese", "stab", "synth_bass"]


def synth_bass(frequency: float, seconds: float) -> Wave:
    """Play a saw and a square an octave below, through a closing filter."""
    n = samples(seconds)
    raw = np.asarray(0.7 * saw(frequency, n) + 0.5 * pulse(frequency / 2, n), dtype=np.float32)
    cutoffs = 180 + 2200 * np.exp(-np.arange(n) / (0.09 * SAMPLE_RATE))
    return sweep_lowpass(raw, cutoffs, 1.6) * adsr(n, 0.003, 0.1, 0.8, 0.03)


def reese(frequency: float, seconds: float) -> Wave:
    """Play the growling bass of drum and bass: three detuned saws, low-passed."""
    n = samples(seconds)
    raw = saw(frequency, n) + saw(frequency * 1.011, n, 0.3) + saw(frequency * 0.989, n, 0.6)
    return biquad("low", np.asarray(raw / 2, dtype=np.float32), 650.0, 1.2) * adsr(n, 0.01, 0.1, 0.9, 0.06)


def acid(frequency: float, seconds: float) -> Wave:
    """Play a resonant saw."""
    n = samples(seconds)
    cutoffs = 300 + 3200 * np.exp(-np.arange(n) / (0.06 * SAMPLE_RATE))
    return sweep_lowpass(saw(frequency, n), cutoffs, 5.0) * adsr(n, 0.002, 0.08, 0.6, 0.02) * np.float32(0.6)


def pad(frequency: float, seconds: float) -> Wave:
    """Soft detuned saws that swell."""
    n = samples(seconds + 1.2)
    raw = saw(frequency * 0.996, n) + saw(frequency * 1.004, n, 0.4) + sine(phase_of(frequency / 2, n))
    rise = min(1.2, seconds / 2)
    return biquad("low", np.asarray(raw / 2.5, dtype=np.float32), min(1100.0, frequency * 4)) * adsr(n, rise, 0.3, 0.9, 1.2)


def lead(frequency: float, seconds: float) -> Wave:
    """Play a singing saw."""
    n = samples(seconds + 0.08)
    tone = vibrato_of(frequency, n, 5.5, 0.006, 0.3)
    raw = np.asarray(0.6 * saw(tone, n) + 0.4 * pulse(tone * 1.004, n, 0.4), dtype=np.float32)
    return biquad("low", raw, 3800.0, 1.0) * adsr(n, 0.015, 0.1, 0.8, 0.08)


def stab(frequency: float, seconds: float) -> Wave:
    """Play a short chord tone of techno."""
    n = samples(min(seconds, 0.35))
    raw = saw(frequency, n) + saw(frequency * 1.007, n, 0.2)
    cutoffs = 250 + 2600 * np.exp(-np.arange(n) / (0.07 * SAMPLE_RATE))
    return sweep_lowpass(np.asarray(raw / 2, dtype=np.float32), cutoffs, 1.5) * adsr(n, 0.004, 0.2, 0.3, 0.08)


def chip_lead(frequency: float, seconds: float) -> Wave:
    """Play a quarter pulse, as of an old console; stepped vibrato."""
    n = samples(seconds)
    return pulse(vibrato_of(frequency, n, 6.0, 0.006, 0.25), n, 0.25) * adsr(n, 0.001, 0.12, 0.6, 0.02)


def chip_square(frequency: float, seconds: float) -> Wave:
    """Play a half pulse for arpeggios."""
    n = samples(seconds)
    return pulse(frequency, n, 0.5) * adsr(n, 0.001, 0.06, 0.5, 0.01)


def chip_bass(frequency: float, seconds: float) -> Wave:
    """Play a triangle in sixteen steps."""
    n = samples(seconds)
    return np.asarray(np.round(triangle(frequency, n) * 7.5) / 7.5 * adsr(n, 0.001, 0.05, 0.9, 0.01), dtype=np.float32)
