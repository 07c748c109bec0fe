import asyncio

import pytest

from agent.llm.breaker import BreakerConfig, CircuitBreaker, Late
from palate.deadline import Deadline
from palate.errors import DeadlineExceeded, InvalidInput, ServiceDown

LONG = Deadline(None)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return CircuitBreaker("The thing", BreakerConfig(failures=3, cooldown=5.0), clock=clock)


def call(breaker, error=None, deadline=LONG):
    with breaker.call(deadline):
        if error is not None:
            raise error


def fail(breaker, times=1, error=None, deadline=LONG):
    error = error or ServiceDown("down")
    for _ in range(times):
        with pytest.raises(type(error)):
            call(breaker, error, deadline)


def test_it_opens_after_failures_in_a_row(breaker):
    fail(breaker, 2)
    call(breaker)
    fail(breaker, 2)
    assert breaker.state == "closed"
    fail(breaker)
    assert breaker.state == "open"
    with pytest.raises(ServiceDown, match=r"The thing is not asked.*3 failures.*5\.0 s"):
        call(breaker)


def test_one_call_tries_again_after_the_cool_down(breaker, clock):
    fail(breaker, 3)
    clock.now += 5.0
    assert breaker.state == "half open"
    with breaker.call(LONG), pytest.raises(ServiceDown, match="is being tried again"):
        call(breaker)
    assert breaker.state == "closed"
    fail(breaker, 2)
    assert breaker.state == "closed"


def test_a_failed_try_opens_it_for_another_cool_down(breaker, clock):
    fail(breaker, 3)
    clock.now += 5.0
    fail(breaker)
    assert breaker.state == "open"
    clock.now += 4.9
    assert breaker.state == "open"
    clock.now += 0.2
    call(breaker)
    assert breaker.state == "closed"


def test_calls_from_before_it_opened_change_nothing(breaker, clock):
    with breaker.call(LONG):
        fail(breaker, 3)
    assert breaker.state == "open"
    clock.now += 3.0
    with pytest.raises(ServiceDown), breaker.call(LONG):
        raise ServiceDown("late news")  # it is not even begun
    clock.now += 2.0
    assert breaker.state == "half open"


@pytest.mark.parametrize("error", [DeadlineExceeded("never asked"), ValueError("a bug"), asyncio.CancelledError()])
def test_what_tells_nothing_is_not_counted(breaker, clock, error):
    fail(breaker, 5, error)
    assert breaker.state == "closed"
    fail(breaker, 3)
    clock.now += 5.0
    fail(breaker, 1, error)
    assert breaker.state == "half open"


def test_refused_input_shows_that_it_is_there(breaker):
    fail(breaker, 2)
    fail(breaker, 1, InvalidInput("bad"))
    fail(breaker, 2)
    assert breaker.state == "closed"


def test_timeouts_count_where_there_was_patience(breaker):
    fail(breaker, 9, Late("late"), Deadline(0.5))
    assert breaker.state == "closed"
    fail(breaker, 3, Late("late"), Deadline(30.0))
    assert breaker.state == "open"


def test_being_cancelled_at_the_deadline_is_a_timeout(clock):
    breaker = CircuitBreaker("The thing", BreakerConfig(failures=1, patience=0.0), clock=clock)
    fail(breaker, 1, asyncio.CancelledError(), Deadline(30.0))
    assert breaker.state == "closed"
    fail(breaker, 1, asyncio.CancelledError(), Deadline(0.01))
    assert breaker.state == "open"
