"""How good a LoRA adapter was on each case, for paired comparisons."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from finetune.card import SCORES_FILE, ScoresRef, Task, read_card
from palate.errors import InvalidInput

__all__ = ["Evaluator", "Scores", "stored_scores"]

_ARRAYS = ("case", "user", "value", "baseline")
_REMEDY = "Measure the adapter anew."


@dataclass(frozen=True)
class Scores:
    """A metric's value on each case, ordered by case.

    Attributes:
        ref: What was measured on what.
        case: str [cases], all different.
        user: str [cases], whose each case is.
        value: float32 [cases], with the adapter; higher is better.
        baseline: float32 [cases], without one: what serves then.

    Raises:
        InvalidInput: The arrays are not of these shapes and types, hold a case twice, or values that are not finite.

    """

    ref: ScoresRef
    case: NDArray[np.str_]
    user: NDArray[np.str_]
    value: NDArray[np.float32]
    baseline: NDArray[np.float32]

    def __post_init__(self) -> None:
        for name in _ARRAYS:
            array, text = getattr(self, name), name in {"case", "user"}
            if not (array.dtype.kind == "U" if text else array.dtype == np.float32):
                raise _odd(f"{name!r} is of type {array.dtype}, not {'str' if text else 'float32'}", name)
            if array.shape != (self.ref.cases,):
                raise _odd(f"{name!r} has the shape {array.shape}, and the card says {self.ref.cases} cases", name)
            if not text and not np.isfinite(array).all():
                raise _odd(f"{name!r} holds a value that is not finite", name)
        if len(np.unique(self.case)) != self.ref.cases:
            raise _odd("'case' names a case twice", "case")
        order = np.argsort(self.case)
        for name in _ARRAYS:
            object.__setattr__(self, name, getattr(self, name)[order])  # the way into a frozen dataclass

    @classmethod
    def read(cls, folder: Path, ref: ScoresRef) -> Scores:
        """Return what ``scores.npz`` in a folder holds.

        Raises:
            InvalidInput: It is not there, cannot be read, or does not hold what ``ref`` says.

        """
        path = folder / SCORES_FILE
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                if set(stored.files) != set(_ARRAYS):
                    raise _odd(f"there are {', '.join(sorted(stored.files)) or 'no arrays'}, not {', '.join(_ARRAYS)}", None)
                arrays = {name: stored[name] for name in _ARRAYS}
        except (OSError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
            raise InvalidInput(f"{str(path)!a} cannot be read: {error}.", remedy=_REMEDY, param=SCORES_FILE) from error
        return cls(ref, **arrays)

    def write(self, folder: Path) -> None:
        """Write ``scores.npz``; the card that goes with it holds ``ref``."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        with (folder / SCORES_FILE).open("wb") as file:
            np.savez_compressed(file, **arrays)


class Evaluator(Protocol):
    """Measures the LoRA adapter in a folder, on the same cases each time it is called."""

    def __call__(self, folder: Path, task: Task) -> Scores:
        """Return the values a case.

        Raises:
            InvalidInput: The adapter cannot be measured.

        """
        ...


def stored_scores(folder: Path, task: Task) -> Scores:
    """Return what the training of an adapter measured and kept beside it: an :class:`Evaluator` that runs nothing.

    Raises:
        InvalidInput: The folder holds no scores, or an adapter for another task.

    """
    card = read_card(folder)
    if card.task != task:
        raise InvalidInput(f"{card.name!r} is a LoRA adapter for {card.task!r}, not for {task!r}.", remedy=f"Name {card.task!r}.")
    if card.scores is None:
        raise InvalidInput(f"{card.name!r} has no {SCORES_FILE}.", remedy="Have it measured: for rank on a --dataset, else --anew.")
    return Scores.read(folder, card.scores)


def _odd(what: str, param: str | None) -> InvalidInput:
    return InvalidInput(f"In {SCORES_FILE}, {what}.", remedy=_REMEDY, param=param)
