"""The LoRA adapters that come with Palate are whole, of the packaged base, and made by the commands as they are."""

import pytest

from agent.prompts.explain import EXPLAIN_VERSION
from agent.prompts.understand import UNDERSTAND_VERSION
from api.tuned import judge_promoted
from evals.suites.understand import UNDERSTAND_PROTOCOL, load_wishes
from finetune.explain_task import ExplainTaskConfig
from finetune.files import MAX_SHIPPED_BYTES, read_sealed
from finetune.job import base_ref, values_hash
from finetune.registry import SHIPPED
from finetune.scores import Scores
from finetune.understand_task import UnderstandTaskConfig
from palate.settings import Settings

TASKS = {"explain": (EXPLAIN_VERSION, ExplainTaskConfig()), "understand": (UNDERSTAND_VERSION, UnderstandTaskConfig())}


@pytest.fixture(params=sorted(TASKS))
def shipped(request):
    folder = SHIPPED / request.param
    return folder, read_sealed(folder, request.param, most_bytes=MAX_SHIPPED_BYTES, remedy="Train it anew.")


def test_it_is_of_the_packaged_base_and_of_the_prompt_that_serves(shipped):
    _, card = shipped
    assert card.base == base_ref(None)
    assert card.prompt_version == TASKS[card.task][0]


def test_the_command_makes_it_with_its_own_settings(shipped):
    _, card = shipped
    assert {k: v for k, v in card.training.items() if k != "last_loss"} == TASKS[card.task][1].model_dump(mode="json")


def test_its_card_says_what_its_scores_say_and_under_which_terms(shipped):
    folder, card = shipped
    scores = Scores.read(folder, card.scores)
    said = card.metrics[card.scores.metric]
    assert said.value == pytest.approx(float(scores.value.mean()), abs=1e-6)
    assert said.low < said.value < said.high
    assert said.split == "test"
    assert all(data.terms for data in card.data)
    without = card.metrics.get(f"{card.scores.metric}.without", card.metrics[f"{card.scores.metric}.zero-shot"])
    assert without.value == pytest.approx(float(scores.baseline.mean()), abs=1e-6)


def test_they_run_out_of_the_box(tmp_path):
    found, refused = judge_promoted(Settings(home=tmp_path))
    assert {task: one.folder for task, one in found.items()} == {task: SHIPPED / task for task in TASKS}
    assert not refused


def test_the_one_for_wishes_was_measured_on_the_wishes_that_are_here_and_beats_the_base():
    card = read_sealed(SHIPPED / "understand", "understand", most_bytes=MAX_SHIPPED_BYTES, remedy="Train it anew.")
    cases = load_wishes("test")
    assert (card.scores.data, card.scores.cases, card.scores.protocol) == (values_hash(cases), 200, UNDERSTAND_PROTOCOL)
    assert card.metrics["exact.alone"].low > card.metrics["exact.alone.zero-shot"].high
