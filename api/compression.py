"""What is read to measure a smaller LLM: prompts of the demo world, as the product builds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import numpy as np

from agent.llm.embedded import EmbeddedLLM
from agent.llm.gguf import GgufModel
from agent.prompts import RankPromptConfig, build_explain_prompt, build_rank_prompt
from api.text_tasks import TextWorld
from api.tuned import check_base, trained_prompt
from evals.suites.compression import Probe, rank_probe, text_probe
from finetune.card import CARD_FILE, TASKS, AdapterCard, BaseModelRef, Task, read_card
from finetune.reasons import reason_for
from finetune.understand_task import understand_examples
from palate.errors import MissingWeights, NotFound
from palate.settings import Settings

if TYPE_CHECKING:
    from agent.llm.base import LLM
    from palate.domain import Progress

__all__ = ["Chosen", "chosen_adapter", "demo_probes"]

_SPARE = 3
"""So many times as many reasons are looked for: some cases have no wording."""


@dataclass(frozen=True)
class Chosen:
    """An adapter to merge; ``card`` is ``None`` for a folder that PEFT wrote and nobody described."""

    folder: Path
    card: AdapterCard | None

    @property
    def name(self) -> str:
        """Return what a file name says of it."""
        return self.folder.name if self.card is None else f"{self.card.task}-{self.card.version}"


def chosen_adapter(settings: Settings, name: str | None, base: BaseModelRef) -> Chosen | None:
    """Return the adapter that runs for a task, or that of a folder; ``None`` for no name.

    Raises:
        NotFound: No adapter runs for the task, or there is no such folder.
        MissingWeights: The adapter is not whole.
        InvalidInput: It was trained on another base.

    """
    if name is None:
        return None
    folder = _folder(settings, name)
    card = read_card(folder) if (folder / CARD_FILE).is_file() else None
    if card is not None:
        check_base(card, base)
    return Chosen(folder, card)


def _folder(settings: Settings, name: str) -> Path:
    from finetune.registry import LoraRegistry

    if name in get_args(Task):
        found = LoraRegistry(settings.home / "lora").promoted(cast("Task", name))
        if found is None:
            raise NotFound(
                f"No LoRA adapter for {name!r} runs.", remedy=f"Train one with 'palate finetune {name}', or name its folder."
            )
        return found
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise NotFound(
            f"There is no folder {name!a}.", remedy=f"Give a folder that is there, or {', '.join(TASKS)}.", param="adapter"
        )
    if not (folder / "adapter_config.json").is_file():
        raise MissingWeights(f"The LoRA adapter {name!a} holds no adapter_config.json.", remedy="Give a folder written by PEFT.")
    return folder


def demo_probes(settings: Settings, model: Path, chosen: Chosen | None, n: int, progress: Progress | None = None) -> list[Probe]:
    """Return ``n`` texts, of people and items that no training saw: of the adapter's task, ranking prompts where there is none.

    Args:
        settings: Name caches.
        model: The base as a GGUF file.
        chosen: The adapter.
        n: How many.
        progress: Told how far it is.

    """
    world = TextWorld(settings, None, progress)
    tokenizer = GgufModel(model).tokenizer()
    llm = EmbeddedLLM(settings.llm_path, settings.models, settings.llm_threads)
    task = "rank" if chosen is None or chosen.card is None else chosen.card.task
    if task == "rank":
        config = RankPromptConfig() if chosen is None or chosen.card is None else trained_prompt(chosen.card)
        return [rank_probe(build_rank_prompt(llm, *case.about, config), tokenizer, case.cluster) for case in world.rank_cases(n)]
    texts = _reasons(world, llm, n) if task == "explain" else _wishes(world, llm, n)
    end = GgufModel(model).eos
    return [text_probe(prompt, text if text.endswith(end) else text + end, tokenizer, whose) for prompt, text, whose in texts]


def _reasons(world: TextWorld, llm: LLM, n: int) -> Sequence[tuple[str, str, str]]:
    titles, rng, found = world.titles(), np.random.default_rng(0), list[tuple[str, str, str]]()
    for case in world.held_cases(_SPARE * n):
        reason = reason_for(case, titles, rng)
        if reason is not None:
            found.append((build_explain_prompt(llm, case.item, case.fact, case.language), reason, case.person_id))
    return found[:n]


def _wishes(world: TextWorld, llm: LLM, n: int) -> Sequence[tuple[str, str, str]]:
    drawn = understand_examples(llm, "", world.items, world.vocabulary().draft, n, seed=1_000_003)
    return [(one.prompt, one.completion, str(number)) for number, one in enumerate(drawn)]
