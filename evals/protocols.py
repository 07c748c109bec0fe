"""Splits of a data set into what may be fitted on and cases to be judged; the whole catalog of the split is ranked, never a sample.

Protocols, each with a part ``val`` to choose on and a part ``test`` to look at once:

* ``loo`` — leave one out by time: a user's last event is the test target, the one before it the validation target.
* ``last5``, or ``last`` and any number — the last k events of a user are the test targets, the k before them those of validation.
* ``temporal`` — one moment for all: the last tenth of all events is test, the tenth before it validation.
* ``ratio`` — a random fifth of all rows is test, the tenth before it in the same permutation validation, as Cornac's RatioSplit.
* ``kfold`` — rows are dealt at random into k folds; fold f is test, the next one validation.

For ``test`` everything but the test targets may be fitted on (with ``fit_validation`` off not the validation targets either,
which are still in the histories: so most published tables were made), for ``val`` everything but the test and validation targets.
A user's later event on an item they already have is dropped first. Equal times keep the order of the file.
See Meng et al. (2020), https://arxiv.org/abs/2007.13237, for what splitting does to results, and
Salah, Truong & Lauw (2020), Cornac, https://jmlr.org/papers/v21/19-805.html.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from evals.base import Case, Dataset, Interactions, Split
from palate.domain import Value
from palate.errors import InvalidInput

__all__ = ["ProtocolConfig", "core_mask", "folds", "make_split", "one_by_one", "without_repeats"]

Part = Literal["val", "test"]
Mask = NDArray[np.bool_]
_EPSILON = 1e-6
_TIES = "equal times keep the order of the file"


class ProtocolConfig(Value):
    """How a protocol cuts.

    Attributes:
        test_share: Share of rows held out for test (``ratio``).
        temporal_share: Share of all events after the test's moment, and again between validation's and that (``temporal``).
        val_share: Share of rows held out for validation (``ratio``).
        fit_validation: Fit on the validation targets too when test is judged.
        threshold: A held-out row is a target where its rating, on a scale up to 5, is this or more (``ratio``, ``kfold``);
            where nothing is rated, all are.
        liked_history: Leave what a user rated below ``threshold`` out of the histories, so that it is ranked and counts as a miss,
            as Cornac does (``ratio``, ``kfold``); it may still be fitted on.
        folds: Number of folds (``kfold``).
        fold: Which of them is test (``kfold``).

    """

    test_share: float = Field(default=0.2, gt=0, lt=1)
    val_share: float = Field(default=0.1, gt=0, lt=1)
    temporal_share: float = Field(default=0.1, gt=0, lt=0.5)
    fit_validation: bool = True
    threshold: float = Field(default=4.0, ge=0, le=5)
    liked_history: bool = True
    folds: int = Field(default=5, ge=2)
    fold: int = Field(default=0, ge=0)


def make_split(
    dataset: Dataset, protocol: str, *, part: Part = "test", min_core: int = 5, seed: int = 123, **options: Any
) -> Split:
    """Return a split; ``options`` are fields of :class:`ProtocolConfig`, and ``seed`` draws rows in ``ratio`` and ``kfold``.

    Users and items with fewer than ``min_core`` events are removed, again and again until none is left; 0 keeps all. A user without
    history or without targets is no case; their events can be fitted on. In ``ratio`` and ``kfold``, targets that nobody has in the
    training rows are left out, as Cornac does; elsewhere they stay and count as misses.

    Raises:
        InvalidInput: There is no such protocol, part or fold, or the data set has no times, which ``temporal`` needs.

    """
    config = ProtocolConfig(**options)
    if part not in {"val", "test"}:
        raise InvalidInput(f"There is no part {part!a}.", remedy="Use val or test.", param="part")
    distinct = without_repeats(dataset.interactions)
    kept = distinct.take(core_mask(distinct, min_core))
    cut = _protocol(protocol, dataset)
    train, targets = cut(kept, part, config, seed)
    fitted = train if config.fit_validation else cut(kept, "val", config, seed)[0]
    if protocol in {"ratio", "kfold"}:
        liked = ~(kept.values < config.threshold / 5 - _EPSILON)  # what has no rating is a target
        targets &= liked & np.isin(kept.items, kept.items[fitted])
        history = liked if config.liked_history else np.ones_like(liked)
    else:
        history = np.ones(len(kept), np.bool_)
    known = kept.take(train)
    cases = _cases(kept, targets, known, history[train])
    facts = {
        "seed": seed,
        "min_core": min_core,
        "repeats_dropped": len(dataset.interactions) - len(distinct),
        "kept_users": len(np.unique(kept.users)),
        "kept_items": len(np.unique(kept.items)),
        "kept_interactions": len(kept),
        "targets": int(sum(len(case.targets) for case in cases)),
        "ties": _TIES,
        "fit_validation": config.fit_validation,
        **options,
    }
    return Split(protocol, part, kept.take(fitted), known, cases, facts)


def folds(dataset: Dataset, *, part: Part = "test", min_core: int = 5, seed: int = 123, **options: Any) -> Iterator[Split]:
    """Yield the split of every fold of ``kfold``; the test folds together hold every row once."""
    for fold in range(ProtocolConfig(**options).folds):
        yield make_split(dataset, "kfold", part=part, min_core=min_core, seed=seed, **{**options, "fold": fold})


def one_by_one(dataset: Dataset, *, part: Part = "test", min_core: int = 5, last: int = 5) -> Split:
    """Return a split in which each held event is a case of its own, its history all that strictly precedes it in time.

    The last ``last`` events of a user are test, those before them validation. What may be fitted on is what ``last5`` allows;
    the histories go on up to the event. An event that nothing strictly precedes is no case.
    """
    distinct = without_repeats(dataset.interactions)
    kept = distinct.take(core_mask(distinct, min_core))
    train, targets = _last(kept, part, last)
    starts, ends = _bounds(kept.users)
    begin = np.repeat(starts, ends - starts)
    cases = []
    for row in np.flatnonzero(targets).tolist():
        history = np.arange(begin[row], row)
        history = history[kept.at[history] < kept.at[row]]
        if len(history):
            cases.append(Case(int(kept.users[row]), history, kept.items[row : row + 1]))
    facts = {"min_core": min_core, "last": last, "kept_interactions": len(kept), "targets": len(cases)}
    return Split(f"last{last}", part, kept.take(train), kept, cases, facts)


def without_repeats(interactions: Interactions) -> Interactions:
    """Return the first event of each user with each item."""
    pairs = interactions.users.astype(np.int64) << 32 | interactions.items
    first = np.unique(pairs, return_index=True)[1]
    return interactions if len(first) == len(pairs) else interactions.take(np.sort(first))


def core_mask(interactions: Interactions, core: int) -> Mask:
    """Return which rows remain when users and items of fewer than ``core`` rows are removed until there are none, bool [n]."""
    keep = np.ones(len(interactions), np.bool_)
    while core > 1:
        rows = np.flatnonzero(keep)
        users, items = interactions.users[rows], interactions.items[rows]
        enough = (np.bincount(users)[users] >= core) & (np.bincount(items)[items] >= core) if len(rows) else keep[rows]
        if enough.all():
            break
        keep[rows[~enough]] = False
    return keep


Cut = Callable[[Interactions, Part, ProtocolConfig, int], tuple[Mask, Mask]]


def _protocol(name: str, dataset: Dataset) -> Cut:
    if found := re.fullmatch(r"loo|last([1-9]\d{0,3})", name):
        return lambda rows, part, _config, _seed: _last(rows, part, int(found[1] or 1))
    if name == "temporal" and dataset.facts.get("times") == "order":
        message = f"{dataset.name!r} says only in which order events came, and 'temporal' needs their times."
        raise InvalidInput(message, remedy="Use loo or last5.", param="protocol")
    cuts: dict[str, Cut] = {"temporal": _temporal, "ratio": _ratio, "kfold": _kfold}
    if name not in cuts:
        raise InvalidInput(f"There is no protocol {name!a}.", remedy="Use loo, last5, temporal, ratio or kfold.", param="protocol")
    return cuts[name]


def _last(rows: Interactions, part: Part, k: int) -> tuple[Mask, Mask]:
    """Users with k events or fewer have none held out; those with 2 k or fewer have no validation targets."""
    starts, ends = _bounds(rows.users)
    length = (ends - starts)[_owner(starts, ends)]
    from_end = np.repeat(ends, ends - starts) - np.arange(len(rows))
    test = (from_end <= k) & (length > k)
    if part == "test":
        return ~test, test
    val = (from_end > k) & (from_end <= 2 * k) & (length > 2 * k)
    return ~(test | val), val


def _temporal(rows: Interactions, part: Part, config: ProtocolConfig, _seed: int) -> tuple[Mask, Mask]:
    shares = [1 - 2 * config.temporal_share, 1 - config.temporal_share]
    val_from, test_from = np.quantile(rows.at, shares, method="higher") if len(rows) else (0.0, 0.0)
    if part == "test":
        return rows.at < test_from, rows.at >= test_from
    return rows.at < val_from, (rows.at >= val_from) & (rows.at < test_from)


def _ratio(rows: Interactions, part: Part, config: ProtocolConfig, seed: int) -> tuple[Mask, Mask]:
    order = np.random.RandomState(seed).permutation(len(rows))
    test_size, val_size = math.ceil(config.test_share * len(rows)), math.ceil(config.val_share * len(rows))
    test, val = np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
    test[order[len(rows) - test_size :]] = True
    val[order[max(0, len(rows) - test_size - val_size) : len(rows) - test_size]] = True
    return (~test, test) if part == "test" else (~(test | val), val)


def _kfold(rows: Interactions, part: Part, config: ProtocolConfig, seed: int) -> tuple[Mask, Mask]:
    if config.fold >= config.folds:
        raise InvalidInput(f"There is no fold {config.fold} of {config.folds}.", remedy="Count from 0.", param="fold")
    fold = np.random.default_rng(seed).permutation(len(rows)) % config.folds
    test = fold == config.fold
    if part == "test":
        return ~test, test
    val = fold == (config.fold + 1) % config.folds
    return ~(test | val), val


def _cases(rows: Interactions, targets: Mask, known: Interactions, history: Mask) -> list[Case]:
    """Return a case for each user with targets and a history; ``history`` says which known rows may be in one."""
    held, past = rows.take(targets), np.flatnonzero(history)
    starts, ends = _bounds(held.users)
    users = held.users[starts]
    first, last = (np.searchsorted(known.users[past], users, side) for side in ("left", "right"))
    return [
        Case(int(user), past[begin:end], held.items[start:stop])
        for user, start, stop, begin, end in zip(users, starts, ends, first, last, strict=True)
        if end > begin
    ]


def _bounds(users: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each user's rows start and end; rows come ordered by user."""
    starts = np.flatnonzero(np.r_[True, users[1:] != users[:-1]]) if len(users) else np.empty(0, np.int64)
    return starts, np.r_[starts[1:], len(users)] if len(users) else starts


def _owner(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(starts)), ends - starts)
