"""The network of SASRec and its training; importing this imports torch."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from palate.domain import Progress
from retrieval.sources._softmax import next_item_loss

if TYPE_CHECKING:
    from retrieval.sources.sasrec import SasrecConfig

__all__ = ["Network", "train"]

_JUDGED = 1000


class _Block(nn.Module):  # type: ignore[misc]  # torch is untyped where it is left out of the check
    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.first, self.second = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.wide, self.narrow = nn.Linear(dim, 2 * dim), nn.Linear(2 * dim, dim)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, d = x.shape
        split = self.qkv(self.first(x)).view(b, t, 3, self.heads, d // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)  # [b, heads, t, d / heads] each
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=self.dropout if self.training else 0.0)
        x = x + self.drop(self.out(seen.transpose(1, 2).reshape(b, t, d)))
        return x + self.drop(self.narrow(functional.gelu(self.wide(self.second(x)))))


class Network(nn.Module):  # type: ignore[misc]
    """Scores the next item. Sequences are padded behind their end, with ``items``: what comes later is not attended to."""

    def __init__(self, items: int, config: SasrecConfig) -> None:
        super().__init__()
        heads = config.heads if config.dim % config.heads == 0 else 1
        self.items = nn.Embedding(items + 1, config.dim, padding_idx=items)
        self.places = nn.Embedding(config.length, config.dim)  # counted from the start of the window
        self.blocks = nn.ModuleList(_Block(config.dim, heads, config.dropout) for _ in range(config.blocks))
        self.norm, self.drop = nn.LayerNorm(config.dim), nn.Dropout(config.dropout)
        self.bias = nn.Parameter(torch.zeros(items))
        nn.init.normal_(self.items.weight, std=0.02)
        nn.init.normal_(self.places.weight, std=0.02)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return states, float32 [b, t, dim], of items, int64 [b, t]."""
        places = torch.arange(x.shape[1])
        state = self.drop(self.items(x) * self.items.embedding_dim**0.5 + self.places(places))
        for block in self.blocks:
            state = block(state)
        out: torch.Tensor = self.norm(state)
        return out

    def scores(self, state: torch.Tensor) -> torch.Tensor:
        """Return scores of all items, float32 [n, items], of states [n, dim]."""
        return state @ self.items.weight[:-1].T + self.bias

    def weights(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return vectors, float32 [k, dim], and biases, [k], of items, int64 [k]."""
        return self.items(rows), self.bias[rows]

    def next_scores(self, x: torch.Tensor) -> torch.Tensor:
        """Return scores, float32 [b, items], after whole sequences, int64 [b, t]."""
        return self.scores(self(x)[:, -1])


def train(
    sequences: list[NDArray[np.int64]],
    items: int,
    config: SasrecConfig,
    progress: Progress | None = None,
) -> tuple[Network, int]:
    """Return the network at its best epoch, and how many epochs were run. torch is seeded by the caller."""
    rng = np.random.default_rng(config.seed)
    network = Network(items, config)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=1e-4)
    judged = [s[-config.length - 1 :] for s in sequences if len(s) >= 3]
    if len(judged) > _JUDGED:
        judged = [judged[at] for at in np.sort(rng.permutation(len(judged))[:_JUDGED]).tolist()]
    best, since, state, epoch = -1.0, 0, copy.deepcopy(network.state_dict()), 0
    for epoch in range(1, config.epochs + 1):
        if progress is not None:
            progress("sasrec epochs", epoch - 1, config.epochs)
        network.train()
        for batch in _batches(_windows(sequences, config.length, rng), config.batch, rng):
            x = _padded([w[:-1] for w in batch], items)
            y = _padded([w[1:] for w in batch], items)
            known = y != items
            loss = next_item_loss(network(x)[known], y[known], items, config.negatives, network.weights)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
        found = _quality(network, judged, items)
        if found > best:
            best, since, state = found, 0, copy.deepcopy(network.state_dict())
        else:
            since += 1
            if since >= config.patience:
                break
    network.load_state_dict(state)
    network.eval()
    return network, epoch


def _windows(sequences: list[NDArray[np.int64]], length: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Cut sequences, less their last item where they can spare it, into windows that overlap by one and begin anywhere."""
    out = []
    for whole in sequences:
        known = whole[:-1] if len(whole) >= 3 else whole
        first = int(rng.integers(0, length)) if len(known) > length + 1 else 0
        for start in (0, *range(first, len(known) - 1, length)) if first else range(0, len(known) - 1, length):
            stop = first + 1 if first and start == 0 else start + length + 1
            if len(known[start:stop]) >= 2:
                out.append(known[start:stop])
    return out


def _batches(windows: list[NDArray[np.int64]], size: int, rng: np.random.Generator) -> list[list[NDArray[np.int64]]]:
    """Return windows in batches of like length, in random order, each of about ``size`` times fifty items."""
    order = sorted(rng.permutation(len(windows)).tolist(), key=lambda at: len(windows[at]))
    batches: list[list[NDArray[np.int64]]] = [[]]
    for at in order:
        if batches[-1] and (len(batches[-1]) + 1) * len(windows[at]) > 50 * size:
            batches.append([])
        batches[-1].append(windows[at])
    return [batches[at] for at in rng.permutation(len(batches)).tolist()]


def _padded(rows: list[NDArray[np.int64]], padding: int) -> torch.Tensor:
    out = np.full((len(rows), max(map(len, rows))), padding, dtype=np.int64)
    for at, row in enumerate(rows):
        out[at, : len(row)] = row
    return torch.from_numpy(out)


def _quality(network: Network, judged: list[NDArray[np.int64]], items: int) -> float:
    """Return the mean of 1 / log2(1 + rank) of the last items."""
    network.eval()
    total = 0.0
    with torch.inference_mode():
        for start in range(0, len(judged), 128):
            part = judged[start : start + 128]
            last: Any = torch.tensor([len(s) - 2 for s in part])
            scores = network.scores(network(_padded([s[:-1] for s in part], items))[torch.arange(len(part)), last])
            own = scores[torch.arange(len(part)), torch.tensor([int(s[-1]) for s in part])]
            rank = (scores > own[:, None]).sum(dim=1).double() + 1
            total += float((1 / torch.log2(1 + rank)).sum())
    return total / max(len(judged), 1)
