from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters import HistoryStore, TitleMatcher, open_history
from palate.domain import Account, Item
from palate.errors import Unavailable
from palate.sql import open_sqlite
from palate.testing.history import HistoryContract


class TestHistoryStore(HistoryContract):
    opener = "adapters.history:open_history"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HistoryStore]:
    history = open_history(tmp_path / "history.db")
    history.link("ann", Account(platform="netflix", user_id="ann-n"))
    yield history
    history.close()


def test_rematch_moves_what_a_later_catalog_holds(store: HistoryStore) -> None:
    waiting = [HistoryContract.waiting(i) for i in range(3)]
    waiting.append(HistoryContract.waiting(3, title="Fargo: Season 1: The Heap", alternatives=("Fargo: Season 1", "Fargo")))
    waiting.append(HistoryContract.waiting(4, title="Title 1", type="track"))
    store.append_unmatched(waiting)
    matcher = TitleMatcher([Item(item_id="a", type="movie", title="Title 1"), Item(item_id="b", type="movie", title="Fargo")])
    assert store.rematch(matcher) == 2
    found = [(event.event_id, event.item_id) for event in store.events("ann")]
    assert found == [("waiting-ann-n-3", "b"), ("waiting-ann-n-1", "a")]
    assert [event.event_id for event in store.unmatched("ann")] == ["waiting-ann-n-4", "waiting-ann-n-2", "waiting-ann-n-0"]
    assert store.rematch(matcher) == 0


def test_a_failed_write_leaves_nothing(store: HistoryStore) -> None:
    revision = store.revision
    good = ("cleo", Account(platform="netflix", user_id="cleo-n"))
    with pytest.raises(Exception, match="belongs to 'ann'"):
        store.link_all([good, ("bob", Account(platform="netflix", user_id="ann-n"))])
    assert store.persons() == ["ann"]
    assert store.revision == revision


def test_a_damaged_file_is_named_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"this is no database, it only looks like a file of some length" * 50)
    with pytest.raises(Unavailable, match=r"history\.db.*Restore"):
        open_history(path)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    open_history(path).close()
    engine = open_sqlite(path)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE meta SET number = 99 WHERE key = 'schema'")
    engine.dispose()
    with pytest.raises(Unavailable, match="schema 99"):
        open_history(path)


def test_interactions_are_streamed(store: HistoryStore) -> None:
    events = [HistoryContract.event(i) for i in range(30_000)]
    assert store.append(events) == 30_000
    stream = store.interactions()
    next(stream)
    store.append([HistoryContract.event(50_000)])  # a reader under way does not block a writer
    assert sum(1 for _ in stream) >= 29_999
