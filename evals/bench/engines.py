"""The engines that could run the embedded LLM, each as a function from a prompt to the logits of its labels."""

from __future__ import annotations

import contextlib
import gc
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.llm.conversion import ConvertedModel

__all__ = ["ENGINES", "Score", "engine"]

Score = Callable[[Sequence[int]], NDArray[np.float32]]
"""From token ids to the logits of the next token, float32 [vocabulary]."""

ENGINES = (
    "torch fp32",
    "torch bf16 autocast",
    "torch quantize_dynamic int8",
    "CTranslate2 int8",
    "CTranslate2 int8 + static prefix",
)


@contextmanager
def engine(name: str, hf: Path, converted: ConvertedModel, prefix: int, threads: int) -> Iterator[tuple[Score, float]]:
    """Yield the engine ``name`` and the seconds that loading it took; it is gone afterwards.

    Args:
        name: One of :data:`ENGINES`.
        hf: The model in Hugging Face format.
        converted: The same for CTranslate2.
        prefix: How many tokens all prompts begin with.
        threads: CPU threads.

    """
    _import(name)
    start = time.perf_counter()
    score = _torch(name, hf, threads) if name.startswith("torch") else _ct2(converted, prefix if "prefix" in name else 0, threads)
    try:
        yield score, time.perf_counter() - start
    finally:
        del score
        gc.collect()


def _import(name: str) -> None:
    """Import first, so that the time to load is that of the weights."""
    if not name.startswith("torch"):
        return
    import torch  # noqa: F401
    from transformers import LlamaForCausalLM  # noqa: F401
    from transformers.utils import logging

    logging.disable_progress_bar()


def _torch(name: str, hf: Path, threads: int) -> Score:
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(threads)
    model = AutoModelForCausalLM.from_pretrained(hf, dtype=torch.float32).eval()
    if "quantize_dynamic" in name:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecated in favour of a package that is slower here
            torch.backends.quantized.engine = "x86"
            model.model = torch.ao.quantization.quantize_dynamic(model.model, {torch.nn.Linear}, dtype=torch.qint8)
    half = "autocast" in name

    def score(ids: Sequence[int]) -> NDArray[np.float32]:
        context: Any = torch.autocast("cpu", torch.bfloat16) if half else contextlib.nullcontext()
        with torch.inference_mode(), context:
            logits = model(input_ids=torch.tensor([list(ids)]), use_cache=False, logits_to_keep=1).logits
        values: NDArray[np.float32] = logits[0, -1].float().numpy()
        return values

    return score


def _ct2(converted: ConvertedModel, prefix: int, threads: int) -> Score:
    import ctranslate2
    from tokenizers import Tokenizer

    generator = ctranslate2.Generator(str(converted.folder), device="cpu", compute_type="int8", intra_threads=threads)
    tokenizer = Tokenizer.from_file(str(converted.folder / "tokenizer.json"))

    def score(ids: Sequence[int]) -> NDArray[np.float32]:
        tokens = [tokenizer.id_to_token(i) for i in ids]
        more = {"static_prompt": tokens[:prefix], "cache_static_prompt": True} if prefix else {}
        results = generator.generate_batch(
            [tokens[prefix:]],
            max_length=1,
            min_length=1,
            sampling_topk=1,
            return_logits_vocab=True,
            include_prompt_in_result=False,
            **more,
        )
        return np.asarray(results[0].logits[0][0], dtype=np.float32).reshape(-1)

    return score
