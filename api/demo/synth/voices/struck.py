"""Piano, electric piano, bars and bells."""

from __future__ import annotations

import numpy as np

from api.demo.synth.dsp import Wave, biquad, decay, noise, phase_of, sine
from api.demo.synth.voices.tones import additive, closed, samples

__all__ = ["bell", "electric_piano", "music_box", "piano", "vibraphone"]


def piano(frequency: float, seconds: float) -> Wave:
    """Stiff strings: stretched partials that die the sooner the higher they are."""
    n = samples(seconds + 0.25)
    order = np.arange(1, 11)
    ratios = order * np.sqrt(1 + 0.0004 * order**2)
    heights = np.abs(np.sin(np.pi * order / 7.5)) / order**1.1
    base = 4.5 * (220 / frequency) ** 0.5
    falls = base / (1 + 0.35 * (order - 1))
    wave = additive(frequency, n, list(ratios), list(heights), list(falls))
    wave += 0.4 * additive(frequency * 1.0012, n, [1.0, 2.003], [0.5, 0.25], [base, base * 0.7])
    knock = biquad("low", noise(min(n, 900), 3), 900.0) * decay(min(n, 900), 0.02)
    wave[: len(knock)] += 0.25 * knock
    return closed(wave, 0.2)


def electric_piano(frequency: float, seconds: float) -> Wave:
    """Play two operators of frequency modulation (J. Chowning, 1973), like a tine and its pick-up."""
    n = samples(seconds + 0.15)
    tine = sine(phase_of(frequency * 14, n)) * decay(n, 0.25) * 0.25 + sine(phase_of(frequency, n)) * decay(n, 1.5) * 0.8
    tone = np.sin((2 * np.pi * phase_of(frequency, n)).astype(np.float32) + tine)
    return closed(np.asarray(tone * decay(n, 3.0), dtype=np.float32), 0.12)


def vibraphone(frequency: float, seconds: float) -> Wave:
    """Play a metal bar with a slow tremolo."""
    n = samples(seconds + 0.8)
    wave = additive(frequency, n, [1, 4, 9.9], [1, 0.22, 0.08], [3.0, 0.9, 0.15])
    return closed(wave * (1 + 0.25 * sine(phase_of(4.5, n))), 0.3)


def music_box(frequency: float, seconds: float) -> Wave:
    """Combed steel teeth."""
    n = samples(seconds + 1.2)
    wave = additive(frequency, n, [1, 2.0, 5.4, 8.93], [1, 0.18, 0.3, 0.12], [2.2, 1.2, 0.3, 0.12])
    return closed(wave, 0.3, 0.0008)


def bell(frequency: float, seconds: float) -> Wave:
    """Play a glassy bell by frequency modulation."""
    n = samples(seconds + 2.0)
    swing = sine(phase_of(frequency * 3.5, n)) * decay(n, 1.2) * 1.6
    tone = np.sin((2 * np.pi * phase_of(frequency, n)).astype(np.float32) + swing)
    return closed(np.asarray(tone * decay(n, 3.2), dtype=np.float32), 0.4)
