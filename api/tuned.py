"""Which LLM does which task: the base model, or it with the LoRA adapter that runs for the task."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import anyio
from pydantic import ValidationError

from agent.llm.base import LLM
from agent.prompts import RankPromptConfig
from agent.prompts.understand import UNDERSTAND_VERSION
from agent.rank_features import FEATURES
from agent.rank_order import RankOrder
from agent.reranker import RerankerConfig
from finetune.files import ORDER_FILES
from palate.errors import InvalidInput, MissingExtra, MissingWeights, PalateError, Unavailable
from palate.settings import Settings
from retrieval.learned_trees import Trees

if TYPE_CHECKING:
    from agent.llm.embedded import EmbeddedLLM
    from finetune.card import AdapterCard, BaseModelRef

__all__ = [
    "Promoted",
    "TaskLLMs",
    "check_base",
    "judge_promoted",
    "learned_order",
    "promoted_adapters",
    "trained_prompt",
    "word_order",
]

_logger = logging.getLogger(__name__)
_Task = Literal["rank", "explain", "understand"]
_TASKS: tuple[_Task, ...] = ("rank", "explain", "understand")


@dataclass(frozen=True)
class Promoted:
    """An adapter that runs, with its card."""

    folder: Path
    card: AdapterCard


def promoted_adapters(settings: Settings) -> dict[str, Promoted]:
    """Return the adapters that ``palate finetune`` let through, by task; one that cannot be used is logged and left out."""
    found, refused = judge_promoted(settings)
    for task, error in refused.items():
        _logger.error("The LoRA adapter for %r is left out: %s", task, error)
    return found


def judge_promoted(settings: Settings) -> tuple[dict[str, Promoted], dict[str, PalateError]]:
    """Return the promoted adapters that can be used, and why the others cannot, by task.

    One that is damaged cannot, or was trained on a prompt that is not known, or, for the embedded LLM, on other weights than those
    that run. (A vLLM server tells no hash of its weights: there the client compares names.)
    """
    from finetune.card import read_card
    from finetune.job import base_ref
    from finetune.registry import LoraRegistry

    registry = LoraRegistry(settings.home / "lora")
    found: dict[str, Promoted] = {}
    refused: dict[str, PalateError] = {}
    for task in _TASKS:
        try:
            folder = registry.promoted(task)
            if folder is not None:
                card = read_card(folder)
                if task == "rank":
                    trained_prompt(card)
                elif task == "understand" and card.prompt_version != UNDERSTAND_VERSION:
                    raise _unknown_prompt(card)
                if settings.llm == "embedded":
                    check_base(card, base_ref(settings.llm_path))
                found[task] = Promoted(folder, card)
        except (InvalidInput, MissingWeights, Unavailable) as error:
            refused[task] = error
    return found, refused


def check_base(card: AdapterCard, base: BaseModelRef) -> None:
    """Raise :class:`palate.errors.InvalidInput` for an adapter that was trained on another base."""
    if base.sha256 != card.base.sha256:
        theirs, ours = (f"{ref.name!r} ({ref.sha256[:12]})" for ref in (card.base, base))
        raise InvalidInput(
            f"{card.name!r} was trained on {theirs}, not on {ours}.",
            remedy="Set PALATE_LLM_PATH to its base, or train it anew on this one.",
            param="base",
        )


def trained_prompt(card: AdapterCard) -> RankPromptConfig:
    """Return the ranking prompt that an adapter was trained on.

    Raises:
        InvalidInput: The card names one that this version of Palate does not build.

    """
    examples = card.training.get("examples")
    said = examples.get("prompt") if isinstance(examples, dict) else None
    try:
        return RankPromptConfig.model_validate({**(said if isinstance(said, dict) else {}), "version": card.prompt_version})
    except ValidationError as error:
        raise _unknown_prompt(card) from error


def _unknown_prompt(card: AdapterCard) -> InvalidInput:
    return InvalidInput(
        f"{card.name!r} was trained on the prompt {card.prompt_version!r}, which is not known here.",
        remedy="Train it anew, or go back to the version of Palate that it was trained with.",
        param="prompt_version",
    )


def learned_order(promoted: Promoted) -> RankOrder | None:
    """Return the learned final order in an adapter's folder; ``None`` where there is none, or LightGBM is not installed."""
    count = sum((promoted.folder / name).is_file() for name in ORDER_FILES)
    if not count:
        return None
    try:
        trees = Trees.load(promoted.folder, count, 1)
        if trees.width != len(FEATURES):
            raise ValueError(f"it reads {trees.width} columns, and {len(FEATURES)} are made here: train the adapter anew")
        return RankOrder(trees, promoted.card.margin)
    except (MissingExtra, OSError, ValueError) as error:
        _logger.warning("The learned order of %r is left out: %s", promoted.card.name, error)
        return None


def word_order(settings: Settings) -> RankOrder | None:
    """Return the learned order of requests in words that is set; ``None`` for none, or where it cannot be used, which is logged."""
    if settings.word_order == "none":
        return None
    from finetune.order_card import SHIPPED_ORDER, read_word_order

    shipped = settings.word_order == "shipped"
    try:
        return read_word_order(SHIPPED_ORDER if shipped else Path(settings.word_order).expanduser())
    except (MissingExtra, MissingWeights) as error:
        _logger.warning("Requests in words keep the retriever's order: %s %s", error.message, error.remedy)
        return None


class TaskLLMs:
    """Gives each task its LLM.

    A vLLM server holds the base and all adapters. In this process an adapter is merged into weights of its own, which costs the
    memory of another model.

    Args:
        settings: Name the base, and adapters for vLLM that go before promoted ones.
        base: The LLM without adapters, ``None`` for none.
        adapters: What was promoted, by task.

    """

    def __init__(self, settings: Settings, base: LLM | None, adapters: Mapping[str, Promoted]) -> None:
        self._settings, self._base, self._adapters = settings, base, adapters
        self.closers: list[Callable[[], None]] = []
        """What is to be called at the end."""
        self.own: dict[str, EmbeddedLLM] = {}
        """The LLMs with weights of their own, by task."""

    def of(self, task: str) -> LLM | None:
        """Return the LLM of a task."""
        from agent.llm.vllm import VllmLLM

        if isinstance(self._base, VllmLLM):
            return self._base.for_task(task)
        adapter = self._adapters.get(task)
        if adapter is None or self._base is None or self._settings.llm != "embedded" or self._base.engine != "ctranslate2":
            return self._base
        from agent.llm.embedded import EmbeddedLLM

        name = f"{self._base.name}+{task}-{adapter.card.version}"
        tuned = EmbeddedLLM(self._settings.llm_path, self._settings.models, self._settings.llm_threads, name, lora=adapter.folder)
        self.closers.append(lambda: anyio.run(tuned.close))
        self.own[task] = tuned
        return tuned

    def rank_prompt(self) -> RankPromptConfig:
        """Return the ranking prompt that the running adapter was trained on, the labelled one where none runs."""
        card = self._adapters["rank"].card if "rank" in self._adapters else None
        return RankPromptConfig() if card is None else trained_prompt(card)

    def rank_order(self) -> RankOrder | None:
        """Return the learned final order of requests in words: the one that came with the running adapter; where none runs, the one
        that is set, which needs no LLM. ``None`` where there is none, it cannot be read, the LLM's share was set, or the settings
        name an adapter for ranking.
        """
        if self._served("rank") or self._settings.rerank_weight is not None:
            return None
        promoted = self._adapters.get("rank")
        return word_order(self._settings) if promoted is None else learned_order(promoted)

    def tuned(self, task: str) -> LLM | None:
        """Return the LLM of a task that only a tuned one is asked to do; ``None`` where no adapter for it runs."""
        found = self.of(task) if task in self._adapters or self._served(task) else None
        return None if found is self._base else found

    def rank_weight(self) -> float:
        """Return what the LLM's word counts: as set, else as the card of the running adapter says; nothing where none runs, for an
        LLM that was not tuned for it ranks no better than the retriever.
        """
        if self._settings.rerank_weight is not None:
            return self._settings.rerank_weight
        card = self._adapters["rank"].card if "rank" in self._adapters else None
        if card is None and not self._served("rank"):
            return 0.0
        return RerankerConfig().weight if card is None or card.fusion_weight is None else card.fusion_weight

    def _served(self, task: str) -> bool:
        """Return whether the settings name an adapter for a task that a vLLM server is to load."""
        return self._settings.llm == "vllm" and task in self._settings.vllm_adapters
