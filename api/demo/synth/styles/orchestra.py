"""Film score, march, and music for the guzheng."""

from __future__ import annotations

from api.demo.synth import effects, voices
from api.demo.synth.dsp import Wave, as_wave
from api.demo.synth.plan import Plan, choose
from api.demo.synth.score import Score
from api.demo.synth.theory import melody

__all__ = ["film_score", "guzheng", "march"]


def film_score(plan: Plan) -> Wave:
    """Write low strings drive in eighths, horns carry the theme, sustained strings and bass drum swell under them."""
    bars = plan.bars()
    score = Score(plan.tempo, bars * 4, tail=2.4)
    chords = choose(plan, [[0, 5, 2, 6], [0, 3, 5, 4], [0, 2, 5, 6], [0, 6, 5, 4]])
    for bar in range(bars):
        degree = chords[bar % 4]
        grow = 0.55 + 0.45 * bar / bars
        tones = plan.key.chord(degree, 2)
        for eighth in range(8):
            score.play("drive", voices.spiccato, tones[(0, 2, 1, 2)[eighth % 4]], bar * 4 + eighth / 2, 0.4, 0.7 * grow, -0.3)
        for voice, midi in enumerate(plan.key.chord(degree, 4)):
            score.play("strings", voices.strings, midi, bar * 4, 4, 0.45 * grow, voice * 0.4 - 0.4)
        score.play("strings", voices.strings, plan.key.note(degree, 1), bar * 4, 4, 0.5 * grow, 0.4)
        for beat in (0, 2.5, 3) if bar % 2 else (0,):
            score.hit("drums", "bass_drum", bar * 4 + beat, 0.8 * grow)
    score.hit("drums", "crash", bars * 2, 0.35)
    rhythms: list[list[float]] = [[2, 1, 1], [3, 1], [1.5, 0.5, 2], [1, 1, 2]]
    tune = melody(plan.rng, plan.key, [chords[b % 4] for b in range(bars)], rhythms, octave=3, leap=4, rest=0)
    score.tune("horns", voices.brass, tune, 0.7, 0.2)
    dry = score.bus("drive") * 0.55 + score.bus("strings") * 0.5 + score.bus("horns") * 0.55 + score.bus("drums") * 0.7
    return as_wave(dry + effects.reverb(dry, 2.6, 5000) * 0.4)


def march(plan: Plan) -> Wave:
    """Write piccolo and trumpets in unison thirds over oom-pah brass, snare drum and bass drum."""
    bars = plan.bars(2)
    score = Score(plan.tempo, bars * 2, tail=1.2)
    chords = choose(plan, [[0, 0, 4, 0, 3, 0, 4, 0], [0, 4, 0, 3, 0, 5, 4, 0], [0, 3, 4, 0, 5, 1, 4, 0]])
    per_bar = [chords[bar % 8] for bar in range(bars)]
    for bar, degree in enumerate(per_bar):
        low = plan.key.note(degree, 2)
        score.play("low", voices.brass, low if bar % 2 == 0 else low - 5, bar * 2, 0.5, 0.7, -0.2)
        for beat in (0.5, 1.5):
            for midi in plan.key.chord(degree, 3):
                score.play("low", voices.brass, midi, bar * 2 + beat, 0.25, 0.26, -0.3)
        score.play("low", voices.brass, low + (0 if bar % 2 else -5), bar * 2 + 1, 0.5, 0.6, -0.2)
        score.hit("drums", "bass_drum", bar * 2, 0.7)
        score.hit("drums", "bass_drum", bar * 2 + 1, 0.5)
    score.pattern("drums", "march_snare", choose(plan, ["X.xxX.xx", "X.x.xxX.", "X.xxXxxx"]), gain=0.45, pan=0.2)
    score.pattern("drums", "crash", "X" + "." * 31, gain=0.22)
    rhythms: list[list[float]] = [[1, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5], [0.75, 0.25, 1], [1, 1], [0.75, 0.25, 0.75, 0.25]]
    tune = melody(plan.rng, plan.key, per_bar, rhythms, octave=4, bar=2, rest=0)
    score.tune("tune", voices.trumpet, tune, 0.55, 0.1)
    for note in tune:
        score.play("tune", voices.flute, note.midi + 24, note.beat, note.beats * 0.9, 0.22, 0.4)
    dry = score.bus("low") * 0.5 + score.bus("tune") * 0.55 + score.bus("drums") * 0.6
    return as_wave(dry + effects.reverb(dry, 1.2, 6000) * 0.2)


def guzheng(plan: Plan) -> Wave:
    """Write a Chinese zither in the five-tone scale: a tune with grace notes and runs over open fifths, a distant flute, a gong."""
    bars = plan.bars()
    score = Score(plan.tempo, bars * 4, tail=2.4)
    chords = choose(plan, [[0, 3, 2, 0], [0, 2, 3, 0], [0, 4, 3, 0]])
    score.hit("gong", "gong", 0, 0.35)
    for bar in range(bars):
        root = plan.key.note(chords[bar % 4], 2)
        for beat, midi in ((0, root), (0.5, root + 7), (1, root + 12), (2.5, root + 7)):
            score.play("zheng", voices.zheng, midi, bar * 4 + beat, 1, 0.35, -0.3)
    rhythms: list[list[float]] = [
        [1, 0.5, 0.5, 2],
        [0.5, 0.5, 1, 1, 1],
        [1.5, 0.5, 1, 1],
        [2, 0.5, 0.5, 1],
        [0.25, 0.25, 0.5, 1, 2],
    ]
    tune = melody(plan.rng, plan.key, [chords[b % 4] for b in range(bars)], rhythms, octave=5, leap=2)
    score.tune("zheng", voices.zheng, tune, 0.6, 0.15)
    for note in tune:
        if note.beats >= 2:
            for shake in range(4):
                score.play("zheng", voices.zheng, note.midi, note.beat + 0.5 + shake / 6, 0.2, 0.3, 0.2)
    for bar in range(1, bars, 2):
        for step in range(10):
            score.play("runs", voices.zheng, plan.key.note(9 - step, 5), bar * 4 + 3 + step * 0.09, 0.3, 0.22, 0.5 - step * 0.1)
    flute = [note for index, note in enumerate(tune) if note.beat % 4 == 0 and index]
    for note in flute:
        score.play("flute", voices.flute, note.midi, note.beat, 3, 0.22, 0.4)
    dry = score.bus("zheng") * 0.7 + score.bus("runs") * 0.6 + score.bus("gong")
    return as_wave(dry + score.bus("flute") * 0.4 + effects.reverb(dry + score.bus("flute"), 1.9, 6500) * 0.3)
