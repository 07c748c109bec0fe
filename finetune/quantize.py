"""Writes the LLM, with a LoRA adapter merged in or without, as a smaller GGUF file, and measures what that costs."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import anyio
import numpy as np
from numpy.typing import NDArray

from agent.llm.embedded import EmbeddedConfig, EmbeddedLLM
from agent.llm.gguf import GgufModel, write_gguf
from agent.llm.merging import add_lora
from evals.suites.compression import Probe, Reading, compared, read_probe
from finetune.card import BaseModelRef
from finetune.files import WEIGHTS_FILE
from palate.domain import Progress
from palate.errors import InvalidInput, MissingWeights

__all__ = ["QUANTS", "Quant", "Quantized", "Width", "merged_weights", "quantize_model", "quantized_loss", "write_quantized_card"]

Width = Literal["int8", "int4", "mixed"]
_WITHOUT = "float32 without the adapter"


@dataclass(frozen=True, slots=True)
class Quant:
    """GGUF's types of matrices: ``layers``, those that an adapter ``changed``, and ``embeddings``.

    ``name`` is that of the whole, ``number`` llama.cpp's.
    """

    name: str
    layers: str
    changed: str
    embeddings: str
    number: int

    def kind_of(self, changed: Collection[str]) -> Callable[[str], str]:
        """Return what says a matrix's type, where an adapter changed those named."""

        def kind(name: str) -> str:
            return self.changed if name in changed else self.layers if name.startswith("model.layers.") else self.embeddings

        return kind


QUANTS: Mapping[Width, Quant] = {
    "int8": Quant("Q8_0", "Q8_0", "Q8_0", "Q8_0", 7),
    "int4": Quant("Q4_1", "Q4_1", "Q4_1", "Q8_0", 3),
    "mixed": Quant("Q4_1+Q8_0", "Q4_1", "Q8_0", "Q8_0", 3),
}
"""Blocks of 32 weights that share a scale, and with four bits a minimum. Embeddings are also the output layer: they keep eight.

A base of four bits has its grid already: four bits again round what an adapter adds to it away, so ``mixed`` gives eight to that.
"""


@dataclass(frozen=True, slots=True)
class Quantized:
    """A file that was written, and sizes in bytes: ``float32`` of the weights uncompressed, ``source`` of the base as it came."""

    path: Path
    to: Width
    sha256: str
    size: int
    float32: int
    source: int


def merged_weights(base: Path, lora: Path | None) -> tuple[GgufModel, dict[str, NDArray[np.float32]], frozenset[str]]:
    """Return a GGUF file, its weights in float32 with an adapter merged in, ``None`` for none, and the names that this changed.

    Raises:
        InvalidInput: The base is a folder, of another kind, or not the adapter's.
        MissingWeights: The base or the adapter is not there or is damaged.

    """
    if base.is_dir():
        raise InvalidInput(
            f"The base {str(base)!a} is a folder; only GGUF files are quantised.",
            remedy="Set PALATE_LLM_PATH to the model as a GGUF file, or unset it for the packaged one.",
            param="llm_path",
        )
    model = GgufModel(base)
    try:
        weights = model.weights()
    except (KeyError, ValueError) as error:
        message = f"The model file {base} holds a tensor that is not known: {error}."
        raise MissingWeights(message, remedy="Give another GGUF file.") from error
    before = dict(weights)
    if lora is not None:
        add_lora(weights, lora)
    return model, weights, frozenset(name for name, values in weights.items() if values is not before[name])


def quantize_model(base: Path, lora: Path | None, to: Width, path: Path) -> Quantized:
    """Write the base, with an adapter merged in, to ``path`` as ``to``; an older file of that name is replaced.

    Raises:
        InvalidInput: See :func:`merged_weights`; or ``path`` is the base itself or cannot be written.
        MissingWeights: See :func:`merged_weights`.

    """
    if path.exists() and path.samefile(base):
        raise InvalidInput(f"{str(path)!a} is the base itself.", remedy="Give another folder in --out.", param="out")
    model, weights, changed = merged_weights(base, lora)
    quant = QUANTS[to]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_gguf(model, weights, path, quant.kind_of(changed), file_type=quant.number)
    except OSError as error:
        raise InvalidInput(f"{str(path)!a} cannot be written: {error}.", remedy="Give a folder in --out.", param="out") from error
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    full = 4 * sum(values.size for values in weights.values())
    return Quantized(path, to, digest, path.stat().st_size, full, base.stat().st_size)


def quantized_loss(
    base: Path,
    lora: Path | None,
    quantized: Quantized,
    probes: Sequence[Probe],
    *,
    threads: int = 2,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Return a row each for the float32 weights, the file's weights, CTranslate2's int8 of the former, and that of the file.

    All are read by CTranslate2: the first two compute in float32, so that the second differs by its weights alone. The third is
    what the embedded LLM runs by default, the fourth what it makes of the file. With an adapter a last row is the float32 base
    without it: what a loss would be that undoes the training.
    """
    name = QUANTS[quantized.to].name
    engines = [
        ("float32", base, lora, "float32"),
        (f"{name} weights", quantized.path, None, "float32"),
        ("CTranslate2 int8", base, lora, "int8"),
        (f"CTranslate2 int8 of {name}", quantized.path, None, "int8"),
    ]
    if lora is not None:
        engines.append((_WITHOUT, base, None, "float32"))
    sizes = {"float32": quantized.float32, f"{name} weights": quantized.size, _WITHOUT: quantized.float32}
    reference: list[Reading] = []
    rows = []
    for model, path, adapter, computes in engines:
        with tempfile.TemporaryDirectory(prefix="palate-") as cache:
            config = EmbeddedConfig(compute_type=computes)
            llm = EmbeddedLLM(path, Path(cache), threads, "measured", lora=adapter, config=config)
            try:
                readings = _read(llm, model, probes, reference, progress)
                size = sizes.get(model) or sum(file.stat().st_size for file in Path(cache).glob("*/model.bin"))
            finally:
                anyio.run(llm.close)
        reference = reference or readings
        said = {"bytes": size, "ratio": round(size / quantized.float32, 4)}
        rows.append({"model": model, **said, **compared(probes, reference, readings, seed)})
    return rows


def write_quantized_card(
    quantized: Quantized, base: BaseModelRef, adapter: tuple[Path, str | None] | None, loss: Mapping[str, Any] | None
) -> tuple[Path, dict[str, Any]]:
    """Write what is known of the file beside it, and return where and what.

    ``adapter`` is the folder of the merged adapter and its task, where a card says it; ``loss`` what was measured, if it was.
    """
    quant = QUANTS[quantized.to]
    card = {
        "file": quantized.path.name,
        "sha256": quantized.sha256,
        "to": quantized.to,
        "types": {"layers": quant.layers, "changed": quant.changed, "embeddings": quant.embeddings},
        "base": base.model_dump(),
        "adapter": None
        if adapter is None
        else {"task": adapter[1], "sha256": hashlib.sha256((adapter[0] / WEIGHTS_FILE).read_bytes()).hexdigest()},
        "bytes": quantized.size,
        "float32_bytes": quantized.float32,
        "base_bytes": quantized.source,
        "ratio": round(quantized.size / quantized.float32, 4),
        "loss": loss,
    }
    path = quantized.path.with_suffix(".json")
    path.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return path, card


def _read(
    llm: EmbeddedLLM, model: str, probes: Sequence[Probe], reference: Sequence[Reading], progress: Progress | None
) -> list[Reading]:
    llm.open()
    readings = []
    for number, probe in enumerate(probes):
        if progress is not None:
            progress(f"read by {model}", number, len(probes))
        logits = llm.loaded.all_logits(list(probe.tokens))
        readings.append(read_probe(probe, logits, reference[number] if reference else None))
    return readings
