"""The scale benchmark, at a size that is quickly there."""

from __future__ import annotations

import json

import pytest

from evals.bench.__main__ import main
from evals.bench.scale import ScaleBenchConfig, bench_scale, plot_scale, synthetic_items, zipf_rows


def test_rows_hold_times_and_memory_and_what_was_left_out():
    config = ScaleBenchConfig(sizes=(300, 600), people=60, events=20, history=10, requests=6, content_items=300)
    small, large = bench_scale(config)["rows"]
    assert (small["left_out"], large["left_out"]) == ([], ["content"])
    assert "content" in small["stages_ms"]
    assert "content" not in large["stages_ms"]
    for row in (small, large):
        assert 0 < row["rank_p50"] <= row["p50"] <= row["p95"]
        assert {"pop", "transitions"} <= set(row["stages_ms"])


def test_items_differ_and_popularity_falls():
    import numpy as np

    items = synthetic_items(200, seed=0)
    assert len({item.item_id for item in items}) == 200
    assert synthetic_items(200, seed=0) == items
    rng = np.random.default_rng(0)
    drawn = [row for _ in range(200) for row in zipf_rows(1000, 20, rng)]
    assert sum(row < 100 for row in drawn) > 2 * sum(row >= 500 for row in drawn)


def test_the_command_writes_numbers_and_a_picture(tmp_path):
    assert main(["scale", "--sizes", "200", "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "scale.json").read_text())["rows"][0]["items"] == 200
    assert (tmp_path / "scale.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("resident_mb", [0.0, -0.2, 1384.1])
def test_memory_that_did_not_grow_is_drawn_as_any_other(tmp_path, resident_mb):
    row = {"items": 200, "left_out": [], "rank_p50": 1.0, "p50": 1.5, "stages_ms": {"pop": 0.0}}
    report = {"goal_ms": 20.0, "goal_items": 100_000, "rows": [{**row, "resident_mb": resident_mb, "items_mb": 0.0}]}
    plot_scale(report, tmp_path / "scale.png")
    assert (tmp_path / "scale.png").read_bytes().startswith(b"\x89PNG")
