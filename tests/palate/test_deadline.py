import time

import pytest

from palate.deadline import Deadline, Timings


def test_no_limit_allows_everything() -> None:
    for deadline in (Deadline(None), Deadline.after_ms(None)):
        assert deadline.remaining() == float("inf")
        assert deadline.allows(1e9)
        assert not deadline.expired


def test_time_runs_out() -> None:
    assert 0 < Deadline.after_ms(20_000).remaining() <= 20
    deadline = Deadline.after_ms(20)
    assert not deadline.allows(0.1)
    time.sleep(0.03)
    assert deadline.expired
    assert deadline.remaining() == 0
    assert not deadline.allows(0.001)


def test_stages_add_up_and_survive_errors() -> None:
    timings = Timings()
    for _ in range(2):
        with timings.stage("work"):
            time.sleep(0.01)
    with pytest.raises(ValueError, match="no"), timings.stage("fails"):
        raise ValueError("no")
    found = timings.as_dict()
    assert sorted(found) == ["fails", "total", "work"]
    assert 20 <= found["work"] <= found["total"]
