"""Ranks candidates by one prefill of the LLM, fused with the retriever's order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import anyio
import anyio.to_thread
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agent.llm.base import LLM
from agent.prompts.rank import RankPromptConfig, build_rank_prompt, content_free_prompt
from agent.rank_order import RankOrder
from palate.deadline import Deadline
from palate.domain import Candidate, Item, Profile, Request, Value
from palate.errors import DeadlineExceeded, PalateError
from palate.prompting import LabelledPrompt

__all__ = ["Reranked", "Reranker", "RerankerConfig", "final_places", "fuse"]

_log = logging.getLogger(__name__)
Float32 = NDArray[np.float32]


class RerankerConfig(Value):
    """How the LLM's word counts.

    ``weight`` is the LLM's share of the final score, the rest is the retriever's. ``candidates`` is how many the LLM sees,
    ``ordered`` how many a learned order reads. ``calibrate`` subtracts the scores that the labels get in a prompt without content
    (Zhao et al. 2021, "Calibrate Before Use", ICML): one more prefill for each number of labels, once. With less than
    ``min_seconds`` left not even the prompt is built.
    """

    weight: float = Field(default=0.2, ge=0.0, le=1.0)
    candidates: int = Field(default=20, ge=2, le=26)
    ordered: int = Field(default=60, ge=2)
    calibrate: bool = False
    min_seconds: float = Field(default=0.05, ge=0.0)
    prompt: RankPromptConfig = RankPromptConfig()


@dataclass(frozen=True, slots=True)
class Reranked:
    """An order, best first, with its final scores; the LLM's log probabilities by item id, empty where it was left out."""

    order: tuple[tuple[Candidate, float], ...]
    llm_scores: Mapping[str, float] = field(default_factory=dict)
    prompt: LabelledPrompt | None = None
    degraded: tuple[str, ...] = ()
    learned: bool = False
    """Whether a learned order made it."""


@dataclass(frozen=True, slots=True)
class _Without:
    """An order without the LLM, and whether it is ``sure`` enough to be the answer."""

    order: tuple[tuple[Candidate, float], ...]
    sure: bool


class Reranker:
    """Reads what the LLM gives each candidate in one prefill: a label's log probability, or that of a mark behind it.

    Labels: LlamaRec, Yue et al. (2023), https://arxiv.org/abs/2311.02089.

    Args:
        llm: The LLM, or ``None`` to do without (which is then no degradation: it was configured so).
        config: How its word counts.
        order: The learned final order of requests in words; without it, and for requests that say nothing, the LLM's scores and
            the retriever's places are added up by ``config.weight``. With it, what needs no LLM is ordered without it, and so is
            what comes too late for it.

    """

    def __init__(self, llm: LLM | None, config: RerankerConfig | None = None, order: RankOrder | None = None) -> None:
        self.llm, self.order = llm, order
        self.config = config or RerankerConfig()
        self._priors: dict[int, Float32] = {}

    async def rerank(
        self,
        request: Request,
        profile: Profile,
        candidates: Sequence[Candidate],
        history_items: Mapping[str, Item],
        deadline: Deadline,
    ) -> Reranked:
        """Return the first ``config.candidates`` of ``candidates`` in a new order, by a learned order the first ``config.ordered``;
        the rest after them in their own.

        An LLM that is late, down, lacks its weights, or answers with anything but one finite number a label is left out: the
        order is then the learned one without it, or the retriever's, and ``degraded`` holds ``rerank``. Items that carry more of
        the genres that were asked for stay first.
        """
        shown = candidates[: self.config.candidates]
        order = self.order if request.query.worded else None
        if len(shown) < 2 or (order is None and (self.llm is None or self.config.weight == 0.0)):
            return Reranked(order=_retriever_order(candidates))
        without = self._without(request, profile, candidates, history_items)
        if self.llm is None or without.sure:
            return Reranked(order=without.order, learned=order is not None)
        if not deadline.allows(self.config.min_seconds):
            return Reranked(order=without.order, degraded=("rerank",), learned=order is not None)
        build = partial(build_rank_prompt, self.llm, request, profile, history_items, shown, self.config.prompt)
        try:
            prompt, scores = await self._asked(self.llm, build, deadline)
        except PalateError as error:
            _log.info("rerank left out: %s", error.message)
            return Reranked(order=without.order, degraded=("rerank",), learned=order is not None)
        except Exception:  # noqa: BLE001 - whatever a backend throws, an order without it is at hand
            _log.exception("rerank left out: the LLM failed")
            return Reranked(order=without.order, degraded=("rerank",), learned=order is not None)
        read = candidates[: self.config.ordered]
        fused = fuse(scores, self.config.weight) if order is None else order.scores(request, profile, history_items, read, scores)
        llm_scores = {item_id: float(score) for item_id, score in zip(prompt.item_ids, scores, strict=True)}
        return Reranked(_placed(request, candidates, fused, history_items), llm_scores, prompt, learned=order is not None)

    def _without(
        self, request: Request, profile: Profile, candidates: Sequence[Candidate], history_items: Mapping[str, Item]
    ) -> _Without:
        """Return the order that needs no LLM: that of the fast path where there is one, else the retriever's."""
        if self.order is None or not request.query.worded:
            return _Without(_retriever_order(candidates), sure=False)
        fast = self.order.scores(request, profile, history_items, candidates[: self.config.ordered])
        return _Without(_placed(request, candidates, fast, history_items), sure=self.order.sure(fast))

    async def prior(self, n: int, deadline: Deadline) -> Float32:
        """Return the labels' scores in a prompt without content, float32 [n]; kept after the first call."""
        if self.llm is None:
            return np.zeros(n, dtype=np.float32)
        if n not in self._priors:
            prior = await self.llm.score_labels(content_free_prompt(self.llm, n), deadline)
            self._priors[n] = _checked(prior, n)
        return self._priors[n]

    @property
    def model(self) -> dict[str, str]:
        """Return what ranks, for decision records; empty without an LLM."""
        if self.llm is None:
            return {}
        return {"name": self.llm.name, "engine": self.llm.engine, "prompt_version": self.config.prompt.version}

    async def _asked(self, llm: LLM, build: Callable[[], LabelledPrompt], deadline: Deadline) -> tuple[LabelledPrompt, Float32]:
        with anyio.move_on_after(deadline.remaining()) as scope:
            # In a thread that may be left behind: the first prompt waits for the tokenizer, and that for the model's conversion.
            prompt = await anyio.to_thread.run_sync(build, abandon_on_cancel=True)
            scores = _checked(await llm.score_labels(prompt, deadline), len(prompt.item_ids))
            if not self.config.calibrate or prompt.spots:  # marks are all at places of one kind
                return prompt, scores
            scores = scores - await self.prior(len(prompt.labels), deadline)
            return prompt, (scores - np.float32(np.logaddexp.reduce(scores))).astype(np.float32)
        raise DeadlineExceeded(f"The LLM was late (cancelled: {scope.cancelled_caught}).", remedy="Give the request more time.")


def final_places(request: Request, candidates: Sequence[Candidate], scores: Float32, items: Mapping[str, Item]) -> list[int]:
    """Return the candidates' places by their final scores, float32 [n]; what carries more of the genres asked for stays first.

    Of these, where an example was named too ("like Alien but funny"), first what shares a genre with one; ``items`` by id has them.
    """
    tiers = _wanted(request, candidates, items)
    return sorted(range(len(candidates)), key=lambda i: (-tiers[i][0], not tiers[i][1], -float(scores[i]), i))


def _placed(
    request: Request, candidates: Sequence[Candidate], scores: Float32, items: Mapping[str, Item]
) -> tuple[tuple[Candidate, float], ...]:
    """Return the first candidates by their scores, float32 [shown], and the rest after them in their own order."""
    shown = candidates[: len(scores)]
    order = [(shown[i], float(scores[i])) for i in final_places(request, shown, scores, items)]
    floor = float(scores.min())
    return (*order, *((c, floor - rank) for rank, c in enumerate(candidates[len(shown) :], start=1)))


def _checked(scores: object, n: int) -> Float32:
    array = np.asarray(scores, dtype=np.float32)
    if array.shape != (n,) or not np.isfinite(array).all():
        raise PalateError(
            f"The LLM gave scores of shape {array.shape} for {n} labels, or not finite ones.", remedy="See 'palate doctor'."
        )
    return array


def _retriever_scores(n: int) -> NDArray[np.float64]:
    """Return standardised scores of places 1 to ``n``: by place, not by value, so that weight 0 is the retriever's own order."""
    return _standardised(-np.log2(np.arange(n) + 2.0))


def _retriever_order(candidates: Sequence[Candidate]) -> tuple[tuple[Candidate, float], ...]:
    return tuple(zip(candidates, map(float, _retriever_scores(len(candidates))), strict=True))


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = values.std() if len(values) else 0.0
    return (values - values.mean()) / spread if spread > 1e-9 else np.zeros_like(values)


def fuse(scores: Float32, weight: float) -> Float32:
    """Return final scores, float32 [n]: the LLM's log probabilities have the share ``weight``, the retriever's places the rest."""
    fused = weight * _standardised(scores.astype(np.float64)) + (1.0 - weight) * _retriever_scores(len(scores))
    return fused.astype(np.float32)


def _wanted(request: Request, candidates: Sequence[Candidate], items: Mapping[str, Item]) -> list[tuple[int, bool]]:
    wanted = {genre.casefold() for genre in request.query.genres}
    examples = [items[item_id] for item_id in request.query.like_item_ids if item_id in items]
    alike = {genre.casefold() for item in examples for genre in item.genres} - wanted if wanted else set()
    carried = [{genre.casefold() for genre in candidate.item.genres} for candidate in candidates]
    return [(len(genres & wanted), bool(genres & alike)) for genres in carried]
