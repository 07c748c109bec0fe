"""From a candidate to a promoted LoRA adapter: measure, judge, let through."""

from __future__ import annotations

from finetune.card import Task
from finetune.gate import Gate, Measured, Verdict
from finetune.registry import LoraRegistry
from finetune.scores import Evaluator
from palate.errors import InvalidInput

__all__ = ["offer"]


def offer(task: Task, version: str, registry: LoraRegistry, evaluate: Evaluator, gate: Gate) -> Verdict:
    """Measure an adapter of the registry and the running one, promote it if it is better, and return the verdict.

    Raises:
        InvalidInput: It runs already, cannot be measured, or another one was promoted meanwhile.
        NotFound: There is no such adapter.
        MissingWeights: It, or the running one, is not whole.

    """
    running = registry.running(task)
    if running == version:
        raise InvalidInput(
            f"{version} runs already for {task!r}.", remedy="'palate finetune list' shows what runs.", param="version"
        )
    candidate = Measured(version, evaluate(registry.find(task, version), task))
    now = None if running is None else Measured(running, evaluate(registry.find(task, running), task))
    verdict = gate.judge(task, candidate, now)
    if verdict.decision == "better":
        registry.promote(task, version, verdict)
    return verdict
