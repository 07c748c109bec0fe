from __future__ import annotations

import threading

import pytest

from api.background import Background, Report, Traffic


def test_lanes_run_in_order_and_report() -> None:
    done: list[str] = []

    def first(report: Report, _stop: threading.Event) -> None:
        report(1, 2)
        done.append("first")

    background = Background(["first"])
    assert not background.state().ready
    background.start([("first", first), ("second", lambda _report, _stop: done.append("second"))])
    assert background.wait(("first", "second"), 10)
    assert done == ["first", "second"]
    assert background.state().parts["first"].model_dump() == {"done": 2, "total": 2, "error": None}
    background.close()


def test_a_step_that_fails_says_so_and_the_lane_goes_on() -> None:
    def broken(_report: Report, _stop: threading.Event) -> None:
        raise ValueError("no weights")

    background = Background(["broken"])
    background.start([("broken", broken), ("next", lambda _report, _stop: None)])
    assert background.wait(("next",), 10)
    assert not background.wait((), 10)
    state = background.state()
    assert not state.ready
    assert state.parts["broken"].error == "no weights"
    background.close()


def test_what_fails_while_it_is_told_to_stop_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    began, ran = threading.Event(), []

    def cut_off(_report: Report, stop: threading.Event) -> None:
        began.set()
        stop.wait(10)
        raise ValueError("closed under its hands")

    background = Background(["llm"])
    background.start([("llm", cut_off), ("never", lambda _report, _stop: ran.append(1))])
    assert began.wait(10)
    assert background.close()
    assert background.state().parts["llm"].error is None
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    assert not ran


def test_closing_stops_before_the_next_step() -> None:
    began, go_on, ran = threading.Event(), threading.Event(), []

    def slow(_report: Report, _stop: threading.Event) -> None:
        began.set()
        go_on.wait(10)

    background = Background(["slow"])
    lane = background.start([("slow", slow), ("never", lambda _report, _stop: ran.append(1))])
    assert began.wait(10)
    lane.stop.set()
    go_on.set()
    background.close()
    assert not ran


def test_a_lane_that_takes_over_waits_and_the_old_one_is_silent() -> None:
    began, go_on, order = threading.Event(), threading.Event(), []

    def old(report: Report, stop: threading.Event) -> None:
        began.set()
        assert stop.wait(10)
        assert go_on.wait(10)
        report(7, 7)
        order.append("old")

    def new(report: Report, _stop: threading.Event) -> None:
        report(1, 2)
        order.append("new")

    background = Background(["part"])
    first = background.start([("part", old)])
    assert began.wait(10)
    background.start([("part", new)], instead_of=first)
    assert background.state().parts["part"].done == 0
    go_on.set()
    assert background.wait((), 10)
    assert order == ["old", "new"]
    assert background.state().parts["part"].total == 2
    background.close()


def test_background_work_steps_aside_for_requests() -> None:
    traffic, passed = Traffic(), threading.Event()

    def work() -> None:
        traffic.wait_for_quiet(10)
        passed.set()

    with traffic.busy():
        thread = threading.Thread(target=work)
        thread.start()
        assert not passed.wait(0.1)
    assert passed.wait(5)
    thread.join()
