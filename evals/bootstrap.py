"""How sure a mean is: intervals that resample users, paired differences and ratios, and a paired randomisation test.

Users are what is drawn, not cases: all cases of a user come or stay away together (cluster bootstrap). Each case counts the same in
the mean. Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapters 8 and 13; Smucker, Allan & Carterette (2007), A
comparison of statistical significance tests for information retrieval evaluation, https://doi.org/10.1145/1321440.1321528.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from palate.domain import Value
from palate.errors import InvalidInput

__all__ = ["Interval", "difference", "interval", "intervals", "randomisation_test", "ratio"]

Float64 = NDArray[np.float64]
Rng = np.random.Generator | int
_DRAWS = 8_000_000
"""So many numbers are drawn at a time, to bound memory (64 MB)."""


class Interval(Value):
    """A value with the bounds of its interval; all NaN where there is nothing to say it from."""

    value: float
    low: float
    high: float


def interval(
    values: ArrayLike, users: ArrayLike | None = None, *, samples: int = 1000, level: float = 0.95, rng: Rng = 0
) -> Interval:
    """Return the mean of values a case, float [cases], with its percentile interval over users.

    ``users``, int [cases], says whose each case is; without it each case is of a user of its own. The same seed gives the same
    interval. NaN values are left out.

    Raises:
        InvalidInput: Lengths differ, or ``level`` or ``samples`` cannot be.

    """
    return intervals({"": values}, users, samples=samples, level=level, rng=rng)[""]


def intervals(
    columns: dict[str, ArrayLike] | dict[str, Float64],
    users: ArrayLike | None = None,
    *,
    samples: int = 1000,
    level: float = 0.95,
    rng: Rng = 0,
) -> dict[str, Interval]:
    """Return an interval for each column of values a case, all from the same draws of users; see :func:`interval`."""
    table = _table(columns.values())
    present = ~np.isnan(table)
    parts = np.concatenate([np.where(present, table, 0.0), present.astype(np.float64)], axis=1)
    sums = _by_user(parts, users)
    width = len(columns)
    drawn = _draw(sums, samples, level, rng)
    bounds = _bounds(_divide(drawn[:, :width], drawn[:, width:]), level)
    means = _divide(sums[:, :width].sum(axis=0), sums[:, width:].sum(axis=0))
    return {
        name: Interval(value=float(mean), low=float(low), high=float(high))
        for name, mean, low, high in zip(columns, means, *bounds, strict=True)
    }


def difference(
    ours: ArrayLike, theirs: ArrayLike, users: ArrayLike | None = None, *, samples: int = 1000, level: float = 0.95, rng: Rng = 0
) -> Interval:
    """Return mean(ours) - mean(theirs) over the same cases, with its paired interval over users; see :func:`interval`."""
    table = _table([ours, theirs])
    return interval(table[:, 0] - table[:, 1], users, samples=samples, level=level, rng=rng)


def ratio(
    ours: ArrayLike, theirs: ArrayLike, users: ArrayLike | None = None, *, samples: int = 1000, level: float = 0.95, rng: Rng = 0
) -> Interval:
    """Return mean(ours) / mean(theirs) over the same cases, with its paired interval over users; see :func:`interval`.

    Draws in which mean(theirs) is 0 say nothing and are left out; cases with a NaN as well.
    """
    table = _table([ours, theirs])
    kept = ~np.isnan(table).any(axis=1)
    sums = _by_user(table[kept], None if users is None else _same(users, len(table))[kept])
    drawn = _draw(sums, samples, level, rng)
    low, high = _bounds(_divide(drawn[:, 0], drawn[:, 1])[:, None], level)
    value = _divide(*sums.sum(axis=0))
    return Interval(value=float(value), low=float(low[0]), high=float(high[0]))


def randomisation_test(
    ours: ArrayLike, theirs: ArrayLike, users: ArrayLike | None = None, *, samples: int = 10_000, rng: Rng = 0
) -> float:
    """Return the two-sided p of the paired difference of means: how often swapping the two, user by user, gives as great a one.

    At least ``1 / (samples + 1)``.

    Raises:
        InvalidInput: Lengths differ, or ``samples`` is less than 1.

    """
    table = _table([ours, theirs])
    gaps = table[:, 0] - table[:, 1]
    kept = ~np.isnan(gaps)
    sums = _by_user(gaps[kept, None], None if users is None else _same(users, len(table))[kept])[:, 0]
    _check(samples, 0.95)
    generator = np.random.default_rng(rng)
    bound, as_great = abs(sums.sum()) - 1e-12 * np.abs(sums).sum(), 0
    for size in _chunks(samples, len(sums)):
        signs = generator.integers(0, 2, (size, len(sums)), dtype=np.int8) * 2.0 - 1
        as_great += int((np.abs(signs @ sums) >= bound).sum())
    return (as_great + 1) / (samples + 1)


def _table(columns: object) -> Float64:
    arrays = [np.asarray(column, np.float64) for column in columns]  # type: ignore[attr-defined]
    if not arrays or any(array.ndim != 1 or array.shape != arrays[0].shape for array in arrays):
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise InvalidInput(f"Values of shapes {shapes} are not of the same cases.", remedy="Give a value a case in each.")
    return np.stack(arrays, axis=1)


def _same(users: ArrayLike, cases: int) -> NDArray[np.int64]:
    found = np.asarray(users)
    if found.shape != (cases,):
        raise InvalidInput(f"Users of shape {found.shape} do not fit {cases} cases.", remedy="Give a user a case.", param="users")
    return found.astype(np.int64)


def _by_user(table: Float64, users: ArrayLike | None) -> Float64:
    """Return for each user the sums of their cases and the number of these last where asked, float64 [users, columns]."""
    if users is None:
        return table
    owner = np.unique(_same(users, len(table)), return_inverse=True)[1]
    return np.stack([np.bincount(owner, column) for column in table.T], axis=1) if len(table) else table


def _draw(sums: Float64, samples: int, level: float, rng: Rng) -> Float64:
    """Return the sums over users drawn with replacement, float64 [samples, columns]."""
    _check(samples, level)
    generator, users = np.random.default_rng(rng), len(sums)
    if not users:
        return np.full((samples, sums.shape[1]), np.nan)
    drawn = []
    for size in _chunks(samples, users):
        picked = generator.integers(0, users, (size, users)) + np.arange(size)[:, None] * users
        drawn.append(np.bincount(picked.ravel(), minlength=size * users).reshape(size, users) @ sums)
    return np.concatenate(drawn)


def _check(samples: int, level: float) -> None:
    if samples < 1 or not 0 < level < 1:
        raise InvalidInput(f"samples is {samples} and level {level}.", remedy="Draw at least once, and ask for a level below 1.")


def _chunks(samples: int, users: int) -> Iterator[int]:
    size = max(1, _DRAWS // max(users, 1))
    for start in range(0, samples, size):
        yield min(size, samples - start)


def _divide(above: ArrayLike, below: ArrayLike) -> Float64:
    numerator, denominator = np.asarray(above, np.float64), np.asarray(below, np.float64)
    found = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=found, where=denominator != 0)
    return found


def _bounds(draws: Float64, level: float) -> tuple[Float64, Float64]:
    """Return the percentiles of each column, NaN left out, NaN where nothing remains."""
    low, high = np.full(draws.shape[1], np.nan), np.full(draws.shape[1], np.nan)
    some = ~np.isnan(draws).all(axis=0)
    if some.any():
        low[some], high[some] = np.nanpercentile(draws[:, some], [50 * (1 - level), 50 * (1 + level)], axis=0)
    return low, high
