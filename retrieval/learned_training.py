"""What learned fusion is trained on: moments in the past of which the next item is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from palate.domain import Interaction, InteractionReader, Progress, preference
from retrieval.base import Float32, ItemTable
from retrieval.features import Features, Hidden, History
from retrieval.features_statistics import Sequences

__all__ = ["Examples", "Moment", "examples", "moments", "read_sequences", "shortened"]

Targets = Literal["next", "any"]
_SHARE = 0.2
"""Of a person's items, what is hidden at once where any is to be found."""


@dataclass(frozen=True)
class Moment:
    """A history, what is hidden with it, and which of that is to be ranked first, int [t]."""

    history: History
    hidden: Hidden
    targets: NDArray[np.int32]


@dataclass(frozen=True)
class Examples:
    """``x`` float32 [n, f], ``y`` int8 [n] (1: a target), ``sizes`` int64 [groups]. ``found`` is the share of targets in pools."""

    names: list[str]
    x: Float32
    y: NDArray[np.int8]
    sizes: NDArray[np.int64]
    found: float


def read_sequences(
    table: ItemTable, interactions: InteractionReader, max_items: int, liked_from: float = 0.0
) -> tuple[Sequences, NDArray[np.int64], list[str]]:
    """Read what each person took and did not dislike, each item once, at its newest event.

    Ratings below ``liked_from`` are passed over.

    Returns:
        The sequences over columns, the table's row of each column, int64 [m] (the ``max_items`` that most people took), and
        the person of each sequence.

    """
    people: dict[str, dict[int, Interaction]] = {}
    for event in interactions.interactions():
        row = table.rows.get(event.item_id)
        if row is not None and preference(event.verb, event.value) > 0 and (event.value is None or event.value >= liked_from):
            taken = people.setdefault(event.person_id, {})
            taken.pop(row, None)
            taken[row] = event
    counts = np.zeros(len(table), dtype=np.int64)
    for taken in people.values():
        counts[list(taken)] += 1
    order = np.lexsort((np.arange(len(table)), -counts))[:max_items]
    kept = np.sort(order[counts[order] > 0])
    columns = np.full(len(table), -1, dtype=np.int64)
    columns[kept] = np.arange(len(kept))
    ordered = [sorted(((e.at, columns[r], e.value) for r, e in t.items() if columns[r] >= 0), key=_time) for t in people.values()]
    flat = [event for events in ordered for event in events]
    sequences = Sequences(
        bounds=np.concatenate([[0], np.cumsum([len(events) for events in ordered])]).astype(np.int64),
        items=np.array([column for _, column, _ in flat], dtype=np.int32),
        at=np.array([at for at, *_ in flat], dtype=np.float64),
        values=np.array([np.nan if value is None else value for *_, value in flat], dtype=np.float32),
    )
    return sequences, kept.astype(np.int64), list(people)


def _time(event: tuple[float, int, float | None]) -> float:
    return event[0]


def moments(
    sequences: Sequences,
    targets: Targets,
    *,
    positions: int,
    least: int,
    limit: int,
    rng: np.random.Generator,
    strict: bool = False,
) -> list[Moment]:
    """Return at most ``limit`` moments, up to ``positions`` a person, each with a history of at least ``least`` items.

    ``next``: before each of the last events of a person; that event is the target, and what came later is hidden too, with
    ``strict`` also what came at the same time, unless all of the person's events did. ``any``: a fifth of a person's items, chosen
    at random, is hidden and is what is to be found.
    """
    chosen: list[tuple[int, int]] = []
    for person, length in enumerate(np.diff(sequences.bounds).tolist()):
        before = _before(sequences.of(person)[1], strict and targets == "next")
        chosen += [(person, place) for place in range(max(0, length - positions), length) if before[place] >= least]
    if len(chosen) > limit:
        chosen = [chosen[at] for at in np.sort(rng.permutation(len(chosen))[:limit]).tolist()]
    return [_moment(sequences, person, place, targets, rng, strict) for person, place in chosen]


def _moment(  # noqa: PLR0917 - a moment is all of these
    sequences: Sequences, person: int, place: int, targets: Targets, rng: np.random.Generator, strict: bool
) -> Moment:
    items, at, values = sequences.of(person)
    gone = np.zeros(len(items), dtype=np.bool_)
    if targets == "next":
        gone[_before(at, strict)[place] :] = True
    else:
        gone[rng.permutation(len(items))[: max(1, round(_SHARE * len(items)))]] = True
    places = np.arange(len(items))
    hidden = Hidden(items[gone], at[gone], values[gone], places[gone], places[~gone])
    history = History(items[~gone], at[~gone], values[~gone], person)
    return Moment(history, hidden, items[place : place + 1] if targets == "next" else hidden.items)


def _before(at: NDArray[np.float64], strict: bool) -> NDArray[np.int64]:
    """Return how many of a person's events come before each, int64 [n]; ``strict`` by time, where times tell any apart."""
    strict = strict and len(at) > 0 and bool(at[0] < at[-1])
    return np.searchsorted(at, at) if strict else np.arange(len(at))


def shortened(sequences: Sequences, chosen: Sequence[Moment], most: int, rng: np.random.Generator) -> list[Moment]:
    """Return the moments again, of each no more than the newest ``most`` items of the history known, of four in ten fewer still.

    What is cut off is hidden as the targets are, so that the statistics know nothing of it.
    """
    out = []
    for moment in chosen:
        n = min(most, 1 + int(rng.integers(2 * most)))
        if n >= len(moment.history.items):
            out.append(moment)
            continue
        items, at, values = sequences.of(moment.history.person)
        places = np.arange(len(items))
        gone = ~np.isin(places, moment.hidden.history_places[-n:])
        hidden = Hidden(items[gone], at[gone], values[gone], places[gone], places[~gone])
        out.append(Moment(History(items[~gone], at[~gone], values[~gone], moment.history.person), hidden, moment.targets))
    return out


def examples(
    features: Features, chosen: list[Moment], n: int, progress: Progress | None = None, stage: str = "fusion examples"
) -> Examples:
    """Compute the columns of each moment's ``n`` candidates. Moments with no target among them teach nothing and are left out;
    what is hidden and no target is no candidate. ``progress`` is told of it as ``stage``.
    """
    xs, ys, sizes, names = [], [], [], list[str]()
    found = total = 0
    for done, moment in enumerate(chosen):
        if progress is not None and done % 100 == 0:
            progress(stage, done, len(chosen))
        scores = features.scores(moment.history, moment.hidden)
        pool = features.pool(scores, moment.history, n)
        pool = pool[~np.isin(pool, np.setdiff1d(moment.hidden.items, moment.targets))]
        hit = np.isin(pool, moment.targets)
        found, total = found + int(hit.sum()), total + len(moment.targets)
        if hit.any():
            names, x = features.matrix(scores, moment.history, pool, moment.hidden)
            xs.append(x)
            ys.append(hit.astype(np.int8))
            sizes.append(len(pool))
    x = np.concatenate(xs) if xs else np.zeros((0, 0), dtype=np.float32)
    y = np.concatenate(ys) if ys else np.zeros(0, dtype=np.int8)
    return Examples(names, x, y, np.array(sizes, dtype=np.int64), found / max(total, 1))
