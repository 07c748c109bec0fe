import asyncio
import re
import threading
import time

import numpy as np
import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from agent.llm.embedded import EmbeddedConfig, EmbeddedLLM
from agent.llm.vllm import VllmLLM
from palate.deadline import Deadline
from palate.errors import DeadlineExceeded, InvalidInput, MissingExtra, MissingWeights, ServiceDown
from palate.prompting import GenerateConfig, LabelledPrompt
from palate.testing.llm import LLMContract

LETTERS = tuple(f" {chr(65 + i)}" for i in range(20))


def labelled(llm, text, labels=LETTERS):
    return LabelledPrompt(text=text, labels=labels, item_ids=tuple(f"i{i}" for i in range(len(labels))), version="t")


def ranking(llm, history="The Matrix"):
    lines = "\n".join(f"{label.strip()}: film number {i}" for i, label in enumerate(LETTERS))
    return labelled(llm, llm.render([SystemMessage("Pick one."), HumanMessage(f"{history}\n{lines}\nWhich one?")]) + "Answer:")


class TestEmbeddedLLM(LLMContract):
    @pytest.fixture
    def llm(self, embedded):
        return embedded

    @pytest.fixture
    def fresh_llm(self, llm_cache):
        return EmbeddedLLM(None, llm_cache)


def test_it_follows_the_text(embedded):
    text = embedded.render([HumanMessage("What is the capital of France? Answer with one word.")])
    answer = asyncio.run(embedded.generate([text], GenerateConfig(max_tokens=12), Deadline(600)))[0]
    assert "Paris" in answer


def test_the_models_own_system_prompt_is_there_only_without_another(embedded):
    assert embedded.render([HumanMessage("hi")]).count("<|im_start|>system") == 1
    text = embedded.render([SystemMessage("Be brief."), HumanMessage("hi")])
    assert text == "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"


def test_scores_are_those_of_the_text_that_follows(embedded):
    prompt = labelled(embedded, "The first letter of the word Banana is", (" B", " Q", " Z"))
    scores = asyncio.run(embedded.score_labels(prompt, Deadline(600)))
    assert scores.argmax() == 0


def test_a_batch_writes_for_each_prompt_what_it_is_about_and_repeats_itself(embedded):
    asked = ["Who wrote Romeo and Juliet?", "Tell of the sea, and of the rain that falls on it.", "Which planet do we live on?"]
    prompts = [embedded.render([HumanMessage(question)]) for question in asked]
    config = GenerateConfig(max_tokens=24)
    together = asyncio.run(embedded.generate(prompts, config, Deadline(600)))
    assert asyncio.run(embedded.generate(prompts, config, Deadline(600))) == together
    # Sums run in another order in a batch, so that words may differ from those of a prompt alone: how differs between processors.
    about = [("Romeo", "Juliet", "Shakespeare", "play"), ("sea", "rain"), ("planet", "Earth")]
    found = [[any(word in re.findall(r"\w+", text) for word in words) for words in about] for text in together]
    assert [row.index(True) for row in found] == [0, 1, 2]


def test_the_same_seed_writes_the_same(embedded):
    prompt = embedded.render([HumanMessage("Name a film.")])
    one, same, other = (
        asyncio.run(embedded.generate([prompt], GenerateConfig(max_tokens=12, temperature=1.0, seed=s), Deadline(600)))
        for s in (1, 1, 2)
    )
    assert one == same
    assert one != other


def test_a_stop_text_ends_the_completion_before_it(embedded):
    prompt = embedded.render([HumanMessage("Count: one two three four five six. Repeat that.")])
    whole = asyncio.run(embedded.generate([prompt], GenerateConfig(max_tokens=20), Deadline(600)))[0]
    stop = whole.split()[2]
    cut = asyncio.run(embedded.generate([prompt], GenerateConfig(max_tokens=20, stop=(stop,)), Deadline(600)))[0]
    assert cut == whole.split(stop)[0]


def test_a_deadline_cuts_a_completion_short(embedded):
    prompt = embedded.render([HumanMessage("Tell a very long story of the sea, with all details.")])
    need = embedded._seconds([embedded.count_tokens(prompt)], GenerateConfig())
    start = time.perf_counter()
    text = asyncio.run(embedded.generate([prompt], GenerateConfig(max_tokens=2000), Deadline(need + 1.0)))[0]
    assert time.perf_counter() - start < need + 2.0
    assert 0 < embedded.count_tokens(text) < 2000


def test_what_is_predicted_to_be_late_is_refused_at_once(embedded):
    prompt = ranking(embedded, "film " * 600)
    with pytest.raises(DeadlineExceeded, match="predicted"):
        asyncio.run(embedded.score_labels(prompt, Deadline(0.05)))


def test_what_waits_counts_against_the_deadline(embedded):
    prompt = ranking(embedded)
    need = embedded._pace.predict(embedded.count_tokens(prompt.text))

    async def many():
        calls = [embedded.score_labels(prompt, Deadline(need * 3.5)) for _ in range(12)]
        return await asyncio.gather(*calls, return_exceptions=True)

    results = asyncio.run(many())
    refused = [r for r in results if isinstance(r, DeadlineExceeded)]
    served = [r for r in results if isinstance(r, np.ndarray)]
    assert len(refused) + len(served) == 12
    assert served
    assert len(refused) >= 6
    assert embedded._pace.backlog() == pytest.approx(0.0, abs=1e-6)


def test_an_abandoned_stream_frees_the_worker(embedded):
    prompt = embedded.render([HumanMessage("Tell a very long story of the sea.")])

    async def first():
        stream = embedded.stream(prompt, GenerateConfig(max_tokens=1500), Deadline(600))
        piece = await anext(stream)
        await stream.aclose()
        return piece

    assert asyncio.run(first())
    start = time.perf_counter()
    asyncio.run(embedded.score_labels(ranking(embedded), Deadline(600)))
    assert time.perf_counter() - start < 10


def test_other_work_goes_on_while_the_engine_runs(embedded):
    prompt = ranking(embedded, "film " * 300)

    async def both():
        ticks = 0
        scoring = asyncio.ensure_future(embedded.score_labels(prompt, Deadline(600)))
        while not scoring.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return ticks

    assert asyncio.run(both()) >= 5


def test_the_end_of_a_turn_is_one_token_here_and_where_vllm_reads_the_same_tokenizer(embedded):
    from transformers import PreTrainedTokenizerFast

    assert embedded.end == "<|im_end|>" == VllmLLM("http://127.0.0.1:1", "palate").end
    said = embedded.render([HumanMessage("Wish: funny\nDraft: =any")]) + "+Comedy =any"
    assert embedded.count_tokens(said + embedded.end) == embedded.count_tokens(said) + 1
    folder = asyncio.run(embedded.check())["cache"]
    theirs = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json")
    ids = theirs(said + embedded.end, add_special_tokens=False)["input_ids"]
    assert ids[-1] == embedded.label_token(embedded.end)
    assert ids[:-1] == theirs(said, add_special_tokens=False)["input_ids"]
    assert len(ids) == embedded.count_tokens(said + embedded.end)


@pytest.mark.parametrize("labels", [(" A", " two words"), (" A", " A")])
def test_labels_that_cannot_be_told_apart_are_refused(embedded, labels):
    prompt = LabelledPrompt(text="x", labels=labels, item_ids=tuple("ab"[: len(labels)]), version="t")
    with pytest.raises(InvalidInput):
        asyncio.run(embedded.score_labels(prompt, Deadline(600)))


@pytest.mark.parametrize("text", ["", "film " * 9000])
def test_a_prompt_that_does_not_fit_is_refused_with_counts(embedded, text):
    with pytest.raises(InvalidInput, match=r"empty|has 900\d tokens"):
        asyncio.run(embedded.score_labels(labelled(embedded, text), Deadline(600)))


def test_a_completion_must_fit_the_context_too(llm_cache, embedded):
    llm = EmbeddedLLM(None, llm_cache, config=EmbeddedConfig(max_context=64))
    with pytest.raises(InvalidInput, match="room for 64"):
        asyncio.run(llm.generate(["a b c"], GenerateConfig(max_tokens=64), Deadline(600)))
    asyncio.run(llm.close())


def test_a_first_call_that_cannot_wait_for_loading_is_late_and_begins_it(llm_cache, embedded):
    llm = EmbeddedLLM(None, llm_cache)
    with pytest.raises(DeadlineExceeded):
        asyncio.run(llm.score_labels(ranking(llm), Deadline(0.5)))
    llm.open()
    assert asyncio.run(llm.score_labels(ranking(llm), Deadline(600))).shape == (20,)
    asyncio.run(llm.close())


def test_after_closing_it_says_so(llm_cache, embedded):
    llm = EmbeddedLLM(None, llm_cache)
    asyncio.run(llm.close())
    with pytest.raises(ServiceDown, match="closed"):
        llm.open()


def test_it_is_used_from_several_threads_at_once(embedded):
    prompt, results = ranking(embedded), []
    threads = [
        threading.Thread(target=lambda: results.append(asyncio.run(embedded.score_labels(prompt, Deadline(600))))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    np.testing.assert_array_equal(results[0], results[1])


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(MissingWeights, match=r"nowhere\.gguf"):
        EmbeddedLLM(tmp_path / "nowhere.gguf", tmp_path / "cache").open()


def test_a_missing_engine_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ctranslate2", None)
    with pytest.raises(MissingExtra, match=r"palate\[llm\]"):
        EmbeddedLLM(None, tmp_path).open()


def test_check_names_licence_and_pace(embedded):
    facts = asyncio.run(embedded.check())
    assert facts["license"] == "apache-2.0"
    assert facts["compute_type"] == "int8"
    assert facts["prefill_ms_per_token"] > 0
