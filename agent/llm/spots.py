"""Where, among a text's tokens, those begin whose log probability is a score."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from palate.errors import InvalidInput

__all__ = ["Mark", "check_prefix", "log_softmax", "mark_at", "spot_places"]

_LEAD = re.compile(r"\s?[^\w\s]*\Z")
_WORD = re.compile(r"\s?\w+")
_LONGEST_LEAD = 8


@dataclass(frozen=True, slots=True)
class Mark:
    """A word and the signs that lead to it, " [" before "yes", as a text holds them.

    ``wanted`` says which of the places where the text holds them, in order, are spots; ``found`` is how many such places there are.
    """

    lead: str
    word: str
    wanted: tuple[int, ...]
    found: int


def mark_at(text: str, spots: Sequence[int]) -> Mark:
    """Return the one mark that stands at all ``spots``, for who has no tokenizer at hand to look for it by its token ids.

    Raises:
        InvalidInput: No word begins at one of them, or not the same everywhere.

    """
    heads = {
        (_LEAD.findall(text[max(0, spot - _LONGEST_LEAD) : spot])[0], found.group() if (found := _WORD.match(text, spot)) else "")
        for spot in spots
    }
    if len(heads) > 1 or not all(word for _, word in heads):
        said = ", ".join(sorted(ascii(lead + word) for lead, word in heads))
        raise InvalidInput(f"The spots stand before {said}.", remedy="Put one and the same mark behind each item.", param="spots")
    ((lead, word),) = heads
    begins = [found.start() + len(lead) for found in re.finditer(rf"{re.escape(lead + word)}(?!\w)", text)]
    return Mark(lead, word, tuple(place for place, begin in enumerate(begins) if begin in set(spots)), len(begins))


def check_prefix(prefix: Sequence[object], tokens: Sequence[object], text: str) -> None:
    """Refuse a text whose tokens do not begin where those of its prefix end.

    Raises:
        InvalidInput: ``tokens``, of prefix and text together, do not begin with those of ``prefix``, or end with them.

    """
    if list(tokens[: len(prefix)]) != list(prefix) or len(tokens) == len(prefix):
        raise InvalidInput(
            f"The text {text[:40]!a} does not begin with a token of its own.",
            remedy="Give text, and begin it with a space.",
            param="texts",
        )


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
