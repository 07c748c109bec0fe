from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from palate.deadline import Deadline
from palate.domain import Item, Query, Request
from palate.errors import ConfigurationError, Unavailable
from palate.plugins import load_plugins
from palate.sql import open_sqlite
from palate.testing.candidate_source import ListedInteractions, sample_interactions, sample_items, sample_profile
from retrieval import (
    AttributesSource,
    ChromaIndex,
    EaseConfig,
    EaseSource,
    LexicalSource,
    PopSource,
    Retriever,
    RetrieverConfig,
    Scored,
    SourceContext,
    SqlCatalog,
    item_text,
)


@pytest.fixture
def catalog(tmp_path):
    engine = open_sqlite(tmp_path / "catalog.db")
    made = SqlCatalog(engine)
    made.put(sample_items())
    yield made
    engine.dispose()


class Fixed:
    """A source that offers what it is told to, after what delay it is told to."""

    def __init__(self, name, ids=(), seconds=0.0, error=None):
        self.name, self.ids, self.seconds, self.error, self.asked = name, list(ids), seconds, error, 0

    def fit(self, table, interactions):
        self.table = table

    def candidates(self, profile, query, n, allowed):
        self.asked += 1
        time.sleep(self.seconds)
        if self.error:
            raise self.error
        return [Scored(i, 1.0) for i in self.ids]

    def explain(self, profile, query, item_ids):
        return {}

    def describe(self):
        return {"name": self.name}


def sources():
    return [PopSource(), EaseSource(EaseConfig(regularization=5.0, min_people=1)), LexicalSource(), AttributesSource()]


def make(catalog, *more, **config):
    retriever = Retriever(catalog, [*sources(), *more], RetrieverConfig(**config))
    retriever.fit(sample_interactions())
    return retriever


def ask(retriever, profile=None, deadline=None, **request):
    profile = profile or sample_profile("film-00", "film-04", "track-0")
    return retriever.retrieve(Request(person_id="someone", **request), profile, deadline)


def ids(found):
    return [c.item.item_id for c in found]


def test_candidates_carry_hits_and_evidence_and_come_from_the_pool(catalog):
    found = ask(make(catalog, n_candidates=10))
    assert len(found.candidates) == 10
    assert found.degraded == ()
    assert set(ids(found.candidates)) <= set(ids(found.pool))
    assert set(ids(found.candidates)).isdisjoint({"film-00", "film-04", "track-0"})
    assert all(c.hits and len(c.evidence) <= 6 for c in found.candidates)
    assert all(c.evidence for c in found.candidates if {"ease", "attributes"} & {hit.source for hit in c.hits})
    assert {"history", "attribute"} <= {e.kind for c in found.candidates for e in c.evidence}
    assert {c.item.type for c in found.candidates} == {"movie", "track"}
    assert found.timings["total"] >= found.timings["ease"]
    for candidate in found.candidates:
        type(candidate).model_validate(candidate.model_dump())
        assert len({(e.kind, e.item_id, e.platform, e.detail) for e in candidate.evidence}) == len(candidate.evidence)


def test_same_question_same_answer(catalog):
    first, second = ask(make(catalog)), ask(make(catalog))
    assert first.candidates == second.candidates
    assert first.pool == second.pool


def test_filters_hold_for_every_source_even_a_careless_one(catalog):
    retriever = make(catalog, Fixed("careless", ["film-00", "film-09", "not-in-the-catalog", "film-13"]))
    found = ask(retriever, exclude_item_ids=("film-09",), query=Query(year_min=1970))
    assert {"film-00", "film-09", "not-in-the-catalog"}.isdisjoint(ids(found.pool))
    assert "film-13" in ids(found.pool)
    assert all((c.item.year or 0) >= 1970 for c in found.pool)


def test_a_source_that_fails_is_left_out_and_named(catalog, caplog):
    retriever = make(catalog, Fixed("broken", error=RuntimeError("no luck")))
    found = ask(retriever)
    assert found.degraded == ("retrieve:broken",)
    assert found.candidates
    assert "no luck" in caplog.text


def test_a_source_that_cannot_be_fitted_is_left_out_and_named(catalog, caplog):
    class Unfit(Fixed):
        def fit(self, table, interactions):
            raise ValueError("cannot be fitted")

    retriever = make(catalog, Unfit("unfit"))
    assert ask(retriever).degraded == ("retrieve:unfit",)
    assert "cannot be fitted" in caplog.text


def test_what_is_predicted_to_be_late_is_left_out_and_named(catalog):
    retriever = make(catalog, Fixed("slow", ["film-11"], seconds=0.6))
    assert ask(retriever).degraded == ()
    start = time.perf_counter()
    found = ask(retriever, deadline=Deadline(0.3))
    assert time.perf_counter() - start < 0.6
    assert "retrieve:slow" in found.degraded
    assert {"pop", "ease"} <= {hit.source for c in found.candidates for hit in c.hits}


def test_one_slow_time_does_not_shut_a_source_out_for_ever(catalog):
    late = Fixed("late", ["film-11"], seconds=0.3)
    retriever = make(catalog, late)
    ask(retriever)
    retriever.sources["late"].seconds = 0.0
    asked = retriever.sources["late"].asked
    for _ in range(20):
        ask(retriever, deadline=Deadline(0.15))
    assert retriever.sources["late"].asked > asked


def test_an_expired_deadline_still_gets_an_order(catalog):
    retriever = make(catalog)
    ask(retriever)
    found = ask(retriever, deadline=Deadline(0.0))
    assert found.candidates
    assert any(name.startswith("retrieve:") for name in found.degraded)


def test_evidence_moves_its_item(catalog):
    retriever = make(catalog)
    profile = sample_profile("film-00", "film-04", "film-09")
    found = ask(retriever, profile)
    checked = 0
    for candidate in found.candidates:
        for evidence in candidate.evidence:
            if evidence.kind == "history":
                source = retriever.sources[evidence.source]
                without = profile.model_copy(update={"entries": tuple(e for e in profile.entries if e.item_id != evidence.item_id)})
                allowed = np.array([i not in profile.seen for i in retriever.table.ids], dtype=np.bool_)
                rank = {s.item_id: n for n, s in enumerate(source.candidates(profile, Query(), 99, allowed))}
                score = {s.item_id: s.score for s in source.candidates(profile, Query(), 99, allowed)}
                after = source.candidates(without, Query(), 99, allowed)
                now = {s.item_id: (n, s.score) for n, s in enumerate(after)}.get(candidate.item.item_id, (999, 0.0))
                assert now[0] > rank[candidate.item.item_id] or now[1] < score[candidate.item.item_id]
                checked += 1
    assert checked


def test_platforms_left_out_of_the_profile_are_in_no_evidence(catalog):
    retriever = make(catalog)
    films, music = sample_profile("film-00", "film-04"), sample_profile("track-0", platform="spotify")
    both = films.model_copy(update={"entries": films.entries + music.entries, "seen": films.seen | music.seen})
    with_music, without = ask(retriever, both), ask(retriever, films)
    assert {"netflix", "spotify"} <= {e.platform for c in with_music.candidates for e in c.evidence}
    assert "spotify" not in {e.platform for c in without.candidates for e in c.evidence}
    assert ids(with_music.candidates[:10]) != ids(without.candidates[:10])


def test_a_changed_catalog_is_fitted_anew_in_the_background_and_what_is_gone_is_gone_at_once(catalog):
    retriever = make(catalog)
    first = ids(ask(retriever).candidates)[0]
    catalog.remove([first])
    catalog.put([Item(item_id="film-new", type="movie", title="New", genres=("Comedy", "Sci-Fi"))])
    assert retriever.stale
    assert first not in ids(ask(retriever).pool)
    for _ in range(200):
        if not retriever.stale:
            break
        time.sleep(0.02)
    assert "film-new" in ids(ask(retriever, query=Query(genres=("Comedy",))).pool)
    assert first not in retriever.table.rows


def test_reads_go_on_during_a_fit(catalog):
    retriever = make(catalog)
    expected = ask(retriever).candidates
    errors = []

    def read():
        try:
            for _ in range(20):
                assert ask(retriever).candidates == expected
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        retriever.fit(sample_interactions())
    for thread in threads:
        thread.join()
    assert errors == []


def test_progress_and_description(catalog):
    seen = []
    retriever = Retriever(catalog, sources())
    retriever.fit(ListedInteractions(), lambda stage, done, total: seen.append((stage, done, total)))
    assert seen[-1] == ("fit", 4, 4)
    assert [s["name"] for s in retriever.describe()["sources"]] == ["pop", "ease", "lexical", "attributes"]


def test_nothing_known_is_no_error(tmp_path):
    engine = open_sqlite(tmp_path / "empty.db")
    retriever = Retriever(SqlCatalog(engine), sources())
    with pytest.raises(Unavailable, match="fit"):
        ask(retriever)
    retriever.fit(ListedInteractions())
    found = ask(retriever, query=Query(text="x", genres=("Comedy",)))
    assert (found.candidates, found.pool) == ((), ())
    engine.dispose()


def test_names_must_differ(catalog):
    with pytest.raises(ConfigurationError, match="pop"):
        Retriever(catalog, [PopSource(), PopSource()])


def test_langchain_documents(catalog):
    from retrieval import PalateRetriever

    retriever = make(catalog)
    chain = PalateRetriever(retriever=retriever, request=Request(person_id="p"), profile=sample_profile("film-00"))
    documents = chain.invoke("horror")
    assert [d.metadata["item_id"] for d in documents] == ids(
        ask(retriever, sample_profile("film-00"), query=Query(text="horror")).candidates
    )
    assert "lexical" in documents[0].metadata["sources"]
    assert documents[0].page_content.startswith("The ")


def test_built_in_sources_register_as_plug_ins(catalog, tmp_path):
    index = ChromaIndex(tmp_path / "chroma")
    context = SourceContext(catalog=catalog, index=index)
    found = [s for many in load_plugins().hook.palate_candidate_sources(context=context) for s in many]
    assert {"pop", "ease", "content", "lexical", "attributes"} <= {s.name for s in found}
    index.close()


ALIEN = {"text": "something like Alien but funny", "genres": ("Comedy",)}


def alien_query(table):
    (alien,) = [item.item_id for item in table.items if item.title == "Alien"]
    return Query(like_item_ids=(alien,), **ALIEN)


def check_alien(retriever, movielens, people):
    query = alien_query(retriever.table)
    for person in people:
        found = ask(retriever, movielens.profile(person), query=query)
        top = [set(c.item.genres) for c in found.candidates[:5]]
        assert sum("Comedy" in genres for genres in top) >= 3
        assert sum("Comedy" in genres and bool(genres & {"Sci-Fi", "Horror"}) for genres in top) >= 2
        assert all(c.evidence for c in found.candidates[:5])


@pytest.fixture(scope="module")
def films(movielens, tmp_path_factory):
    engine = open_sqlite(tmp_path_factory.mktemp("films") / "catalog.db")
    catalog = SqlCatalog(engine)
    catalog.put(movielens.items)
    yield catalog
    engine.dispose()


def test_like_alien_but_funny_on_real_films(films, movielens):
    retriever = Retriever(films, [PopSource(), EaseSource(), LexicalSource(), AttributesSource()])
    retriever.fit(movielens)
    check_alien(retriever, movielens, sorted(movielens.events)[:30])


@pytest.mark.slow
def test_with_real_vectors_on_real_films(films, movielens, tmp_path):
    from retrieval import MiniLmEmbedder

    embedder = MiniLmEmbedder()
    index = ChromaIndex(tmp_path / "chroma")
    index.open_space("text-en", version=embedder.version, dim=embedder.dim)
    table = films.table()
    vectors = embedder.embed_texts([item_text(item) for item in table.items])
    index.upsert("text-en", table.ids, vectors, [item.type for item in table.items])
    context = SourceContext(films, index, {"text-en": embedder})
    (built_in,) = load_plugins().hook.palate_candidate_sources(context=context)
    retriever = Retriever(films, built_in)
    retriever.fit(movielens)
    people = sorted(movielens.events)[:40]
    check_alien(retriever, movielens, people)
    kinds = {e.kind for p in people[:5] for c in ask(retriever, movielens.profile(p)).candidates for e in c.evidence}
    assert kinds == {"history", "content", "attribute", "popularity"}
    assert all(len(ask(retriever, movielens.profile(person)).candidates) == 20 for person in people)
    index.close()


def test_a_source_that_hangs_is_left_behind(catalog):
    retriever = make(catalog, Fixed("slow", ["m1"], seconds=3.0))
    start = time.monotonic()
    found = retriever.retrieve(Request(person_id="ann"), sample_profile(), Deadline(0.5))
    assert time.monotonic() - start < 2.0
    assert found.candidates
    assert "retrieve:slow" in found.degraded
