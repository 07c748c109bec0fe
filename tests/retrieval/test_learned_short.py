"""Histories of a few items have an order of their own, and titles that a language model read are known to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from palate.domain import Interaction, Query
from palate.testing.candidate_source import ListedInteractions
from retrieval.features import FeatureConfig, Features, Statistics
from retrieval.learned import LearnedFusion
from retrieval.learned_training import moments, read_sequences, shortened
from retrieval.titles import TITLE_COLUMNS, TitleLikelihoods
from tests.retrieval.test_learned import CONFIG, everything, interactions, profile, table

pytest.importorskip("lightgbm")

WHOLE = CONFIG.model_copy(update={"short_history": 0})


def found(fusion: LearnedFusion, *items: str, n: int = 20) -> list[str]:
    return [one.item_id for one in fusion.candidates(profile(*items), Query(), n, everything())]


def test_what_is_cut_off_leaves_no_trace_in_the_columns() -> None:
    """The columns of a moment that was cut are those of a world in which the rest of that person's history never was."""
    config = FeatureConfig(neighbours=20)
    events = list(interactions().interactions())
    sequences, rows, people = read_sequences(table(), ListedInteractions(events), 100)
    chosen = moments(sequences, "next", positions=3, least=2, limit=1000, rng=np.random.default_rng(0))
    cut = shortened(sequences, chosen, 4, np.random.default_rng(1))
    assert cut
    assert {len(moment.history.items) for moment in cut} == {1, 2, 3, 4}
    moment = cut[7]
    person = people[moment.history.person]
    kept = {table().ids[rows[column]] for column in moment.history.items.tolist()}
    less = [event for event in events if event.person_id != person or event.item_id in kept]
    others, rows_less, people_less = read_sequences(table(), ListedInteractions(less), 100)
    assert rows_less.tolist() == rows.tolist()
    facts = table().genres[rows], table().years[rows], config
    whole, reduced = (Features(Statistics.fit(one, *facts), config) for one in (sequences, others))
    history = moment.history
    alone = type(history)(history.items, history.at, history.values, people_less.index(person))
    seen, expected = whole.scores(history, moment.hidden), reduced.scores(alone)
    for name, column in expected.items():
        if name.startswith(("ease", "knn", "count")):  # what counts places in the person's own sequence differs: they moved up
            np.testing.assert_allclose(seen[name], column, atol=2e-4, err_msg=name)


def test_moments_that_are_short_already_stay_as_they_are() -> None:
    sequences, _, _ = read_sequences(table(), interactions(), 100)
    chosen = moments(sequences, "next", positions=12, least=2, limit=5000, rng=np.random.default_rng(0))
    cut = shortened(sequences, chosen, 5, np.random.default_rng(0))
    assert len(cut) == len(chosen)
    same = [short is whole for short, whole in zip(cut, chosen, strict=True)]
    assert any(same)
    for short, whole, stayed in zip(cut, chosen, same, strict=True):
        assert stayed or len(short.history.items) < len(whole.history.items)


def test_one_order_for_all_does_not_serve_the_shortest() -> None:
    whole, short = LearnedFusion(WHOLE), LearnedFusion(CONFIG)
    for fusion in (whole, short):
        fusion.fit(table(), interactions())
    assert found(whole, "f03", "f10") == []
    assert found(short, "f03", "f10", n=3)
    long = [f"f{n:02d}" for n in (3, 10, 17, 24, 31, 38, 45)]
    assert found(short, *long) == found(whole, *long)
    assert found(short, *long[:4]) != found(whole, *long[:4])
    for items in (long, long[:4], long[:2]):
        assert found(short.without_short(), *items) == found(whole, *items)
    assert found(short, "f03", "f10", n=3)  # and it has its own still


def test_ranks_and_shares_are_among_the_first_candidates() -> None:
    sequences, rows, _ = read_sequences(table(), interactions(), 100)
    features = Features(Statistics.fit(sequences, table().genres[rows], table().years[rows], FeatureConfig()))
    (moment, *_) = moments(sequences, "next", positions=1, least=4, limit=1, rng=np.random.default_rng(0))
    scores = features.scores(moment.history, moment.hidden)
    pool = features.pool(scores, moment.history, 30)
    names, alone = features.matrix(scores, moment.history, pool[:12], moment.hidden)
    _, longer = features.matrix(scores, moment.history, pool, moment.hidden, first=12)
    np.testing.assert_allclose(longer[:12], alone, rtol=1e-5)
    _, whole = features.matrix(scores, moment.history, pool, moment.hidden)
    ranks = [at for at, name in enumerate(names) if name.endswith(".rank")]
    assert (longer[:, ranks] <= 12).all()
    assert (whole[:, ranks] > 12).any()


def test_what_else_is_asked_about_does_not_change_how_a_short_history_is_ordered() -> None:
    fusion = LearnedFusion(CONFIG.model_copy(update={"n_short": 20}))
    fusion.fit(table(), interactions())
    history = profile("f03", "f10")
    first = found(fusion, "f03", "f10")
    every = [item_id for item_id in table().ids if item_id not in {"f03", "f10"}]
    few, many = (dict(zip(ids, fusion.score(history, Query(), ids).tolist(), strict=True)) for ids in (first, every))
    np.testing.assert_allclose(list(few.values()), [many[item_id] for item_id in few], rtol=1e-4)
    assert np.isfinite(list(many.values())).sum() > 20


def test_a_list_is_not_measured_against_what_was_seen_and_is_no_history() -> None:
    fusion = LearnedFusion(CONFIG.model_copy(update={"n_short": 20}))
    fusion.fit(table(), interactions())
    liked = profile("f03", "f10")
    met = found(fusion, "f03", "f10", n=8)
    who = liked.model_copy(update={"seen": liked.seen | set(met)})
    allowed = np.array([item_id not in met for item_id in table().ids])
    offered = {one.item_id: one.score for one in fusion.candidates(who, Query(), 20, allowed)}
    np.testing.assert_allclose(fusion.score(who, Query(), list(offered)), list(offered.values()), rtol=1e-4)
    assert not np.allclose(fusion.score(liked, Query(), list(offered)), list(offered.values()), rtol=1e-2)
    assert np.isfinite(fusion.score(who, Query(), met)).all()  # one that is asked about all the same has a score


def test_what_was_saved_serves_short_histories_the_same(tmp_path: Path) -> None:
    made, again = LearnedFusion(CONFIG), LearnedFusion(CONFIG)
    made.fit(table(), interactions())
    made.save(tmp_path)
    again.load(tmp_path, table())
    assert found(again, "f03") == found(made, "f03") != []


def test_likely_titles_come_first_where_nothing_else_tells() -> None:
    """Half of the films are well known, which only their titles tell: people take these next, whatever they took before."""
    rng = np.random.default_rng(0)
    known = rng.permutation(60)[:30]
    events = []
    for person in range(120):
        taken = [*rng.permutation(60)[:4].tolist(), *rng.permutation(known)[:4].tolist()]
        for n, item in enumerate(dict.fromkeys(taken)):
            events.append(Interaction(f"p{person:03d}", f"f{item:02d}", "complete", None, 1e9 + n))
    titles = TitleLikelihoods()
    films = [item for item in table().items if item.type == "movie"]
    likely = np.array([-5.0 if int(film.item_id[1:]) in known else -40.0 for film in films], dtype=np.float32)
    titles.put(films, np.stack([likely, likely - 2.0], axis=1))
    fusion = LearnedFusion(CONFIG, titles)
    fusion.fit(table(), ListedInteractions(events))
    assert fusion.describe()["titles_read"] == 60
    first = found(fusion, "f01", "f02", n=10)
    assert sum(int(item_id[1:]) in known for item_id in first) >= 9
    x = fusion._fitted()[1]
    history = fusion._history(profile("f01", "f02"))
    names, columns = x.matrix(x.scores(history), history, np.arange(5))
    at = [names.index(name) for name in TITLE_COLUMNS]
    np.testing.assert_allclose(columns[:, at], titles.columns([table().items[row] for row in fusion._rows[:5].tolist()]))


def test_what_came_at_the_same_time_is_no_history_unless_all_did() -> None:
    times = {"days": [0.0, 0.0, 1.0, 1.0, 1.0, 2.0], "at once": [5.0] * 6}
    events = [
        Interaction(person, f"f{n:02d}", "complete", None, 1e9 + at) for person, ats in times.items() for n, at in enumerate(ats)
    ]
    sequences, _, people = read_sequences(table(), ListedInteractions(events), 100)
    found: dict[str, list[tuple[int, int]]] = {person: [] for person in times}
    for moment in moments(sequences, "next", positions=6, least=1, limit=100, rng=np.random.default_rng(0), strict=True):
        assert moment.targets[0] in moment.hidden.items
        found[people[moment.history.person]].append((int(moment.targets[0]), len(moment.history.items)))
    assert sorted(found["days"]) == [(2, 2), (3, 2), (4, 2), (5, 5)]
    assert sorted(found["at once"]) == [(n, n) for n in range(1, 6)]
