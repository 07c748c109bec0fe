"""Small neural networks that order a list, by the cross entropy of a softmax over it: trained by torch, read by numpy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from palate.domain import Progress, Value
from palate.errors import MissingExtra
from retrieval.base import Float32
from retrieval.learned_training import Examples

__all__ = ["Nets", "NetsConfig", "load_torch"]

_CLIP = 5.0
_FLAT = 1e-6
_SAMPLE = 200_000
"""About so many rows tell how a column lies among all lists."""
_ARRAYS = ("scale", "first", "w1", "b1", "w2", "b2")


class NetsConfig(Value):
    """``models`` networks of ``hidden`` units, which differ in how they begin and in what is left out, are averaged. Each passes
    ``passes`` times over all lists, ``batch`` at once. ``input_dropout`` and ``dropout`` are the shares of columns and of units
    that are left out at random in training.
    """

    models: int = Field(default=4, ge=1)
    hidden: int = Field(default=64, ge=1)
    passes: int = Field(default=4, ge=1)
    batch: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=3e-3, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    input_dropout: float = Field(default=0.1, ge=0, lt=1)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    seed: int = 0


class Nets:
    """Networks of one hidden layer over each column twice: as it lies among all lists, and as it lies in its own list.

    The loss is ListNet's (Cao et al., ICML 2007) with the targets as the distribution; AdamW (Loshchilov & Hutter, ICLR 2019) with
    the learning rate of one cycle. Without any network it is false.
    """

    def __init__(self, arrays: dict[str, NDArray[Any]] | None = None) -> None:
        self._arrays = arrays or {}

    def __bool__(self) -> bool:
        return bool(self._arrays)

    @classmethod
    def fit(cls, learned: Examples, config: NetsConfig, progress: Progress | None = None) -> Nets:
        """Train on examples, on one thread, so that the same seed gives the same networks whatever else runs.

        Raises:
            MissingExtra: torch is not installed.

        """
        torch = load_torch()
        columns = _logs(learned.x[:: max(1, len(learned.x) // _SAMPLE)])[None]
        scale = np.stack(_mean_and_spread(columns, np.isfinite(columns)))[:, 0, 0]
        first = int(learned.sizes.max())
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(config.seed)
                nets = _trained(torch, learned, scale, config, progress)
        finally:
            torch.set_num_threads(threads)
        layers = [[weight.detach().numpy().T for weight in net.parameters()] for net in nets]
        weights = {name: np.stack(of_all).copy("C") for name, of_all in zip(_ARRAYS[2:], zip(*layers, strict=True), strict=True)}
        return cls({"scale": scale, "first": np.array(first), **weights})

    def predict(self, x: Float32) -> Float32:
        """Return scores, float32 [n], of the rows of one list, float32 [n, f], the likeliest ones first or nearly so."""
        if not len(x):
            return np.zeros(0, dtype=np.float32)
        held = self._arrays
        inputs = _inputs(x[None], np.ones((1, len(x)), dtype=np.bool_), held["scale"], int(held["first"]))[0]
        total = np.zeros(len(x), dtype=np.float32)
        for w1, b1, w2, b2 in zip(*(held[name] for name in _ARRAYS[2:]), strict=True):
            total += (np.maximum(inputs @ w1 + b1, 0.0) @ w2)[:, 0] + b2
        scores: Float32 = total / np.float32(len(held["w1"]))
        return scores

    def save(self, path: Path) -> None:
        """Write all to a ``.npz`` file."""
        with path.open("wb") as file:
            np.savez(file, **self._arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> Nets:
        """Read what :meth:`save` wrote. Raises OSError, ValueError or KeyError where the file holds no networks."""
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return cls({name: stored[name] for name in _ARRAYS})


def load_torch() -> Any:
    """Return the module. Raises :class:`palate.errors.MissingExtra` where it is not installed."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("torch", "rank") from error
    return torch


def _trained(torch: Any, learned: Examples, scale: Float32, config: NetsConfig, progress: Progress | None) -> Sequence[Any]:
    width = 2 * learned.x.shape[1]
    nets = [
        torch.nn.Sequential(
            torch.nn.Dropout(config.input_dropout),
            torch.nn.Linear(width, config.hidden),
            torch.nn.ReLU(),
            torch.nn.Dropout(config.dropout),
            torch.nn.Linear(config.hidden, 1),
        )
        for _ in range(config.models)
    ]
    weights = [weight for net in nets for weight in net.parameters()]
    steps = config.passes * -(-len(learned.sizes) // config.batch)
    optimizer = torch.optim.AdamW(weights, lr=config.learning_rate, weight_decay=config.weight_decay)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=steps + 1)
    for done, (x, y, there) in enumerate(_batches(learned, config)):
        if progress is not None and done % 100 == 0:
            progress("fusion networks", done, steps)
        inputs = torch.from_numpy(_inputs(x, there, scale, x.shape[1]))
        targets, gone = torch.from_numpy(y), torch.from_numpy(~there)
        losses = [-(torch.log_softmax(net(inputs)[..., 0].masked_fill(gone, -1e9), 1) * targets).sum(1).mean() for net in nets]
        optimizer.zero_grad()
        sum(losses).backward()
        optimizer.step()
        rate.step()
    return nets


def _batches(learned: Examples, config: NetsConfig) -> Iterator[tuple[Float32, Float32, NDArray[np.bool_]]]:
    """Yield lists, float32 [b, n, f], the share of each candidate in the targets, float32 [b, n], and what is no padding, bool."""
    rng = np.random.default_rng(config.seed)
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
    """Return what the networks read, float32 [b, n, 2 f], of lists, float32 [b, n, f]; NaN reads as the mean.

    Columns are put on a logarithmic scale, then measured against all lists and against the ``first`` rows of their own list.
    """
    columns = _logs(x)
    known = np.isfinite(columns) & there[..., None]
    whole = (columns - scale[0]) / scale[1]
    mean, spread = _mean_and_spread(columns[:, :first], known[:, :first])
    own = np.where(spread > _FLAT, (columns - mean) / spread, 0.0)
    both = np.concatenate([np.where(known, whole, 0.0), np.where(known, own, 0.0)], axis=-1)
    return cast("Float32", np.clip(both, -_CLIP, _CLIP).astype(np.float32))


def _logs(x: Float32) -> Float32:
    return cast("Float32", np.copysign(np.log1p(np.abs(x)), x))


def _mean_and_spread(columns: Float32, known: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the mean and standard deviation of what is known of each column, [b, 1, f] each."""
    n = np.maximum(known.sum(axis=1, keepdims=True), 1)
    mean = np.where(known, columns, 0.0).sum(axis=1, keepdims=True, dtype=np.float64) / n
    variance = np.square(np.where(known, columns - mean, 0.0)).sum(axis=1, keepdims=True) / n
    return mean.astype(np.float32), np.maximum(np.sqrt(variance), _FLAT).astype(np.float32)
