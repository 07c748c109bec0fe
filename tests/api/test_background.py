from __future__ import annotations

import threading

from api.background import Background, Report, Traffic


def test_lanes_run_in_order_and_report() -> None:
    done: list[str] = []

    def first(report: Report) -> None:
        report(1, 2)
        done.append("first")

    background = Background([[("first", first), ("second", lambda _report: done.append("second"))]], ["first"])
    assert not background.state().ready
    background.start()
    assert background.wait(("first", "second"), 10)
    assert done == ["first", "second"]
    assert background.state().parts["first"].model_dump() == {"done": 2, "total": 2, "error": None}
    background.close()


def test_a_step_that_fails_says_so_and_the_lane_goes_on() -> None:
    def broken(_report: Report) -> None:
        raise ValueError("no weights")

    background = Background([[("broken", broken), ("next", lambda _report: None)]], ["broken"])
    background.start()
    assert background.wait(("next",), 10)
    assert not background.wait((), 10)
    state = background.state()
    assert not state.ready
    assert state.parts["broken"].error == "no weights"
    background.close()


def test_closing_stops_before_the_next_step() -> None:
    began, go_on, ran = threading.Event(), threading.Event(), []

    def slow(_report: Report) -> None:
        began.set()
        go_on.wait(10)

    background = Background([[("slow", slow), ("never", lambda _report: ran.append(1))]], ["slow"])
    background.start()
    assert began.wait(10)
    background.stop.set()
    go_on.set()
    background.close()
    assert not ran


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
