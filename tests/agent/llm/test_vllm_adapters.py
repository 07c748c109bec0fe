import asyncio
import json
import shutil

import pytest

from agent.llm.breaker import BreakerConfig
from agent.llm.vllm import VllmConfig
from agent.llm.vllm_adapters import VllmAdaptersConfig
from agent.llm.vllm_http import VllmHttpConfig
from palate.deadline import Deadline
from palate.errors import DeadlineExceeded, InvalidInput, MissingWeights, ServiceDown
from palate.prompting import GenerateConfig, LabelledPrompt

PROMPT = LabelledPrompt(text="Which?", labels=(" A", " B", " C"), item_ids=("1", "2", "3"), version="t")
CONFIG = VllmConfig(
    http=VllmHttpConfig(retries=0),
    breaker=BreakerConfig(failures=2, cooldown=0.0),
    adapters=VllmAdaptersConfig(retry_seconds=0.0),
)


@pytest.fixture
def llm(vllm, tmp_path):
    return vllm.llm(room=tmp_path / "room", config=CONFIG)


def score(llm, seconds=10.0):
    return llm.score_labels(PROMPT, Deadline(seconds))


async def until(condition):
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


def models(vllm):
    return [body["model"] for body in vllm.bodies()]


def test_adapters_are_posted_before_the_first_call_and_each_task_has_its_own(vllm, llm, peft):
    llm.adapters.want({"rank": peft("a"), "explain": peft("b")})

    async def run():
        await score(llm.for_task("rank"))
        await llm.for_task("explain").generate(["x"], GenerateConfig(), Deadline(5))
        await score(llm.for_task("understand"))
        await score(llm)

    asyncio.run(run())
    names = llm.adapters.names
    assert models(vllm) == [names["rank"], names["explain"], "palate", "palate"]
    assert llm.for_task("rank").name == names["rank"]
    assert llm.name == llm.for_task("understand").name == "palate"
    assert sorted(vllm.loads) == sorted(names.values())


def test_name_and_path_hold_the_contents(vllm, llm, peft, tmp_path):
    one, same, other = peft("a"), tmp_path / "same", peft("b")
    shutil.copytree(one, same)

    async def run():
        return [await llm.adapters.swap("rank", folder) for folder in (one, same, other)]

    first, second, third = asyncio.run(run())
    assert first == second != third
    assert first.startswith("rank-")
    assert vllm.adapters[third].endswith(third)
    assert not (tmp_path / "room" / first).exists()


def test_a_swap_loses_no_request_in_flight(vllm, llm, peft):
    llm.adapters.want({"rank": peft("a")})

    async def run():
        vllm.held = asyncio.Event()
        rank = llm.for_task("rank")
        old = rank.name
        early = [asyncio.ensure_future(score(rank)) for _ in range(50)]
        await until(lambda: vllm.running == 50)
        swap = asyncio.ensure_future(llm.adapters.swap("rank", peft("b")))
        await until(lambda: rank.name != old)
        late = [asyncio.ensure_future(score(rank)) for _ in range(10)]
        await until(lambda: vllm.running == 60)
        assert vllm.unloads == []
        assert not swap.done()
        vllm.held.set()
        answers = await asyncio.gather(*early, *late)
        return old, await swap, answers

    old, new, answers = asyncio.run(run())
    assert len(answers) == 60
    assert models(vllm) == [old] * 50 + [new] * 10
    assert [name for name, _ in vllm.unloads] == [old]
    assert list(vllm.adapters) == [new]


def test_after_a_restart_that_nobody_saw_they_are_posted_again(vllm, llm, peft):
    llm.adapters.want({"rank": peft("a"), "explain": peft("b")})
    rank = llm.for_task("rank")

    async def run():
        await score(rank)
        vllm.restart()
        # All at once find that it is gone; the server gets each adapter once.
        await asyncio.gather(*(score(rank) for _ in range(20)))
        vllm.restart()
        return await llm.for_task("explain").generate(["x"], GenerateConfig(), Deadline(5))

    assert asyncio.run(run()) == ["I heard you."]
    assert sorted(vllm.loads) == sorted(list(llm.adapters.names.values()) * 3)


def test_after_an_outage_they_are_there_before_it_counts_as_recovered(vllm, llm, peft):
    llm.adapters.want({"rank": peft("a"), "explain": peft("b")})

    async def run():
        await score(llm.for_task("rank"))
        vllm.down = True
        for _ in range(2):
            with pytest.raises(ServiceDown):
                await score(llm)
        assert llm.breaker.state == "half open"
        vllm.restart()
        vllm.down, vllm.odd = False, {"/v1/load_lora_adapter": (503, {"error": {"message": "starting"}})}
        vllm.seen.clear()
        with pytest.raises(ServiceDown):
            await score(llm.for_task("rank"))
        assert vllm.bodies() == []
        vllm.odd = {}
        await score(llm)  # a call of the base model brings all of them back first
        assert [path for path, _ in vllm.seen[-4:]].count("/v1/load_lora_adapter") == 2
        assert llm.breaker.state == "closed"
        await score(llm.for_task("rank"))

    asyncio.run(run())
    assert set(vllm.adapters) == set(llm.adapters.names.values())


def test_a_call_in_a_hurry_brings_them_back_for_the_next(vllm, llm, peft):
    llm.adapters.want({"rank": peft("a")})
    answer = vllm.answer

    async def loading(path, body):
        if path == "/v1/load_lora_adapter":
            await asyncio.sleep(0.2)
        return await answer(path, body)

    vllm.answer = loading

    async def run():
        with pytest.raises(DeadlineExceeded):
            await score(llm.for_task("rank"), 0.1)
        await score(llm.for_task("rank"))

    asyncio.run(run())
    assert len(vllm.loads) == 1


def test_an_adapter_that_the_server_refuses_is_the_trouble_of_its_task_alone(vllm, llm, peft):
    llm.adapters.want({"rank": peft("a", rank=32), "explain": peft("b")})

    async def run():
        for _ in range(4):
            with pytest.raises(ServiceDown, match=r"'rank-.*max_lora_rank"):
                await score(llm.for_task("rank"))
        await score(llm.for_task("explain"))
        with pytest.raises(ServiceDown, match=r"rank: .*max_lora_rank"):
            await llm.check()
        assert llm.breaker.state == "closed"
        await llm.adapters.swap("rank", peft("good"))
        await score(llm.for_task("rank"))
        return await llm.check()

    facts = asyncio.run(run())
    assert all(name in facts["adapters"] for name in llm.adapters.names.values())


def test_a_swap_that_fails_leaves_the_old_one(vllm, llm, peft, tmp_path):
    async def run():
        old = await llm.adapters.swap("rank", peft("a"))
        with pytest.raises(ServiceDown, match="max_lora_rank"):
            await llm.adapters.swap("rank", peft("b", rank=32))
        with pytest.raises(MissingWeights, match="adapter_config"):
            await llm.adapters.swap("rank", tmp_path)
        vllm.down = True
        with pytest.raises(ServiceDown):
            await llm.adapters.swap("rank", peft("c"))
        vllm.down = False
        await score(llm.for_task("rank"))
        return old

    old = asyncio.run(run())
    assert models(vllm) == [old]


def test_a_dropped_adapter_leaves_the_base_model(vllm, llm, peft):
    async def run():
        await llm.adapters.swap("rank", peft("a"))
        await llm.adapters.drop("rank")
        await llm.adapters.drop("rank")
        await score(llm.for_task("rank"))

    asyncio.run(run())
    assert models(vllm) == ["palate"]
    assert vllm.adapters == {}


def test_another_process_may_have_posted_it(vllm, tmp_path, peft):
    folder = peft("a")

    async def run():
        for name in ("one", "two"):
            llm = vllm.llm(room=tmp_path / name, config=CONFIG)
            await llm.adapters.swap("rank", folder)
            await score(llm.for_task("rank"))

    asyncio.run(run())
    assert len(vllm.loads) == 1


def test_what_cannot_be_posted_is_named(vllm, llm, peft):
    with pytest.raises(InvalidInput, match="'no/task'"):
        llm.adapters.want({"no/task": peft("a")})
    with pytest.raises(InvalidInput, match="room"):
        asyncio.run(vllm.llm().adapters.swap("rank", peft("b")))


def test_several_completions_at_once_bring_a_server_back_too(vllm, llm):
    async def run():
        vllm.down = True
        for _ in range(2):
            with pytest.raises(ServiceDown):
                await llm.generate(["x", "y", "z"], GenerateConfig(), Deadline(5))
        assert llm.breaker.state == "half open"
        vllm.down = False
        return await llm.generate(["x", "y", "z"], GenerateConfig(), Deadline(5))

    assert asyncio.run(run()) == ["I heard you."] * 3
    assert llm.breaker.state == "closed"


def test_completions_of_which_nothing_came_open_the_breaker_and_are_empty(vllm, tmp_path):
    llm = vllm.llm(config=VllmConfig(http=CONFIG.http, breaker=BreakerConfig(failures=1, cooldown=600.0, patience=0.0)))

    async def run():
        vllm.held = asyncio.Event()
        return await llm.generate(["x", "y"], GenerateConfig(), Deadline(0.2))

    assert asyncio.run(run()) == ["", ""]
    assert llm.breaker.state == "open"


def carded(folder, base):
    (folder / "card.json").write_text(json.dumps({"base": {"name": base}}))
    return folder


@pytest.mark.parametrize("root", ["/models/Small.Q4_1-0123456789ab-hf", "/models/small", "people/small", "small.gguf", None])
def test_an_adapter_of_the_served_base_is_posted(vllm, llm, peft, root):
    vllm.root = root
    llm.adapters.want({"rank": carded(peft("a"), "small")})
    asyncio.run(score(llm.for_task("rank")))
    assert vllm.loads == [llm.adapters.names["rank"]]


@pytest.mark.parametrize("root", ["/models/small-instruct", "/models/large.Q4_1-0123456789ab-hf"])
def test_an_adapter_of_another_base_is_not_posted_and_degrades_its_task_alone(vllm, llm, peft, root):
    vllm.root = root
    llm.adapters.want({"rank": carded(peft("a"), "small"), "explain": peft("b")})

    async def run():
        with pytest.raises(ServiceDown, match="trained on 'small'"):
            await score(llm.for_task("rank"))
        await score(llm.for_task("explain"))
        with pytest.raises(ServiceDown, match="rank: It was trained on 'small'"):
            await llm.check()
        with pytest.raises(InvalidInput, match="trained on 'small'"):
            await llm.adapters.swap("explain", carded(peft("c"), "small"))

    asyncio.run(run())
    assert vllm.loads == [llm.adapters.names["explain"]]
