import json

import pytest

from adapters.history import HistoryStore
from adapters.importer import Importer
from adapters.matching import TitleMatcher
from adapters.platforms.movielens import MovieLensAdapter
from adapters.platforms.netflix import NetflixAdapter
from adapters.platforms.spotify import SpotifyAdapter
from api.demo import films
from api.demo.films import movielens_file
from api.demo.world import DEMO_PEOPLE, MediaCache, catalog_items, exports_of, install, media_bytes
from palate.domain import Item
from palate.errors import MissingWeights
from palate.sql import open_sqlite
from retrieval.catalog import SqlCatalog

ADAPTERS = {adapter.name: adapter for adapter in (MovieLensAdapter(), NetflixAdapter(), SpotifyAdapter())}
PEOPLE = [person.person_id for person in DEMO_PEOPLE]


@pytest.fixture(scope="module")
def items():
    return catalog_items()


@pytest.fixture(scope="module")
def matcher(items):
    return TitleMatcher(items)


@pytest.fixture
def stores(tmp_path, matcher):
    engine = open_sqlite(tmp_path / "catalog.db")
    catalog, history = SqlCatalog(engine), HistoryStore(open_sqlite(tmp_path / "history.db"))
    yield catalog, history, Importer(history, matcher, ADAPTERS)
    history.close()
    engine.dispose()


def known_ratings(path):
    """Count the ratings of films that have a title: item 267 is the data set's own unknown one."""
    return sum(1 for line in path.read_text().splitlines()[1:] if line.split("\t")[1] != "267")


def stored_ratings(history):
    return sum(1 for interaction in history.interactions() if interaction.person_id.startswith("movielens-"))


@pytest.fixture
def ratings(tmp_path):
    folder = tmp_path / "ml-100k"
    folder.mkdir()
    path = folder / "ml-100k.inter"
    path.write_text("".join(movielens_file("ml-100k.inter").read_text().splitlines(keepends=True)[:3001]))
    return path


def test_catalog_holds_films_and_pieces_with_media_keys(items):
    by_type = {kind: [item for item in items if item.type == kind] for kind in ("movie", "track")}
    assert len(by_type["movie"]) >= 1650
    assert len(by_type["track"]) == 60
    assert all(item.image == f"covers/{item.item_id}.png" for item in items)
    assert all(item.audio == f"audio/{item.item_id}.ogg" for item in by_type["track"])
    assert len({item.item_id for item in items}) == len(items)


def test_missing_data_names_the_remedy(monkeypatch):
    monkeypatch.setattr(films.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingWeights, match="make setup"):
        catalog_items()


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("which", [0, 1])
def test_every_export_row_parses_and_most_match(person, which, matcher):
    platform, path = exports_of(person)[which]
    rows = list(ADAPTERS[platform].parse(path))
    assert 30 <= len(rows) <= 150
    assert all(hasattr(row, "title") for row in rows), rows
    matched = [row for row in rows if matcher.match(row.title, type=row.type, creators=row.creators, year=row.year)]
    assert len(matched) / len(rows) >= 0.85
    assert len(matched) < len(rows)  # something that the catalog does not know is shown as well


@pytest.mark.parametrize("person", PEOPLE)
def test_spotify_rows_have_all_fields_of_a_real_export(person):
    rows = json.loads(exports_of(person)[1][1].read_text(encoding="utf-8"))
    assert {frozenset(row) for row in rows} == {frozenset(rows[0])}
    assert len(rows[0]) == 24
    assert {row["skipped"] for row in rows} == {True, False}


def test_install_fills_and_a_second_time_changes_nothing(stores, ratings):
    catalog, history, importer = stores
    told = []
    install(catalog, history, importer, lambda stage, done, total: told.append((stage, done, total)), interactions=ratings)
    assert {stage for stage, _, _ in told} == {"catalog", "movielens", "people"}
    assert stored_ratings(history) == known_ratings(ratings)
    for person in PEOPLE:
        assert {account.platform for account in history.accounts(person)} == {"netflix", "spotify"}
        assert {event.platform for event in history.events(person)} == {"netflix", "spotify"}
        assert history.unmatched(person)
    before = catalog.revision, history.revision
    install(catalog, history, importer, interactions=ratings)
    assert (catalog.revision, history.revision) == before


def test_install_goes_on_where_it_was_broken_off(stores, ratings, tmp_path):
    catalog, history, importer = stores
    part = tmp_path / "ml-100k" / "part-100k.inter"
    part.write_text("".join(ratings.read_text().splitlines(keepends=True)[:1001]))
    importer.run("movielens", part, None)
    install(catalog, history, importer, interactions=ratings)
    assert stored_ratings(history) == known_ratings(ratings)


@pytest.mark.slow
def test_all_of_movielens_is_installed_once(stores):
    catalog, history, importer = stores
    install(catalog, history, importer)
    assert stored_ratings(history) == known_ratings(movielens_file("ml-100k.inter")) > 99_000
    before = catalog.revision, history.revision
    install(catalog, history, importer)
    assert (catalog.revision, history.revision) == before


def test_media_are_made_once_and_kept(tmp_path, items):
    track = items[-1]
    cache = MediaCache(tmp_path / "media")
    made = cache.get(track, "image")
    assert made == media_bytes(track, "image")
    kept = tmp_path / "media" / track.image
    assert kept.read_bytes() == made
    kept.write_bytes(b"kept")
    assert cache.get(track, "image") == b"kept"
    assert cache.get(items[0], "audio") is None
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_foreign_items_and_keys_make_nothing(tmp_path):
    cache = MediaCache(tmp_path / "media")
    foreign = Item(item_id="x-1", type="movie", title="Alien", image="covers/x-1.png", origin="import")
    hostile = Item(item_id="x-2", type="movie", title="Alien", image="../../escape.png", origin="demo")
    assert cache.get(foreign, "image") is None
    assert cache.get(hostile, "image") is None
    assert list(tmp_path.iterdir()) == []
