import numpy as np
import pytest

from agent.llm import ScriptedLLM
from evals.rerank import RankCase, ScoredCases, requested
from finetune.card import BaseModelRef, read_card
from finetune.job import Base
from finetune.lora import LoraTrainerConfig
from finetune.rank_examples import RankExamplesConfig, rank_examples
from finetune.rank_task import RankTask, RankTaskConfig, best_weight
from finetune.registry import LoraRegistry
from finetune.scores import stored_scores
from palate.domain import Candidate, Item, Profile, Query, SourceHit
from palate.errors import ConfigurationError, InvalidInput

LLM = ScriptedLLM()


def case(n, targets=("i3",), offered=20, text=""):
    candidates = tuple(
        Candidate(
            item=Item(item_id=f"i{at}", type="movie", title=f"Film {at}", year=1990),
            score=1.0,
            hits=(SourceHit(source="pop", rank=at + 1, score=1.0),),
        )
        for at in range(offered)
    )
    who = f"u{n % 40}"
    request, profile = requested(who, Query(text=text)), Profile(person_id=who, entries=())
    return RankCase(f"c{n}", who, request, profile, {}, candidates, frozenset(targets), {"history": 1, "taken": 1})


def test_an_example_shows_the_target_among_others_with_the_ranks_they_have():
    (example,) = rank_examples([case(0)], LLM, RankExamplesConfig(shown=6))
    assert len(example.spots) == len(example.gains) == 6
    assert sum(example.gains) == 1.0
    lines = example.text.splitlines()[-6:]
    target = lines[example.gains.index(1.0)]
    assert target.startswith("4. Film 3 (1990)")
    for line in lines:
        rank, title = line.split(". Film ")
        assert int(rank) == int(title.split()[0]) + 1


def test_cases_that_teach_nothing_are_passed_over():
    cases = [case(0, targets=("elsewhere",)), case(1, offered=1, targets=("i0",)), case(2)]
    assert len(list(rank_examples(cases, LLM))) == 1


def test_targets_are_bounded_and_places_differ_between_cases():
    config = RankExamplesConfig(shown=6, most_targets=2)
    made = list(rank_examples([case(n, targets=("i1", "i4", "i7")) for n in range(30)], LLM, config))
    assert all(sum(example.gains) == 2.0 for example in made)
    assert len({example.gains.index(1.0) for example in made}) > 2
    assert made == list(rank_examples([case(n, targets=("i1", "i4", "i7")) for n in range(30)], LLM, config))


def perfect(cases):
    return [np.array([float(c.item.item_id in one.targets) for c in one.candidates], dtype=np.float32) for one in cases]


def test_the_share_is_what_gains_most_and_none_where_nothing_does():
    cases = [case(n, targets=(f"i{n % 7 + 1}",)) for n in range(40)]
    assert best_weight({"warm": ScoredCases(cases, perfect(cases))}) > 0.0
    wrong = [-np.array(scores) for scores in perfect(cases)]
    assert best_weight({"warm": ScoredCases(cases, wrong)}) == 0.0


class Told(RankTask):
    """Cases from the test instead of a data set."""

    def _cases(self, name):
        talk = [case(n, targets=(f"i{n % 5}",), text="another one") for n in range(60, 120)]
        return {"warm": [case(n, targets=(f"i{n % 5}",)) for n in range(60)], "conversation": talk}, "for tests"


def task(**more):
    training = LoraTrainerConfig(rank=2, batch=2, group=2, threads=1, max_tokens=4000, save_every=2)
    config = RankTaskConfig(
        steps=4, examples=RankExamplesConfig(shown=3), training=training, most={"warm": 6, "conversation": 2}, **more
    )
    return Told(None, None, ["some"], LLM, config=config)


def test_training_leaves_an_adapter_with_card_and_scores_and_goes_on_after_a_kill(base, tmp_path):
    folder, on = tmp_path / "rank", Base(base, BaseModelRef(name="tiny", sha256="0" * 64), "\n")

    class Killed(Exception):
        pass

    def killed(step, loss):
        if step == 3:
            raise Killed

    with pytest.raises(Killed):
        task().train(on, folder, told=killed)
    with pytest.raises(InvalidInput, match="--resume"):
        task().train(on, folder)
    with pytest.raises(ConfigurationError, match="another run"):
        task(moments=5).train(on, folder, resume=True)
    steps = []
    task().train(on, folder, resume=True, told=lambda step, loss: steps.append(step))
    assert steps == [3, 4]
    cases = [case(n) for n in range(120)]
    talk = [case(n, text="one more") for n in range(200, 240)]
    chosen = {"warm": ScoredCases(cases, perfect(cases)), "conversation": ScoredCases(talk, perfect(talk))}
    card = task().finish(on, folder, chosen)
    assert read_card(folder) == card
    assert card.prompt_version == "rank-v2"
    assert card.fusion_weight > 0.0
    assert [(ref.name, ref.terms) for ref in card.data] == [("some", "for tests")]
    assert card.metrics["warm.fused"].value > card.metrics["warm.retrieval"].value
    assert card.metrics["conversation.cascade"].value > card.metrics["conversation.retrieval"].value
    assert stored_scores(folder, "rank").value.mean() == pytest.approx(card.metrics["ndcg@10"].value, abs=1e-6)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["adapter_config.json", "adapter_model.safetensors", "card.json", "fusion-0.txt", "fusion-1.txt", "scores.npz"]
    )
    assert LoraRegistry(tmp_path / "registry", tmp_path / "none").add(folder, card) == card.version


def test_no_data_set_is_refused():
    with pytest.raises(InvalidInput, match="No data set"):
        RankTask(None, None, [], LLM)
