"""What a vLLM server answers, as scores: of labels that may follow, or of marks in the prompt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.llm.spots import Mark, log_softmax

__all__ = ["label_scores", "mark_scores"]


def label_scores(answer: dict[str, Any], ids: Sequence[int]) -> NDArray[np.float32]:
    """Return log probabilities over the labels with these token ids, float32 [len(ids)], from ``top_logprobs``.

    A label that is not among them gets one less than the least of them.

    Raises:
        KeyError, IndexError, TypeError, ValueError: The answer is not of the protocol.

    """
    top = answer["choices"][0]["logprobs"]["top_logprobs"][0]
    found = {i: float(top[f"token_id:{i}"]) for i in ids if f"token_id:{i}" in top}
    if not found or any(math.isnan(v) or v == math.inf for v in found.values()):
        raise ValueError("no finite numbers")
    lowest = min((v for v in found.values() if math.isfinite(v)), default=0.0) - 1.0
    return log_softmax(np.array([max(found.get(i, lowest), lowest) for i in ids], dtype=np.float64))


def mark_scores(answer: dict[str, Any], mark: Mark, ids: Sequence[int]) -> NDArray[np.float32]:
    """Return log probabilities among the wanted marks, float32 [len(mark.wanted)], from ``prompt_logprobs``.

    ``ids`` are the tokens of the mark with what leads to it, the last of them the mark itself. They must be found among the
    prompt's tokens as often as the mark in its text.

    Raises:
        KeyError, IndexError, TypeError, ValueError: The answer is not of the protocol, or counts other marks.

    """
    tokens = [_only(place) for place in answer["choices"][0]["prompt_logprobs"]]
    width = len(ids)
    ends = [n + width - 1 for n in range(len(tokens) - width + 1) if [i for i, _ in tokens[n : n + width]] == list(ids)]
    if len(ends) != mark.found:
        raise ValueError(f"{len(ends)} marks, not {mark.found}")
    values = np.array([tokens[ends[n]][1] for n in mark.wanted], dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("no finite numbers")
    return log_softmax(values)


def _only(place: dict[str, Any] | None) -> tuple[int, float]:
    """Return id and log probability of a prompt token; the first, which nothing predicts, has neither."""
    if place is None:
        return -1, math.nan
    ((token, said),) = place.items()
    return int(token), float(said["logprob"])
