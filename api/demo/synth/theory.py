"""Keys, chords and melodies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from palate.errors import InvalidInput

__all__ = ["MODES", "Key", "Note", "melody", "nearest"]

MODES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "blues": (0, 3, 5, 6, 7, 10),
}

_NAMES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True, slots=True)
class Key:
    """A root (pitch class 0 to 11) and a mode."""

    root: int
    mode: str

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read names such as ``F# minor`` or ``Bb pentatonic``; raises :class:`InvalidInput` for others."""
        name, _, mode = text.partition(" ")
        if not name or name[0] not in _NAMES or mode not in MODES or name[1:] not in {"", "#", "b"}:
            raise InvalidInput(f"The key {text!r} is not known.", remedy=f"Write a note and one of: {', '.join(MODES)}.")
        return cls((_NAMES[name[0]] + {"": 0, "#": 1, "b": -1}[name[1:]]) % 12, mode)

    def note(self, degree: int, octave: int = 4) -> int:
        """Return the MIDI note of a scale degree counted from 0; degrees beyond the scale go to other octaves."""
        scale = MODES[self.mode]
        up, step = divmod(degree, len(scale))
        return 12 * (octave + 1 + up) + self.root + scale[step]

    def chord(self, degree: int, octave: int = 4, size: int = 3) -> list[int]:
        """Return ``size`` notes, a third of the scale apart, on a degree."""
        return [self.note(degree + 2 * k, octave) for k in range(size)]


@dataclass(frozen=True, slots=True)
class Note:
    """A MIDI note with its start and length in beats."""

    beat: float
    beats: float
    midi: int


def nearest(midi: int, chord: Sequence[int]) -> int:
    """Return the note of the chord's pitch classes, in any octave, that is nearest to ``midi``."""
    classes = {note % 12 for note in chord}
    return min((m for m in range(midi - 6, midi + 7) if m % 12 in classes), key=lambda m: (abs(m - midi), m), default=midi)


def _contour(rng: np.random.Generator, length: int, leap: int) -> list[int]:
    steps = rng.choice([-2, -1, -1, 1, 1, 2, leap, -leap], size=length)
    return [int(s) for s in steps]


def melody(
    rng: np.random.Generator,
    key: Key,
    chords: Sequence[int],
    rhythms: Sequence[Sequence[float]],
    *,
    octave: int = 5,
    bar: float = 4.0,
    rest: float = 0.08,
    leap: int = 3,
) -> list[Note]:
    """Return a tune over one chord degree a bar.

    Two motifs (a rhythm and a contour each) follow each other as A A B A; strong beats go to the nearest chord tone. A negative
    length in a rhythm is a rest; each rhythm's lengths sum to ``bar`` in absolute value.
    """
    motifs = []
    for _ in range(2):
        rhythm = list(rhythms[int(rng.integers(len(rhythms)))])
        motifs.append((rhythm, _contour(rng, len(rhythm), leap)))
    notes: list[Note] = []
    degree = int(rng.integers(0, 5))
    low, high = -3, 9
    for index, chord in enumerate(chords):
        rhythm, steps = motifs[1 if index % 4 == 2 else 0]
        beat = index * bar
        for length, step in zip(rhythm, steps, strict=True):
            degree += step
            if not low <= degree <= high:
                degree -= 2 * step
            degree = max(low, min(high, degree))
            midi = key.note(degree, octave)
            if beat % 2 == 0:
                midi = nearest(midi, key.chord(chord, octave))
            if length > 0 and rng.random() >= rest:
                notes.append(Note(beat, length, midi))
            beat += abs(length)
    if notes:
        last = notes[-1]
        notes[-1] = Note(last.beat, last.beats, nearest(last.midi, [key.note(0, octave)]))
    return notes
