"""Lets a LoRA adapter through only when it is better, case by case, than what runs now."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from evals.bootstrap import Interval, difference, randomisation_test, ratio
from finetune.card import Task, Version
from finetune.scores import Scores
from palate.domain import Identifier, Value

__all__ = ["GATES", "Comparison", "Gate", "GateConfig", "Measured", "Verdict"]


class GateConfig(Value):
    """What "better" means. ``metric`` is the one that decides; ``level`` that of its paired interval over users.

    Fewer than ``min_cases``, or of fewer than ``min_users`` users, decide nothing: the interval of a handful of users is too
    narrow. ``samples`` is how often the bootstrap draws, ``seed`` what it draws with.
    """

    metric: Identifier = "ndcg@10"
    level: Annotated[float, Field(ge=0.5, lt=1.0)] = 0.95
    min_cases: Annotated[int, Field(ge=2)] = 100
    min_users: Annotated[int, Field(ge=2)] = 30
    samples: Annotated[int, Field(ge=100)] = 2000
    seed: Annotated[int, Field(ge=0)] = 0


GATES: Mapping[Task, GateConfig] = {
    "rank": GateConfig(),
    "explain": GateConfig(metric="passed"),
    "understand": GateConfig(metric="slot_f1"),
}
"""What decides for each task: the order of the list, the share of reasons that pass the check, the fields of a wish."""


@dataclass(frozen=True)
class Measured:
    """A LoRA adapter's version with its scores."""

    version: str
    scores: Scores


class Comparison(Value):
    """A candidate beside ``other``: a version, or ``baseline`` for going without an adapter.

    ``ratio`` is ``None`` where the other's mean is 0; ``p`` is that of the paired randomisation test, two-sided.
    """

    other: str
    mean: float
    other_mean: float
    difference: Interval
    ratio: Interval | None
    p: float

    @property
    def better(self) -> bool:
        """Return whether the whole interval of the difference is above 0."""
        return self.difference.low > 0.0


class Verdict(Value):
    """What the gate decided. ``running`` is the version that ran then, ``None`` where none did; ``reason`` is for people."""

    decision: Literal["better", "refused"]
    task: Task
    candidate: Version
    running: Version | None
    metric: str
    level: float
    cases: int
    users: int
    comparisons: tuple[Comparison, ...]
    reason: str


class Gate:
    """Compares a candidate with what runs, and with going without an adapter, on the same cases, paired and clustered by user.

    It is better only when it beats both: one that beats a poor adapter may still be worse than none.
    """

    def __init__(self, config: GateConfig | None = None) -> None:
        self.config = config or GateConfig()

    def judge(self, task: Task, candidate: Measured, running: Measured | None) -> Verdict:
        """Return the verdict on a candidate; ``running`` is ``None`` where no adapter is promoted."""
        users = np.unique(candidate.scores.user, return_inverse=True)[1]
        comparisons: tuple[Comparison, ...] = ()
        refusal = self._unfit(candidate.scores, int(users.max()) + 1) or _unlike(candidate.scores, running)
        if refusal is None:
            others = [] if running is None else [(running.version, running.scores.value)]
            others.append(("baseline", candidate.scores.baseline))
            comparisons = tuple(self._compare(candidate.scores.value, values, users, name) for name, values in others)
        return Verdict(
            decision="better" if comparisons and all(found.better for found in comparisons) else "refused",
            task=task,
            candidate=candidate.version,
            running=None if running is None else running.version,
            metric=self.config.metric,
            level=self.config.level,
            cases=candidate.scores.ref.cases,
            users=int(users.max()) + 1,
            comparisons=comparisons,
            reason=refusal or " ".join(self._said(found) for found in comparisons),
        )

    def _unfit(self, scores: Scores, users: int) -> str | None:
        config = self.config
        if scores.ref.metric != config.metric:
            return f"It was measured by {scores.ref.metric!r}, and {config.metric!r} decides."
        if scores.ref.cases < config.min_cases or users < config.min_users:
            return (
                f"It was measured on {scores.ref.cases} cases of {users} users; "
                f"{config.min_cases} cases of {config.min_users} users are the least that decide."
            )
        return None

    def _compare(self, ours: NDArray[np.float32], theirs: NDArray[np.float32], users: NDArray[np.intp], other: str) -> Comparison:
        config = self.config
        times = ratio(ours, theirs, users, samples=config.samples, level=config.level, rng=config.seed)
        return Comparison(
            other=other,
            mean=float(ours.mean(dtype=np.float64)),
            other_mean=float(theirs.mean(dtype=np.float64)),
            difference=difference(ours, theirs, users, samples=config.samples, level=config.level, rng=config.seed),
            ratio=times if all(map(math.isfinite, (times.value, times.low, times.high))) else None,
            p=randomisation_test(ours, theirs, users, rng=config.seed),
        )

    def _said(self, found: Comparison) -> str:
        gap, other = found.difference, "no adapter" if found.other == "baseline" else found.other
        times = "" if found.ratio is None else f", {found.ratio.value:.3f} times as much"
        return (
            f"{self.config.metric} {found.mean:.4f} against {found.other_mean:.4f} of {other}: {gap.value:+.4f} "
            f"({self.config.level:.0%} interval {gap.low:+.4f} to {gap.high:+.4f}, p {found.p:.4f}{times})."
        )


def _unlike(candidate: Scores, running: Measured | None) -> str | None:
    """Return why two measurements are not of the same thing, or ``None`` where they are."""
    if running is None:
        return None
    ours, theirs, remedy = candidate.ref, running.scores.ref, "Measure both anew: on one --dataset for rank, else with --anew."
    for name in ("metric", "split", "protocol", "data", "cases"):
        if getattr(ours, name) != getattr(theirs, name):
            return f"Its {name} is {getattr(ours, name)!r}, and that of {running.version} {getattr(theirs, name)!r}. {remedy}"
    for name in ("case", "user"):
        at = np.flatnonzero(getattr(candidate, name) != getattr(running.scores, name))
        if len(at):
            first = str(getattr(candidate, name)[at[0]])
            return f"It was measured on other {name}s than {running.version}: {len(at)} differ, the first {first!a}. {remedy}"
    if not np.allclose(candidate.baseline, running.scores.baseline, rtol=0.0, atol=1e-6):
        return f"Without an adapter it was measured otherwise than {running.version}: the rest of the system changed. {remedy}"
    return None
