"""Orders of the same candidates: who wins, what is missed, and what is kept of a run that was stopped."""

import json
from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from agent.llm import ScriptedLLM
from agent.prompts import RankPromptConfig
from agent.titles import TitleReader
from evals.rerank import LLMScores, RankCase, ScoredCases, merged, requested
from evals.rerank.report import write_rerank_report
from evals.suites.rerank import RerankConfig, RerankSuite, TunedLLM
from palate.domain import Candidate, Item, Profile, SourceHit
from palate.errors import InvalidInput


def case(n, target=3, offered=6, cluster=None, **group):
    candidates = tuple(
        Candidate(
            item=Item(item_id=f"i{at}", type="movie", title=f"Film {at} of {n}"),
            score=1.0 - at / 100,
            hits=(SourceHit(source="pop", rank=at + 1, score=1.0),),
        )
        for at in range(offered)
    )
    about = {"history": 3, "taken": 5, **group}
    cluster = cluster or f"u{n}"
    return RankCase(
        f"c{n}",
        cluster,
        requested(cluster),
        Profile(person_id=cluster, entries=()),
        {},
        candidates,
        frozenset({f"i{target}"}),
        about,
    )


def perfect(cases):
    return [np.array([float(c.item.item_id in one.targets) for c in one.candidates], dtype=np.float32) for one in cases]


def test_a_perfect_llm_wins_and_without_a_share_the_retriever_decides():
    cases = [case(n, target=n % 5 + 1) for n in range(30)]
    scored = ScoredCases(cases, perfect(cases), [np.arange(6, dtype=np.float32)] * 30)
    judged = scored.judged(0.0)
    np.testing.assert_array_equal(judged.values["fused"], judged.values["retrieval"])
    assert judged.values["llm_only"].tolist() == [1.0] * 30
    won = scored.judged(1.0).summary(200, 0)
    assert won["fused"]["ndcg@10"]["value"] == 1.0
    assert won["ratio"]["low"] > 1.0
    assert won["zero_shot"]["ndcg@10"]["value"] < 1.0
    assert won["cases"] == won["users"] == 30


def test_a_target_that_was_not_found_counts_as_missed_in_every_order():
    cases = [case(0, target=99), case(1, target=0)]
    judged = ScoredCases(cases, perfect(cases)).judged(0.5)
    assert all(values.tolist() == [0.0, 1.0] for values in judged.values.values())
    assert judged.summary(50, 0)["found"] == 0.5


def test_a_case_without_candidates_is_missed():
    cases = [case(0, offered=0), case(1, target=0)]
    judged = ScoredCases(cases, [np.zeros(0, dtype=np.float32), np.zeros(6, dtype=np.float32)]).judged(0.5)
    assert judged.values["fused"][0] == 0.0


def test_ranges_hold_every_case_once():
    cases = [case(n, history=h, taken=t) for n, (h, t) in enumerate([(1, 0), (5, 9), (6, 10), (20, 49), (21, 50), (400, 9000)])]
    judged = ScoredCases(cases).judged(0.0)
    for group in ("history", "taken"):
        assert sum(row["cases"] for row in judged.divided(group, 50, 0).values()) == 6
    assert list(judged.divided("history", 50, 0)) == ["0-5", "6-20", "21-50", "51+"]
    assert list(judged.divided("taken", 50, 0)) == ["0", "1-9", "10-49", "50+"]
    assert {length: row["cases"] for length, row in judged.divided("new", 50, 0).items()} == {"1": 1, "5": 1}


def test_scores_of_only_some_parts_are_left_out_when_merged():
    cases = [case(n) for n in range(4)]
    both = merged([ScoredCases(cases[:2], perfect(cases[:2])), ScoredCases(cases[2:])])
    assert len(both.cases) == 4
    assert both.tuned is None
    assert set(both.judged(0.5).values) == {"retrieval"}


def test_what_was_scored_is_not_asked_again_and_a_torn_line_is_passed_over(tmp_path):
    cases = [case(n) for n in range(3)]
    first = ScriptedLLM(lambda prompt: range(len(prompt.item_ids)))
    config = RankPromptConfig(version="rank-v2")
    scores = LLMScores(first, config, tmp_path).score(cases, "x")
    assert len(first.calls) == 3
    (kept,) = tmp_path.iterdir()
    lines = kept.read_text().splitlines()
    kept.write_text("\n".join([*lines[:2], lines[2][:20]]))
    second = ScriptedLLM(lambda prompt: range(len(prompt.item_ids)))
    again = LLMScores(second, config, tmp_path).score(cases, "x")
    assert len(second.calls) == 1
    np.testing.assert_allclose(np.stack(again), np.stack(scores), atol=1e-5)


def test_every_arena_is_reported_and_drawn(history_folder, dialogue_folder, rows, tmp_path):
    llm = ScriptedLLM(lambda prompt: -np.arange(len(prompt.item_ids)))
    scores = LLMScores(llm, RankPromptConfig(version="rank-v2"))
    told = []
    suite = RerankSuite(rows, None, TunedLLM(scores, 0.3, name="scripted"), LLMScores(llm, RankPromptConfig()))
    config = RerankConfig(cases=12, samples=50, candidates=6)
    report = suite.run([str(history_folder), str(dialogue_folder)], config, lambda *said: told.append(said[0]))
    for row in (report, report["cold_users"], report["cold_items"], report["conversation"]):
        for system in ("retrieval", "zero_shot", "llm_only", "fused"):
            found = row[system]["ndcg@10"]
            assert 0.0 <= found["low"] <= found["value"] <= found["high"] <= 1.0
        assert row["fused"] == row["retrieval"] == row["llm_only"]  # the script keeps the retriever's order
        assert row["ratio"]["value"] == pytest.approx(1.0)
    assert report["protocol"]["draws_cold"] == 1
    assert set(report["by_dataset"]) == {str(history_folder), str(dialogue_folder)}
    assert report["by_history_length"]
    by_length = report["cold_users"]["by_history_length"]
    assert len(by_length) > 1
    assert sum(row["cases"] for row in by_length.values()) == report["cold_users"]["cases"]
    loo = report["by_dataset"][str(history_folder)]["loo"]
    assert set(loo) == set(report) - {"cold_users", "cold_items", "conversation", "by_dataset", "protocol", "adapter"}
    assert loo["fused"] == loo["retrieval"]
    assert loo["cases"] == loo["users"] == 12
    assert "loo" not in report
    assert "loo" not in report["by_dataset"][str(dialogue_folder)]
    assert "rank" in {what.split()[0] for what in told}
    document, picture = write_rerank_report(report, tmp_path / "out")
    assert json.loads(document.read_text())["adapter"]["weight"] == 0.3
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_new_items_are_ordered_by_what_the_llm_says_of_titles_and_new_users_by_nothing_of_it(history_folder, rows, tmp_path):
    pytest.importorskip("lightgbm")
    reader = TitleReader(ScriptedLLM(likelihood=lambda _, text: -float(len(text))), tmp_path)
    suite = RerankSuite(rows, None, None, None, reader)
    config = RerankConfig(cases=12, samples=50, candidates=6, loo=False)
    scored = suite.scored(str(history_folder), config)
    for one in scored["cold_items"].cases:
        assert set(one.orders) == {"fast", "fused", "llm_only", "zero_shot"}
        assert all(sorted(places) == list(range(len(one.candidates))) for places in one.orders.values())
    assert {name for one in scored["cold_users"].cases for name in one.orders} == {"fast", "fused", "zero_shot"}
    assert all(one.orders["fast"] == one.orders["fused"] for one in scored["cold_users"].cases)
    assert not any(one.orders for one in scored["warm"].cases)
    row = suite.run([str(history_folder)], config)
    assert {"retrieval", "fast", "fused", "ratio", "fast_ratio"} <= set(row["cold_items"])
    assert {"retrieval", "fast", "fused", "ratio", "fast_ratio", "zero_shot"} <= set(row["cold_users"])
    assert "fused" not in row
    assert row["protocol"]["candidates_cold"] == config.cold


def test_draws_of_who_and_what_is_cold_are_judged_together_fitted_on_one_thread_and_kept(history_folder, rows, tmp_path):
    threads = set()

    class Watched:
        def live_sources(self, table, progress=None):
            threads.update(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")
            return rows.live_sources(table, progress)

    reader = TitleReader(ScriptedLLM(likelihood=lambda _, text: -float(len(text))), tmp_path)
    suite = RerankSuite(Watched(), None, None, None, reader, folder=tmp_path)
    name, config = str(history_folder), RerankConfig(cases=12, candidates=6, loo=False)
    with threadpool_limits(2, "blas"):
        both = suite.scored(name, config.model_copy(update={"draws": 2}))
        assert threads == {1}
        threads.clear()
        second = suite.scored(name, config.model_copy(update={"seed": 1}))
        assert len(threads) == 1  # for its warm cases; the draw is that of before
    threads.clear()
    assert suite.scored(name, config.model_copy(update={"draws": 2})) == both
    assert not threads
    for kept in tmp_path.glob("cases-*.gz"):
        kept.write_bytes(kept.read_bytes()[:500])
    assert suite.scored(name, config.model_copy(update={"seed": 1})) == second
    assert threads
    for arena in ("cold_users", "cold_items"):
        of_both, of_second = ([case.case_id for case in scored[arena].cases] for scored in (both, second))
        assert of_both[-len(of_second) :] == of_second
        assert len(of_both) > len(of_second)
        assert of_both[: len(of_second)] != of_second
    assert len(both["warm"].cases) == len(second["warm"].cases)


def test_an_order_that_a_case_brings_is_the_one_that_is_judged():
    one = replace(case(0), orders={"fused": tuple(reversed(range(len(case(0).candidates))))})
    found = ScoredCases([one]).judged(0.0).values
    last = one.candidates[-1].item.item_id
    best = ScoredCases([replace(one, targets=frozenset({last}))]).judged(0.0).values
    assert set(found) == {"retrieval", "fused"}
    assert best["fused"][0] == 1.0 > best["retrieval"][0]


def test_what_the_gate_compares_takes_no_fit_for_leaving_one_out(history_folder, rows):
    scored = RerankSuite(rows, None, None, None).scored(str(history_folder), RerankConfig(cases=5, loo=False))
    assert set(scored) == {"warm", "cold_users", "cold_items"}


def test_histories_too_short_for_five_are_still_left_one_out_of(tmp_path, rows):
    lines = [f"u{u},i{(u + step) % 9},{86_400 * step}" for u in range(12) for step in range(5)]
    (tmp_path / "interactions.csv").write_text("\n".join(["user_id,item_id,timestamp", *lines]) + "\n")
    (tmp_path / "items.csv").write_text("\n".join(["item_id,type,title", *(f"i{n},movie,Film {n}" for n in range(9))]) + "\n")
    report = RerankSuite(rows, None, None, None).run([str(tmp_path)], RerankConfig(samples=20))
    assert set(report["by_dataset"][str(tmp_path)]) == {"loo"}
    assert "retrieval" not in report
    _, picture = write_rerank_report(report, tmp_path / "out")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_no_data_set_is_refused(rows):
    with pytest.raises(InvalidInput, match="No data set"):
        RerankSuite(rows, None, None, None).run([], RerankConfig())
