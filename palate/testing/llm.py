"""What every LLM must hold to."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import numpy as np
import pytest

from palate.deadline import Deadline
from palate.errors import DeadlineExceeded, InvalidInput
from palate.prompting import GenerateConfig, LabelledPrompt

__all__ = ["LLMContract"]

T = TypeVar("T")

_HOSTILE = (
    "yes",
    "(yes) yes! [no]",
    "The best of all [yes] [yes] [yes]",
    "[yes",
    "yes]",
    "[ yes ] \u3010yes\u3011",
    "Pok\u00e9mon \U0001f3ac\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u738b\u5bb6\u536b \u2014 \u82b1\u6a23\u5e74\u83ef",
    " [yesterday] and [yes-man]",
    "1. Another line [yes].",
)


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


class LLMContract:
    """Subclass it and give the fixture ``llm``; override ``seconds`` for a slow one.

    The fixture may be shared by the whole class: only :meth:`test_close_twice_is_safe` closes, and it uses ``fresh_llm``, which is
    ``llm`` unless overridden; it runs on its own event loop, as do all other tests.
    """

    seconds = 60.0
    """Time allowed for one call."""
    rounding = 0.1
    """By how much a log probability may differ in a longer prompt."""

    @pytest.fixture
    def llm(self) -> Any:
        raise NotImplementedError("Give a fixture 'llm' that returns the LLM under test.")

    @pytest.fixture
    def fresh_llm(self, llm: Any) -> Any:
        return llm

    def prompt(self, llm: Any, n: int = 5) -> LabelledPrompt:
        """Return a small labelled prompt of ``n`` labels in the model's own chat template."""
        from langchain_core.messages import HumanMessage, SystemMessage

        labels = tuple(f" {chr(65 + i)}" for i in range(n))
        lines = "\n".join(f"{label.strip()}: film number {i}" for i, label in enumerate(labels))
        text = llm.render([SystemMessage("Pick one."), HumanMessage(f"{lines}\nWhich one?")]) + "Answer:"
        return LabelledPrompt(text=text, labels=labels, item_ids=tuple(f"i{i}" for i in range(n)), version="contract-1")

    def marked(self, llm: Any, texts: Sequence[str], asked: Sequence[int] | None = None) -> LabelledPrompt:
        """Return a prompt with a mark behind each of ``texts``; the marks numbered ``asked``, by default all, are to be scored."""
        from langchain_core.messages import HumanMessage, SystemMessage

        lines = [f"{number}. {text} [yes]" for number, text in enumerate(texts, start=1)]
        text = llm.render([SystemMessage("Mark what fits."), HumanMessage("I like films.\n" + "\n".join(lines))])
        begin, spots = text.index(lines[0]), list[int]()
        for line in lines:
            begin = text.index(line, begin) + len(line)
            spots.append(begin - len("yes]"))
        wanted = range(len(texts)) if asked is None else asked
        return LabelledPrompt(
            text=text[:begin], spots=tuple(spots[i] for i in wanted), item_ids=tuple(f"i{i}" for i in wanted), version="contract-2"
        )

    def test_it_has_a_name_and_an_engine(self, llm: Any) -> None:
        assert llm.name
        assert llm.engine

    def test_render_holds_the_words_and_ends_where_the_assistant_speaks(self, llm: Any) -> None:
        from langchain_core.messages import HumanMessage, SystemMessage

        text = llm.render([SystemMessage("be brief"), HumanMessage("say pineapple")])
        assert text.index("be brief") < text.index("say pineapple")
        assert not text.endswith("say pineapple")

    def test_tokens_are_counted(self, llm: Any) -> None:
        assert llm.count_tokens("") == 0
        assert 1 <= llm.count_tokens("film") <= llm.count_tokens("film and music and more film")

    @pytest.mark.parametrize("n", [2, 20])
    def test_label_scores_are_log_probabilities(self, llm: Any, n: int) -> None:
        scores = _run(llm.score_labels(self.prompt(llm, n), Deadline(self.seconds)))
        assert scores.shape == (n,)
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()
        assert np.exp(scores.astype(np.float64)).sum() == pytest.approx(1.0, abs=1e-3)

    def test_label_scores_repeat(self, llm: Any) -> None:
        first = _run(llm.score_labels(self.prompt(llm), Deadline(self.seconds)))
        second = _run(llm.score_labels(self.prompt(llm), Deadline(self.seconds)))
        np.testing.assert_allclose(first, second, atol=1e-3)

    @pytest.mark.parametrize("n", [2, 20])
    def test_spot_scores_are_log_probabilities_among_themselves_and_repeat(self, llm: Any, n: int) -> None:
        prompt = self.marked(llm, [f"film number {i}" for i in range(n)])
        first, second = (_run(llm.score_labels(prompt, Deadline(self.seconds))) for _ in range(2))
        assert first.shape == (n,)
        assert first.dtype == np.float32
        assert np.isfinite(first).all()
        assert np.exp(first.astype(np.float64)).sum() == pytest.approx(1.0, abs=1e-3)
        np.testing.assert_allclose(first, second, atol=1e-3)

    def test_spots_are_found_whatever_the_texts_around_them_hold(self, llm: Any) -> None:
        """What looks like a mark in a text is none, and a mark has the same score whichever others are asked for."""
        whole = self.marked(llm, _HOSTILE)
        assert whole.text.count(" [yes]") > len(_HOSTILE)
        asked = [0, 2, 5, len(_HOSTILE) - 1]
        among_all = _run(llm.score_labels(whole, Deadline(self.seconds)))[asked]
        alone = _run(llm.score_labels(self.marked(llm, _HOSTILE, asked), Deadline(self.seconds)))
        np.testing.assert_allclose(alone - alone[0], among_all - among_all[0], atol=1e-2)

    def test_spots_do_not_depend_on_what_follows_them(self, llm: Any) -> None:
        texts = ["Heat", "The Cook, the Thief", "Alien"]
        short = _run(llm.score_labels(self.marked(llm, texts), Deadline(self.seconds)))
        long = _run(llm.score_labels(self.marked(llm, [*texts, "Say [yes] to everything before"]), Deadline(self.seconds)))[:3]
        np.testing.assert_allclose(short - short[0], long - long[0], atol=self.rounding)

    def test_texts_have_log_probabilities_of_their_own(self, llm: Any) -> None:
        prefix = "The most famous films:\n-"
        texts = [" Heat", " Alien", " Alien and the Aliens", " Pok\u00e9mon \u738b\u5bb6\u536b"]
        found = _run(llm.log_likelihoods(prefix, texts, Deadline(self.seconds)))
        assert found.shape == (4,)
        assert found.dtype == np.float32
        assert np.isfinite(found).all()
        assert found[2] < found[1] < 0.0
        turned = _run(llm.log_likelihoods(prefix, texts[::-1], Deadline(self.seconds)))
        np.testing.assert_allclose(found, turned[::-1], atol=self.rounding)
        assert _run(llm.log_likelihoods(prefix, [], Deadline(self.seconds))).shape == (0,)

    def test_a_whole_answer_is_scored_with_the_end_of_its_turn(self, llm: Any) -> None:
        from langchain_core.messages import AIMessage, HumanMessage

        assert llm.end.strip() == llm.end != ""
        asked = HumanMessage("Is the sea wet? Yes or no?")
        assert f"yes{llm.end}" in llm.render([asked, AIMessage("yes"), asked])
        texts = ["yes", f"yes{llm.end}"]
        open_, whole = _run(llm.log_likelihoods(llm.render([asked]), texts, Deadline(self.seconds)))
        assert whole < open_ + self.rounding

    def test_a_text_that_begins_with_no_token_of_its_own_is_refused(self, llm: Any) -> None:
        with pytest.raises(InvalidInput, match="token of its own"):
            _run(llm.log_likelihoods("The most famous films:\n-", [" Heat", ""], Deadline(self.seconds)))

    def test_no_time_left_raises_at_once(self, llm: Any) -> None:
        prompt = self.prompt(llm)
        start = time.perf_counter()
        with pytest.raises(DeadlineExceeded):
            _run(llm.score_labels(prompt, Deadline(0.0)))
        assert time.perf_counter() - start < 1.0

    def test_completions_keep_count_and_order(self, llm: Any) -> None:
        from langchain_core.messages import HumanMessage

        prompts = [llm.render([HumanMessage(f"Say the word {word}.")]) for word in ("red", "blue", "green")]
        config = GenerateConfig(max_tokens=8)
        together = _run(llm.generate(prompts, config, Deadline(self.seconds)))
        assert len(together) == 3
        assert all(isinstance(text, str) for text in together)
        alone = _run(llm.generate(prompts[2:], config, Deadline(self.seconds)))
        assert together[2][:2] == alone[0][:2]

    def test_no_prompts_give_no_completions(self, llm: Any) -> None:
        assert _run(llm.generate([], GenerateConfig(max_tokens=4), Deadline(self.seconds))) == []

    def test_a_late_completion_is_cut_short_or_refused(self, llm: Any) -> None:
        start = time.perf_counter()
        try:
            texts = _run(llm.generate(["hello"], GenerateConfig(max_tokens=200), Deadline(0.0)))
        except DeadlineExceeded:
            texts = [""]
        assert len(texts) == 1
        assert time.perf_counter() - start < 2.0

    def test_a_stream_is_the_completion_in_pieces(self, llm: Any) -> None:
        from langchain_core.messages import HumanMessage

        prompt = llm.render([HumanMessage("Say hello.")])
        config = GenerateConfig(max_tokens=8)

        async def pieces() -> list[str]:
            return [piece async for piece in llm.stream(prompt, config, Deadline(self.seconds))]

        whole = _run(llm.generate([prompt], config, Deadline(self.seconds)))[0]
        assert "".join(_run(pieces())).strip() == whole.strip()

    def test_choices_are_enforced_or_refused(self, llm: Any) -> None:
        from langchain_core.messages import HumanMessage

        prompt = llm.render([HumanMessage("Is the sea wet? Yes or no?")])
        config = GenerateConfig(max_tokens=8, choices=("yes", "no"))
        if "choices" in llm.enforces:
            assert _run(llm.generate([prompt], config, Deadline(self.seconds)))[0] in config.choices
        else:
            self._refuses(llm, prompt, config)

    def test_a_json_schema_is_enforced_or_refused(self, llm: Any) -> None:
        from langchain_core.messages import HumanMessage

        prompt = llm.render([HumanMessage("How many films?")])
        count = {"type": "integer", "minimum": 0, "maximum": 9}
        schema = {"type": "object", "properties": {"count": count}, "required": ["count"], "additionalProperties": False}
        config = GenerateConfig(max_tokens=32, json_schema=schema)
        if "json_schema" in llm.enforces:
            answer = json.loads(_run(llm.generate([prompt], config, Deadline(self.seconds)))[0])
            assert list(answer) == ["count"]
            assert isinstance(answer["count"], int)
        else:
            self._refuses(llm, prompt, config)

    def _refuses(self, llm: Any, prompt: str, config: GenerateConfig) -> None:
        async def pieces() -> list[str]:
            return [piece async for piece in llm.stream(prompt, config, Deadline(self.seconds))]

        with pytest.raises(InvalidInput, match=r"'(choices|json_schema)'"):
            _run(llm.generate([prompt], config, Deadline(self.seconds)))
        with pytest.raises(InvalidInput, match=r"'(choices|json_schema)'"):
            _run(pieces())

    def test_check_tells_facts(self, llm: Any) -> None:
        facts = _run(llm.check())
        assert facts["model"]
        assert facts["engine"] == llm.engine

    def test_close_twice_is_safe(self, fresh_llm: Any) -> None:
        async def twice() -> None:
            await fresh_llm.close()
            await fresh_llm.close()

        _run(twice())
