"""The ranking suite on a small data set with a pattern that can be learnt."""

import numpy as np
import pytest

from evals.base import Case, Interactions, Split
from evals.cache import EvalCache
from evals.models import MemoryIndex, Rows, World
from evals.protocols import make_split
from evals.suites.ranking import RankingConfig, RankingSuite
from evals.suites.ranking_beyond import Beyond
from evals.suites.ranking_cold import cold_item_cases, rank_cold
from evals.suites.ranking_measures import KEYS, in_turn
from palate.domain import Event, Query
from palate.errors import ConfigurationError, InvalidInput, Unavailable
from palate.settings import Settings
from palate.testing import vector_index
from retrieval.profile import build_profile

DAY = 86_400.0


@pytest.fixture(scope="module")
def dataset(make_dataset):
    return make_dataset()


@pytest.fixture(scope="module")
def rows(words):
    return Rows(embedder=words)


@pytest.fixture(scope="module")
def run(rows):
    def run(dataset, models, cache=None, **more):
        config = RankingConfig(models=tuple(models), samples=100, **more)
        return RankingSuite(rows, EvalCache(cache)).run(dataset, config)

    return run


def test_the_report_has_the_shape_that_is_promised(run, dataset):
    report = run(dataset, ["pop", "ease", "content", "lexical", "rrf"], split="test")
    assert [row["model"] for row in report["rows"]] == ["pop", "ease", "content", "lexical", "rrf"]
    assert report["dataset"]["users"] == 40
    assert report["protocol"]["cases"] == 40
    for row in report["rows"]:
        assert {"model", "split", "params", "metrics", "fit_seconds", "rank_ms_per_user", "peak_mb"} <= set(row)
        assert set(row["metrics"]) == set(KEYS)
        assert KEYS[0] == "ndcg@5"
        for value in row["metrics"].values():
            assert set(value) == {"value", "low", "high"}
            assert 0 <= value["low"] <= value["value"] <= value["high"] <= 1
        assert set(row["cold"]) == {"users_1", "users_3", "users_5", "items"}
        assert row["peak_mb"] > 0
        assert row["split"] == "test"
        assert row["beyond"]["coverage@10"] > 0
        assert set(row["more"]) == {"map@10", "f1@10", "auc"}
        errors = row["errors"]
        assert (errors["lists"], errors["out_of_catalog"], errors["duplicate"], errors["copied"]) == (40, 0, 0, 0)
    assert {one["model"] for one in report["comparisons"]} | {report["comparisons"][0]["against"]} == {
        "pop",
        "ease",
        "content",
        "lexical",
        "rrf",
    }
    for one in report["comparisons"]:
        assert one["difference"]["value"] <= 0 < one["p"] <= 1
    assert report["candidates"]["models"] == ["pop", "ease", "content", "lexical"]
    assert report["candidates"]["recall@50"]["value"] == 1.0
    assert {"split", "fit ease", "rank ease"} <= {cost["stage"] for cost in report["stages"]}
    by = {row["model"]: row["metrics"]["ndcg@5"]["value"] for row in report["rows"]}
    assert by["ease"] > by["pop"]


@pytest.mark.parametrize("error", [Unavailable("No such thing here.", remedy="Install it."), ValueError("broken")])
def test_a_row_that_fails_is_named_and_costs_no_other(run, dataset, monkeypatch, error):
    def fail(*_given):
        raise error

    monkeypatch.setattr("retrieval.sources.AlsSource.fit", fail)
    report = run(dataset, ("als", "pop"))
    assert [row["model"] for row in report["rows"]] == ["pop"]
    assert str(error) in report["skipped"]["als"]


def test_the_fusion_row_is_the_live_retriever_with_the_learned_order(rows, dataset):
    split = make_split(dataset, "loo", part="val", min_core=5)
    fused, learned = rows.make("rrf"), rows.make("fusion", {"trees": {"trees": 20, "min_leaf": 5}})
    for ranker in (fused, learned):
        ranker.fit(dataset, split)
    first, second = (ranker.rank(dataset, split, split.cases, 30) for ranker in (fused, learned))
    assert not np.array_equal(first, second)
    for one, other in zip(first, second, strict=True):
        assert set(one.tolist()) == set(other.tolist())
    assert learned.params()["sources"] == fused.params()["sources"]
    assert set(fused.params()["sources"]) == set(Settings.model_fields["sources"].default)


def test_what_was_ranked_is_kept(run, dataset, tmp_path):
    first = run(dataset, ["pop"], tmp_path)
    again = run(dataset, ["pop"], tmp_path)
    other = run(dataset, ["pop"], tmp_path, split="test")
    assert [r["rows"][0]["cached"] for r in (first, again, other)] == [False, True, False]
    assert again["rows"][0]["metrics"] == first["rows"][0]["metrics"]
    assert again["rows"][0]["fit_seconds"] == first["rows"][0]["fit_seconds"]


@pytest.mark.parametrize("protocol", ["loo", "last5", "temporal", "ratio", "kfold"])
def test_every_protocol(run, dataset, protocol):
    report = run(dataset, ["pop"], protocol=protocol, min_core=0)
    assert report["protocol"]["name"] == protocol
    assert report["protocol"]["splits"] == (5 if protocol == "kfold" else 1)
    assert report["protocol"]["cases"] > 0


def test_the_same_seed_gives_the_same_answer(run, dataset):
    one, two = (run(dataset, ["ease", "lexical"])["rows"] for _ in range(2))
    assert [row["metrics"] for row in one] == [row["metrics"] for row in two]


def test_core_by_default():
    assert RankingConfig().core == 5
    assert RankingConfig(protocol="ratio").core == 0
    assert RankingConfig(protocol="ratio", min_core=3).core == 3


@pytest.mark.parametrize("models", [["nosuch"], []])
def test_rows_that_nobody_knows_are_refused(run, dataset, models):
    with pytest.raises(InvalidInput, match="row"):
        run(dataset, models)


def test_a_data_set_without_cases_is_refused(run, dataset):
    with pytest.raises(InvalidInput, match="no case"):
        run(dataset, ["pop"], min_core=1000)


def test_parameters_are_checked():
    rows = Rows()
    assert rows.make("ease", {"tau": 3.0}).params()["tau"] == 3.0
    with pytest.raises(ConfigurationError, match="tau"):
        rows.make("ease", {"tau": -1.0})
    with pytest.raises(ConfigurationError, match="no parameters"):
        rows.make("lexical", {"tau": 1.0})


def test_a_profile_is_what_the_live_product_would_build(dataset):
    split = make_split(dataset, "loo", part="test", min_core=5)
    world, case = World(dataset, split), split.cases[3]
    profile = world.profile(case)
    events = [
        Event(event_id=f"e{n}", platform="dataset", user_id="u", item_id=e.item_id, verb=e.verb, at=e.at, value=e.value)
        for n, e in enumerate(profile.entries)
    ]
    live = build_profile(profile.person_id, events)
    assert [e.item_id for e in profile.entries] == [e.item_id for e in live.entries]
    assert [e.weight for e in profile.entries] == pytest.approx([e.weight for e in live.entries])
    assert profile.seen == live.seen
    assert profile.entries[0].item_id == dataset.items[split.known.items[case.history[-1]]].item_id


def test_lists_hold_neither_history_nor_repeats(rows, dataset):
    split = make_split(dataset, "loo", part="val", min_core=5)
    for name in ("ease", "rrf", "lexical"):
        ranker = rows.make(name)
        ranker.fit(dataset, split)
        lists = ranker.rank(dataset, split, split.cases, 40)
        for found, case in zip(lists, split.cases, strict=True):
            offered = found[found >= 0].tolist()
            assert len(set(offered)) == len(offered)
            assert not set(offered) & set(split.known.items[case.history].tolist())
            assert (found[len(offered) :] == -1).all()


def test_cold_users_are_told_apart(dataset):
    split = make_split(dataset, "loo", part="test", min_core=5)
    ranker = Rows().make("ease")
    ranker.fit(dataset, split)
    lists = rank_cold(ranker, dataset, split, [0, 5], events=1, n=30)
    for found, at in zip(lists, [0, 5], strict=True):
        assert not set(found[found >= 0].tolist()) & set(split.known.items[split.cases[at].history].tolist())
    warm = ranker.rank(dataset, split, [split.cases[0], split.cases[5]], 30)
    assert not np.array_equal(lists, warm)


def test_cold_items():
    train = Interactions(*(np.array([0, 0]).astype(t) for t in (np.int32, np.int32, np.float32, np.float64)))
    cases = [Case(0, np.array([0]), np.array([0, 1], dtype=np.int32)), Case(1, np.array([1]), np.array([0], dtype=np.int32))]
    assert [(at, t.tolist()) for at, t in cold_item_cases(Split("loo", "test", train, train, cases))] == [(0, [1])]


def test_lists_are_taken_in_turn():
    lists = [np.array([[1, 2, 3]], dtype=np.int32), np.array([[1, 4, -1]], dtype=np.int32)]
    assert in_turn(lists, 6).tolist() == [[1, 2, 4, 3, -1, -1]]


def test_beyond_accuracy(dataset):
    split = make_split(dataset, "loo", part="test", min_core=5)
    beyond = Beyond(dataset, [split], [split.known.items[case.history] for case in split.cases[:5]])
    alike = beyond.of(np.array([[0, 4, 8]] * 5, dtype=np.int32))  # three items of one genre
    mixed = beyond.of(np.array([[0, 1, 2]] * 5, dtype=np.int32))
    assert alike["diversity@10"] == pytest.approx(0.0, abs=1e-5)
    assert mixed["diversity@10"] == pytest.approx(1.0)
    assert alike["coverage@10"] == pytest.approx(3 / 30)
    assert mixed["calibration@10"] < alike["calibration@10"]
    assert beyond.of(np.full((2, 10), -1, dtype=np.int32))["coverage@10"] is None


def test_the_lexical_row_asks_for_the_newest_titles(dataset):
    split = make_split(dataset, "loo", part="test", min_core=5)
    ranker = Rows().make("lexical")
    ranker.fit(dataset, split)
    world = World(dataset, split)
    query = ranker._query(world.profile(split.cases[0]), ranker._items)
    newest = dataset.items[split.known.items[split.cases[0].history[-1]]].title
    assert isinstance(query, Query)
    assert query.text.startswith(newest)


class TestMemoryIndex(vector_index.VectorIndexContract):
    @pytest.fixture
    def index(self):
        return MemoryIndex()
