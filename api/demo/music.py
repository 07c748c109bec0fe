"""Sixty short pieces of instrumental music by invented artists: listed in ``tracks.csv``, synthesised by our own code."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

from api.demo.synth import encode_ogg, render
from api.demo.synth.dsp import Wave
from palate.domain import Item
from palate.errors import InvalidInput

__all__ = ["audio_bytes", "piece_wave", "track_items"]


def _language(title: str) -> str:
    return "zh" if any("\u4e00" <= letter <= "\u9fff" for letter in title) else "en"


@cache
def _tracks() -> tuple[Item, ...]:
    text = (resources.files("api.demo") / "tracks.csv").read_text(encoding="utf-8")
    return tuple(
        Item(
            item_id=row["item_id"],
            type="track",
            title=row["title"],
            alt_titles=(row["alt_titles"],) if row["alt_titles"] else (),
            creators=(row["creators"],),
            genres=(row["style"],),
            year=int(row["year"]),
            language=_language(row["title"]),
            description=row["description"],
            image=f"covers/{row['item_id']}.png",
            audio=f"audio/{row['item_id']}.ogg",
            attributes={"tempo": row["tempo"], "key": row["key"]},
            origin="demo",
        )
        for row in csv.DictReader(text.splitlines())
    )


def track_items() -> list[Item]:
    """Return the pieces as items ``pal-001`` to ``pal-060``; tempo (beats a minute) and key are attributes."""
    return list(_tracks())


def piece_wave(item: Item) -> Wave:
    """Return the sound of one of our pieces, stereo float32 [2, samples]; the same item sounds the same.

    Raises:
        InvalidInput: The item is not one of our pieces.

    """
    if item.origin != "demo" or item.type != "track":
        raise InvalidInput(f"{item.item_id!r} is not a piece of the demo.", remedy="Take one of track_items().", param="item_id")
    return render(item.item_id, item.genres[0], float(item.attributes["tempo"]), item.attributes["key"])


def audio_bytes(item: Item) -> bytes:
    """Return the sound of one of our pieces as an Ogg Vorbis file; raises what :func:`piece_wave` raises."""
    return encode_ogg(piece_wave(item))
