from __future__ import annotations

import sys

import numpy as np
import pytest

from palate.domain import Interaction, Query
from palate.errors import MissingExtra, Unavailable
from palate.testing.candidate_source import CandidateSourceContract, ListedInteractions, sample_items, sample_profile
from retrieval import ItemTable, NcfConfig, NcfSource

FEW = NcfConfig(dim=16, hidden=16, epochs=3)


class TestNcf(CandidateSourceContract):
    @pytest.fixture
    def source(self):
        return NcfSource(FEW)


@pytest.fixture(scope="module")
def table():
    return ItemTable(sample_items())


@pytest.fixture(scope="module")
def camps():
    """Forty people who watch films of even number only, and forty of odd number; the last six films nobody watched."""
    rng = np.random.default_rng(0)
    events = []
    for who in range(80):
        for step, half in enumerate(rng.permutation(12)[:8].tolist()):
            events.append(Interaction(f"p{who:02d}", f"film-{2 * half + who % 2:02d}", "like", None, 1e9 + step))
    return ListedInteractions(events)


@pytest.fixture(scope="module")
def fitted(table, camps):
    made = NcfSource(NcfConfig(dim=16, hidden=16, epochs=30, dropout=0.0, batch=64, unknown=0.3))
    made.fit(table, camps)
    return made


def offered(source, table, n, *newest_first):
    return [s.item_id for s in source.candidates(sample_profile(*newest_first), Query(), n, np.ones(len(table), dtype=np.bool_))]


def test_a_person_who_was_not_there_is_ranked_by_what_they_liked(fitted, table):
    even, odd = offered(fitted, table, 8, "film-00", "film-04"), offered(fitted, table, 8, "film-01", "film-05")
    assert {int(item_id[-2:]) % 2 for item_id in even} == {0}
    assert {int(item_id[-2:]) % 2 for item_id in odd} == {1}


def test_items_that_nobody_took_stand_by_their_genres(fitted, table):
    """Films of even number are comedies and horror (0 and 2 modulo 4), those of odd number drama and science fiction."""
    new = [f"film-{i}" for i in range(24, 30)]
    order = [item_id for item_id in offered(fitted, table, 100, "film-00", "film-08") if item_id in new]
    assert sorted(order) == new
    assert order.index("film-24") < order.index("film-27")  # comedy and horror, against science fiction and horror
    assert order.index("film-26") < order.index("film-25")


def test_training_tells_how_far_it_is(table, camps):
    told: list[tuple[str, int, int]] = []
    NcfSource(FEW).fit(table, camps, lambda *step: told.append(step))
    assert told[0][:2] == ("ncf steps", 0)
    assert all(done < total for _, done, total in told)


def test_without_torch_the_extra_is_named(table, camps, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"palate\[train\]"):
        NcfSource(FEW).fit(table, camps)


def test_before_its_fit_it_says_so(table):
    with pytest.raises(Unavailable, match="not fitted"):
        offered(NcfSource(), table, 1, "film-01")
