import asyncio

import numpy as np
import pytest

from agent.llm.scripted import ScriptedLLM
from palate.deadline import Deadline
from palate.errors import DeadlineExceeded, ServiceDown
from palate.prompting import GenerateConfig
from palate.testing.llm import LLMContract


class TestScriptedLLM(LLMContract):
    @pytest.fixture
    def llm(self):
        return ScriptedLLM(
            score=lambda prompt: [spot / 100 for spot in prompt.spots] or list(range(len(prompt.labels))),
            text=lambda prompt: f"I heard {len(prompt)} signs.",
        )


def test_a_broken_script_is_passed_on():
    contract = LLMContract()
    llm = ScriptedLLM(score=lambda prompt: [float("nan")] * 3)
    scores = asyncio.run(llm.score_labels(contract.prompt(llm), Deadline(1)))
    assert scores.shape == (3,)
    assert np.isnan(scores).all()


def test_a_script_without_numbers_is_a_service_that_is_down():
    llm = ScriptedLLM(score=lambda prompt: ["{", "json"])
    with pytest.raises(ServiceDown, match="json"):
        asyncio.run(llm.score_labels(LLMContract().prompt(llm), Deadline(1)))


def test_delay_counts_against_the_deadline():
    with pytest.raises(DeadlineExceeded):
        asyncio.run(ScriptedLLM(delay=5).generate(["x"], GenerateConfig(), Deadline(0.5)))


def test_fail_is_raised():
    with pytest.raises(ServiceDown):
        asyncio.run(ScriptedLLM(fail=ServiceDown("down")).check())
