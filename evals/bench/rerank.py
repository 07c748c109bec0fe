"""Times the reranker's one prefill: against a bare forward pass by the same engine, and between engines."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.stats import spearmanr

from agent.llm.conversion import ConvertedModel, convert
from agent.llm.embedded import EmbeddedLLM
from agent.llm.gguf import export_hf, packaged_gguf
from evals.bench.engines import ENGINES, engine
from evals.bench.prompts import rank_prompts
from palate.deadline import Deadline
from palate.domain import GenerateConfig, LabelledPrompt, Value

__all__ = ["RerankBenchConfig", "bench_rerank"]

Tell = Callable[[str], None]
Float32 = NDArray[np.float32]
_NAME = "smollm2-135m-instruct"


class RerankBenchConfig(Value):
    """How much is measured. ``prompts`` are all different; the engines are compared on the first ``compared`` of them.

    An engine that has used up ``engine_seconds`` gets no prompt more, once it has had two: a busy machine slows some engines
    tenfold.
    """

    prompts: int = Field(default=16, ge=4)
    compared: int = Field(default=6, ge=2)
    candidates: int = Field(default=20, ge=2, le=26)
    threads: int = Field(default=2, ge=1)
    engine_seconds: float = Field(default=25.0, gt=0.0)
    seed: int = 0


def bench_rerank(config: RerankBenchConfig | None = None, tell: Tell = lambda _: None) -> dict[str, Any]:
    """Return times in milliseconds, the ratio, and a row an engine with its rank correlation to float32.

    One engine is in memory at a time. The bare pass and the reranker's call take turns on the same prompts, so that what else the
    machine does falls on both.

    Raises:
        Unavailable: The weights or a package are not there.

    """
    config = config or RerankBenchConfig()
    with tempfile.TemporaryDirectory(prefix="palate-bench-") as temporary:
        cache = Path(temporary)
        gguf = packaged_gguf()
        start = time.perf_counter()
        converted = convert(gguf, cache, _NAME)
        conversion = time.perf_counter() - start
        tell("the embedded LLM against a bare forward pass")
        report, prompts, ids, labels = asyncio.run(_product(config, cache, converted))
        tell("a folder for torch")
        hf = export_hf(gguf, cache / "hf")
        compared = range(min(config.compared, len(prompts)))
        rows = _compare((hf, converted), [ids[i] for i in compared], labels, config, tell)
    return {**report, "conversion_s": round(conversion, 2), "engines": rows, "config": config.model_dump()}


async def _product(
    config: RerankBenchConfig, cache: Path, converted: ConvertedModel
) -> tuple[dict[str, Any], list[LabelledPrompt], list[list[int]], list[int]]:
    start = time.perf_counter()
    llm = EmbeddedLLM(None, cache, threads=config.threads)
    await asyncio.to_thread(llm.open)
    opened = time.perf_counter() - start
    prompts = rank_prompts(llm, config.prompts, config.candidates, config.seed)
    await llm.score_labels(prompts[0], Deadline(None))
    first = time.perf_counter() - start
    labels = [llm.label_token(label) for label in prompts[0].labels]
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(converted.folder / "tokenizer.json"))
    ids = [tokenizer.encode(p.text, add_special_tokens=False).ids for p in prompts]
    ours: list[float] = []
    bare: list[float] = []
    for number, prompt in enumerate(prompts):
        tokens = tokenizer.encode(prompt.text, add_special_tokens=False).tokens
        # Take turns in going first: the second may find warmer caches, or a busier machine.
        for own in (True, False) if number % 2 else (False, True):
            began = time.perf_counter()
            if own:
                await llm.score_labels(prompt, Deadline(None))
            else:
                llm.loaded.logits(tokens)
            (ours if own else bare).append(1000 * (time.perf_counter() - began))
    decode = await _decode(llm)
    report = {
        "model": llm.name,
        "tokens": {"mean": float(np.mean([len(i) for i in ids])), "max": max(map(len, ids))},
        "open_warm_s": round(opened, 2),
        "first_answer_s": round(first, 2),
        "rerank_ms": _percentiles(ours),
        "bare_ms": _percentiles(bare),
        "ratio_p50": round(float(np.median(ours) / np.median(bare)), 3),
        "ratio_paired": round(float(np.median(np.divide(ours, bare))), 3),
        "decode_tokens_per_s": round(decode, 1),
        "samples_ms": {"rerank": ours, "bare": bare},
    }
    await llm.close()
    return report, prompts, ids, labels


async def _decode(llm: EmbeddedLLM) -> float:
    """Return tokens a second after the first."""
    from langchain_core.messages import HumanMessage

    prompt = llm.render([HumanMessage("Tell a long story of the sea.")])
    times = [time.perf_counter() async for _ in llm.stream(prompt, GenerateConfig(max_tokens=48), Deadline(None))]
    return (len(times) - 1) / (times[-1] - times[0])


def _compare(
    model: tuple[Path, ConvertedModel], ids: Sequence[list[int]], labels: list[int], config: RerankBenchConfig, tell: Tell
) -> list[dict[str, Any]]:
    prefix = _common_prefix(ids)
    rows: list[dict[str, Any]] = []
    reference: list[Float32] = []
    for name in ENGINES:
        tell(name)
        with engine(name, *model, prefix, config.threads) as (score, load):
            score(ids[-1])
            times: list[float] = []
            scores: list[Float32] = []
            for tokens in ids:
                if len(times) >= 2 and sum(times) > 1000 * config.engine_seconds:
                    break
                began = time.perf_counter()
                logits = score(tokens)
                times.append(1000 * (time.perf_counter() - began))
                scores.append(logits[labels])
        reference = reference or scores
        rho = [float(spearmanr(a, b).statistic) for a, b in zip(scores, reference, strict=False)]
        rows.append(
            {
                "engine": name,
                "load_s": round(load, 2),
                "prompts": len(times),
                **_percentiles(times),
                "rank_correlation": round(float(np.mean(rho)), 3),
                "rank_correlation_min": round(min(rho), 3),
                "same_top": round(float(np.mean([a.argmax() == b.argmax() for a, b in zip(scores, reference, strict=False)])), 2),
            }
        )
    return rows


def _common_prefix(ids: Sequence[list[int]]) -> int:
    return next((n for n, column in enumerate(zip(*ids, strict=False)) if len(set(column)) > 1), min(map(len, ids)) - 1)


def _percentiles(times: Sequence[float]) -> dict[str, float]:
    return {"p50": round(float(np.percentile(times, 50)), 1), "p95": round(float(np.percentile(times, 95)), 1)}
