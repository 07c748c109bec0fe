"""``palate finetune rank``."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from api.commands.finetune import finetune, show_trained
from api.commands.output import errors_shown, stages_shown
from api.session import load_settings

__all__ = ["rank"]


@finetune.command()
def rank(
    *,
    dataset: Annotated[str, typer.Option(help="Names under PALATE_DATASETS or paths of folders, separated by commas.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the LoRA adapter; unset, under PALATE_HOME.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Updates; unset, one pass over the examples.")] = None,
    cases: Annotated[int, typer.Option(min=2, help="Validation cases of each kind that choose the LLM's share.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Train a LoRA adapter that ranks, from histories and dialogues, and measure it on their validation parts."""
    with errors_shown(as_json=as_json):
        from agent.llm.embedded import EmbeddedLLM
        from evals.models import Rows
        from evals.rerank import LLMScores
        from evals.suites.rerank import RerankConfig, RerankSuite, TunedLLM, by_arena
        from finetune.files import WEIGHTS_FILE
        from finetune.job import base_model
        from finetune.lora import LoraTrainerConfig
        from finetune.rank_task import RankTask, RankTaskConfig

        settings = load_settings()
        folder = out or settings.home / "training" / "rank"
        names = [name.strip() for name in dataset.split(",") if name.strip()]
        rows = Rows(folder=settings.home / "cache" / "evals")
        base, tokens = base_model(settings.llm_path, settings.models), EmbeddedLLM(settings.llm_path, settings.models)
        shape = RankTaskConfig()
        training = LoraTrainerConfig.model_validate({**shape.training.model_dump(), "threads": settings.llm_threads})
        config = shape.model_copy(update={"steps": steps, "seed": seed, "training": training})
        with stages_shown() as progress:
            task = RankTask(rows, settings.datasets, names, tokens, config=config, progress=progress)
            task.train(base, folder, resume=resume)
            # What an LLM said is kept by its name: other weights need another one.
            weights = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()[:12]
            tuned = EmbeddedLLM(
                settings.llm_path, settings.models, settings.llm_threads, f"{tokens.name}+rank-{weights}", lora=folder
            )
            scores = TunedLLM(LLMScores(tuned, config.examples.prompt, settings.home / "cache" / "evals"), 1.0)
            suite = RerankSuite(rows, settings.datasets, scores, None)
            # As many new items as the LLM sees. What leaving one out gives chooses nothing, and takes a fit of its own.
            shown = RerankConfig(cases=cases, cold=config.candidates, loo=False, seed=seed)
            measured = [suite.scored(name, shown, progress) for name in names]
            card = task.finish(base, folder, by_arena(measured))
        show_trained(folder, card, "palate finetune promote rank ", as_json=as_json)
