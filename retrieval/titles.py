"""How likely a language model finds the titles of items: a title that it has read often is of something widely known."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from palate.domain import Item
from retrieval.base import Float32
from retrieval.movielens import split_title

__all__ = ["TITLE_COLUMNS", "SpokenTitle", "TitleLikelihoods", "spoken_title"]

TITLE_COLUMNS = ("title.likelihood", "title.likelihood_a_letter", "title.year_likelihood")

_SIGNATURE = "signature"
_ALIKE = 0.5
"""Nats: how far apart two readings by one model may be, as on processors whose int8 kernels differ. Two models are further."""

_MANY = {
    "movie": "movies",
    "track": "songs",
    "podcast": "podcasts",
    "product": "products",
    "course": "courses",
    "article": "articles",
    "post": "posts",
}


@dataclass(frozen=True, slots=True)
class SpokenTitle:
    """A title as text that may follow ``prefix``, alone and with its year; without a year both are the same."""

    prefix: str
    title: str
    dated: str

    @property
    def key(self) -> str:
        """Name it, the same each time."""
        return hashlib.sha256(f"{self.prefix}{self.title}\n{self.dated}".encode()).hexdigest()[:32]


def spoken_title(item: Item) -> SpokenTitle:
    """Return the title of an item as people say it ("The Usual Suspects"), behind the beginning of a list of famous ones."""
    title = f" {' '.join(split_title(item.title)[0].split())}"
    return SpokenTitle(f"The most famous {_MANY[item.type]}:\n-", title, f"{title} ({item.year})" if item.year else title)


class TitleLikelihoods:
    """What one language model said of titles, by item text; kept in a file, a line each, so that reading goes on where it stopped.

    The first line is what it said of a few titles that are always the same: that tells it from another one (:meth:`sign`).

    Args:
        path: The file, one for each model; ``None`` keeps nothing beyond the process.

    """

    def __init__(self, path: Path | None = None) -> None:
        self._path, self._adding = path, threading.Lock()
        self._known: dict[str, tuple[float, float]] = {}
        self._signature: list[float] = []
        self._read()

    def _read(self) -> None:
        if self._path is None or not self._path.is_file():
            return
        for line in self._path.read_text("utf-8").splitlines():
            try:
                key, *values = json.loads(line)
                if key == _SIGNATURE:
                    self._signature = [float(value) for value in values]
                else:
                    title, dated = values
                    self._known[str(key)] = float(title), float(dated)
            except (ValueError, TypeError):  # the last line of a run that was killed
                continue

    def sign(self, signature: Float32) -> None:
        """Say who speaks, by log probabilities of titles that are always the same, nats, float32 [n]: what another model said is
        forgotten.
        """
        with self._adding:
            if not self._signed(signature):
                self._known.clear()
                self._signature = []
                self._read()  # another process may have begun the file meanwhile
            if self._signed(signature):
                return
            self._known.clear()
            self._signature = [round(value, 4) for value in signature.tolist()]
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._path.write_text(json.dumps([_SIGNATURE, *self._signature]) + "\n", encoding="utf-8")

    @property
    def signature(self) -> tuple[float, ...]:
        """Return what tells the model from others; empty before it was signed."""
        return tuple(self._signature)

    def _signed(self, signature: Float32) -> bool:
        known = np.array(self._signature)
        return known.shape == signature.shape and bool(np.abs(known - signature).mean() <= _ALIKE)

    def missing(self, items: Sequence[Item]) -> list[Item]:
        """Return the items whose titles were not read, in their order."""
        return [item for item in items if spoken_title(item).key not in self._known]

    def put(self, items: Sequence[Item], values: Float32) -> None:
        """Keep log probabilities, nats, float32 [len(items), 2]: of the titles, and of the titles with their years; NaN for a title
        that cannot be read.
        """
        lines = []
        with self._adding:
            for item, (title, dated) in zip(items, values.tolist(), strict=True):
                key = spoken_title(item).key
                self._known[key] = kept = round(title, 4), round(dated, 4)  # the same to who reads the file
                lines.append(json.dumps([key, *kept]) + "\n")
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.open("a", encoding="utf-8") as file:
                    file.writelines(lines)

    def columns(self, items: Sequence[Item]) -> Float32:
        """Return ``TITLE_COLUMNS`` of items, float32 [len(items), 3]: log probability of the title, the same a letter, and that of
        the year behind it; NaN where nothing was read, or there is no year.
        """
        out = np.full((len(items), len(TITLE_COLUMNS)), np.nan, dtype=np.float32)
        for row, item in enumerate(items):
            spoken = spoken_title(item)
            if (found := self._known.get(spoken.key)) is not None:
                title, dated = found
                out[row] = title, title / max(len(spoken.title) - 1, 1), dated - title if item.year else np.nan
        return out
