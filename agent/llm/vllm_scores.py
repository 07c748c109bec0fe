"""What a vLLM server answers, as scores: of labels that may follow, or of marks in the prompt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.llm.spots import Mark, check_prefix, log_softmax

__all__ = ["label_scores", "mark_scores", "text_scores"]


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


def text_scores(answer: dict[str, Any], prefix: Sequence[int], texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the log probability of each text, nats, float32 [len(texts)], from ``prompt_logprobs`` of prefix and text.

    Raises:
        InvalidInput: A text's tokens do not begin where those of ``prefix`` end.
        KeyError, IndexError, TypeError, ValueError: The answer is not of the protocol, or is of other texts.

    """
    choices = {int(choice["index"]): choice["prompt_logprobs"] for choice in answer["choices"]}
    out = []
    for number, text in enumerate(texts):
        tokens = [_only(place) for place in choices[number]]
        # The first has no log probability, and its id is not told.
        check_prefix([-1, *prefix[1:]], [i for i, _ in tokens], text)
        out.append(sum(value for _, value in tokens[len(prefix) :]))
    values = np.array(out, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("no finite numbers")
    return values.astype(np.float32)


def _only(place: dict[str, Any] | None) -> tuple[int, float]:
    """Return id and log probability of a prompt token; the first, which nothing predicts, has neither."""
    if place is None:
        return -1, math.nan
    ((token, said),) = place.items()
    return int(token), float(said["logprob"])
