"""Cross-entropy over all items, or over a draw of them where there are many; importing this imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch.nn import functional

__all__ = ["next_item_loss"]

_FULL = 4
"""Up to so many times the negatives, drawing would save little: all items are scored."""


def next_item_loss(
    state: torch.Tensor,
    y: torch.Tensor,
    items: int,
    negatives: int,
    weights: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]],
) -> torch.Tensor:
    """Return the mean cross-entropy of items ``y``, int64 [n], given states, float32 [n, dim].

    ``weights`` gives vectors, [k, dim], and biases, [k], of items, int64 [k]. Of more items than four times ``negatives``,
    that many are drawn evenly for the whole batch and their mass is scaled up to that of all, an estimate of the full softmax (Jean
    et al., ACL 2015).
    """
    if items <= _FULL * negatives:
        vectors, bias = weights(torch.arange(items))
        return functional.cross_entropy(state @ vectors.T + bias, y)
    drawn = torch.randint(items, (negatives,))
    own, own_bias = weights(y)
    other, other_bias = weights(drawn)
    right = (state * own).sum(dim=1) + own_bias  # [n]
    wrong = state @ other.T + other_bias + math.log(items / negatives)  # [n, negatives]
    wrong = wrong.masked_fill(drawn[None, :] == y[:, None], -torch.inf)
    return functional.cross_entropy(torch.cat([right[:, None], wrong], dim=1), torch.zeros_like(y))
