from __future__ import annotations

import sys

import numpy as np
import pytest

from palate.domain import Interaction, Query
from palate.errors import MissingExtra, Unavailable
from palate.testing.candidate_source import CandidateSourceContract, ListedInteractions, sample_items, sample_profile
from retrieval import ItemTable, SasrecConfig, SasrecSource

FEW = SasrecConfig(dim=16, blocks=1, epochs=3)


class TestSasrec(CandidateSourceContract):
    @pytest.fixture
    def source(self):
        return SasrecSource(FEW)


@pytest.fixture(scope="module")
def table():
    return ItemTable(sample_items())


@pytest.fixture(scope="module")
def circle():
    """Sixty people who each watched eight films of a circle of ten, in its order, beginning anywhere."""
    return ListedInteractions(
        [
            Interaction(f"p{who:02d}", f"film-{(who + step) % 10:02d}", "like", None, 1e9 + step)
            for who in range(60)
            for step in range(8)
        ]
    )


@pytest.fixture(scope="module")
def fitted(table, circle):
    made = SasrecSource(SasrecConfig(dim=16, heads=1, dropout=0.0, learning_rate=1e-2, epochs=30, patience=30))
    made.fit(table, circle)
    return made


def first(source, table, *newest_first):
    return source.candidates(sample_profile(*newest_first), Query(), 1, np.ones(len(table), dtype=np.bool_))[0].item_id


def test_the_order_of_events_decides(fitted, table):
    assert first(fitted, table, "film-04", "film-03", "film-02") == "film-05"
    assert first(fitted, table, "film-07", "film-06", "film-05") == "film-08"


def test_a_new_event_moves_the_next_answer_without_a_refit(fitted, table):
    assert first(fitted, table, "film-02", "film-01") == "film-03"
    assert first(fitted, table, "film-03", "film-02", "film-01") == "film-04"


def test_a_draw_of_the_items_teaches_the_order_too(table, circle):
    drawing = SasrecConfig(dim=16, heads=1, dropout=0.0, learning_rate=1e-2, epochs=30, patience=30, negatives=2)
    source = SasrecSource(drawing)
    source.fit(table, circle)
    assert first(source, table, "film-04", "film-03", "film-02") == "film-05"


def test_more_events_than_its_length_are_no_error(table, circle):
    source = SasrecSource(SasrecConfig(dim=8, blocks=1, length=4, epochs=1))
    source.fit(table, circle)
    many = sample_profile(*(f"film-{i:02d}" for i in range(10)))
    newest = sample_profile(*(f"film-{i:02d}" for i in range(4)))
    every = np.ones(len(table), dtype=np.bool_)
    assert source.candidates(many, Query(), 5, every) == source.candidates(newest, Query(), 5, every)


def test_offers_nothing_that_nobody_took(fitted, table):
    offered = fitted.candidates(sample_profile("film-01"), Query(), 100, np.ones(len(table), dtype=np.bool_))
    assert {s.item_id for s in offered} == {f"film-{i:02d}" for i in range(10)}


def test_training_tells_how_far_it_is(table, circle):
    told: list[tuple[str, int, int]] = []
    SasrecSource(FEW).fit(table, circle, lambda *step: told.append(step))
    assert told[0] == ("sasrec epochs", 0, 3)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


def test_training_leaves_the_generator_and_the_threads_alone(table, circle):
    torch = pytest.importorskip("torch")
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    SasrecSource(FEW).fit(table, circle)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_without_torch_the_extra_is_named(table, circle, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"palate\[train\]"):
        SasrecSource(FEW).fit(table, circle)


def test_before_its_fit_it_says_so(table):
    with pytest.raises(Unavailable, match="not fitted"):
        first(SasrecSource(), table, "film-01")
