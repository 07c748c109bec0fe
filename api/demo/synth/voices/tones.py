"""What the instruments are built from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from api.demo.synth.dsp import SAMPLE_RATE, Wave, decay, phase_of, sine

__all__ = ["additive", "closed", "samples", "vibrato_of"]


def samples(seconds: float) -> int:
    """Return how many samples a tone of ``seconds`` has."""
    return max(64, int(seconds * SAMPLE_RATE))


def vibrato_of(frequency: float, n: int, rate: float, depth: float, delay: float = 0.2) -> NDArray[np.float64]:
    """Return a frequency in Hz, float64 [n], that wavers by the share ``depth`` at ``rate`` Hz, growing over ``delay`` seconds."""
    t = np.arange(n) / SAMPLE_RATE
    return np.asarray(frequency * (1 + depth * np.minimum(1.0, t / (delay + 1e-6)) * np.sin(2 * np.pi * rate * t)))


def additive(frequency: float, n: int, ratios: Sequence[float], heights: Sequence[float], falls: Sequence[float]) -> Wave:
    """Return a sum of partials, each with its frequency ratio, its height, and the seconds in which it dies away."""
    out = np.zeros(n, dtype=np.float32)
    for ratio, height, fall in zip(ratios, heights, falls, strict=True):
        if frequency * ratio < 0.45 * SAMPLE_RATE:
            m = min(n, samples(fall * 1.2))
            out[:m] += np.float32(height) * sine(phase_of(frequency * ratio, m)) * decay(m, fall)
    return out


def closed(wave: Wave, release: float = 0.06, attack: float = 0.002) -> Wave:
    """Return ``wave``, faded in place at both ends (seconds), so that it does not click."""
    up, down = min(len(wave), samples(attack)), min(len(wave), samples(release))
    wave[:up] *= np.linspace(0, 1, up, dtype=np.float32)
    wave[-down:] *= np.linspace(1, 0, down, dtype=np.float32)
    return wave
