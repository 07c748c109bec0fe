"""What a LoRA adapter says of itself: made from what, how, under which licence, and how good it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, JsonValue, StringConstraints, ValidationError, ValidationInfo, field_validator

from palate.domain import Identifier, UtcDatetime, Value, utc_now
from palate.errors import InvalidInput

__all__ = [
    "CARD_FILE",
    "SCORES_FILE",
    "TASKS",
    "AdapterCard",
    "BaseModelRef",
    "DataRef",
    "MetricValue",
    "ScoresRef",
    "Task",
    "read_card",
]

Task = Literal["rank", "explain", "understand"]
TASKS: tuple[Task, ...] = get_args(Task)

CARD_FILE = "card.json"
SCORES_FILE = "scores.npz"

Line = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Part = Literal["val", "test"]
"""What a metric may be measured on: never on what was trained on."""


class BaseModelRef(Value):
    """The model that the adapter was trained on, with the SHA-256 of its weights."""

    name: Line
    sha256: Sha256


class DataRef(Value):
    """A data set that was trained on, with its SHA-256 and the terms it comes under."""

    name: Line
    sha256: Sha256
    terms: Line


class MetricValue(Value):
    """A mean with the bounds of its interval over users, higher is better, and what it was measured on."""

    value: Finite
    low: Finite
    high: Finite
    split: Part
    protocol: Line


class ScoresRef(Value):
    """What the values a case in ``scores.npz`` were measured on: two adapters compare only where all of this is the same.

    ``data`` is the SHA-256 of the split that was judged (:func:`evals.cache.split_hash`), ``cases`` how many there are.
    """

    metric: Identifier
    data: Sha256
    split: Part
    protocol: Line
    cases: Annotated[int, Field(ge=1)]


class AdapterCard(Value):
    """The card of a LoRA adapter.

    Attributes:
        task: What it is for.
        name: What people call it.
        version: The first twelve digits of :attr:`digest`; empty until the card is sealed.
        base: The model under it.
        prompt_version: The template it was trained with, as in the prompts' ``version``.
        data: What it was trained on.
        licence: Of the adapter itself.
        training: The whole configuration of the training, as plain JSON values.
        seed: Of everything that was drawn.
        fusion_weight: Share of its score in the final one, 0 to 1; for ``rank`` needed, for others not allowed. A learned final
            order (``fusion-<i>.txt``) goes before it.
        margin: Lead in the learned order without the LLM above which the LLM need not be asked; ``None`` asks always.
        metrics: Means by metric.
        scores: What ``scores.npz`` was measured on; ``None`` where there is no such file.
        files: SHA-256 of the folder's other files by name; empty until the card is sealed.
        created: When it was trained.
        parent: Version of the adapter that training went on from.

    """

    task: Task
    name: Identifier
    version: Version | Literal[""] = ""
    base: BaseModelRef
    prompt_version: Identifier
    data: Annotated[tuple[DataRef, ...], Field(min_length=1)]
    licence: Line
    training: Mapping[str, JsonValue]
    seed: Annotated[int, Field(ge=0)]
    fusion_weight: Annotated[float, Field(ge=0.0, le=1.0)] | None = Field(default=None, validate_default=True)
    margin: Finite | None = None
    metrics: Mapping[Identifier, MetricValue] = Field(default_factory=dict)
    scores: ScoresRef | None = None
    files: Mapping[str, Sha256] = Field(default_factory=dict)
    created: UtcDatetime = Field(default_factory=utc_now)
    parent: Version | None = None

    @field_validator("training")
    @classmethod
    def _finite(cls, value: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        json.dumps(value, allow_nan=False)  # raises ValueError, which pydantic reports: JSON has no NaN
        return value

    @field_validator("fusion_weight")
    @classmethod
    def _for_rank_only(cls, value: float | None, info: ValidationInfo) -> float | None:
        task = info.data.get("task")
        if task == "rank" and value is None:
            raise ValueError("an adapter for 'rank' needs one, 0 to 1")
        if task in {"explain", "understand"} and value is not None:
            raise ValueError(f"only an adapter for 'rank' has one, not one for {task!r}")
        return value

    @field_validator("scores")
    @classmethod
    def _of_a_metric(cls, value: ScoresRef | None, info: ValidationInfo) -> ScoresRef | None:
        said = info.data.get("metrics", {}).get(value.metric) if value is not None else None
        if value is not None and "metrics" in info.data:
            if said is None:
                raise ValueError(f"metrics has no {value.metric!r}")
            if (said.split, said.protocol) != (value.split, value.protocol):
                raise ValueError(f"metrics has {value.metric!r} of another split or protocol")
        return value

    @property
    def digest(self) -> str:
        """Return the SHA-256 of all that the card says but its version, the hashes of the files included."""
        said = self.model_dump(mode="json", exclude={"version"})
        return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def sealed(self, files: Mapping[str, str]) -> AdapterCard:
        """Return the card with the hashes of its files and the version that follows from all of it."""
        whole = self.model_copy(update={"files": dict(sorted(files.items())), "version": ""})
        return whole.model_copy(update={"version": whole.digest[:12]})

    def write(self, folder: Path) -> None:
        """Write ``card.json``."""
        (folder / CARD_FILE).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_card(folder: Path) -> AdapterCard:
    """Return the card of a folder.

    Raises:
        InvalidInput: It is not there, or a field of it cannot be used; names the field.

    """
    path = folder / CARD_FILE
    try:
        return AdapterCard.model_validate_json(path.read_bytes())
    except OSError as error:
        message = f"{str(path)!a} cannot be read: {error.strerror or error}."
        raise InvalidInput(message, remedy="Give a folder that training wrote.", param=CARD_FILE) from error
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(map(str, problem["loc"])) or "the file"
        raise InvalidInput(
            f"{str(path)!a}: {field}: {_reason(problem)}.", remedy="Correct it, or train anew.", param=field
        ) from error


def _reason(problem: Mapping[str, Any]) -> str:
    return str(problem["msg"]).removeprefix("Value error, ").rstrip(".")
