import json

import numpy as np
import pytest

from agent.llm.scripted import ScriptedLLM
from evals.bench.__main__ import main
from evals.bench.engines import ENGINES
from evals.bench.prompts import rank_prompts
from evals.bench.rerank import _common_prefix, _percentiles


def test_prompts_are_the_products_and_the_same_each_time():
    prompts = rank_prompts(ScriptedLLM(), 4, candidates=20)
    again = rank_prompts(ScriptedLLM(), 4, candidates=20)
    assert [p.text for p in prompts] == [p.text for p in again]
    assert len({p.text for p in prompts}) == 4
    assert all(len(p.labels) == 20 for p in prompts)
    assert all("Netflix" in p.text and "Spotify" in p.text for p in prompts)


@pytest.mark.parametrize(
    ("ids", "length"), [([[1, 2, 3], [1, 2, 4]], 2), ([[1], [2]], 0), ([[1, 2], [1, 2, 3]], 1), ([[1, 2], [1, 2]], 1)]
)
def test_the_common_prefix_leaves_something_to_read(ids, length):
    assert _common_prefix(ids) == length


def test_percentiles():
    assert _percentiles(list(np.arange(101.0))) == {"p50": 50.0, "p95": 95.0}


def test_a_missing_engine_is_said_with_the_remedy(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(__import__("sys").modules, "ctranslate2", None)
    assert main(["rerank", "--out", str(tmp_path / "out")]) == 1
    assert "make setup" in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_benchmark_runs_whole(tmp_path):
    assert main(["rerank", "--out", str(tmp_path), "--prompts", "4", "--compared", "2"]) == 0
    report = json.loads((tmp_path / "rerank.json").read_text())
    assert [row["engine"] for row in report["engines"]] == list(ENGINES)
    assert report["engines"][0]["rank_correlation"] == 1.0
    assert report["engines"][3]["rank_correlation"] > 0.9
    assert 0.5 < report["ratio_paired"] < 1.5
    assert (tmp_path / "rerank.png").stat().st_size > 10_000
