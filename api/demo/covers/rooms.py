"""Scenes of film posters, second part: streets, stages and bare shapes."""

# ruff: noqa: PLR0917 - drawing calls are read best as a row of coordinates

from __future__ import annotations

import math

from api.demo.covers.canvas import Canvas, Colour, mixed, shifted

__all__ = ["action", "comedy", "crime", "documentary", "drama", "film_noir", "horror", "musical", "mystery", "thriller"]


def horror(canvas: Canvas) -> Colour:
    """Draw crooked trees and a crooked house before a red moon, eyes in the dark."""
    turn = canvas.uniform(-0.04, 0.03)
    black, red = (12, 2, 6), shifted((150, 12, 24), turn)
    canvas.gradient([black, mixed(black, red, 0.55), red, mixed(black, red, 0.4)])
    x, y = canvas.uniform(90, 230), canvas.uniform(110, 150)
    canvas.glow(x, y, 170, (255, 70, 50), 0.55)
    canvas.circle(x, y, 60, shifted((232, 92, 64), turn))
    if canvas.pick(2):
        lean = canvas.uniform(-22, 22)
        canvas.polygon([(110, 380), (120 + lean, 230), (160 + lean, 178), (208 + lean, 238), (204, 380)], black)
        canvas.polygon([(190, 380), (192 + lean, 210), (212 + lean, 160), (232 + lean, 214), (236, 380)], black)
        for wx, wy in ((146, 262), (172, 290), (210, 236)):
            canvas.polygon(
                [(wx + lean, wy), (wx + 11 + lean, wy - 3), (wx + 10 + lean, wy + 18), (wx + 1 + lean, wy + 16)], (255, 190, 70)
            )
    for side in (0, 1):
        _tree(canvas, side * 270 + canvas.uniform(5, 45), 420, -90 + canvas.uniform(-10, 10), 96, 13, black)
    for _ in range(canvas.pick(3) + 1):
        ex, ey = canvas.uniform(40, 280), canvas.uniform(330, 372)
        for side in (-5, 5):
            canvas.circle(ex + side, ey, 2.6, (255, 226, 120))
    canvas.ridge(388, 10, black, rough=2.2, step=8)
    return black


def _tree(canvas: Canvas, x: float, y: float, angle: float, length: float, width: float, colour: Colour) -> None:
    """Draw a bare tree, branch by crooked branch."""
    if width < 1:
        return
    ex, ey = x + length * math.cos(math.radians(angle)), y + length * math.sin(math.radians(angle))
    canvas.line([(x, y), (ex, ey)], colour, width)
    for side in (-1, 1):
        _tree(canvas, ex, ey, angle + side * canvas.uniform(14, 46), length * canvas.uniform(0.58, 0.8), width * 0.6, colour)


def film_noir(canvas: Canvas) -> Colour:
    """Draw light through a venetian blind on a wall, and a man in a hat."""
    warm = canvas.uniform(0, 0.12)
    light, dark = mixed((226, 226, 220), (240, 200, 120), warm * 4), (14, 14, 18)
    canvas.gradient([(44, 44, 50), (22, 22, 28), dark])
    slope, left = canvas.uniform(-60, 60), canvas.uniform(10, 60)
    for slat in range(13):
        y = 40 + slat * 23
        canvas.polygon(
            [(left, y), (left + 230, y + slope), (left + 230, y + slope + 12), (left, y + 12)], light, 0.9 - slat * 0.035
        )
    x = canvas.uniform(150, 220)
    canvas.circle(x, 206, 34, dark)
    canvas.box(x - 62, 178, 124, 10, dark, round_=5)
    canvas.polygon([(x - 36, 182), (x - 28, 140), (x - 4, 148), (x + 28, 138), (x + 36, 182)], dark)
    canvas.polygon([(x - 14, 230), (x - 96, 290), (x - 116, 480), (x + 116, 480), (x + 96, 290), (x + 14, 230)], dark)
    canvas.line([(x - 30, 226), (x - 50, 220)], dark, 3)
    canvas.circle(x - 51, 220, 2.4, (255, 120, 60))
    for puff in range(14):
        canvas.glow(x - 54 - math.sin(puff * 0.8) * 7, 210 - puff * 9, 9 + puff * 1.6, (150, 150, 156), 0.5 - puff * 0.025)
    return dark


def crime(canvas: Canvas) -> Colour:
    """Draw a city of lit windows at night over a wet road."""
    turn = canvas.uniform(-0.15, 0.2)
    sky, low, dark = (shifted(c, turn) for c in ((14, 20, 44), (92, 70, 130), (8, 9, 20)))
    canvas.gradient([sky, low], 0, 330)
    canvas.glow(160, 330, 200, shifted((230, 110, 90), turn), 0.55)
    for depth in range(2):
        left = -10.0
        while left < 330:
            width, height = canvas.uniform(30, 62), canvas.uniform(90, 240) - depth * 60
            colour = mixed(low, dark, 0.5 + depth * 0.45)
            canvas.box(left, 330 - height, width, height + 20, colour)
            for wy in range(int(330 - height) + 8, 320, 13):
                for wx in range(int(left) + 6, int(left + width) - 6, 10):
                    if canvas.rng.random() < 0.16 + 0.14 * depth:
                        canvas.box(wx, wy, 4.5, 6, (255, 214, 120), 0.5 + 0.4 * depth)
            left += width + 3
    canvas.polygon([(0, 480), (130, 330), (190, 330), (320, 480)], (24, 24, 34))
    canvas.box(0, 330, 320, 2, dark)
    for step in range(6):
        y = 336 + step**2 * 5.5
        canvas.polygon(
            [(158 - step * 0.6, y), (162 + step * 0.6, y), (163 + step, y + 3 + step * 4), (157 - step, y + 3 + step * 4)],
            (250, 210, 110),
        )
    for side in (-1, 1):
        canvas.glow(160 + side * 22, 346, 26, (255, 240, 200))
        canvas.circle(160 + side * 22, 346, 3.4, (255, 252, 236))
    return dark


def mystery(canvas: Canvas) -> Colour:
    """Draw a street lamp in fog, or a keyhole with light behind it."""
    turn = canvas.uniform(-0.12, 0.12)
    deep, fog = shifted((14, 38, 48), turn), shifted((120, 160, 160), turn)
    if canvas.pick(2):
        canvas.gradient([deep, mixed(deep, fog, 0.8), mixed(deep, fog, 0.4)])
        x = canvas.uniform(80, 240)
        canvas.polygon([(x, 112), (x - 110, 420), (x + 110, 420)], (255, 236, 180), 0.22)
        for _ in range(7):
            canvas.glow(canvas.uniform(0, 320), canvas.uniform(240, 400), canvas.uniform(60, 130), fog, 0.3)
        canvas.glow(x, 116, 110, (255, 230, 160))
        canvas.box(x - 3, 120, 6, 300, mixed(deep, (0, 0, 0), 0.5))
        canvas.polygon([(x - 14, 104), (x + 14, 104), (x + 9, 132), (x - 9, 132)], (255, 246, 214))
        canvas.polygon([(x - 18, 104), (x, 88), (x + 18, 104)], mixed(deep, (0, 0, 0), 0.5))
        figure = x + (70 if x < 160 else -70)
        canvas.circle(figure, 298, 9, (6, 16, 20))
        canvas.polygon([(figure - 10, 306), (figure + 10, 306), (figure + 17, 384), (figure - 17, 384)], (6, 16, 20))
    else:
        canvas.gradient([mixed(deep, (0, 0, 0), 0.4), deep])
        canvas.glow(160, 200, 200, shifted((255, 190, 90), turn), 0.6)
        for size, colour in ((1.12, mixed(deep, (0, 0, 0), 0.5)), (1.0, (255, 226, 150))):
            canvas.circle(160, 150, 52 * size, colour)
            canvas.polygon(
                [(160 - 24 * size, 176), (160 + 24 * size, 176), (160 + 52 * size, 306 * size), (160 - 52 * size, 306 * size)],
                colour,
            )
        canvas.circle(160, 214, 15, deep)
        canvas.polygon([(146, 226), (174, 226), (184, 306), (136, 306)], deep)
    return mixed(deep, (0, 0, 0), 0.6)


def thriller(canvas: Canvas) -> Colour:
    """Draw a vortex of rings with somebody falling into it."""
    turn = canvas.uniform(0, 1)
    strong = shifted((226, 76, 40), turn if canvas.pick(2) else 0)
    dark, pale = mixed(strong, (8, 8, 16), 0.9), mixed(strong, (255, 246, 230), 0.85)
    canvas.gradient([strong, mixed(strong, dark, 0.35)])
    x, y = canvas.uniform(120, 200), canvas.uniform(150, 200)
    for step in range(15):
        radius = 260 * 0.82**step
        angle = step * canvas.uniform(0.3, 0.5)
        canvas.circle(
            x + math.cos(angle) * radius * 0.1, y + math.sin(angle) * radius * 0.1, radius, (strong, dark)[step % 2], 0.92
        )
    canvas.circle(x, y, 13, pale)
    fx, fy = x + canvas.uniform(30, 60), y + canvas.uniform(30, 70)
    canvas.circle(fx, fy - 17, 6.5, pale)
    limbs = (((0, -12), (3, 10)), ((0, -8), (-17, -20)), ((0, -8), (17, -16)), ((3, 10), (-10, 27)), ((3, 10), (18, 24)))
    for limb in limbs:
        canvas.line([(fx + px, fy + py) for px, py in limb], pale, 5.5)
    return dark


def action(canvas: Canvas) -> Colour:
    """Draw a burst of rays, flying shards, and a running figure."""
    turn = canvas.uniform(-0.06, 0.1)
    hot, warm, dark = (shifted(c, turn) for c in ((255, 222, 110), (232, 82, 30), (40, 10, 14)))
    canvas.gradient([dark, warm, dark])
    x, y, count = canvas.uniform(110, 210), canvas.uniform(150, 210), 22
    for ray in range(count):
        a, b = (ray + canvas.uniform(0, 0.3)) / count * math.tau, (ray + canvas.uniform(0.4, 0.7)) / count * math.tau
        canvas.polygon(
            [(x, y), (x + 520 * math.cos(a), y + 520 * math.sin(a)), (x + 520 * math.cos(b), y + 520 * math.sin(b))], hot, 0.4
        )
    canvas.glow(x, y, 210, hot)
    for _ in range(26):
        angle, far, size = canvas.uniform(0, math.tau), canvas.uniform(60, 240), canvas.uniform(4, 17)
        cx, cy, spin = x + far * math.cos(angle), y + far * math.sin(angle), canvas.uniform(0, 6)
        points = [(cx + size * math.cos(spin + k), cy + size * math.sin(spin + k) * 0.7) for k in (0, 1.9, 3.6)]
        canvas.polygon(points, dark, 0.9)
    lean = canvas.uniform(-8, 8)
    canvas.circle(x + 8 + lean, 226, 12, dark)
    for limb, width in (
        (((4, 240), (-6, 296)), 20),
        (((4, 246), (34, 268), (52, 250)), 8),
        (((2, 246), (-30, 262), (-42, 288)), 8),
        (((-6, 292), (26, 322), (18, 368)), 11),
        (((-8, 292), (-30, 330), (-64, 340)), 11),
    ):
        canvas.line([(x + px + lean, float(py)) for px, py in limb], dark, width)
    canvas.ridge(376, 6, dark, rough=1.5, step=10)
    return dark


def comedy(canvas: Canvas) -> Colour:
    """Draw bright shapes, confetti, and a face that laughs."""
    sets: list[tuple[Colour, ...]] = [
        ((255, 209, 64), (239, 71, 111), (6, 178, 160), (17, 110, 170)),
        ((255, 127, 92), (255, 224, 102), (36, 123, 160), (112, 193, 179)),
        ((122, 215, 240), (255, 94, 91), (255, 205, 60), (90, 60, 150)),
        ((250, 160, 190), (60, 80, 170), (255, 216, 90), (50, 170, 140)),
        ((170, 220, 110), (250, 110, 70), (255, 240, 170), (40, 110, 150)),
    ]
    ground, one, two, three = sets[canvas.pick(5)]
    canvas.gradient([ground, mixed(ground, (255, 255, 255), 0.25)])
    canvas.slice(0, 0, 130, 0, 90, two)
    canvas.slice(320, 110, 90, 90, 270, three)
    canvas.slice(0, 330, 90, 270, 450, three)
    canvas.polygon([(320, 250), (320, 380), (210, 380)], two)
    for _ in range(34):
        cx, cy, spin, size = canvas.uniform(0, 320), canvas.uniform(0, 400), canvas.uniform(0, 6), canvas.uniform(3, 7)
        corners = [
            (cx + size * math.cos(spin + k) * (1.6 if k in {0, 1.57} else 1), cy + size * math.sin(spin + k))
            for k in (0, 1.57, 3.14, 4.71)
        ]
        canvas.polygon(corners, (one, two, three)[canvas.pick(3)])
    ink = mixed(three, (10, 10, 30), 0.75)
    if canvas.pick(3) == 0:
        _disguise(canvas, ink, one)
    else:
        _laugh(canvas, ink, one)
    return ink


def _disguise(canvas: Canvas, ink: Colour, colour: Colour) -> None:
    """Draw a bowler hat, round glasses and a moustache."""
    x, y = canvas.uniform(145, 175), 190
    canvas.slice(x, y - 52, 68, 180, 360, ink)
    canvas.box(x - 104, y - 62, 208, 20, ink, round_=10)
    canvas.box(x - 68, y - 76, 136, 14, colour)
    for side in (-1, 1):
        canvas.circle(x + side * 44, y, 34, (255, 255, 255))
        canvas.ring(x + side * 44, y, 36, ink, 8)
        canvas.circle(x + side * 44 + 8, y + 4, 11, ink)
    canvas.line([(x - 10, y - 4), (x + 10, y - 4)], ink, 8)
    canvas.box(x - 17, y + 8, 34, 50, colour, round_=17)
    for side in (-1, 1):
        points = [
            (x, y + 52),
            (x + side * 34, y + 46),
            (x + side * 62, y + 66),
            (x + side * 94, y + 50),
            (x + side * 74, y + 86),
            (x + side * 30, y + 90),
            (x, y + 72),
        ]
        canvas.polygon(points, ink)


def _laugh(canvas: Canvas, ink: Colour, one: Colour) -> None:
    """Draw a round face in one of three moods."""
    x, y, radius = canvas.uniform(140, 180), canvas.uniform(180, 200), 94
    canvas.circle(x, y, radius, one)
    mood = canvas.pick(3)
    for side in (-1, 1):
        ex = x + side * 34
        if mood == 0:
            canvas.circle(ex, y - 24, 19, (255, 255, 255))
            canvas.circle(ex + 6, y - 22, 9, ink)
        elif mood == 1:
            canvas.arc(ex, y - 16, 18, 195, 345, ink, 6)
        else:
            canvas.ring(ex, y - 22, 26, ink, 6)
            canvas.circle(ex + side * -5, y - 20, 7, ink)
    if mood == 2:
        canvas.line([(x - 9, y - 24), (x + 9, y - 24)], ink, 5)
    canvas.slice(x, y + 12, 56, 0, 180, ink)
    canvas.slice(x, y + 12, 48, 20, 160, (255, 255, 255) if mood else mixed(one, (255, 255, 255), 0.75))


def musical(canvas: Canvas) -> Colour:
    """Draw a stage: curtain, spotlights, a dancer's shadow, notes."""
    turn = canvas.uniform(-0.12, 0.1)
    red, dark = shifted((176, 22, 52), turn), shifted((52, 4, 24), turn)
    canvas.gradient([dark, mixed(dark, red, 0.4), dark])
    for side in (0, 1):
        for fold in range(5):
            width = 22
            x = fold * width if side == 0 else 320 - (fold + 1) * width
            bow = 26 * (4 - fold) / 4
            shade = mixed(red, dark, 0.15 + 0.5 * (fold % 2))
            canvas.polygon([(x, 0), (x + width, 0), (x + width + (bow if side == 0 else -bow) * -0.4, 400), (x, 400)], shade)
    beams: tuple[tuple[float, Colour], ...] = ((40, (255, 226, 140)), (160, (255, 250, 230)), (280, (255, 190, 210)))
    for top, colour in beams:
        canvas.polygon([(top - 8, -6), (top + 8, -6), (204, 396), (116, 396)], colour, 0.24)
    canvas.glow(160, 380, 120, (255, 226, 170), 0.8)
    canvas.circle(166, 196, 13, dark)
    for points, width in (
        (((164, 210), (158, 276)), 18),
        (((162, 220), (196, 190), (212, 156)), 8),
        (((160, 220), (124, 226), (108, 200)), 8),
        (((160, 270), (196, 320), (188, 380)), 11),
        (((158, 270), (132, 322), (98, 352)), 11),
    ):
        canvas.line([(float(px), float(py)) for px, py in points], dark, width)
    for _ in range(7):
        nx, ny = canvas.uniform(60, 260), canvas.uniform(40, 180)
        canvas.line([(nx + 5, ny), (nx + 5, ny - 22), (nx + 13, ny - 16)], (255, 226, 140), 2.4)
        canvas.circle(nx, ny, 5.4, (255, 226, 140))
    return dark


def documentary(canvas: Canvas) -> Colour:
    """Draw a strip of film whose frames show halftone pictures."""
    paper, ink = mixed((232, 226, 212), (200, 214, 222), canvas.uniform(0, 1)), (28, 30, 36)
    accent = shifted((200, 60, 44), canvas.uniform(0, 0.6))
    canvas.gradient([paper, mixed(paper, ink, 0.12)])
    canvas.box(0, 0, 320, 16, accent)
    canvas.box(48, 40, 224, 440, ink)
    for hole in range(17):
        for x in (56, 252):
            canvas.box(x, 48 + hole * 26, 12, 15, paper, round_=3)
    for frame in range(3):
        top = 50 + frame * 122
        canvas.box(78, top, 164, 112, mixed(paper, (255, 255, 255), 0.4))
        cx, cy, spread = canvas.uniform(110, 210), top + canvas.uniform(30, 80), canvas.uniform(46, 76)
        for gx in range(15):
            for gy in range(10):
                px, py = 84 + gx * 10.8, top + 8 + gy * 10.7
                size = 5.2 * max(0.12, 1 - math.hypot(px - cx, py - cy) / (spread * 1.5))
                canvas.circle(px, py, size, accent if frame == 1 else ink)
    return ink


def drama(canvas: Canvas) -> Colour:
    """Draw one of four quiet pictures: a window, a lone tree, a road to the horizon, two profiles of colour."""
    turn = (-0.04, 0.0, 0.05, 0.1, 0.45, 0.55, 0.62)[canvas.pick(7)] + canvas.uniform(-0.02, 0.02)
    soft, strong, dark = (shifted(c, turn) for c in ((236, 206, 164), (192, 84, 56), (44, 22, 34)))
    kind = canvas.pick(4)
    canvas.gradient([mixed(soft, strong, 0.35), soft])
    if kind == 0:
        canvas.gradient([dark, mixed(dark, strong, 0.5)])
        x = canvas.uniform(70, 130)
        canvas.polygon([(x, 60), (x + 120, 60), (x + 190, 400), (x + 20, 400)], (255, 236, 190), 0.16)
        canvas.box(x, 60, 120, 170, mixed(soft, (255, 240, 200), 0.6))
        for bar in (58, 118, 178):
            canvas.box(x - 6, bar + (0 if bar != 118 else 24), 132, 6, dark)
        canvas.box(x - 6, 224, 132, 8, dark)
        canvas.box(x + 57, 60, 6, 170, dark)
        canvas.circle(x + 90, 260, 17, dark)
        canvas.box(x + 66, 276, 48, 140, dark, round_=20)
    elif kind == 1:
        canvas.glow(160, 300, 230, (255, 226, 180), 0.5)
        canvas.ridge(340, 12, mixed(strong, dark, 0.4), rough=0.2)
        _tree(canvas, canvas.uniform(100, 220), 346, -90 + canvas.uniform(-6, 6), 70, 11, dark)
    elif kind == 2:
        canvas.glow(160, 220, 190, (255, 236, 200), 0.7)
        canvas.circle(160, 220, 72, mixed(strong, (255, 244, 220), 0.75))
        canvas.box(0, 240, 320, 240, mixed(strong, dark, 0.35))
        canvas.polygon([(154, 240), (166, 240), (260, 480), (60, 480)], mixed(soft, dark, 0.25))
        canvas.circle(160, 264, 6, dark)
        canvas.box(154, 270, 12, 34, dark, round_=5)
        canvas.polygon([(154, 302), (166, 302), (220, 372), (206, 372)], dark, 0.5)
    else:
        canvas.polygon([(0, 0), (canvas.uniform(150, 220), 0), (canvas.uniform(90, 170), 480), (0, 480)], strong)
        for side, colour in ((-1, soft), (1, strong)):
            x = 160 + side * canvas.uniform(46, 58)
            canvas.circle(x, 176, 52, mixed(colour, dark, 0.25 if side > 0 else 0.1))
            canvas.polygon(
                [(x - side * 48, 172), (x - side * 64, 192), (x - side * 46, 198)], mixed(colour, dark, 0.25 if side > 0 else 0.1)
            )
            canvas.box(x - 26, 200, 52, 90, mixed(colour, dark, 0.25 if side > 0 else 0.1), round_=12)
            canvas.box(x - 74, 262, 148, 240, mixed(colour, dark, 0.25 if side > 0 else 0.1), round_=52)
    return dark
