"""What a composition starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from api.demo.synth.theory import Key

__all__ = ["Plan", "choose"]

_SECONDS = 15.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """A piece before it is written: its key, its tempo in beats a minute, and where its chances come from."""

    key: Key
    tempo: float
    rng: np.random.Generator

    def bars(self, beats: float = 4.0) -> int:
        """Return the even number of bars, four at least, that comes nearest to fifteen seconds."""
        return max(4, 2 * round(_SECONDS / (beats * 60 / self.tempo) / 2))


def choose(plan: Plan, options: Sequence[T]) -> T:
    """Return one of the options by the plan's chances."""
    return options[int(plan.rng.integers(len(options)))]
