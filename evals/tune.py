"""Searches the configuration of a row, on the validation part only."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field
from pydantic.fields import FieldInfo

from evals.base import Dataset, Split
from evals.cache import code_hash, split_hash
from evals.models import Rows
from evals.protocols import make_split
from evals.suites.ranking import RankingConfig
from evals.suites.ranking_measures import KEYS, accuracy
from palate.domain import Progress, Value
from palate.errors import InvalidInput, MissingExtra, Unavailable

__all__ = ["Choice", "TuneConfig", "nested", "search_space", "tune_row"]

_GRID = 3
_MARGIN = 0.01
_SKIPPED = frozenset(
    "seed threads models refresh_seconds resident_items n_candidates n_worded n_evidence n_pool max_items targets".split()  # noqa: SIM905
)
"""What is about cost or about what is asked; a seed that happens to do well is nothing to choose."""
_OPTIONAL = (None, 1.0, 10.0, 100.0, 1000.0)


class TuneConfig(Value):
    """What is searched: ``sampler`` is Optuna's ``tpe`` (Bayesian), ``random`` or ``grid``; ``trials`` are tried in this run."""

    model: str
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    trials: int = Field(default=30, ge=1)
    metric: str = "ndcg@10"
    protocol: Literal["loo", "last5", "temporal", "ratio", "kfold"] = "loo"
    min_core: int | None = Field(default=None, ge=0)
    seed: int = 123


class Choice(Value):
    """The values one parameter may take: ``options``, or from ``low`` to ``high``, by their logarithm where ``log``."""

    kind: Literal["int", "float", "options"]
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    options: tuple[Any, ...] = ()

    def grid(self) -> list[Any]:
        """Return the options, or three values from low to high."""
        if self.kind == "options":
            return list(self.options)
        points = np.geomspace(self.low, self.high, _GRID) if self.log else np.linspace(self.low, self.high, _GRID)
        return sorted({round(p) for p in points.tolist()}) if self.kind == "int" else points.tolist()

    def suggest(self, trial: Any, name: str) -> Any:
        """Ask an Optuna trial for a value."""
        if self.kind == "options":
            return trial.suggest_categorical(name, self.options)
        if self.kind == "int":
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)


def search_space(config: type[Value]) -> dict[str, Choice]:
    """Return what a configuration's fields may be searched over, from their types, defaults and bounds.

    A number is searched from an eighth to eight times its default, within its bounds, by its logarithm; one that is 0 by default,
    from 0 to 1 (integers: 0 to 8); truth values and literals over all they can be; a number that may be ``None`` over that and
    powers of ten. Fields of a configuration within are named ``outer.inner``. Seeds, texts and what bounds cost stay as they are.
    """
    space: dict[str, Choice] = {}
    for name, field in config.model_fields.items():
        inner = field.annotation
        if name in _SKIPPED:
            continue
        if isinstance(inner, type) and issubclass(inner, Value):
            space |= {f"{name}.{key}": choice for key, choice in search_space(inner).items()}
        elif (choice := _choice(field)) is not None:
            space[name] = choice
    return space


def nested(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters named ``outer.inner`` as configurations hold them."""
    out: dict[str, Any] = {}
    for name, value in params.items():
        outer, _, inner = name.partition(".")
        if inner:
            out.setdefault(outer, {})[inner] = value
        else:
            out[name] = value
    return out


def tune_row(dataset: Dataset, config: TuneConfig, rows: Rows, folder: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Return the best parameters and every trial; the study is kept in ``folder`` and goes on where it stopped.

    The first trial is the default. A study belongs to one data set, split, row, metric and state of the code.

    Raises:
        InvalidInput: The row has nothing to search, or the metric is not known.
        MissingExtra: optuna is not installed.
        Unavailable: It was interrupted; what was tried is kept.

    """
    kind = rows.config_of(config.model)
    space = {} if kind is None else search_space(kind)
    if not space:
        raise InvalidInput(f"The row {config.model!r} has nothing to search.", remedy="Name another row.", param="model")
    if config.metric not in KEYS:
        raise InvalidInput(f"There is no metric {config.metric!a}.", remedy=f"Known: {', '.join(KEYS)}.", param="metric")
    core = RankingConfig(protocol=config.protocol, min_core=config.min_core).core
    split = make_split(dataset, config.protocol, part="val", min_core=core, seed=config.seed)
    if not split.cases:
        raise InvalidInput(
            f"The protocol {config.protocol!r} leaves no validation case of {dataset.name!r} (core {core}).",
            remedy="Lower --min-core, or use another protocol.",
            param="protocol",
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"tune-{re.sub(r'[^A-Za-z0-9_-]', '-', dataset.name)}-{config.model}.db"
    study = _study(config, space, split, path)

    def objective(trial: Any) -> float:
        params = {name: choice.suggest(trial, name) for name, choice in space.items()}
        if progress is not None:
            progress(f"tune {config.model}", len(study.trials) - before - 1, config.trials)
        return _value(dataset, split, rows, config, params)

    before = len(study.trials)
    if not before and config.sampler != "grid":
        study.enqueue_trial(_defaults(kind, space))
    try:
        study.optimize(objective, n_trials=config.trials)
    except KeyboardInterrupt:
        tried = sum(trial.value is not None for trial in study.trials)
        raise Unavailable(
            f"Stopped; {tried} trials are kept in {str(path)!a}.", remedy="The same command goes on from there."
        ) from None
    if progress is not None:
        progress(f"tune {config.model}", config.trials, config.trials)
    if "default" not in study.user_attrs:
        study.set_user_attr("default", _value(dataset, split, rows, config, {}))
    return {
        "model": config.model,
        "metric": config.metric,
        "split": "val",
        "protocol": config.protocol,
        "best": {"value": study.best_value, "params": study.best_params},
        "default": {"value": study.user_attrs["default"]},
        "trials": sum(trial.value is not None for trial in study.trials),
        "history": [{"number": t.number, "value": t.value, "params": t.params} for t in study.trials if t.value is not None],
        "study": str(path),
    }


def _study(config: TuneConfig, space: Mapping[str, Choice], split: Split, path: Path) -> Any:
    try:
        import optuna
    except ImportError as error:
        raise MissingExtra("optuna", "eval") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    samplers: dict[str, Callable[[int], Any]] = {
        "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, n_startup_trials=8),
        "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
        "grid": lambda _seed: optuna.samplers.GridSampler(
            {name: choice.grid() for name, choice in space.items()}, seed=config.seed
        ),
    }
    key = json.dumps({name: choice.model_dump() for name, choice in space.items()}, sort_keys=True)
    digest = hashlib.sha256("\x1e".join([split_hash(split), code_hash(), key]).encode()).hexdigest()[:16]
    study = optuna.create_study(
        study_name=f"{config.model}-{config.metric}-{config.sampler}-{digest}",
        storage=f"sqlite:///{path}",
        direction="maximize",
        load_if_exists=True,
    )
    # A sampler that begins with the same seed would try again what it tried before it was stopped.
    seed = config.seed + len(study.trials)
    study.sampler = samplers[config.sampler](seed)
    return study


def _value(dataset: Dataset, split: Split, rows: Rows, config: TuneConfig, params: Mapping[str, Any]) -> float:
    ranker = rows.make(config.model, nested(params))
    ranker.fit(dataset, split)
    lists = ranker.rank(dataset, split, split.cases, 50)
    return float(accuracy(lists, [case.targets for case in split.cases])[config.metric].mean())


def _defaults(kind: type[Value] | None, space: Mapping[str, Choice]) -> dict[str, Any]:
    assert kind is not None  # noqa: S101 - a space has fields
    defaults = kind().model_dump()
    return {name: _at(defaults, name) for name in space}


def _at(values: Mapping[str, Any], name: str) -> Any:
    outer, _, inner = name.partition(".")
    return values[outer][inner] if inner else values[outer]


def _choice(field: FieldInfo) -> Choice | None:
    default, kind = field.get_default(call_default_factory=False), field.annotation
    if isinstance(default, bool):
        return Choice(kind="options", options=(False, True))
    options = getattr(kind, "__args__", ()) if "Literal" in str(kind) else ()
    if options and all(isinstance(option, str) for option in options):
        return Choice(kind="options", options=tuple(options))
    if default is None and kind == float | None:
        return Choice(kind="options", options=_OPTIONAL)
    if isinstance(default, int):
        low, high = _bounds(field, max(default // 8, 1) if default > 0 else 0, 8 * default if default > 0 else 8)
        return Choice(kind="int", low=math.ceil(low), high=math.floor(high), log=low >= 1)
    if isinstance(default, float):
        low, high = _bounds(field, default / 8, 8 * default if default > 0 else 1.0)
        return Choice(kind="float", low=low, high=high, log=low > 0)
    return None


def _bounds(field: FieldInfo, low: float, high: float) -> tuple[float, float]:
    for name, value in _limits(field):
        inside = _MARGIN * max(abs(value), 1.0) if name in {"gt", "lt"} else 0.0  # an open end is not to be reached
        if name in {"ge", "gt"}:
            low = max(low, min(value + inside, high))
        else:
            high = min(high, max(value - inside, low))
    return low, high


def _limits(field: FieldInfo) -> Iterator[tuple[str, float]]:
    for rule in field.metadata:
        for name in ("ge", "gt", "le", "lt"):
            if (value := getattr(rule, name, None)) is not None:
                yield name, float(value)
