"""Where, among a text's tokens, those begin whose log probability is a score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from palate.errors import InvalidInput

__all__ = ["log_softmax", "spot_places"]


def spot_places(text: str, offsets: Sequence[tuple[int, int]], spots: Sequence[int]) -> list[int]:
    """Return the token positions that begin at ``spots``; ``offsets`` are the tokens' places in characters.

    Raises:
        InvalidInput: No token begins at one of them, or it is the first, which nothing predicts.

    """
    starts = {start: place for place, (start, end) in reversed(list(enumerate(offsets))) if end > start}
    if missing := [spot for spot in spots if starts.get(spot, 0) == 0]:
        near = text[max(0, missing[0] - 10) : missing[0] + 10]
        raise InvalidInput(f"No token begins at {missing[0]} ({near!a}).", remedy="Use a mark that is one token.", param="spots")
    return [starts[spot] for spot in spots]


def log_softmax(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the values as log probabilities among themselves, float32 of the same shape."""
    wide = np.asarray(values, dtype=np.float64)
    scores: NDArray[np.float32] = (wide - np.logaddexp.reduce(wide)).astype(np.float32)
    return scores
