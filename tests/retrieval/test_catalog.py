from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from palate.domain import Item
from palate.errors import InvalidInput
from palate.sql import open_sqlite
from palate.testing.catalog import CatalogContract
from retrieval.catalog import SqlCatalog


@pytest.fixture
def catalog(tmp_path: Path):
    engine = open_sqlite(tmp_path / "catalog.db")
    yield SqlCatalog(engine)
    engine.dispose()


def item(item_id: str, **fields) -> Item:
    return Item(item_id=item_id, type="movie", title=fields.pop("title", item_id), **fields)


class TestSqlCatalog(CatalogContract):
    @pytest.fixture
    def catalog(self, catalog):
        return catalog


def test_it_is_still_there_after_reopening(tmp_path: Path):
    first = open_sqlite(tmp_path / "catalog.db")
    SqlCatalog(first).put([item("a")])
    first.dispose()
    second = open_sqlite(tmp_path / "catalog.db")
    again = SqlCatalog(second)
    assert again.get("a").title == "a"
    assert again.revision == 1
    second.dispose()


def test_putting_the_same_again_is_no_change(catalog):
    catalog.put([item("a")])
    revision = catalog.revision
    catalog.put([item("a")])
    assert catalog.revision == revision


def test_the_table_is_kept_until_the_catalog_changes(catalog):
    catalog.put([item("b", genres=("Drama",)), item("a")])
    table = catalog.table()
    assert table.ids == ("a", "b")
    assert catalog.table() is table
    catalog.put([item("c")])
    assert catalog.table().ids == ("a", "b", "c")


def test_remove(catalog):
    catalog.put([item("a"), item("b")])
    revision = catalog.revision
    assert catalog.remove(["a", "nothing"]) == 1
    assert [i.item_id for i in catalog.all()] == ["b"]
    assert catalog.revision > revision
    assert catalog.remove(["nothing"]) == 0


def test_writers_in_threads_lose_nothing(catalog):
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda k: catalog.put([item(f"{k}-{j}") for j in range(20)]), range(8)):
            pass
    assert len(catalog) == 160
    assert catalog.revision == 8


def test_json_lines_keep_good_rows_and_name_bad_ones(catalog, tmp_path: Path):
    path = tmp_path / "items.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"item_id": "a", "type": "movie", "title": "A", "genres": ["Drama"]}\n'
        b"\n"
        b'{"item_id": "b", "type": "film", "title": "B"}\n'
        b"not json\n"
        b"[1]\n"
        b'{"item_id": "c", "title": "C"}\n'
        b'{"item_id": "../d", "type": "movie", "title": "D"}\n'
        b'{"item_id": "e", "type": "movie", "title": "\\ud800"}\n'
        b'{"item_id": "f", "type": "movie", "title": "F", "colour": "red"}\n'
        b"\xff\xfe\n" + b'{"item_id": "g", "type": "movie", "title": "' + b"x" * 1_100_000 + b'"}\n'
        b'{"item_id": "h", "type": "track", "title": "H"}'
    )
    seen = []
    report = catalog.import_items(path, lambda stage, done, total: seen.append((stage, done, total)))
    assert (report.read, report.new, report.changed, report.rejected) == (11, 2, 0, 9)
    assert [i.item_id for i in catalog.all()] == ["a", "h"]
    by_line = {error.location: error for error in report.errors}
    assert list(by_line) == [f"items.jsonl:{line}" for line in (3, 4, 5, 6, 7, 8, 9, 10, 11)]
    assert by_line["items.jsonl:3"].value == "'film'"
    assert "movie" in by_line["items.jsonl:3"].remedy
    assert "type is missing" in by_line["items.jsonl:6"].message
    assert "colour" in by_line["items.jsonl:9"].message
    assert all(error.remedy for error in report.errors)
    assert seen == [("catalog", 11, 0), ("catalog", 11, 11)]


def test_importing_twice_counts_once_and_changes_are_counted(catalog, tmp_path: Path):
    path = tmp_path / "items.jsonl"
    path.write_text('{"item_id": "a", "type": "movie", "title": "A"}\n{"item_id": "b", "type": "movie", "title": "B"}\n')
    assert catalog.import_items(path).new == 2
    again = catalog.import_items(path)
    assert (again.new, again.changed) == (0, 0)
    path.write_text('{"item_id": "a", "type": "movie", "title": "A!"}\n{"item_id": "b", "type": "movie", "title": "B"}\n')
    third = catalog.import_items(path)
    assert (third.new, third.changed) == (0, 1)
    assert catalog.get("a").title == "A!"


def test_csv_reads_lists_and_attributes(catalog, tmp_path: Path):
    path = tmp_path / "items.csv"
    path.write_bytes(
        b"item_id,type,title,year,genres,creators,attributes\n"
        b'a,movie,"Hello, ""World""",1995,Drama|Sci-Fi,Ann | Bob,mood=calm|tempo=slow=ish\n'
        b"b,movie,B,,,,\n"
        b"c,movie,C,soon,,,\n"
        b"d,movie,D,1990,,,calm\n"
        b"e,movie,E,1990,,,,,\n" + b"f,movie,\xff,1990,,,\n"
    )
    report = catalog.import_items(path)
    first = catalog.get("a")
    assert first.title == 'Hello, "World"'
    assert first.genres == ("Drama", "Sci-Fi")
    assert first.creators == ("Ann", "Bob")
    assert first.attributes == {"mood": "calm", "tempo": "slow=ish"}
    assert catalog.get("b").year is None
    assert [error.location for error in report.errors] == [f"items.csv:{line}" for line in (4, 5, 6, 7)]
    assert "'soon'" in report.errors[0].value


def test_a_csv_cell_beyond_the_readers_limit_costs_that_row_only(catalog, tmp_path: Path):
    path = tmp_path / "items.csv"
    path.write_text(f"item_id,type,title\na,movie,{'x' * 140_000}\nb,movie,B\n")
    report = catalog.import_items(path)
    assert report.rejected == 1
    assert "b" in catalog


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("items.csv", "item_id,title\na,A\n", "'type'"),
        ("items.csv", "item_id,type,title,colour\na,movie,A,red\n", "'colour'"),
        ("items.csv", "", "'item_id'"),
        ("items.xlsx", "", "items.xlsx"),
        ("items.item", "a\tb\n", "a\\\\tb"),
        (None, "", "no file"),
    ],
)
def test_files_of_another_kind_are_refused(catalog, tmp_path: Path, name, text, said):
    path = tmp_path / (name or "missing.csv")
    if name:
        path.write_text(text)
    with pytest.raises(InvalidInput, match=said):
        catalog.import_items(path)
    assert len(catalog) == 0
