import re

import pytest

from agent import ScriptedLLM
from agent.prompts import build_explain_prompt, build_respond_prompt
from agent.rules import clean
from palate.domain import Item, Recommendation, SourceHit

ITEM = Item(item_id="a", type="movie", title="A", genres=("Crime",))
PLACE = Recommendation(
    item_id="a", type="movie", title="A", genres=(), score=1, rank=1, sources=(SourceHit(source="pop", rank=1, score=1),)
)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_text_that_holds_a_label_of_a_prompt_is_refused(language):
    llm = ScriptedLLM()
    track = ITEM.model_copy(update={"type": "track"})
    prompts = [build_explain_prompt(llm, item, "x", language) for item in (ITEM, track)]
    prompts.append(build_respond_prompt(llm, "x", [PLACE], language))
    labels = {label for prompt in prompts for label in re.findall(r"^(?:<[^>]*>\w*)?(\w+[:：])", prompt, re.MULTILINE)}
    assert len(labels) == 5
    for label in labels:
        for text in (f"{label}ok", f"还有{label}ok" if language == "zh" else f"so {label}ok"):
            assert not clean(text, ["ok"], [], language), text
