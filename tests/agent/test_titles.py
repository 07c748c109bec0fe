import numpy as np
import pytest

from agent.llm import ScriptedLLM
from agent.titles import TitleReader
from palate.domain import Item
from palate.errors import InvalidInput, ServiceDown

SIGNATURE = 4
"""Titles by which one LLM is told from another."""
ITEMS = [
    Item(item_id=f"{kind}-{n}", type=kind, title=f"{kind.title()} {n}", year=1990 + n)
    for n in range(40)
    for kind in ("movie", "track")
]


def test_every_title_is_read_once_alone_and_with_its_year(tmp_path):
    llm = ScriptedLLM(likelihood=lambda prefix, text: -len(text) - (100.0 if "songs" in prefix else 0.0))
    told = []
    titles = TitleReader(llm, tmp_path).read(ITEMS, lambda *said: told.append(said))
    assert len(llm.calls) == len(set(llm.calls)) == 160 + SIGNATURE
    assert titles.missing(ITEMS) == []
    found = titles.columns(ITEMS[:2])
    np.testing.assert_allclose(found[:, 0], [-len(" Movie 0"), -100 - len(" Track 0")])
    np.testing.assert_allclose(found[:, 2], -len(" (1990)"))
    assert [done for _, done, _ in told] == [0, 32, 40, 72]
    assert {(what, total) for what, _, total in told} == {("read titles", 80)}


def test_reading_goes_on_where_it_was_stopped_and_another_llm_reads_for_itself(tmp_path):
    def breaks(prefix, text):
        if "songs" in prefix:
            raise ServiceDown("gone", remedy="wait")
        return -float(len(text.split()))

    with pytest.raises(ServiceDown):
        TitleReader(ScriptedLLM(likelihood=breaks), tmp_path).read(ITEMS)
    again = ScriptedLLM()
    TitleReader(again, tmp_path).read(ITEMS)
    assert len(again.calls) == 80 + SIGNATURE  # the songs alone
    third = ScriptedLLM()
    TitleReader(third, tmp_path).read(ITEMS)
    assert len(third.calls) == SIGNATURE
    other = ScriptedLLM()
    other.name = "other"
    assert TitleReader(other, tmp_path).titles.missing(ITEMS) == ITEMS


def test_another_llm_of_the_same_name_reads_all_anew(tmp_path):
    first = TitleReader(ScriptedLLM(likelihood=lambda _, text: -float(len(text))), tmp_path).read(ITEMS)
    other = ScriptedLLM(likelihood=lambda _, text: -2.0 * len(text))
    again = TitleReader(other, tmp_path).read(ITEMS)
    assert len(other.calls) == 160 + SIGNATURE
    np.testing.assert_allclose(again.columns(ITEMS)[:, 0], 2 * first.columns(ITEMS)[:, 0])
    alike = ScriptedLLM(likelihood=lambda _, text: -2.01 * len(text))  # the same one on another processor
    TitleReader(alike, tmp_path).read(ITEMS)
    assert len(alike.calls) == SIGNATURE


def test_a_title_that_is_refused_is_left_unknown_and_spoils_no_other(tmp_path):
    def refuses(_, text):
        if "Movie 3" in text:
            raise InvalidInput("too long", remedy="shorten it")
        return -1.0

    found = TitleReader(ScriptedLLM(likelihood=refuses), tmp_path).read(ITEMS).columns(ITEMS)
    refused = ["Movie 3" in item.title for item in ITEMS]
    np.testing.assert_array_equal(np.isnan(found[:, 0]), refused)
    again = ScriptedLLM(likelihood=refuses)
    TitleReader(again, tmp_path).read(ITEMS)
    assert len(again.calls) == SIGNATURE  # nothing is asked for twice
