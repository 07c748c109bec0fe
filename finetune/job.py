"""What a training for any task needs beside the training itself: the base to train on, and the card and scores that go with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel

from agent.llm.gguf import export_once, packaged_gguf
from evals.bootstrap import interval
from finetune.card import AdapterCard, BaseModelRef, MetricValue, Part
from finetune.files import seal
from finetune.scores import Scores
from palate.errors import MissingWeights

__all__ = ["LICENCE", "PACKAGED", "TERMS", "Base", "base_model", "base_ref", "finish", "metric_value", "values_hash"]

PACKAGED = "smollm2-135m-instruct"
TERMS = "see the data set's own licence"
"""Of a data set that says none."""
LICENCE = "as the terms of the training data allow"
"""Of what is trained on data sets with terms of their own."""


@dataclass(frozen=True)
class Base:
    """A model to train on: ``folder`` is in Hugging Face format, ``ref`` is what a card says of it, ``end`` ends its turns."""

    folder: Path
    ref: BaseModelRef
    end: str


def base_model(path: Path | None, cache: Path) -> Base:
    """Return the base that training starts from.

    Args:
        path: A GGUF file or a folder in Hugging Face format, as ``Settings.llm_path``; ``None`` for the packaged model.
        cache: Where a GGUF file is written as such a folder, once, as ``Settings.models``.

    Raises:
        MissingExtra: ``safetensors`` or ``tokenizers`` is not installed.
        MissingWeights: The model is not there, is damaged, or the folder holds no safetensors.

    """
    ref, source = base_ref(path), path or packaged_gguf()
    folder = source if source.is_dir() else export_once(source, cache)
    return Base(folder, ref, _end(folder))


def base_ref(path: Path | None) -> BaseModelRef:
    """Return what a card says of the base at ``path``, ``None`` for the packaged model.

    The hash is of the weights as given: of the GGUF file, or of the folder's safetensors in the order of names.

    Raises:
        MissingWeights: The model is not there, or the folder holds no safetensors.

    """
    source = path or packaged_gguf()
    weights = sorted(source.glob("*.safetensors")) if source.is_dir() else [source]
    if not weights or not all(file.is_file() for file in weights):
        raise MissingWeights(f"{source} holds no weights.", remedy="Give a GGUF file, or a folder with safetensors.")
    digest = hashlib.sha256()
    for file in weights:
        with file.open("rb") as opened:
            while block := opened.read(1 << 20):
                digest.update(block)
    return BaseModelRef(name=PACKAGED if path is None else path.stem, sha256=digest.hexdigest())


def _end(folder: Path) -> str:
    """Return the token that ends a turn; empty where the folder does not say."""
    path = folder / "tokenizer_config.json"
    found = json.loads(path.read_text("utf-8")).get("eos_token") if path.is_file() else None
    return str(found["content"] if isinstance(found, dict) else found or "")


def values_hash(values: Iterable[BaseModel]) -> str:
    """Return the SHA-256 of values in their order, such as examples or cases: what a card calls the data's."""
    digest = hashlib.sha256()
    for value in values:
        digest.update(value.model_dump_json().encode() + b"\n")
    return digest.hexdigest()


def metric_value(values: ArrayLike, users: NDArray[np.str_], split: Part, protocol: str) -> MetricValue:
    """Return the mean of values a case, float [cases], with its 95 % interval over users, str [cases], as a card holds it."""
    found = interval(values, np.unique(users, return_inverse=True)[1], samples=2000)
    return MetricValue(value=found.value, low=found.low, high=found.high, split=split, protocol=protocol)


def finish(folder: Path, card: AdapterCard, scores: Scores, more: Mapping[str, MetricValue] | None = None) -> AdapterCard:
    """Write the scores and the sealed card beside an adapter that training wrote to ``folder``, and return the card.

    Args:
        folder: As :class:`finetune.lora.LoraTrainer` left it.
        card: All but metrics, scores and hashes.
        scores: Of the metric that the gate judges by; its mean goes onto the card.
        more: Further metrics.

    """
    ref = scores.ref
    scores.write(folder)
    metrics = {ref.metric: metric_value(scores.value, scores.user, ref.split, ref.protocol), **(more or {})}
    said = {**card.model_dump(), "metrics": metrics, "scores": ref}
    return seal(folder, AdapterCard.model_validate(said))
