"""Ambient, techno, synthwave, drum and bass, chiptune."""

from __future__ import annotations

import numpy as np

from api.demo.synth import effects, voices
from api.demo.synth.dsp import SAMPLE_RATE, Wave, as_wave
from api.demo.synth.plan import Plan, choose
from api.demo.synth.score import Score
from api.demo.synth.theory import melody

__all__ = ["ambient", "chiptune", "drum_and_bass", "synthwave", "techno"]


def _ducked(score: Score, wave: Wave, depth: float) -> Wave:
    """Return ``wave`` pushed down on each beat, as a compressor keyed by the kick does."""
    phase = (np.arange(wave.shape[1]) / (score.beat_seconds * SAMPLE_RATE)) % 1.0
    return np.asarray(wave * (1 - depth * np.exp(-phase * 5)), dtype=np.float32)


def ambient(plan: Plan) -> Wave:
    """Write swelling pads under sparse glass bells in a very large room; no drums."""
    bars = plan.bars()
    score = Score(plan.tempo, bars * 4, tail=2.5)
    chords = choose(plan, [[0, 5, 3, 4], [0, 3, 0, 5], [5, 3, 0, 4], [0, 1, 0, 3]])
    for bar in range(0, bars, 2):
        degree = chords[bar // 2 % 4]
        for voice, midi in enumerate([plan.key.note(degree, 2), *plan.key.chord(degree, 3, 4)]):
            score.play("pad", voices.pad, midi, bar * 4, 8, 0.9 if voice == 0 else 0.55, (voice - 2) * 0.35)
    for beat in np.flatnonzero(plan.rng.random(bars * 4) < 0.4):
        degree = chords[int(beat) // 8 % 4]
        midi = plan.key.note(degree + int(choose(plan, [0, 2, 4, 6, 7])), 5)
        score.play("bells", voices.bell, midi, float(beat), 2, 0.3 + 0.3 * plan.rng.random(), plan.rng.uniform(-0.8, 0.8))
    pad, bells = effects.chorus(score.bus("pad")), score.bus("bells")
    bells = bells + effects.echo(bells, score.beat_seconds * 0.75, 0.5, 5)
    return as_wave(pad * 0.6 + bells * 0.35 + 0.9 * effects.reverb(pad * 0.5 + bells, 3.5, 4000))


def techno(plan: Plan) -> Wave:
    """Write four to the floor, off-beat hats, claps, a resonant bass figure in sixteenths, short minor chords with echoes."""
    bars = plan.bars()
    score = Score(plan.tempo, bars * 4, tail=1.2)
    score.pattern("drums", "kick", "X...", gain=1.0)
    score.pattern("drums", "hat", choose(plan, ["..X.", "x.Xx", ".xX."]), gain=0.35, pan=0.2)
    score.pattern("drums", "open_hat", "..X.", gain=0.25, pan=-0.2)
    score.pattern("drums", "clap", "....X...", gain=0.5)
    figure = [int(choose(plan, [0, 0, 0, 7, 12, 3])) if plan.rng.random() < 0.75 else None for _ in range(16)]
    root = plan.key.note(0, 1 if plan.key.root > 5 else 2)
    for step in range(bars * 16):
        jump = figure[step % 16]
        if jump is not None and step % 4:
            score.play("bass", voices.acid, root + jump, step / 4, 0.22, 0.7)
    places = choose(plan, [(0.75, 2.5), (1.5, 3.25), (0.5, 1.25, 3.5)])
    for bar in range(bars):
        for place in places:
            for midi in plan.key.chord(0 if bar % 4 < 3 else 3, 4, 4):
                score.play("stab", voices.stab, midi, bar * 4 + place, 0.4, 0.3)
    stab = score.bus("stab")
    stab = stab + effects.echo(stab, score.beat_seconds * 0.75, 0.55)
    return as_wave(
        score.bus("drums") * 0.8 + _ducked(score, score.bus("bass") * 0.55 + stab * 0.6 + effects.reverb(stab, 1.6) * 0.4, 0.6)
    )


def synthwave(plan: Plan) -> Wave:
    """Write octave bass in eighths, big snare, wide pads, arpeggios and a singing saw lead."""
    bars = plan.bars()
    score = Score(plan.tempo, bars * 4, tail=1.6)
    chords = choose(plan, [[0, 5, 2, 6], [5, 6, 0, 0], [0, 3, 5, 4]])
    score.pattern("drums", "kick", "X...x...")
    score.pattern("drums", "snare", "....X...", gain=0.8)
    score.pattern("drums", "hat", "x.X.", gain=0.22, pan=0.3)
    for bar in range(bars):
        degree = chords[bar % 4]
        for eighth in range(8):
            score.play("bass", voices.synth_bass, plan.key.note(degree, 2) + 12 * (eighth % 2), bar * 4 + eighth / 2, 0.42, 0.7)
        for midi in plan.key.chord(degree, 3):
            score.play("pad", voices.pad, midi, bar * 4, 4, 0.5)
        tones = plan.key.chord(degree, 5)
        for step in range(16):
            score.play("arp", voices.chip_square, tones[(0, 1, 2, 1)[step % 4]], bar * 4 + step / 4, 0.2, 0.3, 0.6 * (-1) ** step)
    rhythms: list[list[float]] = [[1.5, 0.5, 2], [1, 1, 2], [0.5, 0.5, 1, 2], [3, 0.5, 0.5]]
    score.tune("lead", voices.lead, melody(plan.rng, plan.key, [chords[b % 4] for b in range(bars)], rhythms), 0.6)
    lead, snare = score.bus("lead"), score.bus("drums")
    lead = lead + effects.echo(lead, score.beat_seconds * 0.75, 0.45)
    back = _ducked(score, effects.chorus(score.bus("pad")) * 0.5 + score.bus("bass") * 0.45, 0.4)
    room = effects.reverb(lead * 0.4 + snare * 0.25 + score.bus("arp") * 0.3, 1.8)
    return as_wave(snare * 0.7 + back + score.bus("arp") * 0.25 + lead * 0.4 + room)


def drum_and_bass(plan: Plan) -> Wave:
    """Write a broken beat at full speed over a slow growling bass and cold pads."""
    bars = plan.bars()
    score = Score(plan.tempo, bars * 4, tail=1.2)
    kick, snare = choose(
        plan,
        [
            ("X.........X.....", "....X..x.x..X..x"),
            ("X..x......X.....", "....X.......X.x."),
            ("X.x.......X..x..", "....X..x....X..."),
        ],
    )
    score.pattern("drums", "kick", kick)
    score.pattern("drums", "snare", snare, gain=0.85)
    score.pattern("drums", "hat", "X.x.", gain=0.4, pan=0.25)
    score.pattern("drums", "ride", "....x...", gain=0.25, pan=-0.4)
    chords = choose(plan, [[0, 5, 3, 6], [0, 0, 5, 4], [3, 0, 5, 0]])
    for bar in range(0, bars, 2):
        degree = chords[bar // 2 % 4]
        low = plan.key.note(degree, 1 if plan.key.root > 4 else 2)
        for beat, length, jump in ((0, 2.5, 0), (2.75, 1, 12), (4, 1.5, 0), (6, 0.75, 7), (7, 0.75, 10)):
            score.play("bass", voices.reese, low + jump, bar * 4 + beat, length, 0.8)
        for midi in plan.key.chord(degree, 4, 4):
            score.play("pad", voices.pad, midi, bar * 4, 8, 0.4)
    for step in np.flatnonzero(plan.rng.random(bars * 2) < 0.35):
        tone = plan.key.note(chords[int(step) // 4 % 4] + int(choose(plan, [0, 2, 4])), 5)
        score.play("bells", voices.bell, tone, step * 2 + 0.5, 0.5, 0.3, 0.3)
    bells = score.bus("bells")
    room = effects.reverb(score.bus("pad") * 0.5 + bells, 2.2)
    return as_wave(score.bus("drums") * 0.75 + score.bus("bass") * 0.55 + score.bus("pad") * 0.3 + bells * 0.3 + room * 0.5)


def chiptune(plan: Plan) -> Wave:
    """Write pulse lead, triangle bass, quick arpeggios and sampled noise, dry as an old console."""
    bars = plan.bars()
    score = Score(plan.tempo, bars * 4, tail=1.0)
    chords = choose(plan, [[0, 4, 5, 3], [0, 3, 4, 4], [5, 3, 0, 4]])
    score.pattern("drums", "chip_snare", "....X...", gain=0.5)
    score.pattern("drums", "chip_hat", "X.x.", gain=0.3)
    score.pattern("drums", "soft_kick", "X.......x.X.....", gain=0.8)
    for bar in range(bars):
        degree = chords[bar % 4]
        for eighth in range(8):
            jump = (0, 0, 12, 0, 7, 0, 12, 7)[eighth]
            score.play("bass", voices.chip_bass, plan.key.note(degree, 2) + jump, bar * 4 + eighth / 2, 0.45, 0.7)
        tones = plan.key.chord(degree, 4)
        for step in range(32):
            score.play("arp", voices.chip_square, tones[step % 3], bar * 4 + step / 8, 0.12, 0.22, -0.35)
    rhythms: list[list[float]] = [[0.5] * 8, [1, 0.5, 0.5, 0.5, 0.5, 1], [0.75, 0.75, 0.5, 1, 1], [0.5, 0.5, 1, 0.25, 0.25, 0.5, 1]]
    tune = melody(plan.rng, plan.key, [chords[b % 4] for b in range(bars)], rhythms, leap=4, rest=0.04)
    score.tune("lead", voices.chip_lead, tune, 0.55, 0.2)
    lead = score.bus("lead")
    lead = lead * 0.55 + effects.echo(lead, 0.16, 0.3, 2) * 0.4
    return as_wave(score.bus("drums") * 0.7 + score.bus("bass") * 0.5 + score.bus("arp") * 0.6 + lead)
