"""Small neural networks that order a list, by the cross entropy of a softmax over it, in NumPy alone."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import softmax

from palate.domain import Progress, Value
from retrieval.base import Float32
from retrieval.learned_training import Examples
from retrieval.repeatable import one_blas_thread

__all__ = ["Nets", "NetsConfig"]

_CLIP = 5.0
_FLAT = 1e-6
_SAMPLE = 200_000
"""At most so many rows tell how a column lies among all lists."""
_WEIGHTS = ("w1", "b1", "w2")
_TOLD = 20
_BETAS, _EPSILON = (0.9, 0.999), 1e-8
_WARM, _START, _END = 0.3, 0.04, 4e-6
"""One cycle: the share of all steps in which the learning rate rises, and the shares of it that it comes from and goes to."""

Weights = dict[str, Float32]


class NetsConfig(Value):
    """``models`` networks of ``hidden`` units, which differ in how they begin and in what is left out, are averaged. Each passes
    ``passes`` times over all lists, ``batch`` at once. In training ``input_dropout`` of a candidate's numbers and ``dropout`` of
    the units are left out at random.
    """

    models: int = Field(default=4, ge=1)
    hidden: int = Field(default=64, ge=1)
    passes: int = Field(default=16, ge=1)
    batch: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=3e-3, ge=1e-5)
    weight_decay: float = Field(default=1e-2, ge=0)
    input_dropout: float = Field(default=0.1, ge=0, lt=1)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    seed: int = 0


class Nets:
    """Networks of one hidden layer over each column twice: as it lies among all lists, and as it lies in its own list.

    The loss is ListNet's (Cao et al., ICML 2007), with equal shares for the targets; AdamW (Loshchilov & Hutter, ICLR 2019), the
    learning rate in one cycle (Smith & Topin, 2018). Without any network it is false.
    """

    def __init__(self, arrays: dict[str, NDArray[Any]] | None = None) -> None:
        self._arrays = arrays or {}

    def __bool__(self) -> bool:
        return bool(self._arrays)

    @property
    def width(self) -> int:
        """Return how many columns the networks read, 0 without any."""
        return self._arrays["scale"].shape[1] if self._arrays else 0

    @property
    def first(self) -> int:
        """Return how many rows a list in training held at most, 0 without any network: by so many rows a list is measured."""
        return int(self._arrays["first"]) if self._arrays else 0

    @classmethod
    @one_blas_thread
    def fit(cls, learned: Examples, config: NetsConfig, progress: Progress | None = None) -> Nets:
        """Train on examples, of which every list holds a target.

        Raises:
            MissingExtra: ``threadpoolctl`` is not installed.

        """
        columns = _logs(learned.x[:: max(1, -(-len(learned.x) // _SAMPLE))])[None]
        scale = np.concatenate(_mean_and_spread(columns, np.isfinite(columns))).reshape(2, -1)
        nets = _trained(learned, scale, config, progress)
        weights = {name: np.stack([net[name] for net in nets]) for name in _WEIGHTS}
        return cls({"scale": scale, "first": np.array(learned.sizes.max()), **weights})

    def predict(self, x: Float32) -> Float32:
        """Return scores, float32 [n], of the rows of one list, float32 [n, f]; its first rows are those of a list in training."""
        if not len(x):
            return np.zeros(0, dtype=np.float32)
        held = self._arrays
        inputs = _inputs(x[None], np.ones((1, len(x)), dtype=np.bool_), held["scale"], self.first)[0]
        total = np.zeros(len(x), dtype=np.float32)
        for w1, b1, w2 in zip(*(held[name] for name in _WEIGHTS), strict=True):
            total += np.maximum(inputs @ w1 + b1, 0.0) @ w2
        return cast("Float32", total / np.float32(len(held["w1"])))

    def save(self, path: Path) -> None:
        """Write all to a ``.npz`` file."""
        with path.open("wb") as file:
            np.savez(file, **self._arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> Nets:
        """Read what :meth:`save` wrote.

        Raises:
            OSError: The file is not there.
            ValueError: It holds no networks.

        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                held = {name: stored[name] for name in ("scale", "first", *_WEIGHTS)}
        except (KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} holds no networks.") from error
        if not _are_networks(held):
            raise ValueError(f"{path} holds networks of other shapes than they are made in.")
        return cls(held)


def _are_networks(held: Mapping[str, NDArray[Any]]) -> bool:
    scale, first, w1, b1, w2 = (held[name] for name in ("scale", "first", *_WEIGHTS))
    if any(part.dtype != np.float32 for part in (scale, w1, b1, w2)) or first.dtype.kind != "i":
        return False
    if w1.ndim != 3 or not w1.size or scale.ndim != 2 or first.ndim or first < 1:
        return False
    models, _, hidden = w1.shape
    columns, units = scale.shape[1], (models, hidden)
    shapes = {"scale": (2, columns), "w1": (models, 2 * columns, hidden), "b1": units, "w2": units}
    fit = all(held[name].shape == shape and np.isfinite(held[name]).all() for name, shape in shapes.items())
    return fit and bool((scale[1] > 0.0).all())


def _trained(learned: Examples, scale: Float32, config: NetsConfig, progress: Progress | None) -> list[Weights]:
    rng = np.random.default_rng(config.seed)
    nets = [_begun(2 * learned.x.shape[1], config.hidden, rng) for _ in range(config.models)]
    optimizers = [_AdamW(net, config.weight_decay) for net in nets]
    steps = config.passes * -(-len(learned.sizes) // config.batch)
    for done, (x, shares, there) in enumerate(_batches(learned, config, rng)):
        if progress is not None and done % _TOLD == 0:
            progress("fusion networks", done, steps)
        inputs = _inputs(x, there, scale, x.shape[1])
        rate = config.learning_rate * _cycle(done, steps)
        for net, optimizer in zip(nets, optimizers, strict=True):
            kept = _dropped(inputs, config.input_dropout, rng)
            units = _dropped(np.ones((*inputs.shape[:2], config.hidden), dtype=np.float32), config.dropout, rng)
            optimizer.step(_gradient(net, kept, units, shares, there), rate)
    return nets


def _begun(width: int, hidden: int, rng: np.random.Generator) -> Weights:
    """Return weights as they are before training: uniform within the root of how many numbers a unit reads."""
    near, far = 1.0 / np.sqrt(width), 1.0 / np.sqrt(hidden)
    return {
        "w1": rng.uniform(-near, near, (width, hidden)).astype(np.float32),
        "b1": rng.uniform(-near, near, hidden).astype(np.float32),
        "w2": rng.uniform(-far, far, hidden).astype(np.float32),
    }


def _dropped(values: Float32, share: float, rng: np.random.Generator) -> Float32:
    """Return the values with a share of them 0, the others raised so that their sum stays what it was on average."""
    if not share:
        return values
    kept = rng.random(values.shape, dtype=np.float32) >= share
    return cast("Float32", values * kept * np.float32(1.0 / (1.0 - share)))


def _gradient(net: Weights, inputs: Float32, units: Float32, shares: Float32, there: NDArray[np.bool_]) -> Weights:
    """Return the gradient of the mean cross entropy between ``shares`` and the softmax of the scores, both [b, n].

    ``inputs`` are float32 [b, n, 2 f], ``units`` what each unit counts, float32 [b, n, h], ``there`` what is no padding.
    """
    before = inputs @ net["w1"] + net["b1"]
    hidden = np.maximum(before, 0.0) * units
    scores = np.where(there, hidden @ net["w2"], -np.inf)
    error = (softmax(scores, axis=1) - shares) / np.float32(len(shares))
    back = (error[..., None] * net["w2"] * units * (before > 0)).reshape(-1, hidden.shape[-1])
    return {
        "w1": inputs.reshape(len(back), -1).T @ back,
        "b1": back.sum(axis=0),
        "w2": hidden.reshape(len(back), -1).T @ error.ravel(),
    }


class _AdamW:
    """Changes weights in place."""

    def __init__(self, weights: Weights, decay: float) -> None:
        self._weights, self._decay, self._steps = weights, decay, 0
        self._first, self._second = ({name: np.zeros_like(one) for name, one in weights.items()} for _ in range(2))

    def step(self, gradient: Weights, rate: float) -> None:
        self._steps += 1
        beta, gamma = _BETAS
        for name, slope in gradient.items():
            self._first[name] += np.float32(1.0 - beta) * (slope - self._first[name])
            self._second[name] += np.float32(1.0 - gamma) * (np.square(slope) - self._second[name])
            root = np.sqrt(self._second[name] / np.float32(1.0 - gamma**self._steps)) + np.float32(_EPSILON)
            self._weights[name] *= np.float32(1.0 - rate * self._decay)
            self._weights[name] -= np.float32(rate / (1.0 - beta**self._steps)) * self._first[name] / root


def _cycle(step: int, steps: int) -> float:
    """Return the share of the learning rate at a step: up by a cosine, then down by one."""
    top = max(_WARM * steps - 1.0, 1.0)
    low, at = (_START, step / top) if step <= top else (_END, 1.0 - (step - top) / max(steps - top, 1.0))
    return float(low + (1.0 - low) * (1.0 - np.cos(np.pi * at)) / 2.0)


def _batches(
    learned: Examples, config: NetsConfig, rng: np.random.Generator
) -> Iterator[tuple[Float32, Float32, NDArray[np.bool_]]]:
    """Yield lists, float32 [b, n, f], the share of each candidate in the targets, [b, n], and what is no padding, bool [b, n]."""
    ends = np.cumsum(learned.sizes)
    for _ in range(config.passes):
        order = rng.permutation(len(ends))
        for start in range(0, len(order), config.batch):
            chosen = order[start : start + config.batch]
            sizes = learned.sizes[chosen]
            place = np.arange(sizes.max())
            there = place < sizes[:, None]
            rows = np.where(there, (ends[chosen] - sizes)[:, None] + place, 0)
            y = np.where(there, learned.y[rows], 0).astype(np.float32)
            yield learned.x[rows], y / y.sum(axis=1, keepdims=True), there


def _inputs(x: Float32, there: NDArray[np.bool_], scale: Float32, first: int) -> Float32:
    """Return what the networks read, float32 [b, n, 2 f], of lists, float32 [b, n, f].

    Columns are put on a logarithmic scale, then measured against all lists and against the ``first`` rows of their own list. What
    is unknown reads as the mean, and so does a column that was the same throughout training: nothing was learned of it.
    """
    columns = _logs(x)
    known = np.isfinite(columns) & there[..., None] & (scale[1] > _FLAT)
    whole = (columns - scale[0]) / scale[1]
    mean, spread = _mean_and_spread(columns[:, :first], known[:, :first])
    own = np.where(spread > _FLAT, (columns - mean) / spread, 0.0)
    both = np.concatenate([np.where(known, whole, 0.0), np.where(known, own, 0.0)], axis=-1)
    return cast("Float32", np.clip(both, -_CLIP, _CLIP).astype(np.float32))


def _logs(x: Float32) -> Float32:
    return cast("Float32", np.copysign(np.log1p(np.abs(x)), x))


def _mean_and_spread(columns: Float32, known: NDArray[np.bool_]) -> tuple[Float32, Float32]:
    """Return the mean and standard deviation of what is known of each column, float32 [b, 1, f] each."""
    n = np.maximum(known.sum(axis=1, keepdims=True), 1)
    mean = (np.where(known, columns, 0.0).sum(axis=1, keepdims=True, dtype=np.float64) / n).astype(np.float32)
    variance = np.square(np.where(known, columns - mean, 0.0)).sum(axis=1, keepdims=True, dtype=np.float64) / n
    return mean, np.maximum(np.sqrt(variance), _FLAT).astype(np.float32)
