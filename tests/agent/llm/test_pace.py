import time

import pytest

from agent.llm.pace import Pace, PaceConfig
from palate.deadline import Deadline
from palate.errors import DeadlineExceeded


def test_the_first_measurement_replaces_the_guess_and_later_ones_move_it():
    pace = Pace(PaceConfig(prefill_ms=4.0, decode_ms=60.0, decay=0.5, margin=1.0, half_life=1e9))
    assert pace.predict(100) == pytest.approx(0.4)
    pace.learn("prefill", 100, 0.1)
    assert pace.predict(100) == pytest.approx(0.1)
    pace.learn("prefill", 100, 0.3)
    assert pace.predict(100) == pytest.approx(0.2)
    assert pace.predict(0, 10) == pytest.approx(0.6)


def test_what_was_not_measured_teaches_nothing():
    pace = Pace()
    before = pace.facts()
    pace.learn("decode", 0, 1.0)
    pace.learn("decode", 5, 0.0)
    assert pace.facts() == before


def test_work_is_admitted_while_the_backlog_leaves_time():
    pace = Pace()
    pace.admit(1.0, Deadline(2.5))
    pace.admit(1.0, Deadline(2.5))
    with pytest.raises(DeadlineExceeded, match="3000 ms"):
        pace.admit(1.0, Deadline(2.5))
    pace.leave(1.0)
    with pace.run(0.9):
        assert 1.0 < pace.backlog() <= 1.9
    assert pace.backlog() == pytest.approx(1.0)
    pace.admit(1.0, Deadline(None))


def test_one_slow_moment_does_not_refuse_for_ever():
    pace = Pace(PaceConfig(prefill_ms=2.0, margin=1.0, half_life=0.05))
    pace.learn("prefill", 100, 10.0)
    with pytest.raises(DeadlineExceeded):
        pace.admit(pace.predict(500), Deadline(3.0))
    time.sleep(0.6)
    pace.admit(pace.predict(500), Deadline(3.0))
