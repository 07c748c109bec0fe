"""Converts a model to CTranslate2 once and keeps the result: a derived artefact that can be thrown away at any time."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.llm.gguf import GgufModel
from agent.llm.merging import add_lora
from agent.llm.smoothing import calibration_text, smooth, smooth_torch
from palate.errors import InvalidInput, MissingExtra, MissingWeights

__all__ = ["ConvertedModel", "convert"]

_FORMAT = 2
_MANIFEST = "palate.json"
_INT8 = "int8"
_WAIT_SECONDS = 600.0
_REMEDY = "Give a GGUF file, or a folder in Hugging Face format with config.json and its weights."


@dataclass(frozen=True, slots=True)
class ConvertedModel:
    """A model as CTranslate2 reads it.

    ``folder`` also holds ``tokenizer.json``. ``template`` is the chat template, ``None`` where the model has none. ``end`` are the
    tokens that end a completion. ``context`` is in tokens. ``fresh`` says that this call made it.
    """

    folder: Path
    template: str | None
    bos: str
    end: tuple[str, ...]
    context: int
    license: str
    fresh: bool


def convert(source: Path, cache: Path, name: str, *, compute_type: str = "int8", lora: Path | None = None) -> ConvertedModel:
    """Return the conversion of ``source`` in ``cache``, made now if it is not there whole.

    It is made beside its place and moved there in one step, under a lock, so that of two processes one works and the other waits.
    The folder's name holds a hash of all bytes of the source: other weights, and other LoRA adapters, get another.

    Args:
        source: A GGUF file, or a folder in Hugging Face format of any architecture that CTranslate2 converts.
        cache: Folder of derived artefacts.
        name: Beginning of the folder's name.
        compute_type: As CTranslate2 names it. For int8, Llama models are smoothed (see :mod:`agent.llm.smoothing`).
        lora: Folder of a PEFT LoRA adapter, merged in float32 before the weights are made int8.

    Raises:
        MissingExtra: A package is not installed.
        MissingWeights: The source is not there or is damaged.
        InvalidInput: The source is of a kind that cannot be converted.

    """
    from filelock import FileLock

    _look_at(source, lora)
    folder = cache / f"{name}-{_digest(source, lora, compute_type)}-{compute_type}"
    if (manifest := _read(folder)) is not None:
        return _model(folder, manifest, fresh=False)
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{folder.name}.lock", timeout=_WAIT_SECONDS):
        if (manifest := _read(folder)) is not None:
            return _model(folder, manifest, fresh=False)
        with tempfile.TemporaryDirectory(dir=cache, prefix=f".{name}-") as temporary:
            made = Path(temporary) / "model"
            facts = _make(source, made, compute_type, lora, Path(temporary))
            files = {path.name: path.stat().st_size for path in sorted(made.iterdir())}
            manifest = {**facts, "format": _FORMAT, "files": files}
            (made / _MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            made.replace(folder)
    return _model(folder, manifest, fresh=True)


def _model(folder: Path, manifest: dict[str, Any], *, fresh: bool) -> ConvertedModel:
    return ConvertedModel(
        folder=folder,
        template=manifest["template"],
        bos=manifest["bos"],
        end=tuple(manifest["end"]),
        context=manifest["context"],
        license=manifest["license"],
        fresh=fresh,
    )


def _read(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a whole conversion; ``None`` for one that is half made or damaged."""
    try:
        manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        whole = manifest["format"] == _FORMAT and {"template", "bos", "end", "context", "license"} <= manifest.keys()
        same = all((folder / name).stat().st_size == size for name, size in manifest["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return manifest if whole and same else None


def _look_at(source: Path, lora: Path | None) -> None:
    if not source.exists():
        raise MissingWeights(f"The model {source} is not there.", remedy=_REMEDY)
    if source.is_dir() and not (source / "config.json").is_file():
        if (source / "adapter_config.json").is_file():
            raise InvalidInput(f"{source} is a LoRA adapter, not a model.", remedy="Give its base model, and this as 'lora'.")
        raise MissingWeights(f"The folder {source} holds no config.json.", remedy=_REMEDY)
    if lora is not None and not (lora / "adapter_config.json").is_file():
        raise MissingWeights(f"The LoRA adapter {lora} holds no adapter_config.json.", remedy="Give a folder written by PEFT.")


def _digest(source: Path, lora: Path | None, compute_type: str) -> str:
    digest = hashlib.sha256(f"{_FORMAT}:{_engine().__version__}:{compute_type}".encode())
    for part in (source, lora):
        for path in _files(part):
            digest.update(f"\x1f{path.name}:".encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]


def _files(part: Path | None) -> Iterable[Path]:
    if part is None:
        return ()
    return sorted(path for path in part.iterdir() if path.is_file()) if part.is_dir() else (part,)


def _engine() -> Any:
    try:
        import ctranslate2
    except ModuleNotFoundError as error:
        raise MissingExtra("ctranslate2", "llm") from error
    return ctranslate2


def _make(source: Path, made: Path, compute_type: str, lora: Path | None, work: Path) -> dict[str, Any]:
    if source.is_file():
        return _from_gguf(source, made, compute_type, lora)
    return _from_hf(source if lora is None else _merge(source, lora, work / "merged"), made, compute_type)


def _from_gguf(source: Path, made: Path, compute_type: str, lora: Path | None) -> dict[str, Any]:
    _engine()
    model = GgufModel(source)
    try:
        weights = model.weights()
        if lora is not None:
            add_lora(weights, lora)
        if compute_type.startswith(_INT8):
            smooth(model, weights)
        spec = _spec(model, weights)
    except (KeyError, ValueError) as error:
        raise MissingWeights(f"The model file {source} lacks weights or has odd ones: {error}.", remedy=_REMEDY) from error
    spec.validate()
    spec.optimize(quantization=compute_type)
    made.mkdir()
    spec.save(str(made))
    model.tokenizer().save(str(made / "tokenizer.json"))
    return {
        "template": model.template,
        "bos": model.bos,
        "end": [model.eos],
        "context": model.context,
        "license": str(model.get("general.license") or "unknown"),
    }


def _spec(model: GgufModel, weights: Mapping[str, NDArray[np.float32]]) -> Any:
    from ctranslate2.specs import common_spec, transformer_spec

    spec = transformer_spec.TransformerDecoderModelSpec.from_config(
        model.layers,
        model.heads,
        activation=common_spec.Activation.SWISH,
        pre_norm=True,
        ffn_glu=True,
        rms_norm=True,
        rotary_dim=0,
        rotary_interleave=False,
        rotary_base=model.rope_base,
        num_heads_kv=None if model.kv_heads == model.heads else model.kv_heads,
    )
    decoder = spec.decoder
    decoder.scale_embeddings = False
    decoder.embeddings.weight = weights["model.embed_tokens.weight"]
    decoder.projection.weight = weights.get("lm_head.weight", weights["model.embed_tokens.weight"])
    decoder.layer_norm.gamma = weights["model.norm.weight"]
    for i, layer in enumerate(decoder.layer):

        def part(name: str, prefix: str = f"model.layers.{i}") -> Any:
            return weights[f"{prefix}.{name}.weight"]

        layer.self_attention.layer_norm.gamma = part("input_layernorm")
        layer.self_attention.linear[0].weight = np.concatenate([part(f"self_attn.{x}_proj") for x in "qkv"])
        layer.self_attention.linear[1].weight = part("self_attn.o_proj")
        layer.ffn.layer_norm.gamma = part("post_attention_layernorm")
        layer.ffn.linear_0.weight = part("mlp.gate_proj")
        layer.ffn.linear_0_noact.weight = part("mlp.up_proj")
        layer.ffn.linear_1.weight = part("mlp.down_proj")
    spec.register_vocabulary(model.tokens)
    spec.config.bos_token, spec.config.eos_token, spec.config.unk_token = model.bos, model.eos, model.unk
    spec.config.layer_norm_epsilon = model.epsilon
    return spec


def _from_hf(source: Path, made: Path, compute_type: str) -> dict[str, Any]:
    try:
        from ctranslate2.converters import TransformersConverter
        from transformers import AutoConfig, AutoTokenizer
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "ctranslate2", "llm") from error
    try:
        config = AutoConfig.from_pretrained(source)
        tokenizer = AutoTokenizer.from_pretrained(source)
        smoothed = compute_type.startswith(_INT8) and config.model_type == "llama"
        converter: Any = _smoothing(TransformersConverter, tokenizer) if smoothed else TransformersConverter
        converter(str(source)).convert(str(made), quantization=compute_type)
    except OSError as error:
        raise MissingWeights(f"The model in {source} cannot be read: {error}.", remedy=_REMEDY) from error
    except (ValueError, KeyError, NotImplementedError) as error:
        raise InvalidInput(
            f"The model in {source} cannot be converted: {error}.",
            remedy="Give one that CTranslate2 knows.",
            param="llm_path",
        ) from error
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise InvalidInput(f"The tokenizer in {source} is no fast one.", remedy="Give a folder that holds tokenizer.json.")
    backend.save(str(made / "tokenizer.json"))
    return {
        "template": tokenizer.chat_template,
        "bos": tokenizer.bos_token or "",
        "end": _end_tokens(source, tokenizer),
        "context": int(getattr(config, "max_position_embeddings", 0) or 2048),
        "license": "unknown",
    }


def _smoothing(converter: Any, tokenizer: Any) -> Any:
    """Return a converter of CTranslate2 that smooths what it loads."""

    class Smoothing(converter):  # type: ignore[misc]
        def load_model(self, *args: Any, **options: Any) -> Any:
            model = super().load_model(*args, **options)
            smooth_torch(model, tokenizer.encode(calibration_text()))
            return model

    return Smoothing


def _end_tokens(source: Path, tokenizer: Any) -> list[str]:
    """Return the tokens that end a turn: chat models often name more of them for generation than the tokenizer does."""
    ids: list[int] = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    path = source / "generation_config.json"
    if path.is_file():
        more = json.loads(path.read_text(encoding="utf-8")).get("eos_token_id")
        ids += more if isinstance(more, list) else [] if more is None else [more]
    return list(dict.fromkeys(map(str, tokenizer.convert_ids_to_tokens(ids))))


def _merge(base: Path, lora: Path, out: Path) -> Path:
    """Merge a LoRA adapter (Hu et al. 2021) into float32 weights."""
    try:
        import torch
        from peft import PeftModel
        from transformers import AutoModelForCausalLM
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "peft", "train") from error
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    with warnings.catch_warnings():
        # peft reads an attribute that transformers is about to drop.
        warnings.simplefilter("ignore", FutureWarning)
        try:
            tuned = PeftModel.from_pretrained(model, lora)
        except (RuntimeError, ValueError) as error:  # other sizes, other layers
            raise InvalidInput(
                f"The LoRA adapter {lora} does not fit the model {base}: {str(error).strip().splitlines()[-1].strip():.200}.",
                remedy="Give the base that it was trained on.",
                param="lora",
            ) from error
        tuned.merge_and_unload().save_pretrained(out)
    for path in base.iterdir():
        wanted = path.suffix in {".json", ".jinja", ".model", ".txt"} and not path.name.endswith(".index.json")
        if path.is_file() and wanted and not (out / path.name).exists():
            shutil.copyfile(path, out / path.name)
    return out
