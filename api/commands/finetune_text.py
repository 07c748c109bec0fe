"""``palate finetune explain`` and ``palate finetune understand``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from api.commands.finetune import finetune, show_trained
from api.commands.output import errors_shown, stages_shown, stderr
from api.session import load_settings
from palate.settings import Settings

if TYPE_CHECKING:
    from agent.llm.embedded import EmbeddedLLM
    from finetune.job import Base
    from finetune.text_job import TextJob
    from palate.domain import Progress

__all__ = ["explain", "understand"]

_Task = Literal["explain", "understand"]
_EVERY = 10
_DataSet = Annotated[
    str | None,
    typer.Option(help="A data set or dialogues, by name under PALATE_DATASETS or by path; unset, the demo world."),
]
_Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")]
_OutFolder = Annotated[Path | None, typer.Option(help="Folder to write to; unset, training/<task> under PALATE_HOME.")]
_Seed = Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")]
_Examples = Annotated[int | None, typer.Option(min=8, help="How many examples are trained on; unset, as the shipped adapter was.")]
_Steps = Annotated[int | None, typer.Option(min=1, help="How many updates; unset, as the shipped adapter was.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@finetune.command()
def explain(
    *,
    dataset: _DataSet = None,
    resume: _Resume = False,
    out: _OutFolder = None,
    seed: _Seed = 0,
    examples: _Examples = None,
    steps: _Steps = None,
    as_json: _Json = False,
) -> None:
    """Train a LoRA adapter that writes reasons, and measure it on people and items that it never saw."""
    _run("explain", dataset, out, seed, examples, steps, resume=resume, as_json=as_json)


@finetune.command()
def understand(
    *,
    dataset: _DataSet = None,
    resume: _Resume = False,
    out: _OutFolder = None,
    seed: _Seed = 0,
    examples: _Examples = None,
    steps: _Steps = None,
    as_json: _Json = False,
) -> None:
    """Train a LoRA adapter that reads wishes, and measure it on wishes that were written by hand."""
    _run("understand", dataset, out, seed, examples, steps, resume=resume, as_json=as_json)


def _run(  # noqa: PLR0917 - the options of a command
    task: _Task,
    dataset: str | None,
    out: Path | None,
    seed: int,
    examples: int | None,
    steps: int | None,
    *,
    resume: bool,
    as_json: bool,
) -> None:
    with errors_shown(as_json=as_json):
        from agent.llm.embedded import EmbeddedLLM
        from finetune.job import base_model
        from finetune.text_job import train_text

        settings = load_settings()
        folder = out if out is not None else settings.home / "training" / task
        base = base_model(settings.llm_path, settings.models)
        llm = EmbeddedLLM(settings.llm_path, settings.models, settings.llm_threads, "zero-shot")
        with stages_shown() as progress:
            job = _job(
                task, settings, dataset, base, llm, {"seed": seed, "threads": settings.llm_threads}, examples, steps, progress
            )
            last = job.trainer.last
            stderr.print(f"{len(job.examples)} examples, {last} steps, {job.measure.ref.cases} cases to judge by")
            card = train_text(job, base, llm, settings.llm_path, folder, resume=resume, progress=progress, told=_teller(last))
        show_trained(folder, card, f"palate finetune promote {task} ", as_json=as_json)


def _job(  # noqa: PLR0917
    task: _Task,
    settings: Settings,
    dataset: str | None,
    base: Base,
    llm: EmbeddedLLM,
    trainer: dict[str, int],
    examples: int | None,
    steps: int | None,
    progress: Progress,
) -> TextJob:
    from api.text_tasks import TextWorld
    from finetune.card import DataRef
    from finetune.explain_task import ExplainTaskConfig, explain_job
    from finetune.job import values_hash
    from finetune.understand_task import UnderstandTaskConfig, understand_job

    world = TextWorld(settings, dataset, progress)
    catalog = DataRef(name=world.world.name, sha256=values_hash(world.items), terms=world.world.terms)
    more = {**trainer, **({} if steps is None else {"steps": steps})}
    if task == "understand":
        reads = UnderstandTaskConfig()
        changes = {"trainer": reads.trainer.model_copy(update=more), "examples": examples or reads.examples}
        return understand_job(
            llm,
            base.end,
            world.items,
            world.vocabulary().draft,
            catalog,
            world.understand_suite("test"),
            reads.model_copy(update=changes),
        )
    writes = ExplainTaskConfig()
    writes = writes.model_copy(update={"trainer": writes.trainer.model_copy(update=more), "examples": examples or writes.examples})
    suite = world.explain_suite()
    # Some are left out as too long.
    cases = world.training_cases(2 * writes.examples)
    return explain_job(llm, base.end, cases, world.titles(), catalog, suite, writes)


def _teller(last: int) -> Callable[[int, float], None]:
    """Return what tells the mean loss of the last steps now and then; ``last`` is the step that training ends at."""
    losses: list[float] = []

    def told(step: int, loss: float) -> None:
        losses.append(loss)
        if step % _EVERY == 0 or step == last:
            recent = losses[-_EVERY:]
            stderr.print(f"step {step} of {last}: loss {sum(recent) / len(recent):.4f}")

    return told
