"""Scenes of film posters, first part: those with a sky."""

from __future__ import annotations

import math

from api.demo.covers.canvas import Canvas, Colour, mixed, shifted

__all__ = ["adventure", "animation", "childrens", "fantasy", "romance", "science_fiction", "war", "western"]


def western(canvas: Canvas) -> Colour:
    """Draw a low sun behind mesas, a cactus in front."""
    turn = canvas.uniform(-0.03, 0.03)
    sky = [shifted(c, turn) for c in ((96, 34, 62), (214, 84, 48), (250, 178, 84))]
    canvas.gradient(sky, 0, 330)
    x, y = canvas.uniform(90, 230), canvas.uniform(190, 240)
    canvas.glow(x, y, 190, (255, 190, 90), 0.7)
    canvas.circle(x, y, canvas.uniform(52, 74), (255, 226, 150))
    for depth in range(3):
        colour = mixed((178, 72, 52), (64, 22, 34), depth / 2)
        base, left = 262 + depth * 32, -30.0
        while left < 350:
            width, height = canvas.uniform(50, 130), canvas.uniform(24, 74)
            canvas.polygon(
                [(left, 340), (left + 12, base - height), (left + width - 12, base - height), (left + width, 340)], colour
            )
            left += width + canvas.uniform(10, 80)
        canvas.box(0, base + 8, 320, 240, colour)
    stem = canvas.uniform(50, 270)
    for dx, top, bottom in ((0, 232, 360), (-24, 262, 306), (24, 250, 292)):
        canvas.box(stem + dx - 6, top, 12, bottom - top, (32, 10, 22), round_=6)
    canvas.box(stem - 24, 298, 24, 12, (32, 10, 22), round_=5)
    canvas.box(stem, 284, 24, 12, (32, 10, 22), round_=5)
    return (32, 10, 22)


def science_fiction(canvas: Canvas) -> Colour:
    """Draw a star field and a banded planet, with a ring or a moon, over a dark horizon."""
    turn = canvas.uniform(-0.12, 0.25)
    deep, haze = shifted((6, 10, 34), turn), shifted((34, 66, 140), turn)
    canvas.gradient([deep, mixed(deep, haze, 0.5), haze])
    canvas.glow(canvas.uniform(0, 320), canvas.uniform(20, 200), 230, shifted((90, 40, 150), turn), 0.6)
    canvas.stars(170, 400)
    x, y, radius = canvas.uniform(110, 220), canvas.uniform(140, 200), canvas.uniform(66, 104)
    light = shifted((240, 150, 96), canvas.uniform(-0.4, 0.2))
    canvas.glow(x - radius * 0.3, y - radius * 0.3, radius * 1.9, light, 0.45)
    ringed = canvas.pick(3)
    if ringed == 0:
        canvas.ring(x, y, radius * 1.75, mixed(light, (255, 255, 255), 0.4), 5, 0.7, 0.26)
        canvas.ring(x, y, radius * 1.55, light, 3, 0.5, 0.24)
    for step in range(28):
        inner = radius * (1 - step / 28)
        canvas.circle(
            x - (radius - inner) * 0.55, y - (radius - inner) * 0.5, inner, mixed(mixed(deep, light, 0.22), light, step / 22)
        )
    if ringed == 0:
        for width, size in ((5, 1.75), (3, 1.55)):
            for degree in range(0, 180, 3):
                a, b = math.radians(degree), math.radians(degree + 3.4)
                points = [(x + radius * size * math.cos(t), y + radius * (size * 0.149) * math.sin(t)) for t in (a, b)]
                canvas.line(points, mixed(light, (255, 255, 255), 0.5), width * 0.6, 0.9)
    elif ringed == 1:
        canvas.circle(x + radius * 1.05, y - radius * 0.75, radius * 0.2, mixed(light, (255, 255, 255), 0.5))
    else:
        ship = (canvas.uniform(40, 90), canvas.uniform(280, 320))
        canvas.line([ship, (ship[0] - 60, ship[1] + 40)], (200, 230, 255), 1.6, 0.7)
        canvas.polygon([(ship[0] + 18, ship[1] - 12), (ship[0] - 4, ship[1] - 4), (ship[0] + 2, ship[1] + 6)], (240, 248, 255))
    canvas.ridge(392, 12, deep, rough=1.6, step=9)
    return deep


def war(canvas: Canvas) -> Colour:
    """Draw searchlights through smoke, aeroplanes, and torn ground."""
    turn = canvas.uniform(-0.05, 0.1)
    smoke, dark = shifted((140, 122, 82), turn), shifted((28, 26, 20), turn)
    canvas.gradient([mixed(dark, smoke, 0.2), smoke, shifted((206, 150, 88), turn)])
    for _ in range(3):
        foot, tip = canvas.uniform(20, 300), canvas.uniform(-60, 380)
        canvas.polygon([(foot, 400), (tip - 34, -10), (tip + 34, -10)], (255, 240, 200), 0.16)
    for _ in range(5):
        canvas.glow(canvas.uniform(0, 320), canvas.uniform(240, 330), canvas.uniform(50, 110), (180, 110, 60), 0.5)
    x, y = canvas.uniform(90, 190), canvas.uniform(60, 100)
    for place in range(canvas.pick(3) + 3):
        px, py, size = x + (place % 2 * 2 - 1) * 34 * ((place + 1) // 2), y + 24 * ((place + 1) // 2), 11
        canvas.box(px - size * 1.5, py - 2, size * 3, 4, dark, round_=2)
        canvas.box(px - 2.2, py - size * 0.8, 4.4, size * 1.9, dark, round_=2)
        canvas.box(px - 6, py + size * 0.8, 12, 3, dark, round_=1)
    for depth in range(3):
        canvas.ridge(296 + depth * 38, 16, mixed(smoke, dark, 0.45 + 0.27 * depth), rough=1.3, step=12)
    for post in range(5):
        px = post * 74 + canvas.uniform(0, 20)
        canvas.line([(px, 392), (px + 5, 336)], dark, 3)
    for wire in range(3):
        canvas.line([(-10.0, 344 + wire * 14), (160.0, 352 + wire * 14), (330.0, 342 + wire * 14)], dark, 1)
    return dark


def adventure(canvas: Canvas) -> Colour:
    """Draw blue ranges behind each other, a sun, birds, and a winding river."""
    turn = canvas.uniform(-0.15, 0.12)
    top, low, dark = (shifted(c, turn) for c in ((40, 116, 150), (250, 214, 150), (10, 44, 58)))
    canvas.gradient([top, low], 0, 320)
    x, y = canvas.uniform(60, 260), canvas.uniform(90, 150)
    canvas.glow(x, y, 150, (255, 236, 180), 0.8)
    canvas.circle(x, y, 34, (255, 246, 214))
    for depth in range(5):
        canvas.ridge(190 + depth * 44, 40 - depth * 4, mixed(mixed(top, low, 0.4), dark, depth / 4), rough=1.5, step=20)
    bend = canvas.uniform(-30, 30)
    river = [
        (150 + bend, 300),
        (176 + bend, 330),
        (130, 365),
        (210, 410),
        (110, 500),
        (250, 500),
        (270, 410),
        (158, 365),
        (188 + bend, 330),
    ]
    canvas.polygon(river, mixed(low, top, 0.35), 0.85)
    for _ in range(5):
        bx, by, size = canvas.uniform(40, 280), canvas.uniform(50, 170), canvas.uniform(4, 8)
        canvas.line([(bx - size * 1.4, by - size / 2), (bx, by), (bx + size * 1.4, by - size / 2)], dark, 1.6)
    return dark


def fantasy(canvas: Canvas) -> Colour:
    """Draw a castle on a rock before a great moon, and sparks."""
    turn = canvas.uniform(-0.18, 0.12)
    deep, mist = shifted((38, 18, 78), turn), shifted((206, 128, 190), turn)
    canvas.gradient([deep, shifted((110, 60, 150), turn), mist], 0, 400)
    canvas.stars(70, 220, (255, 240, 255))
    x = canvas.uniform(120, 200)
    canvas.glow(x, 170, 170, mist, 0.9)
    canvas.circle(x, 170, 84, mixed(mist, (255, 250, 240), 0.75))
    stone = mixed(deep, (0, 0, 0), 0.35)
    for offset, width, top in ((-46, 24, 214), (-20, 30, 170), (10, 22, 130), (34, 28, 190), (60, 18, 226)):
        canvas.box(x + offset, top, width, 200, stone)
        canvas.polygon([(x + offset - 5, top), (x + offset + width / 2, top - width * 1.5), (x + offset + width + 5, top)], stone)
        canvas.box(x + offset + width / 2 - 2, top + 14, 4, 9, (255, 214, 120), round_=2)
    canvas.polygon([(x - 150, 420), (x - 60, 290), (x + 10, 270), (x + 90, 300), (x + 190, 420)], stone)
    canvas.ridge(372, 18, mixed(stone, (0, 0, 0), 0.3))
    for _ in range(26):
        canvas.glow(canvas.uniform(0, 320), canvas.uniform(180, 400), canvas.uniform(3, 8), (255, 230, 150))
    return mixed(stone, (0, 0, 0), 0.3)


def romance(canvas: Canvas) -> Colour:
    """Draw two figures, or a heart, before a sun that goes down over water."""
    turn = canvas.uniform(-0.08, 0.08)
    top, low, dark = (shifted(c, turn) for c in ((120, 60, 120), (255, 170, 140), (84, 24, 62)))
    canvas.gradient([top, shifted((236, 110, 130), turn), low], 0, 290)
    canvas.gradient([shifted((226, 110, 124), turn), dark], 290, 480)
    canvas.glow(160, 290, 220, (255, 214, 160), 0.7)
    canvas.slice(160, 290, 84, 180, 360, (255, 236, 190))
    for row in range(14):
        width = 90 - row * 4 + canvas.uniform(-14, 14)
        canvas.box(160 - width + canvas.uniform(-8, 8), 296 + row * 9, width * 2, 2.4, (255, 230, 190), 0.7 - row * 0.04, 1.2)
    if canvas.pick(2):
        for side in (-1, 1):
            x = 160 + side * 17
            canvas.circle(x - side * 3, 226, 12, dark)
            canvas.polygon([(x - side * 6, 238), (x + side * 16, 246), (x + side * 20, 320), (x - side * 14, 320)], dark)
            canvas.box(x - 8 + side * 3, 236, 16, 84, dark, round_=8)
    else:
        heart = [
            (16 * math.sin(t) ** 3, -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)))
            for t in (k / 60 * math.tau for k in range(60))
        ]
        for size, alpha in ((6.4, 0.25), (5.4, 0.4), (4.2, 1.0)):
            canvas.polygon([(160 + x * size, 150 + y * size) for x, y in heart], shifted((214, 40, 76), turn), alpha)
    return dark


def animation(canvas: Canvas) -> Colour:
    """Draw round hills, clouds, and a creature that looks at you."""
    turn = canvas.uniform(0, 1)
    canvas.gradient([(92, 190, 240), (214, 244, 255), (148, 214, 110)])
    for _ in range(4):
        x, y = canvas.uniform(0, 320), canvas.uniform(30, 150)
        for dx, dy, puff in ((-26, 6, 16), (0, 0, 24), (26, 5, 18)):
            canvas.circle(x + dx, y + dy, puff, (255, 255, 255), 0.9)
    for depth, colour in enumerate(((148, 214, 110), (104, 186, 92), (58, 146, 84))):
        canvas.circle(canvas.uniform(0, 320), 470 + depth * 30, 240 - depth * 20, colour)
    body = shifted((240, 96, 88), turn)
    x, y, size = canvas.uniform(120, 200), 236.0, canvas.uniform(56, 70)
    for side in (-1, 1):
        if canvas.pick(2):
            canvas.circle(x + side * size * 0.7, y - size * 0.8, size * 0.34, body)
        else:
            canvas.polygon(
                [
                    (x + side * size * 0.3, y - size * 0.7),
                    (x + side * size * 0.75, y - size * 1.5),
                    (x + side * size, y - size * 0.4),
                ],
                body,
            )
    canvas.box(x - size, y - size, size * 2, size * 2.6, body, round_=size * 0.95)
    canvas.box(x - size * 0.6, y + size * 0.3, size * 1.2, size * 1.3, mixed(body, (255, 255, 255), 0.6), round_=size * 0.6)
    look = canvas.uniform(-5, 5)
    for side in (-1, 1):
        canvas.circle(x + side * size * 0.38, y - size * 0.25, size * 0.3, (255, 255, 255))
        canvas.circle(x + side * size * 0.38 + look, y - size * 0.22, size * 0.14, (20, 20, 40))
    canvas.arc(x, y + size * 0.1, size * 0.35, 20, 160, (60, 16, 30), 4)
    return (18, 62, 58)


def childrens(canvas: Canvas) -> Colour:
    """Draw a rainbow and balloons."""
    canvas.gradient([(255, 214, 110), (255, 240, 200)])
    colours = [(232, 72, 85), (249, 150, 60), (250, 206, 70), (96, 186, 110), (70, 150, 220), (140, 96, 190)]
    x = canvas.uniform(100, 220)
    for index, colour in enumerate(colours):
        canvas.circle(x, 400, 230 - index * 22, colour)
    canvas.circle(x, 400, 98, (255, 236, 190))
    for index in range(6):
        bx, by, size = 34 + index * 50 + canvas.uniform(-14, 14), canvas.uniform(60, 230), canvas.uniform(22, 34)
        colour = colours[(index * 2 + canvas.pick(2)) % 6]
        canvas.line([(bx, by + size), (bx + 6, by + size + 40), (bx - 4, by + size + 90)], (120, 90, 70), 1.2)
        canvas.circle(bx, by, size, colour)
        canvas.polygon([(bx - 5, by + size + 6), (bx, by + size - 3), (bx + 5, by + size + 6)], colour)
        canvas.circle(bx - size * 0.35, by - size * 0.35, size * 0.2, (255, 255, 255), 0.6)
    canvas.ridge(396, 12, (84, 160, 90), rough=0.2)
    return (24, 70, 60)
