"""The two towers of the neural collaborative filter and their training; importing this imports torch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from palate.domain import Progress
from retrieval.base import Float32
from retrieval.sources._softmax import next_item_loss

if TYPE_CHECKING:
    from retrieval.sources.ncf import NcfConfig

__all__ = ["Towers", "train"]


class Towers(nn.Module):  # type: ignore[misc]  # torch is untyped where it is left out of the check
    """The tower of people and that of items. The last number of an item's vector is its bias."""

    def __init__(self, genres: Float32, config: NcfConfig) -> None:
        super().__init__()
        items, self.tau = len(genres), config.tau
        self.taken = nn.Embedding(items + 1, config.dim, padding_idx=items)
        self.own, self.bias = nn.Embedding(items, config.dim), nn.Parameter(torch.zeros(items))
        self.genres = nn.Linear(genres.shape[1], config.dim, bias=False)
        self.deep = nn.Sequential(
            nn.Dropout(config.dropout), nn.Linear(config.dim, config.hidden), nn.GELU(), nn.Linear(config.hidden, config.dim)
        )
        self.drop = nn.Dropout(config.dropout)
        nn.init.normal_(self.taken.weight, std=0.1)
        nn.init.normal_(self.own.weight, std=0.1)

    def people(self, x: torch.Tensor) -> torch.Tensor:
        """Return vectors, float32 [b, dim], of histories, int64 [b, h], newest first, padded with the number of items."""
        weights = torch.exp(-torch.arange(x.shape[1]) / self.tau) * (x != self.taken.padding_idx)  # [b, h]
        mean = (self.taken(x) * weights[:, :, None]).sum(dim=1) / weights.sum(dim=1, keepdim=True)
        out: torch.Tensor = self.drop(mean) + self.deep(mean)
        return out

    def weights(self, genres: torch.Tensor, named: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return vectors, [k, dim], and biases, [k], of items, int64 [k], by ``genres`` [n, g]; ``named`` is 0 or 1, [n, 1]."""
        return self.own(rows) * named[rows] + self.genres(genres[rows]), self.bias[rows]

    def person(self, history: list[int]) -> Float32:
        """Return the vector of a history, oldest first, with a 1 for the bias, float32 [dim + 1]."""
        with torch.inference_mode():
            vector = self.people(torch.tensor([history[::-1]]))[0].numpy()
        return np.concatenate([vector, np.ones(1, dtype=np.float32)])

    def vectors(self, genres: Float32, columns: NDArray[np.int64]) -> Float32:
        """Return vectors, float32 [n, dim + 1], of items with genres, [n, g]; ``columns`` is -1 where there is no own vector.

        An item without one is given the bias of the one that is taken least.
        """
        known = columns >= 0
        with torch.inference_mode():
            out = self.genres(torch.from_numpy(genres)).numpy()
            out[known] += self.own.weight.numpy()[columns[known]]
            bias = np.full(len(genres), float(self.bias.min()), dtype=np.float32)
            bias[known] = self.bias.numpy()[columns[known]]
        return np.concatenate([out, bias[:, None]], axis=1).astype(np.float32)


def train(sequences: list[NDArray[np.int64]], genres: Float32, config: NcfConfig, progress: Progress | None = None) -> Towers:
    """Return the trained towers. torch is seeded by the caller."""
    rng = np.random.default_rng(config.seed)
    towers, known = Towers(genres, config), torch.from_numpy(genres)
    optimizer = torch.optim.AdamW(towers.parameters(), lr=config.learning_rate, weight_decay=1e-3)
    moments = np.array(
        [(who, place) for who, s in enumerate(sequences) for place in range(max(1, len(s) - config.positions), len(s))],
        dtype=np.int64,
    )
    steps = -(-len(moments) // config.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=steps * config.epochs)
    towers.train()
    for epoch in range(config.epochs):
        order = rng.permutation(len(moments))
        for step in range(steps):
            if progress is not None and step % 50 == 0:
                progress("ncf steps", epoch * steps + step, config.epochs * steps)
            chosen = moments[order[step * config.batch : (step + 1) * config.batch]].tolist()
            x = np.full((len(chosen), config.history), len(genres), dtype=np.int64)
            for row, (who, place) in enumerate(chosen):
                past = sequences[who][max(0, place - config.history) : place][::-1]
                x[row, : len(past)] = past
            y = torch.tensor([int(sequences[who][place]) for who, place in chosen])
            named = (torch.rand(len(genres), 1) >= config.unknown).float()  # the others are known by their genres alone
            people = towers.people(torch.from_numpy(x))
            loss = next_item_loss(people, y, len(genres), config.negatives, partial(towers.weights, known, named))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    towers.eval()
    return towers
