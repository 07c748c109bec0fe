"""The latency benchmark against the real demo."""

from __future__ import annotations

import pytest

from evals.bench.latency import LatencyBenchConfig, bench_latency
from palate.errors import ServiceDown


@pytest.mark.slow
def test_every_event_is_reflected(real_demo):
    report = bench_latency(LatencyBenchConfig(rounds=5, warm=1, url=real_demo.url))
    assert report["reflected"] == report["rounds"] == 5
    assert report["reflected_ms"]["p50"] <= report["reflected_ms"]["p99"]


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(ServiceDown, match=r"127\.0\.0\.1:9"):
        bench_latency(LatencyBenchConfig(rounds=5, url="http://127.0.0.1:9"))
