from __future__ import annotations

import numpy as np
import pytest

from palate.domain import Item
from retrieval.titles import TITLE_COLUMNS, TitleLikelihoods, spoken_title


def film(title, year=None, type_="movie"):
    return Item(item_id=f"{type_}-{len(title)}", type=type_, title=title, year=year)


ITEMS = [film("Usual Suspects, The", 1995), film("Heat"), film("花样年华", 2000)]
VALUES = np.array([[-12.0, -15.0], [-3.0, -3.0], [-40.0, -41.5]], dtype=np.float32)


@pytest.mark.parametrize(
    ("item", "title", "dated"),
    [
        (ITEMS[0], " The Usual Suspects", " The Usual Suspects (1995)"),
        (film("Shanghai Triad (Yao a yao)", 1995), " Shanghai Triad", " Shanghai Triad (1995)"),
        (film("Two  words\n"), " Two words", " Two words"),
        (ITEMS[2], " 花样年华", " 花样年华 (2000)"),
    ],
)
def test_titles_are_spoken_as_people_say_them(item, title, dated):
    spoken = spoken_title(item)
    assert (spoken.title, spoken.dated) == (title, dated)


def test_the_beginning_says_of_what_it_is():
    prefixes = {spoken_title(film("Thriller", 1982, kind)).prefix for kind in ("movie", "track", "article")}
    assert len(prefixes) == 3
    assert all(not prefix.endswith(" ") for prefix in prefixes)  # the space belongs to the title's first token
    assert len({spoken_title(film("Thriller", 1982, kind)).key for kind in ("movie", "track")}) == 2


def test_columns_of_what_was_read_and_nan_for_the_rest():
    titles = TitleLikelihoods()
    assert titles.missing(ITEMS) == ITEMS
    titles.put(ITEMS[:2], VALUES[:2])
    assert titles.missing(ITEMS) == ITEMS[2:]
    found = titles.columns(ITEMS)
    assert found.shape == (3, len(TITLE_COLUMNS))
    np.testing.assert_allclose(found[0], [-12.0, -12.0 / 18, -3.0], rtol=1e-6)
    np.testing.assert_allclose(found[1, :2], [-3.0, -0.75])
    assert np.isnan(found[1, 2])  # no year
    assert np.isnan(found[2]).all()


def test_what_was_read_is_kept_and_a_torn_line_is_passed_over(tmp_path):
    path = tmp_path / "kept" / "titles.jsonl"
    first = TitleLikelihoods(path)
    first.put(ITEMS[:1], VALUES[:1])
    first.put(ITEMS[1:], VALUES[1:])
    again = TitleLikelihoods(path)
    np.testing.assert_allclose(again.columns(ITEMS), first.columns(ITEMS), rtol=1e-4)
    path.write_text(path.read_text("utf-8")[:-12], encoding="utf-8")
    assert TitleLikelihoods(path).missing(ITEMS) == ITEMS[2:]
    path.write_text(path.read_text("utf-8") + "\n[1]\n3\n", encoding="utf-8")
    assert TitleLikelihoods(path).missing(ITEMS) == ITEMS[2:]


def test_who_reads_the_file_sees_the_same_as_who_wrote_it(tmp_path):
    first = TitleLikelihoods(tmp_path / "titles.jsonl")
    first.sign(np.array([-8.123456, -20.0], dtype=np.float32))
    first.put(ITEMS, VALUES + np.float32(0.123456))
    again = TitleLikelihoods(tmp_path / "titles.jsonl")
    np.testing.assert_array_equal(again.columns(ITEMS), first.columns(ITEMS))
    assert again.signature == first.signature == (-8.1235, -20.0)


def test_what_another_process_wrote_meanwhile_is_not_lost(tmp_path):
    signature = np.array([-8.0, -20.0], dtype=np.float32)
    one, other = (TitleLikelihoods(tmp_path / "titles.jsonl") for _ in range(2))
    one.sign(signature)
    one.put(ITEMS[:2], VALUES[:2])
    other.sign(signature)
    assert other.missing(ITEMS) == ITEMS[2:]
    other.put(ITEMS[2:], VALUES[2:])
    assert TitleLikelihoods(tmp_path / "titles.jsonl").missing(ITEMS) == []


def test_of_a_file_that_another_process_signed_anew_nothing_older_is_kept(tmp_path):
    path, signature = tmp_path / "titles.jsonl", np.array([-11.0, -26.0], dtype=np.float32)
    old = TitleLikelihoods(path)
    old.sign(np.array([-8.0, -20.0], dtype=np.float32))
    old.put(ITEMS, VALUES - 50)
    one, other = TitleLikelihoods(path), TitleLikelihoods(path)
    one.sign(signature)
    one.put(ITEMS[:1], VALUES[:1])
    other.sign(signature)
    assert other.missing(ITEMS) == ITEMS[1:]


def test_another_title_or_year_is_to_be_read_anew():
    titles = TitleLikelihoods()
    titles.put(ITEMS, VALUES)
    renamed = ITEMS[0].model_copy(update={"title": "The Unusual Suspects"})
    redated = ITEMS[0].model_copy(update={"year": 1996})
    assert titles.missing([renamed, redated, ITEMS[0]]) == [renamed, redated]


def test_what_another_model_said_is_forgotten(tmp_path):
    path = tmp_path / "titles.jsonl"
    titles = TitleLikelihoods(path)
    titles.sign(np.array([-8.0, -20.0], dtype=np.float32))
    titles.put(ITEMS, VALUES)
    again = TitleLikelihoods(path)
    again.sign(np.array([-8.2, -19.6], dtype=np.float32))  # int8 on another processor
    assert again.missing(ITEMS) == []
    again.sign(np.array([-11.0, -26.0], dtype=np.float32))
    assert again.missing(ITEMS) == TitleLikelihoods(path).missing(ITEMS) == ITEMS


def test_what_nobody_signed_is_not_trusted(tmp_path):
    path = tmp_path / "titles.jsonl"
    TitleLikelihoods(path).put(ITEMS, VALUES)
    titles = TitleLikelihoods(path)
    titles.sign(np.array([-8.0], dtype=np.float32))
    assert titles.missing(ITEMS) == ITEMS
