"""What a person gets while the server is slow, broken, gone, or lacks the adapter: a slate in time, and all of it again later."""

import asyncio
import json

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


def engine_dead(vllm, _):
    """What a lack of memory in a pass does: the engine's process dies, the server says so once more, and goes."""

    async def dying(body):
        vllm.down = True
        vllm.restart()
        said = "EngineCore encountered an issue. See stack trace (above) for the root cause."
        return httpx.Response(500, json={"error": {"message": said, "type": "InternalServerError", "code": 500}})

    vllm.complete = dying


def oom_at_the_adapter(vllm, _):
    vllm.odd["/v1/load_lora_adapter"] = (500, {"error": {"message": "DefaultCPUAllocator: can't allocate memory", "code": 500}})
    vllm.restart()


def oom_in_plain_words(vllm, _):
    vllm.odd["/v1/completions"] = (500, b"Internal Server Error")


def error_after_200(vllm, _):
    vllm.odd["/v1/completions"] = (200, {"error": {"message": "CUDA out of memory", "type": "InternalServerError", "code": 500}})


def not_numbers(vllm, _):
    """vLLM cannot write NaN as JSON, and takes its own error for the caller's."""
    said = {"message": "Out of range float values are not JSON compliant: nan", "type": "BadRequestError", "code": 400}
    vllm.odd["/v1/completions"] = (400, {"error": said})


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


def wrong_name(vllm, llm):
    """It lists the adapter and denies it when asked: another server behind the same address."""
    said = {"message": f"The model `{llm.for_task('rank').name}` does not exist.", "type": "NotFoundError", "code": 404}
    vllm.odd["/v1/completions"] = (404, {"error": {**said, "param": "model"}})


TROUBLES = [
    oom,
    engine_dead,
    oom_at_the_adapter,
    oom_in_plain_words,
    error_after_200,
    not_numbers,
    killed,
    gone,
    slow,
    nonsense,
    wrong_adapter,
    wrong_name,
]


def well(vllm):
    vllm.down, vllm.odd, vllm.held = False, {}, None
    vllm.__dict__.pop("complete", None)


@pytest.mark.parametrize("trouble", TROUBLES)
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
    assert llm.for_task("rank").name in vllm.adapters


def test_reasons_are_there_whatever_happens_to_the_server_while_they_are_written(vllm, world, peft, tmp_path):
    llm = vllm.llm(room=tmp_path / "room", config=CONFIG)
    llm.adapters.want({"explain": peft("a")})
    recommender = world.recommender(reranker=Reranker(None), explainer=Explainer(llm.for_task("explain"), world.matcher))
    whole = vllm.complete

    async def half(body):
        said = {"error": {"message": "CUDA out of memory", "type": "InternalServerError", "code": 500}}
        lines = f'data: {{"choices": [{{"index": 0, "text": "Because "}}]}}\n\ndata: {json.dumps(said)}\n\ndata: [DONE]\n\n'
        return httpx.Response(200, content=lines.encode())

    async def ask():
        before = len(vllm.bodies())
        slate = await recommender.recommend(Request(person_id="ann", n=3, deadline_ms=PLENTY))
        return slate, len(vllm.bodies()) - before

    async def run():
        found = {"well": await ask()}
        vllm.complete = half
        found["half a stream"] = await ask()
        vllm.complete = whole
        for trouble in (oom, engine_dead, oom_at_the_adapter, error_after_200, killed, gone, nonsense, wrong_adapter, wrong_name):
            if trouble is wrong_name:
                vllm.odd["/v1/completions"] = (404, {"error": {"message": "The model `explain-0` does not exist.", "code": 404}})
            else:
                trouble(vllm, llm)
            found[trouble.__name__] = await ask()
            well(vllm)
            found[f"after {trouble.__name__}"] = await ask()
        await llm.close()
        return found

    found = asyncio.run(run())
    expected = [reason.text for item in found["well"][0].items for reason in item.reasons]
    assert expected
    for name, (slate, asked) in found.items():
        assert [reason.text for item in slate.items for reason in item.reasons] == expected, name
        if name.startswith(("after", "well")):
            assert asked > 0, name
            assert slate.degraded == found["well"][0].degraded, name
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
