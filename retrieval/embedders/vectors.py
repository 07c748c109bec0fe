"""Small helpers for vectors."""

from __future__ import annotations

import numpy as np

from retrieval.base import Float32

__all__ = ["unit"]


def unit(vectors: Float32) -> Float32:
    """Return float32 [n, dim] with each row scaled to length 1; a row of zeros stays zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Float32 = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return scaled
