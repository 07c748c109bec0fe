"""Evens out what makes int8 lose the order of labels: channels of activations that are much larger than the others.

The engine rounds each token's activations to 255 steps of the largest of them. Dividing a channel by a number, and multiplying what
reads it by the same, changes nothing in exact numbers: Xiao et al. (2022), SmoothQuant, https://arxiv.org/abs/2211.10438. The
divisors go into the weights before: of the norms, and of ``up_proj`` for ``down_proj``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from agent.llm.gguf import GgufModel

__all__ = ["calibration_text", "smooth", "smooth_torch"]

Float32 = NDArray[np.float32]

_OF_ACTIVATIONS, _OF_WEIGHTS = 0.6, 0.3
"""Exponents, tried on a grid: those after which a layer's output has the least error. A search for each layer gains little more."""
_LEAST = 1e-3
_TOKENS = 320
_BEFORE = {
    "input_layernorm": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "post_attention_layernorm": ("mlp.gate_proj", "mlp.up_proj"),
    "mlp.up_proj": ("mlp.down_proj",),
}
"""What is divided, and who reads it."""


@cache
def calibration_text() -> str:
    """Return what activations are taken from: like the product's prompts, in English and Chinese, of no user."""
    return (resources.files("agent.llm") / "data" / "calibration.txt").read_text("utf-8")


def smooth(model: GgufModel, weights: Mapping[str, Float32]) -> None:
    """Smooth the weights of a Llama model in place, from one pass over :func:`calibration_text` in NumPy.

    Args:
        model: The file that they come from: sizes and tokenizer.
        weights: By their Hugging Face names, float32 [out, in]; of a LoRA adapter merged before, if any. They can be written to.

    """
    start = model.tokens.index(model.bos)
    ids = [start, *model.tokenizer().encode(calibration_text(), add_special_tokens=False).ids][: min(_TOKENS, model.context)]
    hidden = weights["model.embed_tokens.weight"][ids]  # [tokens, hidden]
    for number in range(model.layers):
        layer = {name.split(".", 3)[3].removesuffix(".weight"): w for name, w in weights.items() if _in_layer(name, number)}
        read = _normed(hidden, layer["input_layernorm"], model.epsilon)
        hidden = hidden + _attention(model, layer, read) @ layer["self_attn.o_proj"].T
        inner = _normed(hidden, layer["post_attention_layernorm"], model.epsilon)
        gate = inner @ layer["mlp.gate_proj"].T
        product = gate / (1.0 + np.exp(-gate)) * (inner @ layer["mlp.up_proj"].T)  # [tokens, intermediate]
        hidden = hidden + product @ layer["mlp.down_proj"].T
        for name, seen in (("mlp.up_proj", product), ("input_layernorm", read), ("post_attention_layernorm", inner)):
            readers = [layer[reader] for reader in _BEFORE[name]]
            divisors = _divisors(_size(seen), [np.abs(reader).max(axis=0) for reader in readers])
            layer[name] /= divisors.reshape(-1, *([1] * (layer[name].ndim - 1)))
            for reader in readers:
                np.multiply(reader, divisors, out=reader)


def smooth_torch(model: Any, ids: Sequence[int]) -> None:
    """Smooth a ``LlamaForCausalLM`` of transformers in place, from one pass over ``ids``."""
    import torch

    sizes: dict[str, Float32] = {}
    hooks = []
    for number, layer in enumerate(model.model.layers):
        for name, readers in _BEFORE.items():

            def note(_: Any, inputs: tuple[Any, ...], key: str = f"{number}.{name}") -> None:
                sizes[key] = _size(inputs[0][0].float().numpy())

            hooks.append(layer.get_submodule(readers[0]).register_forward_pre_hook(note))
    with torch.inference_mode():
        model(input_ids=torch.tensor([list(ids)[:_TOKENS]]), use_cache=False)
        for hook in hooks:
            hook.remove()
    with torch.no_grad():
        for number, layer in enumerate(model.model.layers):
            for name, readers in reversed(_BEFORE.items()):
                linears = [layer.get_submodule(reader) for reader in readers]
                highest = [linear.weight.float().abs().amax(dim=0).numpy() for linear in linears]
                divisors = torch.from_numpy(_divisors(sizes[f"{number}.{name}"], highest))
                before = layer.get_submodule(name)
                for values in (before.weight, getattr(before, "bias", None)):
                    if values is not None:
                        values.copy_(values.float() / divisors.reshape(-1, *([1] * (values.ndim - 1))))
                for linear in linears:
                    linear.weight.copy_(linear.weight.float() * divisors)


def _in_layer(name: str, number: int) -> bool:
    return name.startswith(f"model.layers.{number}.")


def _divisors(sizes: Float32, highest: Sequence[Float32]) -> Float32:
    """Return what each channel is divided by, float32 [in]: more for larger activations and smaller weights; geometric mean 1."""
    largest = np.max(highest, axis=0)
    least = max(float(largest.max()) * _LEAST, float(np.finfo(np.float32).tiny))
    raw = _OF_ACTIVATIONS * np.log(np.maximum(sizes, _LEAST)) - _OF_WEIGHTS * np.log(np.maximum(largest, least))
    return np.asarray(np.exp(raw - raw.mean()), dtype=np.float32)


def _size(seen: Float32) -> Float32:
    """Return each channel's root mean square, float32 [in], of tokens brought to the same size: the engine scales each alone."""
    tokens = seen / np.sqrt(np.mean(seen * seen, axis=1, keepdims=True) + np.finfo(np.float32).tiny)
    return np.asarray(np.sqrt(np.mean(tokens * tokens, axis=0)), dtype=np.float32)


def _normed(hidden: Float32, gain: Float32, epsilon: float) -> Float32:
    out: Float32 = hidden / np.sqrt(np.mean(hidden * hidden, axis=1, keepdims=True) + epsilon) * gain
    return out.astype(np.float32, copy=False)


def _attention(model: GgufModel, layer: Mapping[str, Float32], read: Float32) -> Float32:
    """Return what the heads see, before ``o_proj``, float32 [tokens, heads * dim]."""
    tokens = len(read)
    dim = len(layer["self_attn.q_proj"]) // model.heads
    angles = np.outer(np.arange(tokens), model.rope_base ** (-np.arange(0, dim, 2) / dim))
    cos, sin = (np.tile(turn(angles), 2).astype(np.float32) for turn in (np.cos, np.sin))  # [tokens, dim]

    def heads(name: str) -> Float32:
        out = (read @ layer[f"self_attn.{name}_proj"].T).reshape(tokens, -1, dim).swapaxes(0, 1)  # [heads, tokens, dim]
        return np.repeat(out, model.heads // len(out), axis=0)

    def turned(values: Float32) -> Float32:
        half = np.concatenate([-values[..., dim // 2 :], values[..., : dim // 2]], axis=-1)
        return np.asarray(values * cos + half * sin)

    scores = turned(heads("q")) @ turned(heads("k")).swapaxes(1, 2) / np.float32(np.sqrt(dim))  # [heads, tokens, tokens]
    scores[:, np.triu(np.ones((tokens, tokens), dtype=bool), 1)] = -np.inf
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    scores /= scores.sum(axis=-1, keepdims=True)
    seen: Float32 = (scores @ heads("v")).swapaxes(0, 1).reshape(tokens, -1)
    return seen
