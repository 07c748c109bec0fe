"""The musicnn network, in torch, on weights read from its TensorFlow checkpoint.

J. Pons and X. Serra, "musicnn: Pre-trained convolutional neural networks for music audio tagging", ISMIR 2019 late-breaking demo;
architecture of J. Pons et al., "End-to-end learning for music audio tagging at scale", ISMIR 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from retrieval.base import Float32

__all__ = ["MusicnnNet"]

_BATCH_NORM_EPSILON = 1e-3


class MusicnnNet:
    """Front end (timbral and temporal convolutions), dense mid end, temporal pooling, dense layer, 50 tags.

    Args:
        tensors: Variables by their TensorFlow names; convolutions [height, width, in, out], dense [in, out].

    Raises:
        KeyError: A variable is missing.

    """

    def __init__(self, tensors: Mapping[str, Float32]) -> None:
        def plain(name: str) -> Any:
            return torch.from_numpy(np.ascontiguousarray(tensors[name]))

        def numbered(kind: str, i: int) -> str:
            return kind if i == 0 else f"{kind}_{i}"

        self._convs = []
        for i in range(8):
            name = numbered("conv2d", i)
            kernel = torch.from_numpy(np.ascontiguousarray(tensors[f"{name}/kernel"].transpose(3, 2, 0, 1)))
            self._convs.append((kernel, plain(f"{name}/bias")))
        self._norms = []
        for i in range(11):
            name = numbered("batch_normalization", i)
            scale = tensors[f"{name}/gamma"] / np.sqrt(tensors[f"{name}/moving_variance"] + _BATCH_NORM_EPSILON)
            shift = tensors[f"{name}/beta"] - tensors[f"{name}/moving_mean"] * scale
            self._norms.append((torch.from_numpy(scale), torch.from_numpy(shift)))
        self._dense = []
        for name in ("dense", "dense_1"):
            kernel = torch.from_numpy(np.ascontiguousarray(tensors[f"{name}/kernel"].T))
            self._dense.append((kernel, plain(f"{name}/bias")))

    def __call__(self, mel: Float32) -> tuple[Float32, Float32]:
        """Return the penultimate layer, float32 [batch, 200], and tag probabilities, float32 [batch, 50].

        ``mel`` is float32 [batch, frames, 96].
        """
        with torch.inference_mode():
            x = self._norm(torch.from_numpy(np.ascontiguousarray(mel))[:, None], 0)  # [batch, 1, frames, 96]
            sides = F.pad(x, (0, 0, 3, 3))
            features = [self._pooled(sides, 0), self._pooled(sides, 1)]  # 2 × [batch, 204, frames]
            for i in (2, 3, 4):
                before = (self._convs[i][0].shape[2] - 1) // 2
                after = self._convs[i][0].shape[2] - 1 - before
                features.append(self._pooled(F.pad(x, (0, 0, before, after)), i))  # 3 × [batch, 51, frames]
            front = torch.cat(features, 1)  # [batch, 561, frames]
            first = self._mid(front, 5)  # [batch, 64, frames]
            second = self._mid(first, 6) + first
            third = self._mid(second, 7) + second
            everything = torch.cat([front, first, second, third], 1)  # [batch, 753, frames]
            pooled = torch.stack([everything.amax(2), everything.mean(2)], 2).flatten(1)  # [batch, 1506], maximum and mean in turn
            hidden = F.relu(F.linear(self._norm(pooled, 9), *self._dense[0]))
            penultimate = self._norm(hidden, 10)  # [batch, 200]
            tags = torch.sigmoid(F.linear(penultimate, *self._dense[1]))
            return penultimate.numpy().copy(), tags.numpy().copy()

    def _norm(self, x: Any, i: int) -> Any:
        scale, shift = self._norms[i]
        shape = (1, -1) + (1,) * (x.dim() - 2)
        return x * scale.view(shape) + shift.view(shape)

    def _pooled(self, x: Any, i: int) -> Any:
        return self._norm(F.relu(F.conv2d(x, *self._convs[i])), i + 1).amax(3)

    def _mid(self, x: Any, i: int) -> Any:
        as_picture = F.pad(x, (3, 3)).transpose(1, 2)[:, None]  # [batch, 1, frames + 6, channels]
        return self._norm(F.relu(F.conv2d(as_picture, *self._convs[i])), i + 1)[..., 0]  # [batch, 64, frames]
