"""Each format as people have it, with its quirks; and what is said of folders that are in none."""

import gzip
import json

import numpy as np
import pytest

from evals.cache import EvalCache
from evals.datasets import load_dataset
from evals.models import Rows
from evals.suites.ranking import RankingConfig, RankingSuite
from evals.suites.ranking_measures import KEYS
from palate.errors import BadExport, InvalidInput, Unavailable

DAY = 86_400
START = 1_573_462_800  # 2019-11-11 9:00 UTC


def walks(users=12, items=9, length=8):
    """Yield (user, item, rating, seconds): everybody walks through the items, from a start of their own."""
    for user in range(users):
        for step in range(length):
            yield user, (user + step) % items, 4 + step % 2, START + DAY * step + user


def movielens(folder):
    rows = ["userId,movieId,rating,timestamp,device", *(f'"{u + 1}",{i + 1},{r}.5,{t},tv' for u, i, r, t in walks() if r == 4)]
    rows += [f"{u + 1},{i + 1},{r}.0,{t},tv" for u, i, r, t in walks() if r == 5]
    (folder / "ratings.csv").write_bytes("\ufeff".encode() + "\r\n".join([*rows, "", "  ", ""]).encode())
    films = ["movieId,title,genres", '1,"Amélie, le film (2001)",Comedy|Romance', "2,東京物語 (1953),(no genres listed)"]
    (folder / "movies.csv").write_text("\n".join(films) + "\n", encoding="utf-8")


def recbole(folder):
    rows = [f"u-{u}\titem {i}\t{r}\t{t}.0\tx" for u, i, r, t in walks()]
    (folder / "shop.inter").write_text(
        "\n".join(["user_id:token\titem_id:token\trating:float\ttimestamp:float\tq:token", *rows, "", ""])
    )
    (folder / "shop.item").write_text(
        'item_id:token\tmovie_title:token_seq\tgenre:token_seq\nitem 0\tThe "Best" (1999)\tDrama Action\n'
    )


def s3rec(folder):
    lines = {}
    for user, item, _, _ in walks():
        lines.setdefault(user, []).append(str(item + 1))
    (folder / "Toys.txt").write_text("".join(f"{user + 1} {' '.join(items)}\r\n" for user, items in lines.items()) + "\r\n")
    (folder / "Toys_item2attributes.json").write_text(json.dumps({"1": [3, 4], "2": [3]}))


def netflix(folder):
    blocks = {}
    for user, item, rating, at in walks():
        blocks.setdefault(item, []).append(f"{user + 100},{rating},{np.datetime64(at, 's').astype('datetime64[D]')}")
    text = "".join(f"{item + 1}:\n" + "\n".join(rows) + "\n" for item, rows in blocks.items())
    (folder / "combined_data_1.txt").write_text(text)
    (folder / "movie_titles.csv").write_bytes("1,2003,Amélie, encore\r\n2,NULL,Sick\r\n".encode("latin-1"))


def amazon(folder):
    rows = [
        json.dumps({"reviewerID": f"A{u}", "asin": f"B0/{i}", "overall": float(r), "unixReviewTime": t, "reviewText": "süß\n"})
        for u, i, r, t in walks()
    ]
    with gzip.open(folder / "reviews_Beauty_5.json.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join([*rows[:5], "", *rows[5:]]))
    meta = {"asin": "B0/0", "title": "Crème", "categories": [["Beauty", "Skin"]], "brand": "N", "description": ["a", "b"]}
    (folder / "meta_Beauty.json").write_text(f"{meta!r}\n" + json.dumps({"asin": "other", "title": "Not reviewed"}) + "\n")


def mind(folder):
    rows, histories = [], {}
    for user, item, _, at in walks():
        moment = np.datetime64(at, "s").item().strftime("%m/%d/%Y %I:%M:%S %p")
        history = " ".join(histories.get(user, [])[:1])
        rows.append(f"{len(rows) + 1}\tU{user}\t{moment}\t{history}\tN{item}-1 N99-0")
        histories.setdefault(user, []).append(f"N{item}")
    rows.append("999\tU0\t11/20/2019 9:05:58 AM\tN0\tN5 N6")
    (folder / "behaviors.tsv").write_text("\n".join(rows) + "\n\n")
    news = ["N0\tnews\tworld\tA “headline”\tAbstract\thttp://x\t[]\t[]", "N1\tsports\tgolf\tShort row"]
    (folder / "news.tsv").write_text("\n".join(news) + "\n", encoding="utf-8")


def plain(folder):
    rows = [f'"Zoë {u}","a,b {i}",{r},2024-05-{1 + t // DAY % 20:02d}T10:00:00Z,extra' for u, i, r, t in walks()]
    (folder / "interactions.csv").write_bytes("\ufeff".encode() + "\r\n".join(["UserId,item_id,Rating,time,note", *rows]).encode())
    (folder / "items.csv").write_text('item_id,title,genres,year,shelf\n"a,b 0","One, two",rock| jazz ,1999,x\n', encoding="utf-8")


FORMATS = {f.__name__: f for f in (movielens, recbole, s3rec, netflix, amazon, mind, plain)}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "data set"
    made.mkdir()
    return made


@pytest.mark.parametrize("name", FORMATS)
def test_formats_are_recognised_and_read(folder, name):
    FORMATS[name](folder)
    dataset = load_dataset(folder)
    assert dataset.name == "data set"
    assert (dataset.facts["format"], dataset.facts["checked"]) == (name, "shape")
    assert len(dataset.user_ids) == 12
    assert len({item.item_id for item in dataset.items}) == len(dataset.items)
    events = dataset.interactions
    assert (np.diff(events.users) >= 0).all()
    assert (np.diff(events.at)[np.diff(events.users) == 0] >= 0).all()
    assert dataset.rating is (name not in {"s3rec", "mind"})
    if name != "mind":
        assert len(events) == 12 * 8
        of_first = events.take(events.users == 0)
        order = [dataset.items[at].item_id for at in of_first.items]
        assert len(set(order)) == 8
    if dataset.rating:
        assert 0.8 <= float(events.values.min()) <= float(events.values.max()) <= 1.0


@pytest.mark.parametrize("protocol", ["loo", "last5", "temporal", "ratio", "kfold"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_runs_in_every_protocol(folder, name, protocol):
    FORMATS[name](folder)
    suite = RankingSuite(Rows(), EvalCache(None))
    config = RankingConfig(protocol=protocol, min_core=2, models=("pop", "ease"), split="test", samples=20)
    if (name, protocol) == ("s3rec", "temporal"):
        with pytest.raises(InvalidInput, match="needs their times"):
            suite.run(load_dataset(folder), config)
        return
    report = suite.run(load_dataset(folder), config)
    assert [row["model"] for row in report["rows"]] == ["pop", "ease"]
    assert all(set(row["metrics"]) == set(KEYS) for row in report["rows"])
    json.dumps(report, allow_nan=False)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("movielens", "movies.csv"),
        ("recbole", "shop.item"),
        ("s3rec", "Toys_item2attributes.json"),
        ("netflix", "movie_titles.csv"),
        ("amazon", "meta_Beauty.json"),
        ("mind", "news.tsv"),
        ("plain", "items.csv"),
    ],
)
def test_what_describes_items_may_be_missing(folder, name, file):
    FORMATS[name](folder)
    described = load_dataset(folder)
    (folder / file).unlink()
    bare = load_dataset(folder)
    assert len(bare.interactions) == len(described.interactions)
    assert bare.user_ids == described.user_ids


def test_titles_years_and_genres(tmp_path):
    seen = {}
    for name, make in FORMATS.items():
        (tmp_path / name).mkdir()
        make(tmp_path / name)
        first = load_dataset(tmp_path / name).items[0]
        seen[name] = (first.title, first.year, first.genres)
    assert seen == {
        "movielens": ("Amélie, le film", 2001, ("Comedy", "Romance")),
        "recbole": ('The "Best"', 1999, ("Drama", "Action")),
        "s3rec": ("Product 1", None, ("attribute 3", "attribute 4")),
        "netflix": ("Amélie, encore", 2003, ()),
        "amazon": ("Crème", None, ("Beauty", "Skin")),
        "mind": ("A “headline”", None, ("news", "world")),
        "plain": ("One, two", 1999, ("rock", "jazz")),
    }


def test_ids_that_are_not_allowed_are_hashed_and_kept(folder):
    plain(folder)
    first = load_dataset(folder).items[0]
    assert first.item_id.startswith("x")
    assert first.attributes["source_id"] == "a,b 0"


def test_reviews_in_several_files_are_one_data_set(folder):
    for number in (1, 2):
        row = {"user_id": "u", "parent_asin": f"p{number}", "rating": 5, "timestamp": 1_600_000_000_000 + number}
        (folder / f"part{number}.jsonl").write_text(json.dumps(row) + "\n")
    dataset = load_dataset(folder)
    assert len(dataset.interactions) == 2
    assert dataset.interactions.at.tolist() == pytest.approx([1_600_000_000.001, 1_600_000_000.002])


def test_times_that_are_missing_leave_the_order_of_the_file(folder):
    (folder / "interactions.csv").write_text("user_id,item_id\nu,b\nu,a\nv,a\n")
    dataset = load_dataset(folder)
    assert dataset.facts["times"] == "order"
    assert [dataset.items[at].item_id for at in dataset.interactions.items] == ["b", "a", "a"]


def test_clicks_come_after_the_history(folder):
    (folder / "behaviors.tsv").write_text("1\tU\t11/11/2019 9:05:58 AM\tN2 N1\tN4-0 N3-1\n")
    dataset = load_dataset(folder)
    assert [dataset.items[at].item_id for at in dataset.interactions.items] == ["N2", "N1", "N3"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"ratings.csv": "userId,movieId,rating,timestamp\n1,2,five,3\n"}, r"ratings.csv:2.*'five', not a number"),
        ({"ratings.csv": "userId,movieId,rating,timestamp\n1,2,4\n"}, r"ratings.csv:2.*3 fields, the header 4"),
        ({"ratings.csv": "userId,rating,timestamp\n1,2,4\n"}, "column 'movieId' is missing"),
        ({"ratings.csv": "userId,movieId,rating,timestamp\n"}, "no interaction"),
        ({"ratings.csv": ""}, "no header"),
        ({"ratings.csv": "userId,movieId,rating,timestamp\n1,2,9,3\n"}, "from 9 to 9"),
        ({"interactions.csv": "user_id,item_id\n,a\n"}, "'user_id' is empty"),
        ({"interactions.csv": "user_id,item_id,timestamp\nu,a,yesterday\n"}, "'yesterday', not a time"),
        ({"a.inter": "user_id:token\titem_id:token\nu\ti\n", "b.inter": ""}, "beside it"),
        ({"a.inter": "session:token\titem_id:token\nu\ti\n"}, "'user_id' is missing"),
        ({"A.txt": "1 2 3\n2 x\n"}, r"A.txt:2.*not a user and items"),
        ({"A.txt": "1 2 0\n"}, "Item 0"),
        ({"A.txt": "1 2\n", "A_item2attributes.json": "{"}, "Not JSON"),
        ({"A.txt": "1 2\n", "B.txt": "1 2\n"}, "beside it"),
        ({"combined_data_1.txt": "1,5,2005-01-01\n"}, "no rating of a film"),
        ({"combined_data_1.txt": "1:\n1,5,2005-13-01\n"}, "not a day"),
        ({"r.json": '{"reviewerID": "a", "asin": "b"}\n'}, "no overall or rating"),
        ({"r.json": '{"reviewerID": "a", "asin": "b", "overall": 5, "unixReviewTime": 1}\n[1]\n'}, r"r.json:2.*no JSON object"),
        ({"r.json": '{"reviewerID": ["a"], "asin": "b", "overall": 5, "unixReviewTime": 1}\n'}, "no reviewerID or user_id"),
        ({"behaviors.tsv": "1\tU\tlately\t\tN1-1\n"}, "'lately' is not a time"),
        ({"behaviors.tsv": "1\tU\t11/11/2019 9:05:58 AM\t\tN1-7\n"}, "whether it was clicked"),
        ({"behaviors.tsv": "1\tU\n"}, "no impression"),
    ],
)
def test_a_malformed_file_is_named_with_the_line(folder, files, said):
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(BadExport, match=said):
        load_dataset(folder)


def test_text_that_is_not_utf8_and_archives_that_are_cut_are_named(folder):
    (folder / "interactions.csv").write_bytes(b"user_id,item_id\nu,\xff\xfe\n")
    with pytest.raises(BadExport, match="UTF-8"):
        load_dataset(folder)
    (folder / "interactions.csv").unlink()
    amazon(folder)
    path = folder / "reviews_Beauty_5.json.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadExport, match="cannot be unpacked"):
        load_dataset(folder)


def test_folders_that_are_no_data_set(tmp_path, folder):
    with pytest.raises(InvalidInput, match="is empty"):
        load_dataset(folder)
    (folder / "notes.md").write_text("hello")
    with pytest.raises(InvalidInput, match="no known format"):
        load_dataset(folder)
    movielens(folder)
    plain(folder)
    with pytest.raises(InvalidInput, match="several formats: movielens, plain"):
        load_dataset(folder)
    for name in ("nowhere", "", str(folder / "notes.md")):
        with pytest.raises(InvalidInput, match="no data set"):
            load_dataset(name, tmp_path)


def test_a_folder_is_found_by_name_under_the_root(tmp_path):
    (tmp_path / "mine").mkdir()
    plain(tmp_path / "mine")
    assert load_dataset("mine", tmp_path).name == "mine"


def test_a_known_name_is_checked_by_hash(tmp_path):
    with pytest.raises(Unavailable, match="PALATE_DATASETS"):
        load_dataset("ml-latest-small")
    with pytest.raises(Unavailable, match="missing"):
        load_dataset("ml-latest-small", tmp_path)
    (tmp_path / "ml-latest-small").mkdir()
    movielens(tmp_path / "ml-latest-small")
    with pytest.raises(InvalidInput, match="SHA-256"):
        load_dataset("ml-latest-small", tmp_path)


def test_times_in_smaller_units_are_the_same_moments(tmp_path):
    for name, factor in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
        made = tmp_path / name
        made.mkdir()
        (made / "interactions.csv").write_text(f"user_id,item_id,timestamp\na,b,{1_700_000_000 * factor}\n")
        assert load_dataset(made).interactions.at.tolist() == [1_700_000_000.0]


def test_folders_named_like_files_are_passed_over(tmp_path):
    (tmp_path / "a.json").mkdir()
    (tmp_path / "b.inter").mkdir()
    (tmp_path / "c.txt").mkdir()
    (tmp_path / "interactions.csv").write_text("user_id,item_id\na,b\n")
    assert load_dataset(tmp_path).facts["format"] == "plain"


def test_half_a_character_in_an_id_is_no_crash(tmp_path):
    (tmp_path / "reviews.json").write_text('{"reviewerID": "u", "asin": "\\ud800", "overall": 5.0, "unixReviewTime": 1400000000}\n')
    (item,) = load_dataset(tmp_path).items
    assert item.item_id.startswith("x")
    assert item.model_dump_json()
