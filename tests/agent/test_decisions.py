from datetime import UTC, datetime, timedelta

import pytest

from agent import DecisionStore
from palate.domain import Candidate, DecisionRecord, Evidence, Item, Recommendation, Request, Slate, SourceHit
from palate.errors import NotFound
from palate.sql import open_sqlite

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HIT = SourceHit(source="ease", rank=1, score=0.5)


def record(n=1, person="ann"):
    evidence = Evidence(kind="history", source="ease", weight=0.25, item_id="m2", platform="netflix")
    item = Item(item_id="m1", type="movie", title="《异形》 & <Alien>", genres=("Horror",))
    place = Recommendation(item_id="m1", type="movie", title=item.title, genres=item.genres, score=1.5, rank=1, sources=(HIT,))
    return DecisionRecord(
        decision_id=f"d{n}",
        person_id=person,
        at=NOW + timedelta(seconds=n),
        request=Request(person_id=person),
        profile_entries=(),
        candidates=(Candidate(item=item, score=0.1, hits=(HIT,), evidence=(evidence,)),),
        llm_scores={"m1": -0.5},
        prompt="x",
        slate=Slate(decision_id=f"d{n}", items=(place,), timings_ms={"total": 1.0}),
    )


@pytest.fixture
def store(tmp_path):
    made = DecisionStore(open_sqlite(tmp_path / "decisions.db"))
    yield made
    made.close()


def test_a_record_comes_back_as_it_was_also_after_reopening(store, tmp_path):
    store.put(record())
    store.close()
    again = DecisionStore(open_sqlite(tmp_path / "decisions.db"))
    assert again.get("d1") == record()
    again.close()


def test_an_unknown_decision_is_named(store):
    with pytest.raises(NotFound, match="'d9'"):
        store.get("d9")


def test_recent_is_newest_first_and_a_persons_own(store):
    for n in (1, 3, 2):
        store.put(record(n))
    store.put(record(4, "bob"))
    assert [r.decision_id for r in store.recent("ann")] == ["d3", "d2", "d1"]
    assert [r.decision_id for r in store.recent("ann", n=1)] == ["d3"]


def test_erase_removes_all_of_a_person(store):
    store.put(record(1))
    store.put(record(2, "bob"))
    assert store.erase("ann") == 1
    assert store.recent("ann") == []
    assert store.get("d2").person_id == "bob"
