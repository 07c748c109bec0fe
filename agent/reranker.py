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
from palate.deadline import Deadline
from palate.domain import Candidate, Item, LabelledPrompt, Profile, Request, Value
from palate.errors import DeadlineExceeded, PalateError

__all__ = ["Reranked", "Reranker", "RerankerConfig", "fused_order"]

_log = logging.getLogger(__name__)
Float32 = NDArray[np.float32]


class RerankerConfig(Value):
    """How the LLM's word counts.

    ``weight`` is the LLM's share of the final score, the rest is the retriever's. ``candidates`` is how many the LLM sees.
    ``calibrate`` subtracts the scores that the labels get in a prompt without content (Zhao et al. 2021, "Calibrate Before Use",
    ICML): one more prefill for each number of labels, once. With less than ``min_seconds`` left not even the prompt is built.
    """

    weight: float = Field(default=0.2, ge=0.0, le=1.0)
    candidates: int = Field(default=20, ge=2, le=26)
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


class Reranker:
    """Reads what the LLM gives each candidate in one prefill: a label's log probability, or that of a mark behind it.

    Labels: LlamaRec, Yue et al. (2023), https://arxiv.org/abs/2311.02089.

    Args:
        llm: The LLM, or ``None`` to keep the retriever's order (which is then no degradation: it was configured so).
        config: How its word counts.

    """

    def __init__(self, llm: LLM | None, config: RerankerConfig | None = None) -> None:
        self.llm = llm
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
        """Return the first ``config.candidates`` of ``candidates`` in a new order, the rest after them in their own.

        An LLM that is late, down, lacks its weights, or answers with anything but one finite number a label is left out: the
        order is then the retriever's and ``degraded`` holds ``rerank``. Items that carry more of the genres that were asked for
        stay first.
        """
        shown = candidates[: self.config.candidates]
        if self.llm is None or self.config.weight == 0.0 or len(shown) < 2:
            return Reranked(order=_retriever_order(candidates))
        if not deadline.allows(self.config.min_seconds):
            return Reranked(order=_retriever_order(candidates), degraded=("rerank",))
        build = partial(build_rank_prompt, self.llm, request, profile, history_items, shown, self.config.prompt)
        try:
            prompt, scores = await self._asked(self.llm, build, deadline)
        except PalateError as error:
            _log.info("rerank left out: %s", error.message)
            return Reranked(order=_retriever_order(candidates), degraded=("rerank",))
        except Exception:  # noqa: BLE001 - whatever a backend throws, the retriever's order is at hand
            _log.exception("rerank left out: the LLM failed")
            return Reranked(order=_retriever_order(candidates), degraded=("rerank",))
        fused, places = fused_order(request, shown, scores, self.config.weight)
        order = [(shown[i], float(fused[i])) for i in places]
        floor = float(fused.min())
        rest = [(c, floor - rank) for rank, c in enumerate(candidates[len(shown) :], start=1)]
        llm_scores = {item_id: float(score) for item_id, score in zip(prompt.item_ids, scores, strict=True)}
        return Reranked(order=(*order, *rest), llm_scores=llm_scores, prompt=prompt)

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


def fused_order(request: Request, candidates: Sequence[Candidate], scores: Float32, weight: float) -> tuple[Float32, list[int]]:
    """Return the final score of each candidate, float32 [n], and their places in the final order.

    ``candidates`` come in the retriever's order, ``scores`` are the LLM's, float32 [n], and ``weight`` is their share. Items that
    carry more of the genres that were asked for stay first.
    """
    tiers = _wanted(request, candidates)
    fused = _fuse(scores, weight)
    return fused, sorted(range(len(candidates)), key=lambda i: (-tiers[i], -float(fused[i]), i))


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


def _fuse(scores: Float32, weight: float) -> Float32:
    fused = weight * _standardised(scores.astype(np.float64)) + (1.0 - weight) * _retriever_scores(len(scores))
    return fused.astype(np.float32)


def _wanted(request: Request, candidates: Sequence[Candidate]) -> list[int]:
    wanted = {genre.casefold() for genre in request.query.genres}
    return [sum(genre.casefold() in wanted for genre in c.item.genres) for c in candidates]
