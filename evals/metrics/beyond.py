"""What accuracy does not say of ranked lists: how much of the catalog they show, how new, how varied, how fair to taste they are.

Lists are int32 [cases, n] with -1 for an empty place; cut them to the first k before (``ranked[:, :10]``). A value a case is NaN
where a list says nothing: an empty one, or, for diversity, one of a single item.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.base import Int32
from palate.domain import Item
from palate.errors import InvalidInput

__all__ = [
    "average_popularity",
    "calibration",
    "coverage",
    "diversity",
    "genre_matrix",
    "gini",
    "long_tail",
    "long_tail_share",
    "novelty",
]

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]
_ALPHA = 0.01
_AT_ONCE = 4_000_000
"""So many numbers are gathered at a time, to bound memory."""


def coverage(ranked: Int32, catalog: int | NDArray[np.bool_]) -> float:
    """Return the share of the catalog that is in any list: of so many items, or of those that are true, bool [items].

    Ge, Delgado-Battenfeld & Jannach (2010), Beyond accuracy, https://doi.org/10.1145/1864708.1864761 (catalog coverage).
    """
    shown = np.unique(ranked[ranked >= 0])
    if isinstance(catalog, int):
        return len(shown) / max(catalog, 1)
    return float(catalog[shown].sum() / max(int(catalog.sum()), 1))


def novelty(ranked: Int32, counts: ArrayLike, users: int) -> Float64:
    """Return the mean self-information of each list, float64 [cases], in bits: -log2((count + 1) / (users + 1)).

    ``counts``, [items], says how many of ``users`` have each item in the training data. Zhou et al. (2010), Solving the apparent
    diversity-accuracy dilemma, https://doi.org/10.1073/pnas.1000488107; one is added so that an unseen item has a value.
    """
    return _mean_of(ranked, -np.log2((np.asarray(counts, np.float64) + 1) / (users + 1)))


def average_popularity(ranked: Int32, counts: ArrayLike) -> Float64:
    """Return the mean training count of each list's items, float64 [cases]. ``counts`` are [items]."""
    return _mean_of(ranked, np.asarray(counts, np.float64))


def long_tail(counts: ArrayLike, head: float = 0.2) -> NDArray[np.bool_]:
    """Return which items are in the long tail, bool [items]: all but the ``head`` share of the items with the highest counts.

    Of equal counts at the border, items of lower position are in the head. Abdollahpouri, Burke & Mobasher (2017), Controlling
    popularity bias in learning-to-rank recommendation, https://doi.org/10.1145/3109859.3109912.
    """
    known = np.asarray(counts)
    tail = np.ones(len(known), np.bool_)
    tail[np.argsort(-known, kind="stable")[: round(head * len(known))]] = False
    return tail


def long_tail_share(ranked: Int32, counts: ArrayLike, head: float = 0.2) -> Float64:
    """Return the share of each list that is of the long tail, float64 [cases]; see :func:`long_tail`."""
    return _mean_of(ranked, long_tail(counts, head).astype(np.float64))


def gini(ranked: Int32, items: int) -> float:
    """Return how unequally ``items`` are shown in all lists together: 0 all alike, towards 1 where one takes it all; NaN for none.

    Sun et al. (2019), Debiasing the human-recommender system feedback loop, https://doi.org/10.1145/3308560.3317303, use it so.
    """
    shown = np.sort(np.bincount(ranked[ranked >= 0], minlength=items)).astype(np.float64)
    if not shown.sum():
        return float("nan")
    places = np.arange(1, len(shown) + 1)
    return float(((2 * places - len(shown) - 1) @ shown) / (len(shown) * shown.sum()))


def diversity(ranked: Int32, vectors: Float32) -> Float64:
    """Return the mean cosine distance of all pairs in each list, float64 [cases].

    ``vectors``, float32 [items, d], need not be of unit length; an item whose vector is 0 has the distance 1 from every other.
    Ziegler et al. (2005), Improving recommendation lists through topic diversification, https://doi.org/10.1145/1060745.1060754.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, lengths, out=np.zeros(vectors.shape, np.float64), where=lengths > 0)
    found = np.full(len(ranked), np.nan)
    for part in _parts(ranked, vectors.shape[1]):
        filled = ranked[part] >= 0
        chosen = np.where(filled[..., None], unit[ranked[part]], 0.0)
        likeness = (chosen.sum(axis=1) ** 2).sum(axis=1) - (chosen**2).sum(axis=(1, 2))
        pairs = filled.sum(axis=1) * (filled.sum(axis=1) - 1)
        np.subtract(1.0, np.divide(likeness, pairs, where=pairs > 0, out=np.full(len(pairs), np.nan)), out=found[part])
    return found


def calibration(ranked: Int32, histories: Sequence[Int32], genres: Float32, alpha: float = _ALPHA) -> Float64:
    """Return how far the genres of each list are from those of its history, float64 [cases], in nats; 0 is the same mixture.

    It is KL(p || (1 - alpha) q + alpha p): p is the mean over the history of each item's genres, all its genres alike, and q that
    over the list; items without a genre do not count. NaN where there is no genre at all. ``genres``: see
    :func:`genre_matrix`.
    Steck (2018), Calibrated recommendations, https://doi.org/10.1145/3240323.3240372, equations 2 to 6.

    Raises:
        InvalidInput: There are not as many histories as lists.

    """
    if len(histories) != len(ranked):
        raise InvalidInput(
            f"{len(histories)} histories do not fit {len(ranked)} lists.", remedy="Give one for each.", param="histories"
        )
    counts = genres.sum(axis=1, keepdims=True)
    shares = np.divide(genres, counts, out=np.zeros(genres.shape, np.float64), where=counts > 0)
    found = np.full(len(ranked), np.nan)
    for case, (items, history) in enumerate(zip(ranked, histories, strict=True)):
        target, shown = shares[history].sum(axis=0), shares[items[items >= 0]].sum(axis=0)
        if target.any() and shown.any():
            p, q = target / target.sum(), shown / shown.sum()
            some = p > 0
            found[case] = max(0.0, float((p[some] * np.log(p[some] / ((1 - alpha) * q[some] + alpha * p[some]))).sum()))
    return found


def genre_matrix(items: Sequence[Item]) -> tuple[Float32, tuple[str, ...]]:
    """Return which item has which genre, float32 [items, genres] of 0 and 1, and the genres' names, sorted."""
    names = tuple(sorted({genre for item in items for genre in item.genres}))
    place = {name: position for position, name in enumerate(names)}
    matrix = np.zeros((len(items), len(names)), np.float32)
    for position, item in enumerate(items):
        matrix[position, [place[genre] for genre in item.genres]] = 1
    return matrix, names


def _mean_of(ranked: Int32, values: Float64) -> Float64:
    """Return the mean over each list of the values of its items, float64 [cases], NaN for an empty list."""
    filled = ranked >= 0
    sums, sizes = np.where(filled, values[np.where(filled, ranked, 0)] if values.size else 0.0, 0.0).sum(axis=1), filled.sum(axis=1)
    return np.asarray(np.divide(sums, sizes, out=np.full(len(ranked), np.nan), where=sizes > 0))


def _parts(ranked: Int32, width: int) -> list[slice]:
    size = max(1, _AT_ONCE // max(1, ranked.shape[1] * width))
    return [slice(start, start + size) for start in range(0, len(ranked), size)]
