"""Blues, jazz trio, bossa nova."""

from __future__ import annotations

from api.demo.synth import effects, voices
from api.demo.synth.dsp import Wave, as_wave
from api.demo.synth.plan import Plan, choose
from api.demo.synth.score import Score
from api.demo.synth.theory import Key, melody, nearest

__all__ = ["blues", "bossa_nova", "jazz"]


def _walk(score: Score, plan: Plan, roots: list[int]) -> None:
    """Play a walking bass: the root, two steps through the chord, and a semitone into the next root."""
    for bar, root in enumerate(roots):
        following = roots[(bar + 1) % len(roots)]
        line = [root, root + choose(plan, [4, 7]), root + choose(plan, [7, 9, 12]), following + choose(plan, [-1, 1])]
        for beat, midi in enumerate(line):
            score.play("bass", voices.upright_bass, midi, bar * 4 + beat, 0.9, 0.8)


def blues(plan: Plan) -> Wave:
    """Write a shuffle: overdriven guitar bending its phrases, organ chords, walking bass, drums."""
    bars = plan.bars()
    score = Score(plan.tempo, bars * 4, tail=1.6, swing=0.16)
    degrees = [0, 5, 0, 0, 5, 5, 0, 0, 7, 5, 0, 7]
    base = 24 + plan.key.root + (12 if plan.key.root < 5 else 0)
    roots = [base + degrees[bar * len(degrees) // bars] for bar in range(bars)]
    _walk(score, plan, roots)
    for bar, root in enumerate(roots):
        for beat, length in ((0, 1.5), (2.5, 1.0)):
            for step in (16, 22, 26):
                score.play("organ", voices.organ, root + step + 12, bar * 4 + beat, length, 0.28, -0.4)
    score.pattern("drums", "ride", "X.xX", step=0.5, gain=0.3, pan=0.4)
    score.pattern("drums", "snare", "..X.", step=0.5, gain=0.4)
    score.pattern("drums", "soft_kick", "X...", step=0.5, gain=0.8)
    rhythms: list[list[float]] = [
        [0.5, 0.5, 1, -2],
        [-0.5, 0.5, 0.5, 0.5, 2],
        [1, 0.5, 0.5, 1, -1],
        [0.5, 0.5, 0.5, 0.5, 1.5, -0.5],
    ]
    tune = melody(plan.rng, Key(plan.key.root, "blues"), [0] * bars, rhythms, octave=4, leap=2, rest=0.03)
    score.tune("guitar", voices.blues_guitar, tune, 0.7, 0.15)
    guitar = score.bus("guitar")
    room = effects.reverb(guitar + score.bus("drums") * 0.4, 1.0, 4500)
    return as_wave(guitar * 0.5 + score.bus("organ") * 0.4 + score.bus("bass") * 0.6 + score.bus("drums") * 0.5 + room * 0.2)


def jazz(plan: Plan) -> Wave:
    """Write a trio in swing: piano chords off the beat and a piano line, walking double bass, ride cymbal and brushes."""
    bars = plan.bars()
    score = Score(plan.tempo, bars * 4, tail=1.6, swing=0.15)
    chords = choose(plan, [[1, 4, 0, 5], [0, 5, 1, 4], [2, 5, 1, 4]])
    _walk(score, plan, [plan.key.note(chords[bar % 4], 1 if plan.key.root > 4 else 2) for bar in range(bars)])
    for beat in range(bars * 4):
        score.hit("drums", "ride", beat, 0.4, 0.4)
        if beat % 2:
            score.hit("drums", "ride", beat + 0.5, 0.25, 0.4)
            score.hit("drums", "hat", beat, 0.2, -0.3)
        score.hit("drums", "brush", beat + 0.25, 0.25 if beat % 2 else 0.12, -0.2)
    for bar in range(bars):
        comp = choose(plan, [(0.5, 2.5), (1.5, 3.0), (0.0, 1.5), (1.5,)])
        for place in comp:
            for midi in plan.key.chord(chords[bar % 4], 3, 5)[1:]:
                score.play("piano", voices.piano, midi, bar * 4 + place, 0.5, 0.26, -0.25)
    rhythms: list[list[float]] = [[0.5] * 6 + [-1], [-1, 0.5, 0.5, 1, 1], [1.5, 0.5, 0.5, 0.5, 1], [0.5, 0.5, 1.5, -0.5, 1]]
    tune = melody(plan.rng, plan.key, [chords[b % 4] for b in range(bars)], rhythms, leap=3)
    score.tune("solo", choose(plan, [voices.piano, voices.piano, voices.vibraphone]), tune, 0.6, 0.1)
    dry = score.bus("piano") + score.bus("solo")
    room = effects.reverb(dry + score.bus("drums") * 0.5, 0.9, 6000)
    return as_wave(dry * 0.6 + score.bus("bass") * 0.65 + score.bus("drums") * 0.55 + room * 0.22)


def bossa_nova(plan: Plan) -> Wave:
    """Write nylon guitar in the bossa pattern, root-and-fifth bass, shaker and rim, a flute on top."""
    bars = plan.bars()
    score = Score(plan.tempo, bars * 4, tail=1.5)
    chords = choose(plan, [[0, 5, 1, 4], [0, 1, 4, 0], [1, 4, 0, 5]])
    for bar in range(bars):
        degree = chords[bar // 2 % 4]
        root = plan.key.note(degree, 1 if plan.key.root > 4 else 2)
        for beat, midi in ((0, root), (1.5, root + 7), (2, root + 7), (3.5, root)):
            score.play("bass", voices.upright_bass, midi, bar * 4 + beat, 1.2 if beat in {0, 2} else 0.5, 0.6)
        places = (0, 1, 2.5, 3.5) if bar % 2 == 0 else (0.5, 1.5, 2.5, 3.5)
        for place in places:
            for midi in plan.key.chord(degree, 3, 5)[1:]:
                score.play("guitar", voices.nylon, nearest(midi, [midi]), bar * 4 + place, 0.7, 0.3, -0.25)
    score.pattern("drums", "shaker", "XxXx", step=0.5, gain=0.3, pan=0.4)
    score.pattern("drums", "rim", "X..X..X...X..X..", gain=0.28, pan=0.2)
    score.pattern("drums", "soft_kick", "X.....XX", gain=0.4)
    rhythms: list[list[float]] = [[1.5, 0.5, 2], [-0.5, 0.5, 1, 0.5, 1.5], [1.5, 1.5, 1], [-1, 1.5, 1.5]]
    score.tune("flute", voices.flute, melody(plan.rng, plan.key, [chords[b // 2 % 4] for b in range(bars)], rhythms), 0.4, 0.15)
    dry = score.bus("guitar") + score.bus("flute")
    return as_wave(dry * 0.65 + score.bus("bass") * 0.6 + score.bus("drums") * 0.55 + effects.reverb(dry, 1.1, 5500) * 0.22)
