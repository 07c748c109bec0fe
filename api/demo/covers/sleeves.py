"""Pictures for pieces of music, one manner for each style."""

from __future__ import annotations

import math

from api.demo.covers.canvas import Canvas, Colour, mixed, shifted

__all__ = ["SLEEVES"]


def _ambient(canvas: Canvas) -> Colour:
    turn = canvas.uniform(-0.2, 0.25)
    deep = shifted((18, 36, 70), turn)
    canvas.gradient([deep, shifted((70, 110, 150), turn), shifted((230, 190, 200), turn)])
    for _ in range(7):
        tint = shifted((120, 170, 220), turn + canvas.uniform(-0.1, 0.1))
        canvas.glow(canvas.uniform(0, 400), canvas.uniform(0, 330), canvas.uniform(80, 190), tint, 0.4)
    for index in range(9):
        canvas.ring(200, 170, 26 + index * 17, (255, 255, 255), 1.2, 0.7 - index * 0.07)
    return deep


def _techno(canvas: Canvas) -> Colour:
    colour = shifted((60, 255, 170), canvas.uniform(0, 1))
    canvas.gradient([(8, 8, 12), (22, 22, 30)])
    cx, cy, dense = canvas.uniform(120, 280), canvas.uniform(100, 200), canvas.uniform(30, 46)
    for gx in range(20):
        for gy in range(20):
            x, y = 10 + gx * 20, 10 + gy * 20
            size = 8.5 * (0.5 + 0.5 * math.cos(math.hypot(x - cx, y - cy) / dense))
            canvas.circle(x, y, max(1.0, size), colour, 0.35 + size / 14)
    return (8, 8, 12)


def _baroque(canvas: Canvas) -> Colour:
    ground, gold = shifted((84, 20, 36), canvas.uniform(-0.4, 0.1)), (224, 186, 104)
    canvas.gradient([mixed(ground, (255, 255, 255), 0.08), ground])
    petals = (8, 10, 12)[canvas.pick(3)]
    for ring, size in ((118, 44), (80, 32), (46, 20)):
        for index in range(petals):
            angle = index / petals * math.tau + (ring == 80) * math.pi / petals
            x, y = 200 + ring * math.cos(angle), 165 + ring * math.sin(angle)
            canvas.ring(x, y, size, gold, 2.4)
            canvas.circle(x, y, size * 0.18, gold)
    canvas.circle(200, 165, 16, gold)
    canvas.ring(200, 165, 162, gold, 3)
    canvas.ring(200, 165, 154, gold, 1.2)
    return mixed(ground, (0, 0, 0), 0.5)


def _blues(canvas: Canvas) -> Colour:
    deep = shifted((16, 40, 92), canvas.uniform(-0.05, 0.04))
    canvas.gradient([mixed(deep, (120, 180, 240), 0.5), deep])
    canvas.glow(300, 90, 190, (255, 190, 110), 0.6)
    wood = (168, 92, 40)
    for x, y, size in ((150, 230, 92), (196, 150, 66)):
        canvas.circle(x, y, size, mixed(wood, (20, 8, 4), 0.35))
        canvas.circle(x, y, size - 7, wood)
    canvas.circle(178, 178, 30, (34, 14, 8))
    canvas.polygon([(190, 168), (204, 182), (408, -8), (384, -22)], (58, 28, 18))
    for string in range(6):
        canvas.line([(134 + string * 5, 240 + string * 4), (392 + string * 3.4, -20 + string * 2.8)], (250, 240, 210), 1.1)
    return mixed(deep, (0, 0, 0), 0.5)


def _bossa(canvas: Canvas) -> Colour:
    turn = canvas.uniform(-0.05, 0.12)
    sand, sea = (248, 226, 176), shifted((20, 130, 150), turn)
    canvas.gradient([shifted((255, 190, 110), -turn), (255, 226, 170)], 0, 150)
    canvas.circle(canvas.uniform(90, 310), 96, 50, (240, 90, 62))
    canvas.box(0, 132, 400, 70, sea)
    canvas.box(0, 196, 400, 204, sand)
    for row in range(6):
        low = [(float(x), 218 + row * 36 + 13 * math.sin(x / 30 + row * 0.3)) for x in range(-10, 420, 8)]
        canvas.polygon([*low, *[(x, y + 17) for x, y in reversed(low)]], (38, 34, 44))
    return (28, 40, 52)


def _chiptune(canvas: Canvas) -> Colour:
    turn = canvas.uniform(0, 1)
    ground = shifted((34, 24, 78), turn)
    colours = [shifted(c, turn) for c in ((255, 90, 140), (90, 230, 255), (255, 226, 90))]
    canvas.gradient([ground, mixed(ground, (0, 0, 0), 0.4)])
    for _ in range(40):
        canvas.box(canvas.pick(40) * 10, canvas.pick(30) * 10, 5, 5, (255, 255, 255), 0.5)
    for sprite in range(3):
        left, top, cell = 36 + sprite * 120, 70 + (sprite % 2) * 40, 12
        for row in range(8):
            for column in range(4):
                if canvas.rng.random() < (0.75 if column else 0.5):
                    for side in (column, 6 - column):
                        canvas.box(left + (side if column < 3 else 3) * cell, top + row * cell, cell, cell, colours[sprite])
    return mixed(ground, (0, 0, 0), 0.5)


def _drum_and_bass(canvas: Canvas) -> Colour:
    colour = shifted((255, 80, 40), canvas.uniform(0, 0.9))
    canvas.gradient([(20, 22, 26), (46, 48, 54)])
    canvas.polygon([(0, 0), (canvas.uniform(120, 240), 0), (0, canvas.uniform(160, 300))], colour)
    x = 14.0
    while x < 386:
        height = abs(math.sin(x / 37)) * 60 + canvas.uniform(10, 90)
        canvas.box(x, 160 - height, 5, height * 2, (240, 240, 236) if canvas.pick(4) else colour)
        x += 9
    return (14, 14, 18)


def _film_score(canvas: Canvas) -> Colour:
    turn = canvas.uniform(-0.5, 0.5)
    deep, warm = shifted((20, 14, 44), turn), shifted((240, 160, 90), turn)
    canvas.gradient([deep, mixed(deep, warm, 0.7), warm], 0, 260)
    for ray in range(15):
        a, b = math.pi + ray / 15 * math.pi, math.pi + (ray + 0.5) / 15 * math.pi
        canvas.polygon(
            [(200, 262), (200 + 500 * math.cos(a), 262 + 500 * math.sin(a)), (200 + 500 * math.cos(b), 262 + 500 * math.sin(b))],
            (255, 236, 200),
            0.17,
        )
    canvas.glow(200, 262, 160, (255, 236, 200))
    canvas.ridge(262, 22, mixed(deep, warm, 0.15), rough=1.5)
    canvas.ridge(300, 16, deep)
    return deep


def _guzheng(canvas: Canvas) -> Colour:
    paper, ink = mixed((244, 236, 220), (226, 232, 224), canvas.uniform(0, 1)), (36, 42, 48)
    canvas.gradient([paper, mixed(paper, ink, 0.1)])
    canvas.circle(canvas.uniform(250, 320), canvas.uniform(70, 100), 38, (196, 62, 46))
    for depth in range(4):
        canvas.ridge(150 + depth * 42, 34, mixed(paper, ink, 0.2 + depth * 0.2), rough=1.1, step=22)
    for string in range(7):
        canvas.line([(0, 330 - string * 14), (400, 250 - string * 17)], mixed(paper, ink, 0.15), 1.0, 0.8)
    for _ in range(5):
        x, y = canvas.uniform(40, 220), canvas.uniform(50, 110)
        canvas.line([(x - 9, y - 4), (x, y), (x + 9, y - 5)], ink, 1.8)
    return ink


def _jazz(canvas: Canvas) -> Colour:
    sets: list[tuple[Colour, ...]] = [
        ((238, 108, 40), (22, 42, 74), (244, 228, 190)),
        ((26, 110, 150), (236, 190, 70), (240, 236, 220)),
        ((190, 36, 56), (24, 24, 30), (246, 224, 180)),
        ((70, 120, 90), (240, 150, 70), (246, 238, 214)),
    ]
    ground, strong, pale = sets[canvas.pick(4)]
    canvas.gradient([ground, ground])
    left = 0.0
    for index in range(6):
        width = canvas.uniform(36, 84)
        canvas.box(left, canvas.uniform(0, 120), width - 8, canvas.uniform(120, 220), (strong, pale)[index % 2])
        left += width
    canvas.circle(canvas.uniform(90, 310), canvas.uniform(110, 200), 56, pale)
    canvas.circle(canvas.uniform(90, 310), canvas.uniform(110, 200), 30, strong)
    for string in range(4):
        canvas.line([(300 + string * 9, 0), (286 + string * 13, 400)], (20, 16, 20), 2)
    return mixed(strong, (0, 0, 0), 0.6)


def _lullaby(canvas: Canvas) -> Colour:
    deep = shifted((34, 40, 96), canvas.uniform(-0.08, 0.12))
    canvas.gradient([deep, mixed(deep, (190, 170, 230), 0.6)])
    canvas.stars(70, 330, (255, 246, 210))
    canvas.glow(190, 150, 160, (255, 236, 180), 0.6)
    outer = [(180 + 84 * math.cos(k / 40 * math.tau), 150 + 84 * math.sin(k / 40 * math.tau)) for k in range(4, 35)]
    inner = [(218 + 68 * math.cos(k / 40 * math.tau), 136 + 68 * math.sin(k / 40 * math.tau)) for k in range(33, 6, -1)]
    canvas.polygon([*outer, *inner], (255, 238, 180))
    for index in range(4):
        x = 60 + index * 94 + canvas.uniform(-10, 10)
        length = canvas.uniform(60, 180)
        canvas.line([(x, 0), (x, length)], (255, 246, 210), 1)
        star = [
            (
                x + (11 if k % 2 == 0 else 4.6) * math.sin(k * math.pi / 5),
                length - (11 if k % 2 == 0 else 4.6) * math.cos(k * math.pi / 5),
            )
            for k in range(10)
        ]
        canvas.polygon(star, (255, 226, 130))
    return mixed(deep, (0, 0, 0), 0.4)


def _march(canvas: Canvas) -> Colour:
    one, two = shifted((178, 32, 44), canvas.uniform(-0.03, 0.03)), (26, 48, 96)
    canvas.gradient([(246, 236, 214), (246, 236, 214)])
    for index in range(7):
        y = -50 + index * 66
        canvas.polygon([(0, y), (200, y + 110), (400, y), (400, y + 32), (200, y + 142), (0, y + 32)], (one, two)[index % 2])
    canvas.circle(200, 150, 84, (250, 244, 226))
    canvas.ring(200, 150, 84, one, 9)
    star = [
        (200 + (60 if k % 2 == 0 else 25) * math.sin(k * math.pi / 5), 152 - (60 if k % 2 == 0 else 25) * math.cos(k * math.pi / 5))
        for k in range(10)
    ]
    canvas.polygon(star, two)
    return (18, 26, 52)


def _piano(canvas: Canvas) -> Colour:
    tint = shifted((200, 190, 214), canvas.uniform(0, 1))
    canvas.gradient([mixed(tint, (255, 255, 255), 0.4), mixed(tint, (40, 36, 60), 0.35)])
    canvas.glow(canvas.uniform(80, 320), 60, 200, (255, 250, 236), 0.7)
    for key in range(9):
        canvas.box(22 + key * 40, 130, 38, 290, (250, 248, 242), round_=4)
        canvas.box(22 + key * 40 + 34, 130, 4, 290, (200, 196, 204), 0.8)
    for key in (0, 1, 3, 4, 5, 7):
        canvas.box(48 + key * 40, 126, 25, 150, (24, 22, 30), round_=4)
        canvas.box(52 + key * 40, 126, 6, 138, (70, 66, 80), 0.8, 3)
    pressed = canvas.pick(9)
    canvas.box(22 + pressed * 40, 276, 38, 144, tint, 0.8)
    return (24, 22, 34)


def _synthwave(canvas: Canvas) -> Colour:
    turn = canvas.uniform(-0.08, 0.08)
    deep, pink = shifted((28, 8, 62), turn), shifted((255, 60, 150), turn)
    canvas.gradient([deep, shifted((110, 24, 120), turn), pink], 0, 236)
    canvas.stars(50, 150)
    canvas.glow(200, 170, 190, pink, 0.7)
    for row in range(315):
        y = 78 + row * 0.5
        half = math.sqrt(max(0.0, 82**2 - (y - 160) ** 2))
        if row < 150 or row % 32 > 9:
            canvas.box(200 - half, y, half * 2, 0.6, mixed((255, 232, 110), shifted((255, 70, 130), turn), row / 315))
    canvas.box(0, 236, 400, 164, mixed(deep, (0, 0, 0), 0.4))
    for index in range(-14, 15):
        canvas.line([(200 + index * 14, 236), (200 + index * 90, 400)], shifted((90, 220, 255), turn), 1.3, 0.85)
    for row in range(9):
        y = 236 + 164 * (row / 9) ** 1.9
        canvas.line([(0, y), (400, y)], shifted((90, 220, 255), turn), 1.3, 0.85)
    return mixed(deep, (0, 0, 0), 0.4)


SLEEVES = {
    "Ambient": _ambient,
    "Baroque": _baroque,
    "Blues": _blues,
    "Bossa Nova": _bossa,
    "Chiptune": _chiptune,
    "Drum and Bass": _drum_and_bass,
    "Film Score": _film_score,
    "Guzheng": _guzheng,
    "Jazz": _jazz,
    "Lullaby": _lullaby,
    "March": _march,
    "Piano": _piano,
    "Synthwave": _synthwave,
    "Techno": _techno,
}
