"""Drops the layers of an LLM that change its states least, and measures what is left.

Men et al. (2024), ShortGPT: Layers in Large Language Models are More Redundant Than You Expect, https://arxiv.org/abs/2403.03853.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.llm.merging import add_lora
from evals.suites.compression import Probe, Reading, compared, read_probe
from palate.domain import Progress
from palate.errors import InvalidInput, MissingExtra

__all__ = ["block_influence", "pruned_loss"]

Float32 = NDArray[np.float32]


def pruned_loss(
    folder: Path,
    lora: Path | None,
    probes: Sequence[Probe],
    calibration: Sequence[Probe],
    drops: Sequence[int] = (2, 4, 6),
    *,
    threads: int = 2,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return ``influence``, float a layer, and ``rows``: one for the whole model, and one for each number of layers dropped.

    Layers are dropped at once, by their influence on ``calibration``, and nothing is trained afterwards. ``time_ratio`` is the
    median over probes of a pass's time against that of the whole model just before it, in float32.

    Args:
        folder: The base in Hugging Face format.
        lora: An adapter to merge in.
        probes: What is read.
        calibration: Other texts, by which layers are chosen.
        drops: How many layers are left out.
        threads: Of the CPU.
        seed: Of the intervals.
        progress: Told how far it is.

    Raises:
        MissingExtra: torch or transformers are not installed.
        InvalidInput: As many layers are to be dropped as there are, or more; or there is no calibration.

    """
    if not calibration:
        raise InvalidInput("There are no texts to choose layers by.", remedy="Ask for fewer prompts.", param="prompts")
    model = _model(folder, lora, threads)
    layers = list(model.model.layers)
    if bad := [k for k in drops if not 0 < k < len(layers)]:
        message = f"{bad[0]} of {len(layers)} layers cannot be dropped."
        raise InvalidInput(message, remedy="Leave --prune out.", param="prune")
    influence = block_influence(model, calibration)
    order = np.argsort(influence, kind="stable")
    kept = {k: sorted(order[k:].tolist()) for k in (0, *drops)}
    readings: dict[int, list[Reading]] = {k: [] for k in kept}
    seconds: dict[int, list[float]] = {k: [] for k in kept}
    for number, probe in enumerate(probes):
        for k, left in kept.items():
            if progress is not None:
                progress(f"read without {k} layers", number, len(probes))
            _keep(model, [layers[i] for i in left])
            began = time.perf_counter()
            logits = _logits(model, probe)
            seconds[k].append(time.perf_counter() - began)
            readings[k].append(read_probe(probe, logits, readings[0][number] if k else None))
    _keep(model, layers)
    full = sum(p.numel() for p in model.parameters())
    each = sum(p.numel() for p in layers[0].parameters())
    rows = [
        {
            "dropped": sorted(order[:k].tolist()),
            "size_ratio": round(1 - k * each / full, 4),
            "time_ratio": round(float(np.median(np.divide(seconds[k], seconds[0]))), 3),
            **compared(probes, readings[0], readings[k], seed),
        }
        for k in kept
    ]
    return {"influence": [round(float(value), 4) for value in influence], "rows": rows}


def block_influence(model: Any, probes: Sequence[Probe]) -> Float32:
    """Return how much each layer of a Llama changes, 1 - cosine of its input and output, mean over tokens, float32 [layers]."""
    torch = _torch()
    sums, count = np.zeros(len(model.model.layers)), 0

    def hook(place: int) -> Callable[..., None]:
        def note(_module: Any, given: Any, out: Any) -> None:
            after = out[0] if isinstance(out, tuple) else out
            sums[place] += float((1 - torch.nn.functional.cosine_similarity(given[0], after, dim=-1)).sum())

        return note

    hooks = [layer.register_forward_hook(hook(place)) for place, layer in enumerate(model.model.layers)]
    try:
        for probe in probes:
            _logits(model, probe)
            count += len(probe.ids)
    finally:
        for one in hooks:
            one.remove()
    return (sums / max(count, 1)).astype(np.float32)


def _model(folder: Path, lora: Path | None, threads: int) -> Any:
    torch = _torch()
    try:
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "transformers", "train") from error
    logging.disable_progress_bar()
    torch.set_num_threads(threads)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    if lora is not None:
        state = model.state_dict()
        weights = {name: values.numpy() for name, values in state.items()}
        add_lora(weights, lora)
        model.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
    return model


def _keep(model: Any, layers: Sequence[Any]) -> None:
    model.model.layers = _torch().nn.ModuleList(layers)
    model.config.num_hidden_layers = len(layers)


def _logits(model: Any, probe: Probe) -> Float32:
    torch = _torch()
    with torch.inference_mode():
        logits: Float32 = model(input_ids=torch.tensor([list(probe.ids)]), use_cache=False).logits[0].numpy()
    return logits


def _torch() -> Any:
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtra("torch", "train") from error
    return torch
