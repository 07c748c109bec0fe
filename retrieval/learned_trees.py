"""Gradient-boosted trees by LightGBM: LambdaRank for orders, kept as text, and regression."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from palate.domain import Progress, Value
from palate.errors import MissingExtra
from retrieval.base import Float32
from retrieval.learned_training import Examples

__all__ = ["Trees", "TreesConfig", "load_lightgbm"]


class TreesConfig(Value):
    """``models`` ensembles of ``trees`` trees, with seeds from ``seed``, are averaged. ``min_leaf`` is how many candidates a leaf
    holds at least, ``column_share`` the columns that a tree may look at, ``truncation`` how far down a list LambdaRank compares
    pairs.
    """

    trees: int = Field(default=200, ge=1)
    leaves: int = Field(default=15, ge=2)
    learning_rate: float = Field(default=0.05, gt=0)
    min_leaf: int = Field(default=50, ge=1)
    column_share: float = Field(default=0.5, gt=0, le=1)
    row_share: float = Field(default=0.7, gt=0, le=1)
    truncation: int = Field(default=20, ge=1)
    models: int = Field(default=2, ge=1)
    threads: int = Field(default=1, ge=1)
    seed: int = 0


class Trees:
    """Trained ensembles (LightGBM: Ke et al., NeurIPS 2017; LambdaRank: Burges, MSR-TR-2010-82). Without any,
    it is false.
    """

    def __init__(self, models: Sequence[Any] = (), threads: int = 1) -> None:
        self._models, self._threads = tuple(models), threads

    def __len__(self) -> int:
        return len(self._models)

    @property
    def width(self) -> int:
        """Return how many columns the trees read, 0 without any."""
        return int(self._models[0].num_feature()) if self._models else 0

    @classmethod
    def fit(cls, learned: Examples, config: TreesConfig, progress: Progress | None = None) -> Trees:
        """Train on examples. Raises :class:`palate.errors.MissingExtra` where LightGBM is not installed."""
        lightgbm = load_lightgbm()
        data = lightgbm.Dataset(learned.x, learned.y, group=learned.sizes, feature_name=learned.names, free_raw_data=False)
        return cls._trained(data, {"objective": "lambdarank", "lambdarank_truncation_level": config.truncation}, config, progress)

    @classmethod
    def regress(cls, x: Float32, y: NDArray[np.float64], config: TreesConfig) -> Trees:
        """Train on values ``y``, float64 [n], of rows, float32 [n, f]; ``truncation`` means nothing then.

        Raises:
            MissingExtra: LightGBM is not installed.

        """
        data = load_lightgbm().Dataset(x, y, free_raw_data=False)
        return cls._trained(data, {"objective": "regression"}, config, None)

    @classmethod
    def _trained(cls, data: Any, objective: dict[str, Any], config: TreesConfig, progress: Progress | None) -> Trees:
        models = []
        for number in range(config.models):
            if progress is not None:
                progress("fusion trees", number, config.models)
            params = {
                **objective,
                "num_leaves": config.leaves,
                "learning_rate": config.learning_rate,
                "min_data_in_leaf": config.min_leaf,
                "feature_fraction": config.column_share,
                "bagging_fraction": config.row_share,
                "bagging_freq": 1,
                "num_threads": config.threads,
                "seed": config.seed + number,
                "deterministic": True,
                "force_row_wise": True,
                "verbose": -1,
            }
            models.append(load_lightgbm().train(params, data, config.trees))
        return cls(models, config.threads)

    def predict(self, x: Float32) -> Float32:
        """Return scores, float32 [n], of rows, float32 [n, f]."""
        if not len(x):
            return np.zeros(0, dtype=np.float32)
        total = sum(model.predict(x, num_threads=self._threads) for model in self._models)
        return cast("Float32", (total / len(self._models)).astype(np.float32))

    def save(self, folder: Path) -> None:
        """Write ``fusion-<i>.txt`` to a folder that is there."""
        for number, model in enumerate(self._models):
            (folder / f"fusion-{number}.txt").write_text(model.model_to_string(), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, count: int, threads: int) -> Trees:
        """Read ``count`` ensembles.

        Raises:
            OSError: A file is not there.
            ValueError: A file holds no ensemble.
            MissingExtra: LightGBM is not installed.

        """
        lightgbm = load_lightgbm()
        texts = [(folder / f"fusion-{number}.txt").read_text(encoding="utf-8") for number in range(count)]
        try:
            return cls([lightgbm.Booster(model_str=text) for text in texts], threads)
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(str(error)) from error


def load_lightgbm() -> Any:
    """Return the module. Raises :class:`palate.errors.MissingExtra` where it is not installed."""
    try:
        import lightgbm
    except ImportError as error:
        raise MissingExtra("lightgbm", "rank") from error
    return lightgbm
