import pytest

from agent.llm.vllm_text import piece, writing
from palate.prompting import GenerateConfig


def test_a_request_holds_only_what_was_set():
    body = writing("Say", GenerateConfig(max_tokens=5, temperature=0.0, seed=3))
    assert body == {"prompt": "Say", "max_tokens": 5, "temperature": 0.0, "seed": 3, "add_special_tokens": False, "stream": True}
    assert writing("Say", GenerateConfig(stop=("\n",)))["stop"] == ["\n"]
    assert writing("Say", GenerateConfig(choices=("a", "b")))["structured_outputs"] == {"choice": ["a", "b"]}
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    assert writing("Say", GenerateConfig(json_schema=schema))["structured_outputs"] == {"json": schema}


def test_the_text_of_an_event_is_that_of_its_choices():
    assert piece({"choices": [{"text": "a"}, {"text": "b"}]}) == "ab"
    assert not piece({"choices": []})


@pytest.mark.parametrize(
    "event", [{}, {"choices": None}, {"choices": 3}, {"choices": [None]}, {"choices": [{"text": None}]}, {"choices": [{}]}]
)
def test_another_event_is_refused(event):
    with pytest.raises((KeyError, TypeError)):
        piece(event)
