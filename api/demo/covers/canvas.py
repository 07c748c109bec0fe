"""A sheet to draw on, in units of a finished pixel; drawn at twice the size, so that edges come out smooth."""

# ruff: noqa: PLR0917 - drawing calls are read best as a row of coordinates

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw

__all__ = ["Canvas", "Colour", "mixed", "shifted"]

Colour = tuple[int, int, int]

_SCALE = 2


def mixed(a: Colour, b: Colour, share: float) -> Colour:
    """Return the colour a ``share`` (0 to 1) of the way from ``a`` to ``b``."""
    return (round(a[0] + (b[0] - a[0]) * share), round(a[1] + (b[1] - a[1]) * share), round(a[2] + (b[2] - a[2]) * share))


def shifted(colour: Colour, turn: float) -> Colour:
    """Return a colour with its hue moved by ``turn`` of the colour circle."""
    hue, light, strength = colorsys.rgb_to_hls(*(part / 255 for part in colour))
    red, green, blue = colorsys.hls_to_rgb((hue + turn) % 1.0, light, strength)
    return round(red * 255), round(green * 255), round(blue * 255)


@lru_cache(maxsize=1)
def _halo() -> Image.Image:
    """Return a soft round spot, 128 x 128, mode L."""
    axis = np.linspace(-1, 1, 128)
    distance = np.sqrt(axis[:, None] ** 2 + axis[None, :] ** 2)
    return Image.fromarray((255 * np.clip(1 - distance, 0, 1) ** 1.8).astype(np.uint8))


class Canvas:
    """A picture in the making.

    Args:
        width: Of the finished picture, in pixels.
        height: Of the finished picture, in pixels.
        rng: Where its chances come from.

    """

    def __init__(self, width: int, height: int, rng: np.random.Generator) -> None:
        self.width, self.height, self.rng = width, height, rng
        self.image = Image.new("RGB", (width * _SCALE, height * _SCALE))
        self._draw = ImageDraw.Draw(self.image, "RGBA")

    def uniform(self, low: float, high: float) -> float:
        """Return a number by chance."""
        return float(self.rng.uniform(low, high))

    def pick(self, count: int) -> int:
        """Return one of 0 to ``count`` - 1 by chance."""
        return int(self.rng.integers(count))

    def gradient(self, colours: Sequence[Colour], top: float = 0.0, bottom: float | None = None) -> None:
        """Fill the width from ``top`` to ``bottom`` with colours that pass into each other."""
        end = self.height if bottom is None else bottom
        rows = max(1, round((end - top) * _SCALE))
        places = np.linspace(0, 1, len(colours))
        table = np.stack([np.interp(np.linspace(0, 1, rows), places, [c[k] for c in colours]) for k in range(3)], axis=-1)
        strip = Image.fromarray(table[:, None, :].astype(np.uint8))
        self.image.paste(strip.resize((self.image.width, rows)), (0, round(top * _SCALE)))

    def shade(self, colour: Colour, top: float, bottom: float, start: float, end: float) -> None:
        """Lay a veil over the width whose opacity goes from ``start`` to ``end`` (0 to 1)."""
        rows = max(1, round((bottom - top) * _SCALE))
        ramp = Image.fromarray((255 * np.linspace(start, end, rows)).astype(np.uint8)[:, None])
        self.image.paste(colour, (0, round(top * _SCALE)), ramp.resize((self.image.width, rows)))

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float = 1.0) -> None:
        """Add light that falls off to ``radius``."""
        size = round(radius * 2 * _SCALE)
        spot = Image.merge("RGB", [_halo().point([round(v * part / 255 * strength) for v in range(256)]) for part in colour])
        light = spot.resize((size, size), Image.Resampling.BILINEAR)
        corner = round((x - radius) * _SCALE), round((y - radius) * _SCALE)
        box = (
            max(0, corner[0]),
            max(0, corner[1]),
            min(self.image.width, corner[0] + size),
            min(self.image.height, corner[1] + size),
        )
        if box[0] >= box[2] or box[1] >= box[3]:
            return
        inner = (box[0] - corner[0], box[1] - corner[1], box[2] - corner[0], box[3] - corner[1])
        self.image.paste(ImageChops.screen(self.image.crop(box), light.crop(inner)), box[:2])

    def circle(self, x: float, y: float, radius: float, colour: Colour, alpha: float = 1.0) -> None:
        """Draw a disc."""
        box = [(x - radius) * _SCALE, (y - radius) * _SCALE, (x + radius) * _SCALE, (y + radius) * _SCALE]
        self._draw.ellipse(box, fill=(*colour, round(255 * alpha)))

    def ring(self, x: float, y: float, radius: float, colour: Colour, width: float, alpha: float = 1.0, flat: float = 1.0) -> None:
        """Draw the edge of an ellipse, ``flat`` times as high as wide."""
        box = [(x - radius) * _SCALE, (y - radius * flat) * _SCALE, (x + radius) * _SCALE, (y + radius * flat) * _SCALE]
        self._draw.ellipse(box, outline=(*colour, round(255 * alpha)), width=max(1, round(width * _SCALE)))

    def arc(self, x: float, y: float, radius: float, start: float, end: float, colour: Colour, width: float) -> None:
        """Draw a part of a ring, from ``start`` to ``end`` in degrees clockwise from three o'clock."""
        box = [(x - radius) * _SCALE, (y - radius) * _SCALE, (x + radius) * _SCALE, (y + radius) * _SCALE]
        self._draw.arc(box, start, end, fill=colour, width=max(1, round(width * _SCALE)))

    def slice(self, x: float, y: float, radius: float, start: float, end: float, colour: Colour) -> None:
        """Draw a slice of a disc."""
        box = [(x - radius) * _SCALE, (y - radius) * _SCALE, (x + radius) * _SCALE, (y + radius) * _SCALE]
        self._draw.pieslice(box, start, end, fill=colour)

    def polygon(self, points: Sequence[tuple[float, float]], colour: Colour, alpha: float = 1.0) -> None:
        """Draw a filled polygon."""
        self._draw.polygon([(x * _SCALE, y * _SCALE) for x, y in points], fill=(*colour, round(255 * alpha)))

    def box(self, x: float, y: float, width: float, height: float, colour: Colour, alpha: float = 1.0, round_: float = 0.0) -> None:
        """Draw a box, its corners rounded by ``round_``."""
        place = [x * _SCALE, y * _SCALE, (x + width) * _SCALE, (y + height) * _SCALE]
        self._draw.rounded_rectangle(place, round_ * _SCALE, fill=(*colour, round(255 * alpha)))

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, width: float, alpha: float = 1.0) -> None:
        """Draw a line through points."""
        places = [(x * _SCALE, y * _SCALE) for x, y in points]
        self._draw.line(places, fill=(*colour, round(255 * alpha)), width=max(1, round(width * _SCALE)), joint="curve")

    def ridge(self, base: float, height: float, colour: Colour, *, rough: float = 1.0, step: float = 16.0) -> None:
        """Draw hills across the width: their line wanders about ``base`` by ``height``; filled to the foot."""
        places = np.arange(-step, self.width + 2 * step, step)
        waves = sum(
            np.sin(places / self.width * math.tau * turns + self.uniform(0, math.tau)) * height / turns for turns in (0.7, 1.6, 3.1)
        )
        jag = self.rng.uniform(-1, 1, len(places)) * height * 0.35 * rough
        line = [(float(x), float(base + w + j)) for x, w, j in zip(places, np.asarray(waves), jag, strict=True)]
        self.polygon([*line, (self.width + step * 2, self.height), (-step, self.height)], colour)

    def stars(self, count: int, bottom: float, colour: Colour = (255, 255, 255)) -> None:
        """Scatter stars above ``bottom``."""
        for x, y, size in self.rng.random((count, 3)):
            self.circle(x * self.width, y * bottom, 0.35 + 1.1 * size**4, colour, 0.35 + 0.65 * size)

    def finished(self) -> Image.Image:
        """Return the picture at its true size, RGB."""
        return self.image.reduce(_SCALE)
