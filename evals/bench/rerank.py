"""Times the reranker's one prefill: against writing an ordering, a bare forward pass, other engines, and with several users."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, SecretStr
from scipy.stats import spearmanr

from agent.llm.base import LLM
from agent.llm.conversion import ConvertedModel, convert
from agent.llm.ct2 import Ct2Engine
from agent.llm.embedded import EmbeddedLLM
from agent.llm.gguf import export_hf, packaged_gguf
from agent.llm.pace import Pace
from agent.llm.vllm import VllmLLM
from evals.bench.engines import ENGINES, engine
from evals.bench.ordering import VllmOrder, embedded_order, race
from evals.bench.prompts import rank_prompts
from palate.deadline import Deadline
from palate.domain import Value
from palate.prompting import GenerateConfig, LabelledPrompt

__all__ = ["RerankBenchConfig", "bench_rerank"]

Tell = Callable[[str], None]
Score = Callable[[LabelledPrompt], Awaitable[object]]
Float32 = NDArray[np.float32]
_NAME = "smollm2-135m-instruct"


class RerankBenchConfig(Value):
    """How much is measured. ``prompts`` are all different.

    For the first ``orderings`` of them an ordering of all candidates is written, too; ``users`` ask at once, sharing the prompts.
    The engines are compared on the first ``compared``. With ``vllm``, the URL of a server, that is measured, by the name
    ``vllm_model``, instead of the embedded LLM, and no other engines are. An engine that has used up ``engine_seconds`` gets no
    prompt more, once it has had two: a busy machine slows some engines tenfold.
    """

    prompts: int = Field(default=16, ge=4)
    orderings: int = Field(default=6, ge=2)
    users: int = Field(default=4, ge=1)
    compared: int = Field(default=6, ge=0)
    vllm: str | None = None
    vllm_model: str = "palate"
    vllm_api_key: SecretStr | None = None
    candidates: int = Field(default=20, ge=2, le=26)
    threads: int = Field(default=2, ge=1)
    engine_seconds: float = Field(default=25.0, gt=0.0)
    seed: int = 0


def bench_rerank(config: RerankBenchConfig | None = None, tell: Tell = lambda _: None) -> dict[str, Any]:
    """Return the measurements, times in milliseconds.

    ``speedup`` is by how much one prefill that scores all labels is quicker than writing their order with the same model, engine
    and prompt, with nothing of it cached on either side. ``bound`` says what it would be at the measured rates of reading and
    writing, with nothing else to do.

    One embedded engine is in memory at a time. What is compared takes turns on the same prompts, so that what else the machine
    does falls on both.

    Raises:
        Unavailable: The weights, a package or the server are not there.

    """
    config = config or RerankBenchConfig()
    said = config.model_dump(exclude={"vllm_api_key"})
    if config.vllm is not None:
        return {**asyncio.run(_served(config, config.vllm, tell)), "engines": [], "config": said}
    with tempfile.TemporaryDirectory(prefix="palate-bench-") as temporary:
        cache = Path(temporary)
        gguf = packaged_gguf()
        start = time.perf_counter()
        converted = convert(gguf, cache, _NAME)
        conversion = time.perf_counter() - start
        report, prompts, ids, labels = asyncio.run(_product(config, cache, converted, tell))
        rows: list[dict[str, Any]] = []
        if config.compared:
            tell("a folder for torch")
            hf = export_hf(gguf, cache / "hf")
            compared = range(min(config.compared, len(prompts)))
            rows = _compare((hf, converted), [ids[i] for i in compared], labels, config, tell)
    return {**report, "conversion_s": round(conversion, 2), "engines": rows, "config": said}


async def _served(config: RerankBenchConfig, url: str, tell: Tell) -> dict[str, Any]:
    key = config.vllm_api_key.get_secret_value() if config.vllm_api_key else None
    llm = VllmLLM(url, config.vllm_model, key, cache_secret=secrets.token_bytes(32))
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    base = url.rstrip("/").removesuffix("/v1")
    async with _closing(llm), httpx.AsyncClient(base_url=base, headers=headers, trust_env=False) as http:
        await llm.check()
        prompts = rank_prompts(llm, config.prompts, config.candidates, config.seed)

        async def cold(prompt: LabelledPrompt) -> object:
            return await llm.for_tenant(secrets.token_hex(8)).score_labels(prompt, Deadline(None))

        tell(f"scoring labels against writing their order on {url}")
        labels = [label.strip() for label in prompts[0].labels]
        order = VllmOrder(http, config.vllm_model, labels)
        raced = await race(cold, order, prompts[: config.orderings], labels)
        tell(f"{config.users} users at once")
        return {
            "engine": llm.engine,
            "model": llm.name,
            **raced,
            "constraint": order.constraint,
            "bound": _bound(raced, await _decode(llm)),
            "rerank_ms": _percentiles(await _alone(cold, prompts)),
            "users": await _at_once(cold, prompts, config.users),
        }


async def _product(
    config: RerankBenchConfig, cache: Path, converted: ConvertedModel, tell: Tell
) -> tuple[dict[str, Any], list[LabelledPrompt], list[list[int]], list[int]]:
    from tokenizers import Tokenizer

    start = time.perf_counter()
    llm = EmbeddedLLM(None, cache, threads=config.threads)
    await asyncio.to_thread(llm.open)
    opened = time.perf_counter() - start
    prompts = rank_prompts(llm, config.prompts, config.candidates, config.seed)

    async def score(prompt: LabelledPrompt) -> object:
        return await llm.score_labels(prompt, Deadline(None))

    await score(prompts[0])
    first = time.perf_counter() - start
    tokenizer = Tokenizer.from_file(str(converted.folder / "tokenizer.json"))
    tell("the embedded LLM against a bare forward pass")
    ours, bare = await _against_bare(llm, tokenizer, prompts)
    decode = await _decode(llm)
    tell(f"{config.users} users at once")
    users = await _at_once(score, prompts, config.users)
    tell("scoring labels against writing their order")
    labels = [label.strip() for label in prompts[0].labels]
    endless = Ct2Engine(converted.folder, tokenizer, (), compute_type="int8", threads=config.threads, pace=Pace())
    raced = await race(score, embedded_order(endless, tokenizer, labels), prompts[: config.orderings], labels)
    report = {
        "engine": llm.engine,
        "model": llm.name,
        **raced,
        "constraint": "none",
        "bound": _bound(raced, decode),
        "rerank_ms": _percentiles(ours),
        "users": users,
        "open_warm_s": round(opened, 2),
        "first_answer_s": round(first, 2),
        "bare_ms": _percentiles(bare),
        "ratio_p50": round(float(np.median(ours) / np.median(bare)), 3),
        "ratio_paired": round(float(np.median(np.divide(ours, bare))), 3),
        "samples_ms": {"rerank": ours, "bare": bare},
    }
    ids = [tokenizer.encode(p.text, add_special_tokens=False).ids for p in prompts]
    tokens = [llm.label_token(label) for label in prompts[0].labels]
    await llm.close()
    return report, prompts, ids, tokens


async def _against_bare(llm: EmbeddedLLM, tokenizer: Any, prompts: Sequence[LabelledPrompt]) -> tuple[list[float], list[float]]:
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
    return ours, bare


async def _alone(score: Score, prompts: Sequence[LabelledPrompt]) -> list[float]:
    """Return the milliseconds of each prompt, one after the other."""
    times: list[float] = []
    for prompt in prompts:
        began = time.perf_counter()
        await score(prompt)
        times.append(1000 * (time.perf_counter() - began))
    return times


async def _at_once(score: Score, prompts: Sequence[LabelledPrompt], users: int) -> dict[str, float]:
    """Return how long one waits when ``users`` share the prompts, each asking again as soon as it is answered."""
    times = await asyncio.gather(*(_alone(score, prompts[user::users]) for user in range(users)))
    return {"users": users, **_percentiles([ms for of_user in times for ms in of_user])}


@asynccontextmanager
async def _closing(llm: LLM) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await llm.close()


def _bound(raced: dict[str, Any], decode: float) -> dict[str, float]:
    prefill = raced["prompt_tokens"] / raced["prefill_ms"] * 1000
    most = 1.0 + raced["generated_tokens"] * prefill / (raced["prompt_tokens"] * decode)
    return {"prefill_tokens_per_s": round(prefill, 1), "decode_tokens_per_s": round(decode, 1), "speedup": round(most, 2)}


async def _decode(llm: LLM) -> float:
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
