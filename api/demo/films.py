"""The films of MovieLens-100K, read from the installed RecBole package, and what the best known of them are called in Chinese.

The data set may be used for research; it may not be redistributed, nor used for gain without permission from GroupLens, so it is
never part of this product: F. M. Harper and J. A. Konstan, "The MovieLens Datasets", 2015, doi:10.1145/2827872;
https://grouplens.org/datasets/movielens/100k/.
"""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from palate.domain import Interaction, Item
from palate.errors import MissingWeights
from retrieval.movielens import read_movielens_items

__all__ = ["Ratings", "film_items", "movielens_file"]


def movielens_file(name: str) -> Path:
    """Return the path of a file of MovieLens-100K, such as ``ml-100k.item``, without importing RecBole.

    Raises:
        MissingWeights: The package or the file is not there.

    """
    spec = importlib.util.find_spec("recbole")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / "dataset_example" / "ml-100k" / name
        if path.is_file():
            return path
    raise MissingWeights(
        f"MovieLens-100K's {name!r}, a part of the package 'recbole', is not installed.", remedy="Run 'make setup'."
    )


def film_items() -> list[Item]:
    """Return the films, each with its Chinese titles and the key of its cover; raises :class:`MissingWeights`."""
    films = [item for item in read_movielens_items(movielens_file("ml-100k.item")) if isinstance(item, Item)]
    chinese = _chinese_titles()
    return [
        film.model_copy(
            update={
                "alt_titles": (*film.alt_titles, *chinese.get((film.title, film.year), ())),
                "image": f"covers/{film.item_id}.png",
            }
        )
        for film in films
    ]


def _chinese_titles() -> dict[tuple[str, int | None], tuple[str, ...]]:
    """Return Chinese titles by title and year: ``titles_zh.csv``, our own list."""
    text = (resources.files("api.demo") / "titles_zh.csv").read_text(encoding="utf-8")
    return {(row["title"], int(row["year"])): tuple(row["titles_zh"].split(";")) for row in csv.DictReader(text.splitlines())}


class Ratings:
    """The ratings of MovieLens-100K as the demo world's people, ``movielens-<user>``, have them, without importing them."""

    def interactions(self) -> Iterator[Interaction]:
        """Yield the ratings, 1 to 5 scaled to 0 to 1, by person, then time; raises :class:`MissingWeights`."""
        with movielens_file("ml-100k.inter").open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file, delimiter="\t")
            next(rows)
            found = [
                Interaction(f"movielens-{user}", f"ml-{item}", "rate", (float(rating) - 1) / 4, float(at))
                for user, item, rating, at in rows
            ]
        yield from sorted(found, key=lambda one: (one.person_id, one.at))
