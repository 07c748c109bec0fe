from importlib.util import find_spec
from pathlib import Path

import pytest

from palate.domain import Item
from retrieval.catalog_io import ItemRowError
from retrieval.movielens import read_movielens_items, split_title

HEADER = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"


@pytest.mark.parametrize(
    ("written", "title", "others"),
    [
        ("Toy Story", "Toy Story", ()),
        ("Usual Suspects, The", "The Usual Suspects", ()),
        ("Shanghai Triad (Yao a yao yao dao waipo qiao)", "Shanghai Triad", ("Yao a yao yao dao waipo qiao",)),
        ("Hate (Haine, La)", "Hate", ("La Haine",)),
        ("Visitors, The (Visiteurs, Les)", "The Visitors", ("Les Visiteurs",)),
        (
            "Double vie de Véronique, La (Double Life of Veronique, The)",
            "La Double vie de Véronique",
            ("The Double Life of Veronique",),
        ),
        ("Paris, Texas", "Paris, Texas", ()),
        ("Good, The Bad and The Ugly, The", "The Good, The Bad and The Ugly", ()),
        ("Enfer, L'", "L'Enfer", ()),
        ("Same (Same)", "Same", ()),
    ],
)
def test_titles_read_as_people_say_them(written, title, others):
    assert split_title(written) == (title, others)


def test_bad_rows_are_named_and_good_ones_kept(tmp_path: Path):
    path = tmp_path / "x.item"
    rows = [
        "1\tToy Story\t1995\tAnimation Children's Film-Noir\n",
        "2\tOne\n",
        "267\tunkonwn\tunkonwn\tunknown\n",
        "3\tA\tlate\tDrama\n",
    ]
    rows += ["4\tLand (1995)\tV\tDrama\n", "5\tB\t\tunknown\n", "6\t\t1995\tDrama\n"]
    path.write_bytes((HEADER + "".join(rows)).encode() + b"7\t\xff\t1995\tDrama\n")
    found = list(read_movielens_items(path))
    items = {row.item_id: row for row in found if isinstance(row, Item)}
    assert items["ml-1"].genres == ("Animation", "Children's", "Film-Noir")
    assert (items["ml-4"].title, items["ml-4"].year) == ("Land", 1995)
    assert (items["ml-5"].year, items["ml-5"].genres) == (None, ())
    assert sorted(items) == ["ml-1", "ml-4", "ml-5"]
    assert [row.location for row in found if isinstance(row, ItemRowError)] == [f"x.item:{n}" for n in (3, 4, 5, 8, 9)]


def test_the_whole_data_set():
    spec = find_spec("recbole")
    if spec is None or not spec.origin:
        pytest.skip("recbole, which carries MovieLens-100K, is not installed: run 'make setup'")
    found = list(read_movielens_items(Path(spec.origin).parent / "dataset_example" / "ml-100k" / "ml-100k.item"))
    items = {row.item_id: row for row in found if isinstance(row, Item)}
    assert len(found) == 1682
    assert len(items) == 1681
    assert items["ml-12"].title == "The Usual Suspects"
    assert items["ml-183"].genres == ("Action", "Horror", "Sci-Fi", "Thriller")
    assert {i.type for i in items.values()} == {"movie"}
    assert {i.origin for i in items.values()} == {"movielens"}
