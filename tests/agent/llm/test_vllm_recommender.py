"""What a person gets while the server is slow, broken, gone, or lacks the adapter: a slate in time, and all of it again later."""

import asyncio

import httpx
import pytest

from agent import Explainer, ExplainerConfig, Reranker
from agent.llm.breaker import BreakerConfig
from agent.llm.vllm import VllmConfig
from agent.llm.vllm_adapters import VllmAdaptersConfig
from agent.llm.vllm_http import VllmHttpConfig
from palate.domain import Request

CONFIG = VllmConfig(
    http=VllmHttpConfig(backoff_seconds=0.001),
    breaker=BreakerConfig(failures=2, cooldown=0.0, patience=0.0),
    adapters=VllmAdaptersConfig(retry_seconds=0.0),
)
PLENTY, LITTLE = 20_000, 700


def oom(vllm, _):
    vllm.odd["/v1/completions"] = (500, {"error": {"message": "CUDA out of memory", "code": 500}})


def killed(vllm, _):
    async def broken(body):
        raise httpx.ReadError("Connection reset by peer")

    vllm.complete = broken


def gone(vllm, _):
    vllm.down = True


def slow(vllm, _):
    vllm.held = asyncio.Event()  # it never answers: whoever waited would wait for ever


def nonsense(vllm, _):
    vllm.odd["/v1/completions"] = (200, b"<html>It works!</html>")


def wrong_adapter(vllm, llm):
    vllm.odd["/v1/load_lora_adapter"] = (404, {"error": {"message": "No adapter found"}})
    vllm.adapters.clear()


def well(vllm):
    vllm.down, vllm.odd, vllm.held = False, {}, None
    vllm.__dict__.pop("complete", None)


@pytest.mark.parametrize("trouble", [oom, killed, gone, slow, nonsense, wrong_adapter])
def test_the_answer_comes_in_time_says_so_and_recovers(trouble, vllm, world, peft, tmp_path):
    llm = vllm.llm(room=tmp_path / "room", config=CONFIG)
    llm.adapters.want({"rank": peft("a")})
    recommender = world.recommender(
        reranker=Reranker(llm.for_task("rank")), explainer=Explainer(None, world.matcher, ExplainerConfig())
    )

    async def ask(milliseconds):
        return await recommender.recommend(Request(person_id="ann", n=5, deadline_ms=milliseconds))

    async def run():
        before = await ask(PLENTY)
        trouble(vllm, llm)
        during = [await ask(LITTLE if trouble is slow else PLENTY) for _ in range(4)]
        well(vllm)
        after = await ask(PLENTY)
        await llm.close()
        return before, during, after

    before, during, after = asyncio.run(run())
    assert before.degraded == after.degraded == ()
    assert [item.item_id for item in before.items] == [item.item_id for item in after.items]
    assert before.model["name"].startswith("rank-")
    for slate in during:
        assert "rerank" in slate.degraded  # beside it reasons, where a busy machine leaves too little of a short deadline
        assert len(slate.items) == 5
    assert llm.breaker.state == "closed"


def test_an_open_breaker_asks_nothing(vllm, world):
    llm = vllm.llm(config=VllmConfig(http=CONFIG.http, breaker=BreakerConfig(failures=1, cooldown=600.0)))
    recommender = world.recommender(reranker=Reranker(llm), explainer=Explainer(None, world.matcher))
    gone(vllm, llm)

    async def run():
        first = await recommender.recommend(Request(person_id="ann", n=3, deadline_ms=PLENTY))
        asked = len(vllm.bodies())  # what was looked up beside the failure may still arrive
        well(vllm)
        second = await recommender.recommend(Request(person_id="ann", n=3, deadline_ms=PLENTY))
        return first, second, len(vllm.bodies()) - asked

    first, second, asked = asyncio.run(run())
    assert first.degraded == second.degraded == ("rerank",)
    assert asked == 0
