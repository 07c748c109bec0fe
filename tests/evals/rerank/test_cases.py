"""Cases of histories and dialogues: what precedes what, what is cold, and what retrieval may have seen."""

from dataclasses import replace

import numpy as np
import pytest

from evals.protocols import make_split, one_by_one
from evals.rerank import Conversation, Histories, HistoriesConfig
from retrieval.learned_nets import Nets

SMALL = HistoriesConfig(most=60, candidates=8)


@pytest.fixture(scope="module")
def histories(dataset, rows):
    return Histories(dataset, rows.live_sources, SMALL)


@pytest.fixture(scope="module")
def cold(histories):
    return histories.cold("test")


@pytest.mark.parametrize(("part", "places"), [("test", range(13, 18)), ("val", range(8, 13))])
def test_each_held_event_is_a_case_with_all_that_precedes_it(dataset, part, places):
    split = one_by_one(dataset, part=part, min_core=0)
    lengths = {len(case.history) for case in split.cases}
    assert lengths == set(places)
    assert all(len(case.targets) == 1 for case in split.cases)
    for case in split.cases[:20]:
        # The walk: an item follows the one before it.
        assert (int(split.known.items[case.history[-1]]) + 1) % 40 == int(case.targets[0])


def test_what_came_at_the_same_time_does_not_precede(dataset):
    at = dataset.interactions.at.copy()
    at[17::18] = at[16::18]  # the last event of each user comes together with the one before
    tied = replace(dataset, interactions=replace(dataset.interactions, at=at))
    last = [case for case in one_by_one(tied, min_core=0).cases if len(case.history) == 16]
    assert len(last) == 2 * len(tied.user_ids)


def test_warm_cases_never_offer_what_the_history_holds(histories):
    cases = histories.warm("val")
    assert 0 < len(cases) <= SMALL.most
    for case in cases:
        offered = {candidate.item.item_id for candidate in case.candidates}
        assert not offered & set(case.history_items)
        assert not case.targets & set(case.history_items)
        assert len(case.candidates) <= SMALL.candidates
    assert len({case.case_id for case in cases}) == len(cases)


@pytest.mark.parametrize(("part", "held"), [("test", 1), ("val", 2)])
def test_leaving_one_out_fits_on_all_that_precedes_and_on_no_target(dataset, histories, part, held, monkeypatch):
    fits = []
    fit = Histories._fit

    def seen(self, split, cold_items):
        fits.append(split)
        return fit(self, split, cold_items)

    monkeypatch.setattr(Histories, "_fit", seen)
    cases = histories.loo(part)
    (split,) = fits
    published = make_split(dataset, "loo", part=part)
    np.testing.assert_array_equal(split.train.items, published.train.items)
    assert {case.user: case.targets.tolist() for case in split.cases} == {
        case.user: case.targets.tolist() for case in published.cases
    }
    assert len(cases) == len({case.cluster for case in cases}) == len(dataset.user_ids)
    events = dataset.interactions
    order = {dataset.user_ids[u]: events.items[events.users == u].tolist() for u in range(len(dataset.user_ids))}
    for case in cases:
        walked = [dataset.items[at].item_id for at in order[case.cluster.removeprefix("small-")]]
        assert case.targets == {walked[-held]}
        assert set(case.history_items) == set(walked[:-held])
        assert not {candidate.item.item_id for candidate in case.candidates} & set(case.history_items)
    assert np.mean([bool(case.targets & {c.item.item_id for c in case.candidates}) for case in cases]) > 0.5


def test_at_most_so_many_are_left_out(dataset, rows):
    assert len(Histories(dataset, rows.live_sources, SMALL.model_copy(update={"most": 7})).loo("val")) == 7


def test_a_fit_for_the_last_five_would_know_the_targets_of_short_histories_and_training_does_not(dataset, rows):
    events = dataset.interactions
    short = events.take((events.users >= 10) | (np.arange(len(events)) % 18 < 5))  # ten users have five events
    few = replace(dataset, interactions=short)
    config = SMALL.model_copy(update={"min_core": 0})
    left_out = {(c.cluster, *c.targets) for part in ("val", "test") for c in Histories(few, rows.live_sources, config).loo(part)}
    five = one_by_one(few, part="val", min_core=0).train
    known = {
        (f"small-{few.user_ids[u]}", few.items[i].item_id) for u, i in zip(five.users.tolist(), five.items.tolist(), strict=True)
    }
    assert len(left_out & known) == 20
    taught = Histories(few, rows.live_sources, config).crossfitted(300)
    assert {case.cluster for case in taught["warm"]} & {f"small-u{n:02d}" for n in range(10)}
    assert not left_out & {(c.cluster, target) for cases in taught.values() for c in cases for target in c.targets}


def test_cold_items_are_ranked_among_each_other_and_nobody_took_them(cold, dataset):
    cases = cold["cold_items"]
    assert cases
    offered = {candidate.item.item_id for case in cases for candidate in case.candidates}
    assert len(offered) <= round(SMALL.cold_share * len(dataset.items))
    for case in cases:
        assert case.group["taken"] == 0
        assert not offered & set(case.history_items)
        assert {hit.source for candidate in case.candidates for hit in candidate.hits} <= {"content"}


def test_cold_users_have_a_short_history_and_are_no_users_of_the_other_arena(cold):
    users = {case.cluster for case in cold["cold_users"]}
    assert users
    assert not users & {case.cluster for case in cold["cold_items"]}
    lengths = {len(case.profile.entries) for case in cold["cold_users"]}
    assert lengths <= set(range(1, SMALL.cold_events + 1))
    assert len(lengths) > 1
    assert all(case.group["taken"] > 0 for case in cold["cold_users"])
    assert all(case.profile.seen == set(case.request.exclude_item_ids) for case in cold["cold_users"])
    assert any(len(case.profile.seen) > len(case.profile.entries) for case in cold["cold_users"])  # cut off, and met all the same


def test_without_an_llm_new_users_have_the_order_of_short_histories(cold):
    for case in cold["cold_users"]:
        assert sorted(case.orders["fused"]) == list(range(len(case.candidates)))
        assert case.orders["fast"] == case.orders["fused"]
        assert "zero_shot" not in case.orders
    assert any(case.orders["fused"] != tuple(range(len(case.candidates))) for case in cold["cold_users"])
    assert not any(case.orders for case in cold["cold_items"])


def test_new_users_are_retrieved_for_by_one_order_for_all(dataset, rows, monkeypatch):
    """What is compared with must not hold what is measured: the retriever's lead knows no order of short histories."""
    made = []
    fit = Histories._fit

    def seen(self, split, cold_items, **how):
        made.append(fit(self, split, cold_items, **how))
        return made[-1]

    monkeypatch.setattr(Histories, "_fit", seen)
    Histories(dataset, rows.live_sources, SMALL).cold("test")
    (fitted,) = made
    leader = fitted.retriever._leader
    assert leader is not None
    assert not leader.has_short
    assert leader.config.min_history == 1  # what is measured orders the shortest, too
    assert fitted.short.has_short


def test_without_an_order_of_short_histories_new_users_have_none(dataset, rows, monkeypatch):
    monkeypatch.setattr("retrieval.learned.Nets.fit", lambda *_: Nets())
    cases = Histories(dataset, rows.live_sources, SMALL).cold("test")["cold_users"]
    assert cases
    assert not any(case.orders for case in cases)


def test_training_cases_come_before_validation_and_of_every_kind(histories):
    found = histories.crossfitted(20)
    assert {arena: len(cases) for arena, cases in found.items()} == {"warm": 20, "cold_users": 20, "cold_items": 20}
    days = [entry.at.timestamp() / 86_400 for cases in found.values() for case in cases for entry in case.profile.entries]
    assert max(days) < 8  # the events 8 to 12 are validation's
    assert all(1 <= len(case.targets) <= SMALL.ahead for cases in found.values() for case in cases)


def test_the_order_that_is_trained_on_reads_the_shortest_histories_too(histories):
    cases = histories.crossfitted(20)["cold_users"]
    assert {len(case.profile.entries) for case in cases} & {1, 2}
    assert all(any(hit.source == "fusion" for one in case.candidates for hit in one.hits) for case in cases)


def test_the_same_seed_gives_the_same_cases(dataset, rows, cold):
    again = Histories(dataset, rows.live_sources, SMALL).cold("test")["cold_users"]
    assert [case.case_id for case in again] == [case.case_id for case in cold["cold_users"]]
    other = Histories(dataset, rows.live_sources, SMALL.model_copy(update={"seed": 1})).cold("test")["cold_users"]
    assert {case.cluster for case in other} != {case.cluster for case in cold["cold_users"]}


def test_a_turn_asks_with_what_was_said_and_is_not_offered_what_was_mentioned(dialogues, rows):
    cases = Conversation(dialogues, rows.live_sources).cases(dialogues.train, dialogues.held)
    assert len(cases) == len(dialogues.held)
    for case, turn in zip(cases, dialogues.held, strict=True):
        assert case.request.query.text == "Hello " + turn.context[1]
        assert case.request.query.like_item_ids == turn.mentioned
        assert case.request.query.genres == ("Drama",)
        assert not {candidate.item.item_id for candidate in case.candidates} & set(turn.mentioned)
        assert case.targets == set(turn.targets)
    found = [bool(case.targets & {c.item.item_id for c in case.candidates}) for case in cases]
    assert np.mean(found) > 0.5


def test_dialogues_are_parted_and_crossfitted_whole(dialogues, rows):
    conversation = Conversation(dialogues, rows.live_sources)
    learned, chosen = conversation.parted(dialogues.train)
    assert {turn.dialogue for turn in learned}.isdisjoint(turn.dialogue for turn in chosen)
    assert len({turn.dialogue for turn in chosen}) == 6
    cases = conversation.crossfitted(learned)
    assert sorted(case.case_id for case in cases) == sorted(f"{dialogues.name}-{t.dialogue}-{t.number}" for t in learned)
