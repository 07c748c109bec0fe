import asyncio
import time

import pytest

from agent import Explainer, Reranker, RerankerConfig, ScriptedLLM
from palate.deadline import Deadline
from palate.domain import Account, Event, Query, Request
from palate.errors import DeadlineExceeded, NotFound


def run(work):
    return asyncio.run(work)


def test_the_whole_way(world):
    llm = ScriptedLLM(score=lambda prompt: list(range(len(prompt.labels))), text=lambda prompt: "Because you watched Fargo.")
    slate = run(world.recommender(llm).recommend(Request(person_id="ann", n=6)))
    assert {item.type for item in slate.items} == {"movie", "track"}
    assert [item.rank for item in slate.items] == [1, 2, 3, 4, 5, 6]
    assert not {item.item_id for item in slate.items} & {e.item_id for e in world.history.events("ann")}
    assert slate.degraded == ()
    assert set(slate.timings_ms) == {"retrieve", "rerank", "explain", "record", "total"}
    assert slate.model == {"name": "scripted", "engine": "scripted", "prompt_version": "rank-v1"}
    platforms = {e.platform for item in slate.items for reason in item.reasons for e in reason.evidence}
    assert {"netflix", "spotify"} <= platforms


def test_the_record_holds_what_led_to_it(world):
    slate = run(world.recommender(ScriptedLLM()).recommend(Request(person_id="ann", n=4)))
    record = world.decisions.get(slate.decision_id)
    assert record.slate.items == slate.items
    assert set(record.llm_scores) == {c.item.item_id for c in record.candidates}
    assert "Netflix: Fargo (1996)" in record.prompt
    assert "Spotify: Slow Light" in record.prompt
    assert len(record.prompt_hash) == 64
    assert {e.item_id for e in record.profile_entries} == {e.item_id for e in world.history.events("ann")}


def test_without_a_platform_nothing_of_it_is_used(world):
    slate = run(world.recommender(ScriptedLLM()).recommend(Request(person_id="ann", n=6, without_platforms=("spotify",))))
    text = world.decisions.get(slate.decision_id).model_dump_json(exclude={"request"})
    assert "spotify" not in text.lower()


def test_a_tight_deadline_gives_the_retrievers_order_in_time(world):
    recommender = world.recommender(ScriptedLLM(delay=5.0))
    request = Request(person_id="ann", n=6, deadline_ms=30)
    plain = [item.item_id for item in run(world.recommender().recommend(request.model_copy(update={"deadline_ms": 9000}))).items]

    async def several():
        took = []
        for _ in range(10):
            start = time.perf_counter()
            slate = await recommender.recommend(request)
            took.append(time.perf_counter() - start)
            assert "rerank" in slate.degraded
            if slate.degraded == ("rerank",):
                assert [item.item_id for item in slate.items] == plain
                assert any(item.reasons for item in slate.items)
        return took

    assert min(run(several())) < 1.0  # not those 30 ms: the machine may be busy; whoever waited for the LLM would need five seconds


def test_why_reads_the_record_whatever_happened_since(world):
    recommender = world.recommender(ScriptedLLM())
    slate = run(recommender.recommend(Request(person_id="cat", n=3)))
    item = slate.items[1]
    before = run(recommender.why(slate.decision_id, item.item_id))
    world.history.link("cat", Account(platform="palate", user_id="cat"))
    event = Event(
        event_id="x1", platform="palate", user_id="cat", item_id=item.item_id, verb="dislike", at="2026-02-01T00:00:00+00:00"
    )
    world.history.append([event])
    assert run(recommender.why(slate.decision_id, item.item_id)) == before
    assert (before.title, before.reasons, before.rank) == (item.title, item.reasons, 2)
    assert before.rank_without_llm == 2
    assert before.scores["llm"] is not None
    assert before.sources == item.sources
    after = run(recommender.recommend(Request(person_id="cat", n=3)))
    assert item.item_id not in {i.item_id for i in after.items}


def test_why_in_the_other_language_states_the_same_evidence(world):
    recommender = world.recommender()
    slate = run(recommender.recommend(Request(person_id="ann", n=3)))
    item = next(i for i in slate.items if i.reasons)
    reasons = run(recommender.why(slate.decision_id, item.item_id, language="zh")).reasons
    assert all("\u4e00" <= reason.text[0] <= "\u9fff" for reason in reasons)
    assert {e for r in reasons for e in r.evidence} <= {e for r in item.reasons for e in r.evidence}


def test_unknown_decisions_and_items_are_not_found(world):
    recommender = world.recommender()
    slate = run(recommender.recommend(Request(person_id="ann", n=2)))
    with pytest.raises(NotFound, match="'nope'"):
        run(recommender.why("nope", "m-00"))
    with pytest.raises(NotFound, match="'m-99'"):
        run(recommender.why(slate.decision_id, "m-99"))


def test_why_keeps_its_deadline(world):
    class Slow:
        def get(self, decision_id):
            time.sleep(0.3)
            raise AssertionError

        def put(self, record):
            pass

    recommender = world.recommender()
    recommender._decisions = Slow()
    with pytest.raises(DeadlineExceeded):
        run(recommender.why("d", "i", Deadline(0.05)))


def test_more_than_was_ranked_goes_on_from_the_pool(world):
    slate = run(world.recommender(ScriptedLLM()).recommend(Request(person_id="ann", n=50, include_seen=True)))
    assert len(slate.items) == len({i.item_id for i in slate.items}) > 20
    assert run(world.recommender().why(slate.decision_id, slate.items[-1].item_id)).rank == len(slate.items)


def test_a_person_without_history_gets_what_is_popular(world):
    slate = run(world.recommender(ScriptedLLM()).recommend(Request(person_id="nobody", n=5)))
    assert len(slate.items) == 5


def test_a_query_moves_the_slate(world):
    query = world.understand("something like Alien but funny")
    slate = run(world.recommender(ScriptedLLM()).recommend(Request(person_id="ann", n=5, query=query)))
    genres = [set(item.genres) for item in slate.items]
    assert sum("Comedy" in g for g in genres) >= 3
    assert sum("Comedy" in g and bool(g & {"Sci-Fi", "Horror"}) for g in genres) >= 2


def test_nothing_that_fits_is_an_empty_slate(world):
    query = Query(year_max=1900, types=("movie",))
    slate = run(world.recommender(ScriptedLLM()).recommend(Request(person_id="ann", query=query)))
    assert slate.items == ()
    assert world.decisions.get(slate.decision_id).slate.items == ()


def test_the_same_request_gives_the_same_slate(world):
    llm = ScriptedLLM(score=lambda prompt: [hash(item) % 7 for item in prompt.item_ids])
    request = Request(person_id="ann", n=10)
    first, second = (run(world.recommender(llm).recommend(request)) for _ in range(2))
    assert [(i.item_id, i.score) for i in first.items] == [(i.item_id, i.score) for i in second.items]


def test_concurrent_requests_do_not_mix(world):
    recommender = world.recommender(
        reranker=Reranker(ScriptedLLM(delay=0.01), RerankerConfig(weight=0.5)), explainer=Explainer(None, world.matcher)
    )

    async def many():
        people = ["ann", "bob", "dan"] * 5
        slates = await asyncio.gather(*(recommender.recommend(Request(person_id=p, n=5)) for p in people))
        return list(zip(people, slates, strict=True))

    for person, slate in run(many()):
        assert world.decisions.get(slate.decision_id).person_id == person
        assert not {i.item_id for i in slate.items} & {e.item_id for e in world.history.events(person)}
