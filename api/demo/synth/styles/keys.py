"""Baroque harpsichord, piano ballad, lullaby for a music box."""

from __future__ import annotations

from api.demo.synth import effects, voices
from api.demo.synth.dsp import Wave, as_wave
from api.demo.synth.plan import Plan, choose
from api.demo.synth.score import Score
from api.demo.synth.theory import melody

__all__ = ["baroque", "lullaby", "piano"]


def baroque(plan: Plan) -> Wave:
    """Write two harpsichord voices: running sixteenths in sequence over a walking bass, closing in a full chord."""
    bars = plan.bars()
    score = Score(plan.tempo, bars * 4, tail=1.6)
    circle = choose(plan, [[0, 3, 6, 2, 5, 1, 4, 0], [0, 4, 5, 2, 3, 0, 3, 4], [0, 5, 1, 4, 2, 5, 4, 0]])
    figure = choose(plan, [[0, 2, 4, 2], [4, 2, 0, 2], [0, 1, 2, 4], [7, 4, 2, 4]])
    turn = choose(plan, [[0, -1, 0, 2], [2, 1, 0, 1], [4, 3, 2, 1]])
    for half in range(bars * 2 - 1):
        degree = circle[half % 8]
        steps = figure + (turn if half % 2 else figure[::-1])
        for index, step in enumerate(steps):
            score.play("right", voices.harpsichord, plan.key.note(degree + step, 4), half * 2 + index / 4, 0.28, 0.5, 0.25)
        for index in range(4):
            walk = (0, 2, 4, 2)[index] if half % 2 else (0, -1, 0, 1)[index]
            score.play("left", voices.harpsichord, plan.key.note(degree + walk, 2), half * 2 + index / 2, 0.55, 0.55, -0.3)
    for spread, midi in enumerate([plan.key.note(0, 2), *plan.key.chord(0, 3), plan.key.note(0, 5)]):
        score.play("right", voices.harpsichord, midi, bars * 4 - 2 + spread * 0.06, 2, 0.5)
    dry = score.bus("right") + score.bus("left")
    return as_wave(dry * 0.7 + effects.reverb(dry, 1.3, 6000) * 0.22)


def piano(plan: Plan) -> Wave:
    """Write a slow tune for piano alone over broken chords."""
    bars = plan.bars()
    score = Score(plan.tempo, bars * 4, tail=2.2)
    chords = choose(plan, [[0, 5, 3, 4], [0, 4, 5, 3], [5, 3, 0, 4], [3, 0, 4, 5]])
    shape = choose(plan, [[0, 4, 7, 9, 11, 9, 7, 4], [0, 4, 7, 4, 9, 7, 4, 7], [0, 7, 4, 9, 7, 11, 9, 7]])
    for bar in range(bars):
        degree = chords[bar % 4]
        for eighth, step in enumerate(shape):
            loud = 0.5 if eighth == 0 else 0.26 + 0.06 * plan.rng.random()
            score.play("left", voices.piano, plan.key.note(degree + step, 2), bar * 4 + eighth / 2, 1.8, loud, -0.2)
    rhythms: list[list[float]] = [[2, 1, 1], [1.5, 0.5, 2], [-1, 1, 1, 1], [3, 1], [1, 0.5, 0.5, 2]]
    score.tune("right", voices.piano, melody(plan.rng, plan.key, [chords[b % 4] for b in range(bars)], rhythms), 0.75, 0.15)
    dry = score.bus("left") + score.bus("right")
    return as_wave(dry * 0.7 + effects.reverb(dry, 2.2, 4500) * 0.35)


def lullaby(plan: Plan) -> Wave:
    """Write a music box in three-four time: a tune, and single low teeth under it."""
    bars = plan.bars(3)
    score = Score(plan.tempo, bars * 3, tail=2.2)
    chords = choose(plan, [[0, 3, 0, 4], [0, 5, 3, 4], [0, 4, 3, 0]])
    for bar in range(bars):
        root, third, fifth = plan.key.chord(chords[bar % 4], 4)
        for beat, midi in ((0, root), (1, third + 12), (2, fifth)):
            score.play("low", voices.music_box, midi, bar * 3 + beat, 1, 0.4, -0.3)
    rhythms: list[list[float]] = [[1, 1, 1], [2, 1], [1, 0.5, 0.5, 1], [1.5, 0.5, 1]]
    tune = melody(plan.rng, plan.key, [chords[b % 4] for b in range(bars)], rhythms, octave=6, bar=3, leap=2)
    score.tune("high", voices.music_box, tune, 0.6, 0.2)
    dry = score.bus("low") + score.bus("high")
    return as_wave(dry * 0.6 + effects.reverb(dry, 1.8, 7000) * 0.4)
