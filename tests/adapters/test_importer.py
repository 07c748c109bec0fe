import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters import (
    ExportRow,
    HistoryStore,
    Importer,
    MovieLensAdapter,
    NetflixAdapter,
    RowError,
    SpotifyAdapter,
    TitleMatcher,
    open_history,
)
from palate.domain import Account, Item, utc_now
from palate.errors import BadExport, InvalidInput, UnknownPlatform

CATALOG = [
    Item(item_id="alien", type="movie", title="Alien", year=1979),
    Item(item_id="heat", type="movie", title="Heat", year=1995),
    Item(item_id="piece", type="track", title="Heat", creators=("Glass Rooms",)),
    *(Item(item_id=f"ml-{i}", type="movie", title=f"Numbered Film {i}") for i in range(1, 1683)),
]
MATCHER = TitleMatcher(CATALOG)
ADAPTERS = {adapter.name: adapter for adapter in (NetflixAdapter(), SpotifyAdapter(), MovieLensAdapter())}


@pytest.fixture
def history(tmp_path: Path) -> Iterator[HistoryStore]:
    store = open_history(tmp_path / "history.db")
    yield store
    store.close()


@pytest.fixture
def importer(history: HistoryStore) -> Importer:
    return Importer(history, MATCHER, ADAPTERS)


def export(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "NetflixViewingHistory.csv"
    path.write_text("\n".join(("Title,Date", *lines)) + "\n", encoding="utf-8")
    return path


def test_rows_become_events_wait_or_are_refused(importer: Importer, history: HistoryStore, tmp_path: Path) -> None:
    path = export(
        tmp_path, "Alien,3/14/24", "Heat,3/15/24", "Alien,3/14/24", "Unknown Film,3/16/24", "Heat,never", "Heat,1/1/2090", ",1/2/24"
    )
    report = importer.run("netflix", path, "ann")
    assert (report.read, report.new, report.duplicates, report.unmatched, report.rejected, report.persons) == (7, 2, 1, 1, 3, 1)
    assert [error.location for error in report.errors] == [f"{path.name}:{line}" for line in (6, 7, 8)]
    assert all(error.remedy for error in report.errors)
    assert [event.item_id for event in history.events("ann")] == ["heat", "alien"]
    assert [event.title for event in history.unmatched("ann")] == ["Unknown Film"]
    assert history.accounts("ann") == [Account(platform="netflix", user_id="ann")]


def test_again_adds_nothing_and_a_later_catalog_matches_more(importer: Importer, history: HistoryStore, tmp_path: Path) -> None:
    path = export(tmp_path, "Alien,3/14/24", "Unknown Film,3/16/24")
    importer.run("netflix", path, "ann")
    revision = history.revision
    again = importer.run("netflix", path, "ann")
    assert (again.new, again.unmatched, again.duplicates) == (0, 0, 2)
    assert history.revision == revision
    grown = TitleMatcher([*CATALOG, Item(item_id="unknown", type="movie", title="Unknown Film")])
    assert Importer(history, grown, ADAPTERS).run("netflix", path, "ann").new == 1
    assert history.unmatched("ann") == []
    assert importer.run("netflix", path, "ann").duplicates == 2
    assert history.unmatched("ann") == []


def test_platforms_do_not_mix(importer: Importer, history: HistoryStore, tmp_path: Path) -> None:
    path = tmp_path / "endsong_0.json"
    path.write_text(
        '[{"ts": "2024-01-02T03:04:05Z", "ms_played": 200000, "master_metadata_track_name": "Heat",'
        ' "master_metadata_album_artist_name": "Glass Rooms", "reason_end": "trackdone"}]'
    )
    importer.run("spotify", path, "ann")
    importer.run("netflix", export(tmp_path, "Heat,3/14/24"), "ann")
    assert [(event.platform, event.item_id, event.verb) for event in history.events("ann")] == [
        ("netflix", "heat", "play"),
        ("spotify", "piece", "complete"),
    ]


def test_an_unknown_platform_names_the_known_ones(importer: Importer, tmp_path: Path) -> None:
    with pytest.raises(UnknownPlatform, match=r"'blockbuster'.*movielens, netflix, spotify"):
        importer.run("blockbuster", tmp_path / "x", "ann")


def test_wrong_file_and_missing_person(importer: Importer, history: HistoryStore, tmp_path: Path) -> None:
    with pytest.raises(BadExport):
        importer.run("spotify", export(tmp_path, "Alien,3/14/24"), "ann")
    with pytest.raises(InvalidInput, match="no person was given"):
        importer.run("netflix", export(tmp_path, "Alien,3/14/24"), None)
    with pytest.raises(InvalidInput, match="person id"):
        importer.run("netflix", export(tmp_path, "Alien,3/14/24"), "no such person!")
    assert history.persons() == []


def ratings(tmp_path: Path, *rows: tuple[str, int]) -> Path:
    path = tmp_path / "ratings.csv"
    lines = (f"{user},{item},4,{1_000_000_000 + place}" for place, (user, item) in enumerate(rows))
    path.write_text("userId,movieId,rating,timestamp\n" + "\n".join(lines) + "\n")
    return path


def test_a_bulk_source_makes_persons_and_items_outside_the_catalog_wait(
    importer: Importer, history: HistoryStore, tmp_path: Path
) -> None:
    path = ratings(tmp_path, ("1", 5), ("2", 6), ("2", 99_999))
    report = importer.run("movielens", path, None)
    assert (report.new, report.unmatched, report.persons) == (2, 1, 2)
    assert history.persons() == ["movielens-1", "movielens-2"]
    assert [event.title for event in history.unmatched("movielens-2")] == ["ml-99999"]
    assert history.rematch(TitleMatcher([Item(item_id="ml-99999", type="movie", title="Found")])) == 1


def test_a_file_of_many_users_is_nobodys(importer: Importer, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="several users"):
        importer.run("movielens", ratings(tmp_path, ("1", 5), ("2", 6)), "ann")


def test_progress_and_batches(importer: Importer, history: HistoryStore, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    path = ratings(tmp_path, *((str(i % 50), i % 1600 + 1) for i in range(4100)))
    importer.run("movielens", path, None, progress=lambda stage, done, total: told.append((stage, done, total)))
    assert told == [("import", 2000, 0), ("import", 4000, 0), ("import", 4100, 0), ("import", 4100, 4100)]
    assert sum(1 for _ in history.interactions()) == 4100


class Wild:
    """A stranger's platform adapter, which gives whatever it likes."""

    name = "wild"
    description = "Anything."

    def __init__(self, rows: list[ExportRow | RowError]) -> None:
        self.rows = rows

    def parse(self, path: Path) -> Iterator[ExportRow | RowError]:
        yield from self.rows


ROWS = st.one_of(
    st.builds(
        ExportRow,
        title=st.sampled_from(["Alien", "Heat", "Unknown", "", "x" * 600]),
        type=st.sampled_from(["movie", "track"]),
        verb=st.sampled_from(["play", "rate", "skip"]),
        at=st.datetimes().map(lambda at: at.replace(tzinfo=utc_now().tzinfo)),
        location=st.just("f:1"),
        value=st.none() | st.floats(),
        item_id=st.none() | st.sampled_from(["alien", "../x", "nothing"]),
        user_id=st.none() | st.sampled_from(["", "ann", "b d"]),
    ),
    st.just(RowError(location="f:1", message="m", value="v", remedy="r")),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROWS, max_size=12))
def test_whatever_an_adapter_gives_every_row_is_accounted_for(history: HistoryStore, rows: list[ExportRow | RowError]) -> None:
    history.erase("ann")
    report = Importer(history, MATCHER, {"wild": Wild(rows)}).run("wild", Path("f"), "ann")
    assert report.read == len(rows) == report.new + report.duplicates + report.unmatched + report.rejected
    assert len(history.events("ann")) == report.new
    assert len(history.unmatched("ann")) == report.unmatched
    assert len(report.errors) == report.rejected


def test_only_the_first_errors_are_shown(history: HistoryStore) -> None:
    error = RowError(location="f:1", message="m", value="v", remedy="r")
    report = Importer(history, MATCHER, {"wild": Wild([error] * 60)}).run("wild", Path("f"), "ann")
    assert (report.rejected, len(report.errors)) == (60, 50)


_CHILD = """
import sys
from pathlib import Path
from adapters import Importer, MovieLensAdapter, TitleMatcher, open_history
from palate.domain import Item
matcher = TitleMatcher(Item(item_id=f"ml-{i}", type="movie", title=f"Numbered Film {i}") for i in range(1, 1683))
importer = Importer(open_history(sys.argv[1]), matcher, {"movielens": MovieLensAdapter()})
importer.run("movielens", Path(sys.argv[2]), None, progress=lambda stage, done, total: print(done, flush=True))
"""


def test_killed_and_run_again_gives_the_same_store(importer: Importer, history: HistoryStore, tmp_path: Path) -> None:
    path = ratings(tmp_path, *((str(i % 50), i % 1690 + 1) for i in range(20_000)))
    database = tmp_path / "killed.db"
    with subprocess.Popen([sys.executable, "-c", _CHILD, str(database), str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        next(child.stdout)
        time.sleep(0.05)
        os.kill(child.pid, signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    killed = open_history(database)
    stored = sum(1 for _ in killed.interactions())
    assert 0 < stored < 20_000
    report = Importer(killed, MATCHER, ADAPTERS).run("movielens", path, None)
    assert 0 < report.new < 20_000
    importer.run("movielens", path, None)
    assert list(killed.interactions()) == list(history.interactions())
    assert [killed.unmatched(person) for person in killed.persons()] == [history.unmatched(person) for person in history.persons()]
    assert [event_id for _, event_id in killed.appended(n=30_000)] == [event_id for _, event_id in history.appended(n=30_000)]
    killed.close()


@pytest.mark.slow
def test_movielens_100k_imports_whole(importer: Importer, history: HistoryStore) -> None:
    spec = find_spec("recbole")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("recbole is not installed")
    path = Path(spec.submodule_search_locations[0]) / "dataset_example" / "ml-100k" / "ml-100k.inter"
    report = importer.run("movielens", path, None)
    assert (report.read, report.new, report.persons) == (100_000, 100_000, 943)
    assert sum(1 for _ in history.interactions()) == 100_000
