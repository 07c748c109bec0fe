"""The learned fusion as a row: the live retriever with it in the lead, told by the protocol what to aim at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evals.base import Dataset, Split
from evals.models.source import Prepare, RetrieverRanker
from palate.domain import Progress
from retrieval.base import CandidateSource
from retrieval.learned import LearnedFusion, LearnedFusionConfig
from retrieval.retriever import RetrieverConfig

__all__ = ["FusionRanker", "aimed"]

_EPSILON = 1e-6
_RANDOM = frozenset({"ratio", "kfold"})


class FusionRanker(RetrieverRanker):
    """Fits the sources and :class:`retrieval.learned.LearnedFusion` on a split, and ranks as a server does after ``palate fit``,
    but for what it learns to aim at: that is the protocol's (:func:`aimed`).

    Args:
        params: Fields of the fusion's configuration, over the defaults and over what the protocol says (:func:`aimed`).
        factory: Makes the sources.
        config: Of the retriever.
        prepare: Called with the items before the fit.

    """

    def __init__(
        self,
        params: Mapping[str, Any],
        factory: Callable[[], Sequence[CandidateSource]],
        config: RetrieverConfig,
        *,
        prepare: Prepare | None = None,
    ) -> None:
        super().__init__("fusion", factory, config, prepare=prepare)
        self._params = dict(params)
        self._fusion = LearnedFusion(LearnedFusionConfig.model_validate(self._params))

    def fit(self, dataset: Dataset, split: Split, progress: Progress | None = None) -> None:
        """Fit the sources, then the fusion, on ``split.train`` and the items of the split.

        Raises:
            MissingExtra: LightGBM or threadpoolctl is not installed.

        """
        super().fit(dataset, split, progress)
        assert self._world is not None  # noqa: S101 - set by the fit
        assert self._retriever is not None  # noqa: S101
        self._fusion = LearnedFusion(aimed(self._params, dataset, split))
        self._fusion.fit(self._world.table, self._world.reader(), progress)
        self._retriever.lead(self._fusion)

    def params(self) -> dict[str, Any]:
        """Return the configurations that are in use: of the fusion, the retriever and each source."""
        return {"fusion": self._fusion.config.model_dump(mode="json"), **super().params()}


def aimed(params: Mapping[str, Any], dataset: Dataset, split: Split) -> LearnedFusionConfig:
    """Return a configuration: where rows are held out at random, any liked item is a target, else the next one is, be it at the
    same time as what it follows in the file: published protocols count so, where ``palate fit`` is ``strict``.

    What ``params`` set stays as it is set.
    """
    if split.protocol not in _RANDOM:
        return LearnedFusionConfig.model_validate({"strict": False, **params})
    threshold = float(split.facts.get("threshold", 4.0)) / 5.0 if dataset.rating else 0.0
    said = {"targets": "any", "liked_from": max(threshold - _EPSILON, 0.0), "train_history": 5}
    return LearnedFusionConfig.model_validate({**said, **params})
