"""What training and evaluation of the text tasks work on: the demo world, or a data set, and the LLMs that are compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from adapters import TitleMatcher
from agent.llm.embedded import EmbeddedLLM
from api.demo.films import Ratings
from api.demo.world import catalog_items
from api.tuned import promoted_adapters
from api.vocabulary import Vocabulary
from evals.models import Rows
from evals.reasons import ReasonCase, ReasonCases, ReasonCasesConfig
from evals.reasons.worlds import PeopleAndItems, load_people
from evals.suites.explain import ExplainSuite
from evals.suites.understand import Split, UnderstandSuite, load_wishes
from palate.domain import Item, Progress
from palate.errors import NotFound
from palate.settings import Settings
from retrieval.base import ItemTable

if TYPE_CHECKING:
    from agent.llm.base import LLM
    from evals.rerank import RankCase
    from finetune.card import Task
    from finetune.text_job import TextMeasure

__all__ = ["TextWorld", "tuned_llm"]

_TERMS = (
    "MovieLens-100K (titles, ratings): research use; no redistribution, no gain without permission, "
    "https://grouplens.org/datasets/movielens/100k/. Music: Palate's own, Apache-2.0."
)
_HELD_CASES = 200


class TextWorld:
    """A catalog with its people, and the suites over it.

    Args:
        settings: Name data sets and caches.
        dataset: A data set or dialogues; ``None`` for the demo world.
        progress: Told how far it is.

    """

    def __init__(self, settings: Settings, dataset: str | None = None, progress: Progress | None = None) -> None:
        self._settings, self._progress = settings, progress
        self.world = (
            PeopleAndItems("demo", catalog_items(), Ratings(), _TERMS)
            if dataset is None
            else load_people(dataset, settings.datasets)
        )
        self._cases: ReasonCases | None = None

    @property
    def items(self) -> Sequence[Item]:
        """Return the catalog."""
        return self.world.items

    def titles(self) -> TitleMatcher:
        """Return what finds the catalog's titles."""
        return TitleMatcher(self.items)

    def understand_suite(self, split: Split) -> UnderstandSuite:
        """Return the held-out wishes over the demo catalog, which they were written for."""
        return UnderstandSuite(load_wishes(split), _vocabulary(catalog_items()))

    def vocabulary(self) -> Vocabulary:
        """Return what words mean in the catalog."""
        return _vocabulary(self.items)

    def explain_suite(self) -> ExplainSuite:
        """Return the held-out evidence sets of this world."""
        return ExplainSuite(self._reason_cases().draw(_HELD_CASES, held=True), self.titles(), self._settings.reason_tokens)

    def measure(self, task: Literal["explain", "understand"]) -> TextMeasure:
        """Return how LoRA adapters for a task are judged."""
        from finetune.explain_task import explain_measure
        from finetune.understand_task import understand_measure

        return explain_measure(self.explain_suite()) if task == "explain" else understand_measure(self.understand_suite("test"))

    def training_cases(self, n: int) -> list[ReasonCase]:
        """Return evidence sets of people and items that no suite has."""
        more = {"deep": True, "per_person": 8, "kind_share": 0.35, "seed": 1}
        return self._reason_cases().draw(n, held=False, config=ReasonCasesConfig().model_copy(update=more))

    def held_cases(self, n: int) -> list[ReasonCase]:
        """Return up to ``n`` evidence sets of people and items that no training saw."""
        return self._reason_cases().draw(n, held=True)

    def rank_cases(self, n: int) -> list[RankCase]:
        """Return requests of up to ``n`` people whom no training of reasons saw, with what the live retriever finds."""
        return self._reason_cases().requests(n)

    def _reason_cases(self) -> ReasonCases:
        if self._cases is None:
            rows = Rows(folder=self._settings.home / "cache" / "evals")
            self._cases = ReasonCases(self.items, self.world.interactions, rows.live_sources, progress=self._progress)
        return self._cases


def _vocabulary(items: Sequence[Item]) -> Vocabulary:
    vocabulary = Vocabulary()
    vocabulary.renew(ItemTable(items))
    return vocabulary


def tuned_llm(settings: Settings, task: Task, adapter: Path | None) -> LLM:
    """Return the embedded LLM with an adapter: the one in a folder, else the one that runs.

    Raises:
        NotFound: None runs.

    """
    if adapter is None:
        found = promoted_adapters(settings).get(task)
        if found is None:
            raise NotFound(
                f"No LoRA adapter for {task!r} runs.", remedy=f"Train one with 'palate finetune {task}', or name its folder."
            )
        adapter = found.folder
    return EmbeddedLLM(settings.llm_path, settings.models, settings.llm_threads, "tuned", lora=adapter)
