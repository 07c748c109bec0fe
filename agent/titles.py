"""Lets an LLM read the titles of items, so that what is widely known can be told from what is not."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import anyio
import numpy as np

from agent.llm.base import LLM
from palate.deadline import Deadline
from palate.domain import Item, Progress
from retrieval.titles import TitleLikelihoods, spoken_title

__all__ = ["TitleReader"]

_AT_ONCE = 32


class TitleReader:
    """Reads the titles that were not read yet, and keeps what the LLM says of them.

    Args:
        llm: The LLM.
        folder: Where it is kept, a file for each LLM.
        most: How many titles are read at once, at most; ``None`` for all.

    Attributes:
        titles: What was read so far.

    """

    def __init__(self, llm: LLM, folder: Path, most: int | None = None) -> None:
        name = hashlib.sha256(f"{llm.engine} {llm.name}".encode()).hexdigest()[:16]
        self._llm, self._most = llm, most
        self.titles = TitleLikelihoods(folder / f"titles-{name}.jsonl")

    def read(self, items: Sequence[Item], progress: Progress | None = None) -> TitleLikelihoods:
        """Read titles, a batch at a time, each kept when it is done, and return all that is known; blocks until then.

        Raises:
            ServiceDown: The LLM failed; what was read is kept.

        """
        anyio.run(self._read, items, progress)
        return self.titles

    async def _read(self, items: Sequence[Item], progress: Progress | None) -> None:
        missing = sorted(self.titles.missing(items)[: self._most], key=lambda item: item.type)
        done = 0
        for _, group in groupby(missing, key=lambda item: item.type):
            alike = list(group)
            for start in range(0, len(alike), _AT_ONCE):
                if progress is not None:
                    progress("read titles", done, len(missing))
                batch = alike[start : start + _AT_ONCE]
                spoken = [spoken_title(item) for item in batch]
                texts = [one.title for one in spoken] + [one.dated for one in spoken]
                found = await self._llm.log_likelihoods(spoken[0].prefix, texts, Deadline(None))
                self.titles.put(batch, np.stack([found[: len(batch)], found[len(batch) :]], axis=1))
                done += len(batch)
