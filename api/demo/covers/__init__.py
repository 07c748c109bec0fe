"""Draws film posters and record sleeves from what an item says of itself; every picture follows from the item's id."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping

import numpy as np

from api.demo.covers import films, rooms
from api.demo.covers.canvas import Canvas, Colour
from api.demo.covers.sleeves import SLEEVES
from api.demo.covers.typeset import set_title
from palate.domain import Item

__all__ = ["FILM_SIZE", "MUSIC_SIZE", "draw_cover"]

FILM_SIZE = (320, 480)
MUSIC_SIZE = (400, 400)

_SCENES: Mapping[str, Callable[[Canvas], Colour]] = {  # the first genre here that an item has decides
    "Western": films.western,
    "Film-Noir": rooms.film_noir,
    "Documentary": rooms.documentary,
    "Animation": films.animation,
    "Sci-Fi": films.science_fiction,
    "Horror": rooms.horror,
    "War": films.war,
    "Musical": rooms.musical,
    "Fantasy": films.fantasy,
    "Children's": films.childrens,
    "Mystery": rooms.mystery,
    "Crime": rooms.crime,
    "Adventure": films.adventure,
    "Romance": films.romance,
    "Comedy": rooms.comedy,
    "Thriller": rooms.thriller,
    "Action": rooms.action,
    "Drama": rooms.drama,
}


def _settable(text: str) -> bool:
    """Return whether the built-in font has the letters."""
    return all(ord(letter) < 0x250 or letter in "–—‘’“”…" for letter in text)


def _printable(item: Item) -> str:
    """Return the first of the item's titles, or its creator, that can be set; else nothing."""
    return next((text for text in (item.title, *item.alt_titles, *item.creators) if _settable(text)), "")


def draw_cover(item: Item) -> bytes:
    """Return a PNG: 320 x 480 pixels for films, 400 x 400 for music and all else.

    Composition and palette follow the genres, chances follow the item's id: the same item gives the same picture.
    """
    film = item.type == "movie"
    width, height = FILM_SIZE if film else MUSIC_SIZE
    seed = int.from_bytes(hashlib.sha256(f"cover {item.item_id}".encode()).digest()[:8], "big")
    canvas = Canvas(width, height, np.random.default_rng(seed))
    scenes = _SCENES if film else SLEEVES
    name = next((genre for genre in scenes if genre in item.genres), "Drama" if film else "Ambient")
    dark = scenes[name](canvas)
    notes = [*(item.creators[:1] if not film else ()), *([str(item.year)] if item.year else ())]
    set_title(canvas, _printable(item), "  ·  ".join(note for note in notes if _settable(note)), (255, 250, 240), dark)
    out = io.BytesIO()
    canvas.finished().save(out, "PNG", compress_level=4)
    return out.getvalue()
