"""Lets an LLM read the titles of items, so that what is widely known can be told from what is not."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import anyio
import numpy as np

from agent.llm.base import LLM
from palate.deadline import Deadline
from palate.domain import Item, Progress
from palate.errors import InvalidInput
from retrieval.base import Float32
from retrieval.titles import TitleLikelihoods, spoken_title

__all__ = ["TitleReader"]

_log = logging.getLogger(__name__)
_AT_ONCE = 32
_SIGNATURE = ("The most famous movies:\n-", (" The Godfather", " Yi Yi", " Fanny and Alexander", " The Taste of Tea"))
"""Prefix and titles by which one LLM is told from another: a name alone does not, as where a server has another model by now."""


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

        What another LLM of that name said is forgotten, and read anew. A title that the LLM refuses is known as unreadable.

        Raises:
            ServiceDown: The LLM failed; what was read is kept. So it is with what ``progress`` raises.
            MissingExtra: A package that the LLM needs is not installed.
            MissingWeights: The LLM's weights are not there.

        """
        anyio.run(self._read, items, progress)
        return self.titles

    async def _read(self, items: Sequence[Item], progress: Progress | None) -> None:
        self.titles.sign(await self._llm.log_likelihoods(*_SIGNATURE, Deadline(None)))
        missing = sorted(self.titles.missing(items)[: self._most], key=lambda item: item.type)
        done = 0
        for _, group in groupby(missing, key=lambda item: item.type):
            alike = list(group)
            for start in range(0, len(alike), _AT_ONCE):
                if progress is not None:
                    progress("read titles", done, len(missing))
                batch = alike[start : start + _AT_ONCE]
                self.titles.put(batch, await self._said(batch))
                done += len(batch)

    async def _said(self, batch: Sequence[Item]) -> Float32:
        """Return what the LLM says of items of one type, float32 [len(batch), 2]."""
        spoken = [spoken_title(item) for item in batch]
        texts = [one.title for one in spoken] + [one.dated for one in spoken]
        try:
            found = await self._llm.log_likelihoods(spoken[0].prefix, texts, Deadline(None))
        except InvalidInput as refused:
            if len(batch) > 1:  # one of them spoils it for all
                return np.concatenate([await self._said([item]) for item in batch])
            _log.warning("The LLM does not read the title %a: %s", batch[0].title, refused)
            found = np.full(len(texts), np.nan, dtype=np.float32)
        return np.stack([found[: len(batch)], found[len(batch) :]], axis=1)
