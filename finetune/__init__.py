"""Trains LoRA adapters, keeps them, and lets the better ones through."""

from finetune.card import TASKS, AdapterCard, BaseModelRef, DataRef, MetricValue, ScoresRef, Task, read_card
from finetune.gate import GATES, Comparison, Gate, GateConfig, Measured, Verdict
from finetune.promotion import offer
from finetune.registry import SHIPPED, KeptAdapter, LoraRegistry
from finetune.scores import Evaluator, Scores, stored_scores

__all__ = [
    "GATES",
    "SHIPPED",
    "TASKS",
    "AdapterCard",
    "BaseModelRef",
    "Comparison",
    "DataRef",
    "Evaluator",
    "Gate",
    "GateConfig",
    "KeptAdapter",
    "LoraRegistry",
    "Measured",
    "MetricValue",
    "Scores",
    "ScoresRef",
    "Task",
    "Verdict",
    "offer",
    "read_card",
    "stored_scores",
]
