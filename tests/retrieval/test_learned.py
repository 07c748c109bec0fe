from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from palate.domain import Interaction, Item, Profile, ProfileEntry, Query
from palate.errors import IndexUnusable, Unavailable
from palate.testing.candidate_source import ListedInteractions
from retrieval.base import ItemTable
from retrieval.features import FeatureConfig
from retrieval.learned import LearnedFusion, LearnedFusionConfig
from retrieval.learned_nets import NetsConfig
from retrieval.learned_training import moments, read_sequences
from retrieval.learned_trees import TreesConfig

pytest.importorskip("lightgbm")

_START = datetime(2024, 1, 1, tzinfo=UTC)
_ITEMS = 60
CONFIG = LearnedFusionConfig(
    features=FeatureConfig(neighbours=20),
    trees=TreesConfig(trees=30, leaves=7, min_leaf=5),
    short_nets=NetsConfig(models=2, hidden=16, passes=6),
    n_train=40,
    n_pool=50,
)


def table() -> ItemTable:
    films = [
        Item(item_id=f"f{i:02d}", type="movie", title=f"Film {i}", year=1960 + i, genres=(f"g{i % 4}",)) for i in range(_ITEMS)
    ]
    return ItemTable([*films, Item(item_id="new", type="track", title="Never heard")])


def next_of(item: int) -> int:
    """Return what follows an item in this world: mostly the film seven places on."""
    return (item + 7) % _ITEMS


def interactions(seed: int = 0, people: int = 80) -> ListedInteractions:
    rng = np.random.default_rng(seed)
    events = []
    for person in range(people):
        item, seen = int(rng.integers(_ITEMS)), list[int]()
        while len(seen) < 12:
            seen.append(item)
            item = next_of(item) if rng.random() < 0.8 else int(rng.integers(_ITEMS))
            while item in seen:
                item = int(rng.integers(_ITEMS))
        events += [Interaction(f"p{person:03d}", f"f{i:02d}", "complete", None, 1e9 + n) for n, i in enumerate(seen)]
    return ListedInteractions(events)


def profile(*items: str, person_id: str = "stranger", weight: float = 1.0) -> Profile:
    """Return a profile of items, oldest first."""
    entries = [
        ProfileEntry(item_id=i, platform="tv", verb="complete", at=_START + timedelta(days=n), weight=weight)
        for n, i in enumerate(items)
    ]
    return Profile(person_id=person_id, entries=tuple(reversed(entries)), seen=frozenset(items))


@pytest.fixture(scope="module")
def fitted() -> LearnedFusion:
    made = LearnedFusion(CONFIG)
    made.fit(table(), interactions())
    return made


def everything() -> np.ndarray:
    return np.ones(len(table()), dtype=np.bool_)


def test_what_comes_next_is_learned(fitted: LearnedFusion) -> None:
    hits = 0
    for start in range(20):
        seen = [start, next_of(start), next_of(next_of(start))]
        wanted = f"f{next_of(seen[-1]):02d}"
        found = fitted.candidates(profile(*(f"f{i:02d}" for i in seen)), Query(), 3, everything())
        hits += wanted in [scored.item_id for scored in found]
    assert hits >= 18


def test_scores_agree_with_the_order_of_candidates(fitted: LearnedFusion) -> None:
    who = profile("f01", "f08", "f15")
    found = fitted.candidates(who, Query(), 10, everything())
    scores = fitted.score(who, Query(), [scored.item_id for scored in found])
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, [scored.score for scored in found], rtol=1e-5)
    assert sorted(scores.tolist(), reverse=True) == scores.tolist()


@pytest.mark.parametrize("history", [("f03", "f10"), tuple(f"f{n:02d}" for n in (3, 10, 17, 24, 31, 38, 45))])
def test_scores_depend_on_neither_the_order_nor_the_company_of_what_is_asked(
    fitted: LearnedFusion, history: tuple[str, ...]
) -> None:
    who = profile(*history)
    ranked = fitted.candidates(who, Query(), 40, everything())
    ids, scores = [one.item_id for one in ranked], np.array([one.score for one in ranked], dtype=np.float32)
    assert len(ids) == 40
    np.testing.assert_allclose(fitted.score(who, Query(), ids[::-1])[::-1], scores, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(fitted.score(who, Query(), ids[-10:]), scores[-10:], rtol=1e-4, atol=1e-5)


def test_nothing_is_said_of_what_nobody_took(fitted: LearnedFusion) -> None:
    scores = fitted.score(profile("f01", "f08", "f15"), Query(), ["new", "f22", "gone"])
    assert np.isnan(scores).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("who", "query"),
    [
        (profile(), Query()),
        (profile("new"), Query()),
        (profile("f01", "f08", "f15", weight=-1.0), Query()),
        (profile("f01", "f08", "f15"), Query(text="something old")),
    ],
)
def test_nobody_known_or_a_query_is_left_to_the_floor(fitted: LearnedFusion, who: Profile, query: Query) -> None:
    assert fitted.candidates(who, query, 5, everything()) == []
    assert np.isnan(fitted.score(who, query, ["f22"])).all()


def test_only_what_is_allowed_and_unseen_is_offered(fitted: LearnedFusion) -> None:
    allowed = everything()
    allowed[20:] = False
    found = [scored.item_id for scored in fitted.candidates(profile("f01", "f08", "f15"), Query(), 50, allowed)]
    assert set(found) <= {f"f{i:02d}" for i in range(20)} - {"f01", "f08", "f15"}
    assert len(found) == len(set(found)) > 5


def test_the_same_seed_gives_the_same_scores(fitted: LearnedFusion) -> None:
    again = LearnedFusion(CONFIG)
    again.fit(table(), interactions())
    who = profile("f03", "f10", "f17")
    assert again.candidates(who, Query(), 20, everything()) == fitted.candidates(who, Query(), 20, everything())


def test_what_was_saved_serves_the_same(fitted: LearnedFusion, tmp_path: Path) -> None:
    fitted.save(tmp_path / "fusion")
    again = LearnedFusion(CONFIG)
    again.load(tmp_path / "fusion", table())
    who = profile("f03", "f10", "f17", person_id="p001")
    assert again.candidates(who, Query(), 20, everything()) == fitted.candidates(who, Query(), 20, everything())
    assert "p001" not in (tmp_path / "fusion" / "fusion.npz").read_bytes().decode("latin1").replace("\x00", "")


@pytest.mark.parametrize("damage", ["empty", "missing", "text", "items", "no short", "half short", "other short"])
def test_damaged_files_are_named(fitted: LearnedFusion, tmp_path: Path, damage: str) -> None:
    fitted.save(tmp_path)
    items = table()
    if damage == "empty":
        (tmp_path / "fusion.npz").write_bytes(b"")
    elif damage == "missing":
        (tmp_path / "fusion-0.txt").unlink()
    elif damage == "text":
        (tmp_path / "fusion-0.txt").write_text("not a model")
    elif damage == "no short":
        (tmp_path / "short.npz").unlink()
    elif damage == "half short":
        (tmp_path / "short.npz").write_bytes((tmp_path / "short.npz").read_bytes()[:200])
    elif damage == "other short":
        with np.load(tmp_path / "short.npz") as stored:
            held = dict(stored)
        np.savez(tmp_path / "short.npz", **{**held, "scale": held["scale"][:, 1:], "w1": held["w1"][:, 2:]})
    else:
        items = ItemTable(items.items[5:])
    with pytest.raises(IndexUnusable, match="fit again"):
        LearnedFusion(CONFIG).load(tmp_path, items)


def test_what_an_older_version_wrote_is_told_from_what_is_damaged(fitted: LearnedFusion, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    with np.load(tmp_path / "fusion.npz") as stored:
        held = dict(stored)
    np.savez(tmp_path / "fusion.npz", **{**{n: p for n, p in held.items() if n != "titles"}, "format": 3, "trees": [2, 4, 4]})
    with pytest.raises(IndexUnusable, match="another version"):
        LearnedFusion(CONFIG).load(tmp_path, table())


def test_too_little_to_learn_from_leaves_it_silent() -> None:
    made = LearnedFusion(CONFIG)
    for few in (ListedInteractions(), interactions(people=1)):
        made.fit(table(), few)
        assert not made.ready
        assert made.candidates(profile("f01", "f08", "f15"), Query(), 5, everything()) == []


def test_unfitted_it_says_nothing_and_saves_nothing(tmp_path: Path) -> None:
    made = LearnedFusion(CONFIG)
    assert made.candidates(profile("f01", "f08", "f15"), Query(), 5, everything()) == []
    with pytest.raises(Unavailable, match="fit"):
        made.save(tmp_path)


def test_progress_is_told() -> None:
    told: list[str] = []
    LearnedFusion(CONFIG).fit(table(), interactions(people=30), lambda stage, _done, _total: told.append(stage))
    stages = {"fusion statistics", "fusion examples", "fusion trees", "fusion examples, short histories", "fusion networks"}
    assert stages <= set(told)


def test_items_beyond_the_limit_are_the_least_taken() -> None:
    sequences, rows, people = read_sequences(table(), interactions(), 25)
    assert len(rows) == 25
    assert len(people) == len(sequences) == 80
    assert sequences.items.max() < 25
    whole, *_ = read_sequences(table(), interactions(), 1000)
    counts = np.bincount(whole.items)
    assert np.bincount(sequences.items).min() >= np.sort(counts)[-25:].min()


@pytest.mark.parametrize("targets", ["next", "any"])
def test_a_moment_hides_its_targets_from_its_history(targets: str) -> None:
    sequences, *_ = read_sequences(table(), interactions(), 1000)
    chosen = moments(sequences, targets, positions=3, least=2, limit=50, rng=np.random.default_rng(0))  # type: ignore[arg-type]
    assert len(chosen) == 50
    for moment in chosen:
        whole = sequences.of(moment.history.person)[0]
        assert sorted([*moment.history.items, *moment.hidden.items]) == sorted(whole)
        assert set(moment.targets) <= set(moment.hidden.items)
        np.testing.assert_array_equal(whole[moment.hidden.places], moment.hidden.items)
        if targets == "next":
            assert moment.hidden.places[0] == len(moment.history.items)


def test_events_that_the_request_leaves_out_are_taken_out_of_what_was_learned() -> None:
    known = [e for e in interactions().interactions() if e.person_id == "p003"]
    kept, left_out = [e.item_id for e in known[:6]], {e.item_id for e in known[6:]}
    fusion = LearnedFusion(CONFIG)
    fusion.fit(table(), interactions())
    ids = [f"f{i:02d}" for i in range(_ITEMS) if f"f{i:02d}" not in kept]
    as_known = fusion.score(profile(*kept, person_id="p003"), Query(), ids)
    without = ListedInteractions([e for e in interactions().interactions() if e.person_id != "p003" or e.item_id not in left_out])
    features = fusion._features
    assert features is not None
    history = fusion._history(profile(*kept, person_id="p003"))
    assert history is not None
    hidden = fusion._hidden(features, history)
    assert hidden is not None
    assert {table().ids[fusion._rows[i]] for i in hidden.items.tolist()} == left_out
    other = LearnedFusion(CONFIG)
    other.fit(table(), without)
    other._trees = fusion._trees
    np.testing.assert_allclose(as_known, other.score(profile(*kept, person_id="p003"), Query(), ids), atol=0.15)


def test_it_knows_when_an_event_it_learned_from_is_gone() -> None:
    fusion = LearnedFusion(CONFIG)
    fusion.fit(table(), interactions())
    assert not fusion.outdated(interactions())
    events = list(interactions().interactions())
    assert not fusion.outdated(ListedInteractions([*events, Interaction("p000", "f59", "complete", None, 2e9)]))
    assert fusion.outdated(ListedInteractions(events[1:]))
    assert fusion.outdated(ListedInteractions([e for e in events if e.person_id != "p005"]))


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    fusion = LearnedFusion(CONFIG)
    fusion.fit(table(), interactions())
    fusion.save(tmp_path)
    with pytest.raises(IndexUnusable, match="another version or configuration"):
        LearnedFusion(LearnedFusionConfig(features=FeatureConfig(taus=(1.0, 3.0, 10.0)))).load(tmp_path, table())
