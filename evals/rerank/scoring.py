"""What an LLM gives the candidates of cases, kept as it comes, so that a long measurement goes on where it was stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import anyio
import numpy as np
from numpy.typing import NDArray

from agent.llm.base import LLM
from agent.prompts import RankPromptConfig, build_rank_prompt
from evals.rerank.cases import RankCase
from palate.deadline import Deadline
from palate.domain import Progress

__all__ = ["LLMScores"]


class LLMScores:
    """Scores cases by an LLM, with the prompt that serves.

    Args:
        llm: The LLM; its name says which weights and LoRA adapter.
        prompt: Which prompt.
        candidates: How many of a case's candidates the LLM sees, the first ones.
        folder: Where scores are kept, a line each; ``None`` keeps none.

    """

    def __init__(self, llm: LLM, prompt: RankPromptConfig, folder: Path | None = None, candidates: int = 20) -> None:
        self._llm, self._prompt, self._candidates = llm, prompt, candidates
        name = hashlib.sha256(f"{llm.engine} {llm.name}".encode()).hexdigest()[:16]
        self._path = folder / f"scores-{name}.jsonl" if folder is not None else None
        self._kept: dict[str, list[float]] = {}
        if self._path is not None and self._path.exists():
            for line in self._path.read_text("utf-8").splitlines():
                try:
                    key, values = json.loads(line)
                except ValueError:  # the last line of a run that was killed
                    continue
                self._kept[key] = values

    def score(self, cases: Sequence[RankCase], what: str, progress: Progress | None = None) -> list[NDArray[np.float32]]:
        """Return the log probabilities of each case's first candidates, float32 [at most ``candidates``] each."""

        async def all_of_them() -> list[NDArray[np.float32]]:
            found = []
            for done, case in enumerate(cases):
                if progress is not None:
                    progress(what, done, len(cases))
                found.append(await self._one(case))
            return found

        return anyio.run(all_of_them)

    async def _one(self, case: RankCase) -> NDArray[np.float32]:
        if not case.candidates:
            return np.zeros(0, dtype=np.float32)
        shown = case.candidates[: self._candidates]
        prompt = build_rank_prompt(self._llm, case.request, case.profile, case.history_items, shown, self._prompt)
        key = hashlib.sha256(prompt.text.encode()).hexdigest()
        if key not in self._kept:
            scores = await self._llm.score_labels(prompt, Deadline(None))
            self._kept[key] = [round(float(score), 6) for score in scores]
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([key, self._kept[key]]) + "\n")
        return np.array(self._kept[key], dtype=np.float32)
