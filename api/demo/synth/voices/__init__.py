"""Pitched instruments: each maps a frequency in Hz and a length in seconds to a mono wave of about unit height."""

from __future__ import annotations

from collections.abc import Callable

from api.demo.synth.dsp import Wave
from api.demo.synth.voices.electronic import acid, chip_bass, chip_lead, chip_square, lead, pad, reese, stab, synth_bass
from api.demo.synth.voices.strings import blues_guitar, harpsichord, nylon, plucked, spiccato, strings, upright_bass, zheng
from api.demo.synth.voices.struck import bell, electric_piano, music_box, piano, vibraphone
from api.demo.synth.voices.winds import brass, flute, organ, trumpet

__all__ = [
    "Voice",
    "acid",
    "bell",
    "blues_guitar",
    "brass",
    "chip_bass",
    "chip_lead",
    "chip_square",
    "electric_piano",
    "flute",
    "harpsichord",
    "lead",
    "music_box",
    "nylon",
    "organ",
    "pad",
    "piano",
    "plucked",
    "reese",
    "spiccato",
    "stab",
    "strings",
    "synth_bass",
    "trumpet",
    "upright_bass",
    "vibraphone",
    "zheng",
]

Voice = Callable[[float, float], Wave]
