"""How many of the reasons that an LLM writes may be shown as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import anyio
import numpy as np
from numpy.typing import NDArray

from agent.base import MentionFinder
from agent.guard import check_reason
from agent.llm.base import LLM
from agent.prompts.explain import EXPLAIN_VERSION, build_explain_prompt
from evals.bootstrap import difference, interval, randomisation_test
from evals.reasons import ReasonCase
from palate.deadline import Deadline
from palate.domain import Progress
from palate.prompting import GenerateConfig

__all__ = ["EXPLAIN_PROTOCOL", "ExplainSuite"]

EXPLAIN_PROTOCOL = "evidence of people and items that training never saw"
_BATCH = 8
Float32 = NDArray[np.float32]


class ExplainSuite:
    """Judges reasons by :func:`agent.guard.check_reason`, the check that runs when serving.

    A reason passes when the whole text that was written passes: nothing may have to be cut off.

    Args:
        cases: Evidence sets.
        titles: Finds the catalog's titles.
        max_tokens: Longest reason, as ``PALATE_REASON_TOKENS``.

    """

    def __init__(self, cases: Sequence[ReasonCase], titles: MentionFinder, max_tokens: int) -> None:
        self.cases, self._titles, self._max_tokens = tuple(cases), titles, max_tokens

    def write(self, llm: LLM, progress: Progress | None = None) -> list[str]:
        """Return the reasons that an LLM writes, as they come."""
        config, texts = GenerateConfig(max_tokens=self._max_tokens, stop=("\n",)), list[str]()
        for start in range(0, len(self.cases), _BATCH):
            if progress is not None:
                progress(f"write {llm.name}", start, len(self.cases))
            prompts = [build_explain_prompt(llm, c.item, c.fact, c.language) for c in self.cases[start : start + _BATCH]]
            texts += anyio.run(llm.generate, prompts, config, Deadline(None))
        return texts

    def judge(self, texts: Sequence[str]) -> Float32:
        """Return which pass, float32 [cases] of 0 and 1."""
        return np.array([self.passes(case, text) for case, text in zip(self.cases, texts, strict=True)], np.float32)

    def passes(self, case: ReasonCase, text: str) -> bool:
        """Return whether a text may be shown as it is."""
        said = check_reason(text, case.item, case.evidence, case.items, self._titles, language=case.language)
        return said is not None and said == " ".join(text.split())

    def report(self, rows: Mapping[str, Sequence[str]], against: str = "zero-shot", examples: int = 10) -> dict[str, Any]:
        """Return the share that passes with 95 % intervals over people, whole, by language and by kind of evidence."""
        people = np.unique([case.person_id for case in self.cases], return_inverse=True)[1]
        judged = {name: self.judge(texts) for name, texts in rows.items()}
        groups = {
            "by_language": np.array([case.language for case in self.cases]),
            "by_kind": np.array([case.evidence[0].kind for case in self.cases]),
        }
        made = []
        for name, values in judged.items():
            row: dict[str, Any] = {"model": name, "passed": interval(values, people, samples=2000).model_dump()}
            row["different"] = len(set(rows[name])) / max(len(self.cases), 1)
            for group, of in groups.items():
                row[group] = {
                    str(one): {**interval(values[of == one], people[of == one]).model_dump(), "cases": int((of == one).sum())}
                    for one in np.unique(of)
                }
            row["examples"] = {
                language: [
                    {"title": case.item.title, "fact": case.fact, "text": text, "passed": bool(value)}
                    for case, text, value in zip(self.cases, rows[name], values, strict=True)
                    if case.language == language
                ][:examples]
                for language in ("en", "zh")
            }
            made.append(row)
        return {
            "task": "explain",
            "prompt": EXPLAIN_VERSION,
            "protocol": EXPLAIN_PROTOCOL,
            "cases": len(self.cases),
            "people": len(np.unique(people)),
            "rows": made,
            "comparisons": [
                {
                    "model": name,
                    "against": against,
                    "passed": difference(values, judged[against], people, samples=2000).model_dump(),
                    "p": randomisation_test(values, judged[against], people),
                }
                for name, values in judged.items()
                if against in judged and name != against
            ],
        }
