import asyncio
import time
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import Reranker, RerankerConfig, ScriptedLLM
from agent.rank_features import rank_features
from agent.rank_order import RankOrder
from agent.reranker import final_places
from palate.deadline import Deadline
from palate.domain import Candidate, Item, Profile, ProfileEntry, Query, Request, SourceHit
from palate.errors import MissingWeights, ServiceDown
from retrieval.learned_training import Examples
from retrieval.learned_trees import Trees, TreesConfig

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def candidates(n=20, genres=lambda i: ()):
    return [
        Candidate(
            item=Item(item_id=f"c{i}", type="movie", title=f"Film {i}", genres=genres(i)),
            score=1 / (60 + i),
            hits=(SourceHit(source="ease", rank=i + 1, score=1.0),),
        )
        for i in range(n)
    ]


def rerank(llm, shown, config=None, deadline=5.0, query=None):
    reranker = llm if isinstance(llm, Reranker) else Reranker(llm, config)
    request = Request(person_id="ann", query=query or Query())
    profile = Profile(person_id="ann", entries=(ProfileEntry(item_id="h", platform="netflix", verb="play", at=NOW, weight=1.0),))
    history = {"h": Item(item_id="h", type="movie", title="Fargo")}
    return asyncio.run(reranker.rerank(request, profile, shown, history, Deadline(deadline)))


def ids(reranked):
    return [candidate.item.item_id for candidate, _ in reranked.order]


def test_one_call_orders_by_both():
    llm = ScriptedLLM(score=lambda prompt: [5.0 if i == 3 else 0.0 for i in range(len(prompt.labels))])
    reranked = rerank(llm, candidates())
    assert len(llm.calls) == 1
    assert ids(reranked).index("c3") < 3
    assert sorted(ids(reranked)) == sorted(f"c{i}" for i in range(20))
    assert max(reranked.llm_scores, key=reranked.llm_scores.get) == "c3"
    assert reranked.degraded == ()
    assert reranked.prompt.item_ids == tuple(f"c{i}" for i in range(20))
    scores = [score for _, score in reranked.order]
    assert scores == sorted(scores, reverse=True)


def test_equal_labels_keep_the_retrievers_order():
    assert ids(rerank(ScriptedLLM(), candidates())) == [f"c{i}" for i in range(20)]


def test_full_weight_is_the_llms_order():
    llm = ScriptedLLM(score=lambda prompt: list(range(len(prompt.labels))))
    assert ids(rerank(llm, candidates(), RerankerConfig(weight=1.0))) == [f"c{i}" for i in range(19, -1, -1)]


def test_what_the_llm_did_not_see_follows():
    reranked = rerank(ScriptedLLM(score=lambda p: list(range(len(p.labels)))), candidates(30), RerankerConfig(weight=1.0))
    assert ids(reranked)[20:] == [f"c{i}" for i in range(20, 30)]
    assert len(reranked.llm_scores) == 20


@pytest.mark.parametrize(
    "llm",
    [
        ScriptedLLM(delay=10.0),
        ScriptedLLM(fail=ServiceDown("down")),
        ScriptedLLM(fail=RuntimeError("a bug in a backend")),
        ScriptedLLM(score=lambda prompt: [float("nan")] * len(prompt.labels)),
        ScriptedLLM(score=lambda prompt: [float("inf")] + [0.0] * (len(prompt.labels) - 1)),
        ScriptedLLM(score=lambda prompt: [1.0, 2.0]),
        ScriptedLLM(score=lambda prompt: ['{"best": "A"}']),
        ScriptedLLM(score=lambda prompt: []),
    ],
)
def test_a_broken_llm_leaves_the_retrievers_order(llm):
    reranked = rerank(llm, candidates())
    assert ids(reranked) == [f"c{i}" for i in range(20)]
    assert reranked.degraded == ("rerank",)
    assert reranked.llm_scores == {}


def test_an_llm_without_weights_is_left_out():
    class Missing(ScriptedLLM):
        def render(self, messages):
            raise MissingWeights("The model is not there.", remedy="Install it.")

    reranked = rerank(Missing(), candidates())
    assert ids(reranked) == [f"c{i}" for i in range(20)]
    assert reranked.degraded == ("rerank",)


def test_a_tokenizer_that_is_still_loading_is_not_waited_for():
    class Loading(ScriptedLLM):
        def render(self, messages):
            time.sleep(2.0)
            return super().render(messages)

    async def timed():
        start = time.monotonic()
        shown = candidates()
        reranked = await Reranker(Loading()).rerank(Request(person_id="ann"), Profile(person_id="ann"), shown, {}, Deadline(0.2))
        return reranked.degraded, time.monotonic() - start

    degraded, seconds = asyncio.run(timed())
    assert degraded == ("rerank",)
    assert seconds < 1.5


def test_an_llm_that_does_not_keep_its_deadline_is_cut_off():
    class Late(ScriptedLLM):
        async def score_labels(self, prompt, deadline):
            await asyncio.sleep(30)

    assert rerank(Late(), candidates(), deadline=0.2).degraded == ("rerank",)


def test_without_time_no_prompt_is_built():
    llm = ScriptedLLM()
    assert rerank(llm, candidates(), deadline=0.02).degraded == ("rerank",)
    assert llm.calls == []


def test_no_llm_is_no_degradation():
    reranked = rerank(None, candidates())
    assert (ids(reranked), reranked.degraded) == ([f"c{i}" for i in range(20)], ())


def test_what_was_asked_for_stays_first():
    shown = candidates(20, lambda i: ("Comedy",) if i < 5 else ("Drama",))
    llm = ScriptedLLM(score=lambda prompt: list(range(len(prompt.labels))))
    reranked = rerank(llm, shown, RerankerConfig(weight=1.0), query=Query(text="funny", genres=("Comedy",)))
    assert set(ids(reranked)[:5]) == {f"c{i}" for i in range(5)}


def test_a_bias_for_places_is_taken_out_with_one_more_call():
    bias = [3.0 if i == 0 else 0.0 for i in range(20)]
    llm = ScriptedLLM(score=lambda prompt: [b + (1.0 if i == 7 and "N/A" not in prompt.text else 0) for i, b in enumerate(bias)])
    reranker = Reranker(llm, RerankerConfig(weight=1.0, calibrate=True))
    reranked = rerank(reranker, candidates())
    assert ids(reranked)[0] == "c7"
    assert np.exp(list(reranked.llm_scores.values())).sum() == pytest.approx(1.0, abs=1e-3)
    rerank(reranker, candidates())
    assert len(llm.calls) == 3


@given(st.lists(st.floats(-50, 50, width=32), min_size=2, max_size=20), st.floats(0.0, 1.0))
def test_the_order_is_a_permutation_and_repeats(scores, weight):
    llm = ScriptedLLM(score=lambda prompt: scores)
    shown = candidates(len(scores))
    first = rerank(llm, shown, RerankerConfig(weight=weight))
    assert sorted(ids(first)) == sorted(c.item.item_id for c in shown)
    assert ids(first) == ids(rerank(llm, shown, RerankerConfig(weight=weight)))


WORDS = Query(text="something else")


@pytest.fixture(scope="module")
def last_first():
    """A learned order that puts the last candidate first, whatever the LLM says."""
    request, profile = Request(person_id="ann"), Profile(person_id="ann", entries=())
    rows = [
        rank_features(request, profile, {}, candidates(n), llm) for n in range(8, 28) for llm in (None, np.zeros(n, np.float32))
    ]
    hits = [np.arange(len(x)) == len(x) - 1 for x in rows]
    sizes = np.array([len(x) for x in rows])
    learned = Examples(
        [f"f{i}" for i in range(rows[0].shape[1])], np.concatenate(rows), np.concatenate(hits).astype(np.int8), sizes, 1.0
    )
    return Trees.fit(learned, TreesConfig(trees=60, leaves=8, min_leaf=5, column_share=1.0, models=1))


def test_a_learned_order_goes_before_the_share_and_asks_the_llm(last_first):
    llm = ScriptedLLM(score=lambda prompt: [-float(i) for i in range(len(prompt.item_ids))])
    reranked = rerank(Reranker(llm, RerankerConfig(weight=1.0), RankOrder(last_first)), candidates(), query=WORDS)
    assert len(llm.calls) == 1
    assert ids(reranked)[0] == "c19"
    assert reranked.llm_scores
    assert reranked.prompt is not None


def test_where_the_fast_order_is_sure_the_llm_is_not_asked_and_nothing_is_missing(last_first):
    llm = ScriptedLLM()
    reranked = rerank(Reranker(llm, RerankerConfig(ordered=20), RankOrder(last_first, margin=-1.0)), candidates(30), query=WORDS)
    assert llm.calls == []
    assert reranked.degraded == ()
    assert reranked.prompt is None
    assert ids(reranked)[0] == "c19"
    assert ids(reranked)[20:] == [f"c{i}" for i in range(20, 30)]
    scores = [score for _, score in reranked.order]
    assert scores == sorted(scores, reverse=True)


def test_a_learned_order_reads_more_than_the_llm(last_first):
    llm = ScriptedLLM(score=lambda prompt: [-float(i) for i in range(len(prompt.item_ids))])
    reranked = rerank(Reranker(llm, order=RankOrder(last_first)), candidates(27), query=WORDS)
    assert ids(reranked)[0] == "c26"
    assert set(reranked.llm_scores) == {f"c{i}" for i in range(20)}


def test_filters_and_examples_alone_are_no_words(last_first):
    reranker = Reranker(None, order=RankOrder(last_first))
    for query in (Query(types=("movie",)), Query(year_min=1990), Query(like_item_ids=("c3",))):
        reranked = rerank(reranker, candidates(), query=query)
        assert ids(reranked)[0] == "c0"
        assert not reranked.learned


def test_a_learned_order_needs_no_llm(last_first):
    reranker = Reranker(None, order=RankOrder(last_first))
    assert ids(rerank(reranker, candidates(), query=WORDS))[0] == "c19"
    assert ids(rerank(reranker, candidates()))[0] == "c0"


@pytest.mark.parametrize("fault", ["late", "down", "no time"])
def test_without_the_llm_the_fast_order_is_the_answer(last_first, fault):
    llm = ScriptedLLM(delay=5.0 if fault == "late" else 0.0, fail=ServiceDown("gone", remedy="wait") if fault == "down" else None)
    deadline = 0.0 if fault == "no time" else 0.5
    reranked = rerank(Reranker(llm, order=RankOrder(last_first)), candidates(), deadline=deadline, query=WORDS)
    assert reranked.degraded == ("rerank",)
    assert ids(reranked)[0] == "c19"


def test_a_request_without_words_keeps_to_the_share_and_with_none_asks_nobody(last_first):
    llm = ScriptedLLM()
    reranker = Reranker(llm, RerankerConfig(weight=0.0), RankOrder(last_first))
    assert ids(rerank(reranker, candidates()))[0] == "c0"
    assert llm.calls == []
    assert ids(rerank(reranker, candidates(), query=WORDS))[0] == "c19"


def test_of_the_genres_asked_for_what_shares_one_with_an_example_comes_first():
    def film(item_id, *genres):
        return Item(item_id=item_id, type="movie", title=item_id, genres=genres)

    example = film("alien", "Horror", "Sci-Fi")
    found = [film("known", "Comedy"), film("far", "War"), film("near", "Comedy", "Sci-Fi"), film("scary", "Horror")]
    candidates = [Candidate(item=item, score=1.0, hits=()) for item in found]
    request = Request(person_id="ann", query=Query(text="like alien but funny", like_item_ids=("alien",), genres=("Comedy",)))
    scores = np.array([4.0, 3.0, 2.0, 1.0], dtype=np.float32)
    assert final_places(request, candidates, scores, {"alien": example}) == [2, 0, 3, 1]
    plain = request.model_copy(update={"query": Query(text="like alien", like_item_ids=("alien",))})
    assert final_places(plain, candidates, scores, {"alien": example}) == [0, 1, 2, 3]
