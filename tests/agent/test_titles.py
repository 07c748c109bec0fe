import numpy as np
import pytest

from agent.llm import ScriptedLLM
from agent.titles import TitleReader
from palate.domain import Item
from palate.errors import ServiceDown

ITEMS = [
    Item(item_id=f"{kind}-{n}", type=kind, title=f"{kind.title()} {n}", year=1990 + n)
    for n in range(40)
    for kind in ("movie", "track")
]


def test_every_title_is_read_once_alone_and_with_its_year(tmp_path):
    llm = ScriptedLLM(likelihood=lambda prefix, text: -len(text) - (100.0 if "songs" in prefix else 0.0))
    told = []
    titles = TitleReader(llm, tmp_path).read(ITEMS, lambda *said: told.append(said))
    assert len(llm.calls) == len(set(llm.calls)) == 160
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
        return -1.0

    with pytest.raises(ServiceDown):
        TitleReader(ScriptedLLM(likelihood=breaks), tmp_path).read(ITEMS)
    again = ScriptedLLM()
    TitleReader(again, tmp_path).read(ITEMS)
    assert len(again.calls) == 80  # the songs alone
    third = ScriptedLLM()
    TitleReader(third, tmp_path).read(ITEMS)
    assert third.calls == []
    other = ScriptedLLM()
    other.name = "other"
    assert TitleReader(other, tmp_path).titles.missing(ITEMS) == ITEMS
