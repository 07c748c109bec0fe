"""Plucked and bowed strings."""

from __future__ import annotations

import numpy as np

from api.demo.synth.dsp import SAMPLE_RATE, Wave, adsr, as_wave, biquad, noise, saw
from api.demo.synth.voices.tones import additive, closed, samples, vibrato_of

__all__ = ["blues_guitar", "harpsichord", "nylon", "plucked", "spiccato", "strings", "upright_bass", "zheng"]


def plucked(
    frequency: float, seconds: float, *, bright: float, fall: float, bend: float = 0.0, vibrato: float = 0.0, seed: int = 5
) -> Wave:
    """Return a plucked string (Karplus and Strong, 1983).

    Args:
        frequency: Hz.
        seconds: Length.
        bright: Cutoff in Hz of the noise that excites the string.
        fall: Seconds in which the string dies away.
        bend: Semitones below the pitch at which it starts, gliding up in 0.12 s.
        vibrato: Depth in semitones, growing after 0.3 s.
        seed: Of the exciting noise.

    """
    n = samples(seconds)
    period = max(8, round(SAMPLE_RATE / frequency))
    rows = int(n * 1.1 / period) + 3
    row = biquad("low", np.tile(noise(period, seed), 2), bright)[period:]
    row = row - row.mean()
    row /= np.float32(np.abs(row).max() + 1e-9)
    keep = np.float32(10 ** (-3 / max(1.0, frequency * fall)))
    string = np.empty((rows, period), dtype=np.float32)
    for index in range(rows):
        string[index] = row
        row = keep * (np.float32(0.5) * (row + np.roll(row, 1)))
    flat = string.ravel()
    # The delay line gives whole samples plus one half only: read it at the exact speed.
    speed = np.full(n, frequency * (period + 0.5) / SAMPLE_RATE)
    t = np.arange(n) / SAMPLE_RATE
    if bend:
        speed *= 2 ** (-bend / 12 * np.maximum(0.0, 1 - t / 0.12))
    if vibrato:
        speed *= 2 ** (vibrato / 12 * np.clip((t - 0.3) / 0.3, 0, 1) * np.sin(2 * np.pi * 5.2 * t))
    where = np.minimum(np.cumsum(speed), len(flat) - 1)
    return closed(np.interp(where, np.arange(len(flat)), flat).astype(np.float32), 0.08, 0.001)


def harpsichord(frequency: float, seconds: float) -> Wave:
    """Two bright choirs of strings, an octave apart."""
    low = plucked(frequency, seconds + 0.1, bright=11_000, fall=3.0)
    high = plucked(frequency * 2, seconds + 0.1, bright=12_000, fall=2.0, seed=6)
    return np.asarray(biquad("high", low + 0.45 * high, 200.0), dtype=np.float32)


def nylon(frequency: float, seconds: float) -> Wave:
    """Play a classical guitar."""
    return biquad("low", plucked(frequency, seconds + 0.3, bright=2200, fall=2.5), 3500.0)


def blues_guitar(frequency: float, seconds: float) -> Wave:
    """Play an overdriven electric guitar that bends into its notes."""
    string = plucked(frequency, seconds + 0.15, bright=5000, fall=6.0, bend=1.0, vibrato=0.35)
    return biquad("low", np.tanh(3.5 * string).astype(np.float32), 3200.0)


def zheng(frequency: float, seconds: float) -> Wave:
    """Play a Chinese zither: bright, long, pressed behind the bridge for vibrato."""
    return plucked(frequency, seconds + 1.2, bright=8000, fall=4.5, bend=0.25, vibrato=0.4, seed=8)


def upright_bass(frequency: float, seconds: float) -> Wave:
    """Play a plucked double bass."""
    n = samples(seconds + 0.05)
    wave = additive(frequency, n, [1, 2, 3, 4, 5], [1, 0.6, 0.35, 0.15, 0.08], [1.6, 1.0, 0.6, 0.35, 0.2])
    return closed(wave, 0.05, 0.006)


def strings(frequency: float, seconds: float) -> Wave:
    """Play a section: four saws, each with a vibrato of its own."""
    n = samples(seconds + 0.25)
    raw = np.zeros(n, dtype=np.float32)
    for player, (detune, rate) in enumerate(((0.997, 4.7), (1.0, 5.3), (1.003, 5.9), (1.0015, 5.0))):
        raw += saw(vibrato_of(frequency * detune, n, rate, 0.0035, 0.35), n, player / 4)
    body = biquad("low", as_wave(raw / 4), min(4200.0, 900 + frequency * 3))
    return np.asarray(body * adsr(n, min(0.14, seconds / 3), 0.2, 0.85, 0.25), dtype=np.float32)


def spiccato(frequency: float, seconds: float) -> Wave:
    """Play the same section with bouncing bows."""
    n = samples(min(seconds, 0.22))
    raw = saw(frequency * 0.998, n) + saw(frequency * 1.002, n, 0.5)
    return np.asarray(biquad("low", as_wave(raw / 2), 2600.0) * adsr(n, 0.012, 0.12, 0.35, 0.06), dtype=np.float32)
