"""Turns token ids into text as they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["TextPieces", "held_back"]


def held_back(text: str, stop: Sequence[str] = ()) -> int:
    """Return how many characters at the end may yet change: an unfinished character, or the beginning of a stop text."""
    broken = len(text) - len(text.rstrip("\ufffd"))
    begun = [n for s in stop for n in range(1, len(s)) if text.endswith(s[:n])]
    return max([broken, *begun])


class TextPieces:
    """Gives out text as soon as it is final: no half characters, nothing of a stop text.

    Args:
        decode: Text of token ids.
        stop: Texts before which the completion ends.

    """

    def __init__(self, decode: Callable[[list[int]], str], stop: Sequence[str] = ()) -> None:
        self._decode, self._stop = decode, tuple(s for s in stop if s)
        self._ids: list[int] = []
        self._given = 0
        self.done = False
        """Whether a stop text was reached: no more tokens are needed."""

    def push(self, token: int) -> str:
        """Take in a token and return the text that is final with it, possibly none."""
        if self.done:
            return ""
        self._ids.append(token)
        text = self._decode(self._ids)
        found = [at for s in self._stop if (at := text.find(s)) >= 0]
        if found:
            self.done = True
            return self._give(text[: min(found)])
        return self._give(text[: len(text) - held_back(text, self._stop)])

    def flush(self) -> str:
        """Return what was held back; the completion has ended."""
        if self.done:
            return ""
        self.done = True
        return self._give(self._decode(self._ids).rstrip("\ufffd"))

    def _give(self, text: str) -> str:
        piece, self._given = text[self._given :], max(self._given, len(text))
        return piece
