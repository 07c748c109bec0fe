"""Fourteen ways to write a piece. Each takes a plan and returns an unmastered stereo wave, float32 [2, samples]."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from api.demo.synth.dsp import Wave
from api.demo.synth.plan import Plan
from api.demo.synth.styles import band, electronic, keys, orchestra

__all__ = ["STYLES"]

STYLES: Mapping[str, Callable[[Plan], Wave]] = {
    "Ambient": electronic.ambient,
    "Baroque": keys.baroque,
    "Blues": band.blues,
    "Bossa Nova": band.bossa_nova,
    "Chiptune": electronic.chiptune,
    "Drum and Bass": electronic.drum_and_bass,
    "Film Score": orchestra.film_score,
    "Guzheng": orchestra.guzheng,
    "Jazz": band.jazz,
    "Lullaby": keys.lullaby,
    "March": orchestra.march,
    "Piano": keys.piano,
    "Synthwave": electronic.synthwave,
    "Techno": electronic.techno,
}
