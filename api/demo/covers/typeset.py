"""Sets a title so that it can be read: wrapped, as large as fits, on a veil of the picture's own dark."""

from __future__ import annotations

from functools import lru_cache

from PIL import ImageDraw, ImageFont

from api.demo.covers.canvas import Canvas, Colour

__all__ = ["set_title"]

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@lru_cache(maxsize=64)
def _font(size: int) -> Font:
    return ImageFont.load_default(size)


def _wrapped(text: str, font: Font, width: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    return lines


def _fitted(text: str, width: float, height: float, largest: int) -> tuple[int, list[str]]:
    """Return the largest size, and its lines, at which ``text`` fits; very long texts end in an ellipsis."""
    for size in range(largest, 23, -2):
        lines = _wrapped(text, _font(size), width)
        if len(lines) * size * 1.12 <= height and all(_font(size).getlength(line) <= width for line in lines):
            return size, lines
    kept = _wrapped(text, _font(24), width)
    room = max(1, int(height / (24 * 1.12)))
    if len(kept) > room:
        kept = [*kept[: room - 1], kept[room - 1][:28] + "…"]
    return 24, kept


def set_title(canvas: Canvas, title: str, small: str, ink: Colour, veil: Colour, *, largest: int = 46) -> None:
    """Write ``title`` and a ``small`` line under it at the foot of the canvas, in ``ink`` on a veil of the colour ``veil``."""
    scale = canvas.image.width // canvas.width
    margin = 20 * scale
    size, lines = _fitted(title, canvas.image.width - 2 * margin, canvas.height * 0.36 * scale, largest * scale)
    note = 14 * scale
    total = len(lines) * size * 1.12 + (note * 1.7 if small else 0)
    top = canvas.image.height - margin - total
    canvas.shade(veil, (top - 80 * scale) / scale, (top + 4 * scale) / scale, 0.0, 0.8)
    canvas.shade(veil, (top + 4 * scale) / scale, canvas.height, 0.8, 0.95)
    draw = ImageDraw.Draw(canvas.image)
    for index, line in enumerate(lines):
        place = (margin, top + index * size * 1.12)
        draw.text(place, line, font=_font(size), fill=ink, stroke_width=max(1, size // 40), stroke_fill=ink)
    if small:
        draw.text((margin, canvas.image.height - margin - note * 1.2), small, font=_font(note), fill=ink)
