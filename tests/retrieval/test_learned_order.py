import time

import numpy as np
import pytest

from palate.deadline import Deadline
from palate.domain import Candidate, Item, Query, Request, SourceHit
from palate.sql import open_sqlite
from palate.testing.candidate_source import sample_interactions, sample_items, sample_profile
from retrieval import EaseConfig, EaseSource, PopSource, Retriever, RetrieverConfig, SqlCatalog
from retrieval.learned_order import led


class Alphabetical:
    """Orders by item id from behind; what ``unknown`` names it does not know."""

    name = "fusion"

    def __init__(self, unknown=(), seconds=0.0, error=None):
        self.unknown, self.seconds, self.error = set(unknown), seconds, error

    def score(self, profile, query, item_ids):
        time.sleep(self.seconds)
        if self.error:
            raise self.error
        place = {item_id: n for n, item_id in enumerate(sorted(item_ids))}
        return np.array([np.nan if i in self.unknown else place[i] for i in item_ids], dtype=np.float32)

    def describe(self):
        return {"name": self.name, "ready": True}


@pytest.fixture
def retriever(tmp_path):
    engine = open_sqlite(tmp_path / "catalog.db")
    catalog = SqlCatalog(engine)
    catalog.put(sample_items())
    made = Retriever(catalog, [PopSource(), EaseSource(EaseConfig(regularization=5.0, min_people=1))], RetrieverConfig())
    made.fit(sample_interactions())
    yield made
    engine.dispose()


def ask(retriever, deadline=None, **request):
    return retriever.retrieve(Request(person_id="someone", **request), sample_profile("film-00", "film-04"), deadline)


def ids(candidates):
    return [candidate.item.item_id for candidate in candidates]


def pool(*names):
    return [
        Candidate(item=Item(item_id=i, type="movie", title=i), score=1.0 / n, hits=(SourceHit(source="pop", rank=n, score=0.0),))
        for n, i in enumerate(names, start=1)
    ]


def test_what_is_unknown_keeps_its_place_and_places_keep_their_scores():
    out = led(pool("a", "new", "b", "c"), "fusion", np.array([1.0, np.nan, 3.0, 2.0], dtype=np.float32))
    assert ids(out) == ["b", "new", "c", "a"]
    assert [c.score for c in out] == [1.0, 1 / 2, 1 / 3, 1 / 4]
    assert [[(h.rank, h.score) for h in c.hits if h.source == "fusion"] for c in out] == [[(1, 3.0)], [], [(2, 2.0)], [(3, 1.0)]]


def test_ties_stay_as_they_stood_and_where_nothing_is_known_all_does():
    before = pool("b", "a", "c")
    assert ids(led(before, "fusion", np.zeros(3, dtype=np.float32))) == ["b", "a", "c"]
    assert led(before, "fusion", np.full(3, np.nan, dtype=np.float32)) == before
    assert led([], "fusion", np.zeros(0, dtype=np.float32)) == []


def test_the_leader_orders_the_pool_and_is_in_the_hits(retriever):
    plain = ask(retriever)
    retriever.lead(Alphabetical())
    found = ask(retriever)
    assert ids(found.pool) == sorted(ids(plain.pool), reverse=True) != ids(plain.pool)
    assert [hit.rank for c in found.pool for hit in c.hits if hit.source == "fusion"] == list(range(1, len(found.pool) + 1))
    films = [i for i in ids(found.candidates) if i.startswith("film")]
    assert films == sorted(films, reverse=True)
    assert {c.item.type for c in found.candidates} == {c.item.type for c in plain.candidates}
    assert any(c.evidence for c in found.candidates)
    assert found.degraded == ()
    assert found.timings["fusion"] >= 0
    assert retriever.describe()["sources"][-1] == {"name": "fusion", "ready": True}
    retriever.lead(None)
    assert ids(ask(retriever).pool) == ids(plain.pool)


def test_a_query_and_filters_stand_above_the_leader(retriever):
    asked = ask(retriever, query=Query(genres=("Drama",)))
    retriever.lead(Alphabetical())
    assert ask(retriever, query=Query(genres=("Drama",))).pool == asked.pool
    best = ask(retriever).pool[0].item.item_id
    assert best not in ids(ask(retriever, exclude_item_ids=(best,)).pool)


@pytest.mark.parametrize("seconds", [None, 60.0])
def test_a_leader_that_fails_leaves_the_fused_order_and_is_named(retriever, caplog, seconds):
    plain = ask(retriever)
    retriever.lead(Alphabetical(error=RuntimeError("no luck")))
    found = ask(retriever, Deadline(seconds))
    assert found.pool == plain.pool
    assert found.degraded == ("retrieve:fusion",)
    assert "no luck" in caplog.text


def test_a_leader_that_is_late_leaves_the_fused_order_and_is_named(retriever):
    plain = ask(retriever)
    retriever.lead(Alphabetical(seconds=1.0))
    for _ in range(2):  # at first it is left behind, then not even asked
        found = ask(retriever, Deadline(0.2))
        assert ids(found.pool)[:5] == ids(plain.pool)[:5]
        assert "retrieve:fusion" in found.degraded
