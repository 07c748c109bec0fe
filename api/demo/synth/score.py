"""Where notes are put in time and mixed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from api.demo.synth.drums import stroke
from api.demo.synth.dsp import SAMPLE_RATE, Wave, hz
from api.demo.synth.theory import Note
from api.demo.synth.voices import Voice

__all__ = ["Score"]


class Score:
    """A piece being written: named buses, each stereo float32 [2, samples].

    Args:
        tempo: Beats a minute.
        beats: Length in beats.
        tail: Seconds after the last beat, for what rings on.
        swing: How late every second half beat comes, as a share of a beat.

    """

    def __init__(self, tempo: float, beats: float, *, tail: float = 1.8, swing: float = 0.0) -> None:
        self.beat_seconds = 60.0 / tempo
        self.beats = beats
        self.swing = swing
        self.samples = int((beats * self.beat_seconds + tail) * SAMPLE_RATE)
        self._buses: dict[str, Wave] = {}
        self._made: dict[tuple[Voice, float, float], Wave] = {}

    def bus(self, name: str) -> Wave:
        """Return a bus, silent when new."""
        if name not in self._buses:
            self._buses[name] = np.zeros((2, self.samples), dtype=np.float32)
        return self._buses[name]

    def add(self, bus: str, wave: Wave, beat: float, gain: float = 1.0, pan: float = 0.0) -> None:
        """Add a mono wave at a beat; ``pan`` goes from -1 (left) to 1 (right) at equal power."""
        late = self.swing if beat % 1.0 == 0.5 else 0.0
        start = int((beat + late) * self.beat_seconds * SAMPLE_RATE)
        part = wave[: max(0, self.samples - start)]
        angle = (pan + 1) * np.pi / 4
        target = self.bus(bus)
        target[0, start : start + len(part)] += np.float32(gain * np.cos(angle)) * part
        target[1, start : start + len(part)] += np.float32(gain * np.sin(angle)) * part

    def play(  # noqa: PLR0917 - notes are read best as lines of one shape
        self, bus: str, voice: Voice, midi: float, beat: float, beats: float, gain: float = 1.0, pan: float = 0.0
    ) -> None:
        """Play one note."""
        key = (voice, midi, round(beats, 4))
        if key not in self._made:
            self._made[key] = voice(hz(midi), beats * self.beat_seconds)
        self.add(bus, self._made[key], beat, gain, pan)

    def tune(self, bus: str, voice: Voice, notes: Sequence[Note], gain: float = 1.0, pan: float = 0.0) -> None:
        """Play notes, the strong beats a little louder."""
        for note in notes:
            self.play(bus, voice, note.midi, note.beat, note.beats, gain * (1.0 if note.beat % 1.0 == 0 else 0.85), pan)

    def hit(self, bus: str, drum: str, beat: float, gain: float = 1.0, pan: float = 0.0) -> None:
        """Strike a drum."""
        self.add(bus, stroke(drum), beat, gain, pan)

    def pattern(self, bus: str, drum: str, steps: str, *, step: float = 0.25, gain: float = 1.0, pan: float = 0.0) -> None:
        """Repeat a pattern to the end: ``X`` loud, ``x`` soft, ``.`` nothing, each ``step`` beats long."""
        index = 0
        while index * step < self.beats:
            mark = steps[index % len(steps)]
            if mark != ".":
                self.hit(bus, drum, index * step, gain * (1.0 if mark == "X" else 0.55), pan)
            index += 1
