import asyncio
import threading

import pytest

from agent.llm.turns import Turns
from palate.deadline import Deadline
from palate.errors import DeadlineExceeded


async def test_one_at_a_time_in_the_order_they_came():
    turns, inside, order = Turns(), 0, []

    async def ask(n):
        nonlocal inside
        async with turns.turn(Deadline(30)):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            order.append(n)
            inside -= 1

    await asyncio.gather(*(ask(n) for n in range(8)))
    assert order == list(range(8))


async def test_who_waits_too_long_is_told_and_nobody_is_kept_out_for_it():
    turns = Turns()
    async with turns.turn(Deadline(None)):
        with pytest.raises(DeadlineExceeded, match="first"):
            async with turns.turn(Deadline(0.01)):
                raise AssertionError
    async with turns.turn(Deadline(30)):
        pass


async def test_an_error_and_a_cancelled_wait_pass_the_turn_on():
    turns = Turns()
    with pytest.raises(ValueError, match="odd"):
        async with turns.turn(Deadline(30)):
            raise ValueError("odd")

    async def ask():
        async with turns.turn(Deadline(30)):
            pass

    async with turns.turn(Deadline(30)):
        waiting = asyncio.create_task(ask())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await ask()


def test_threads_with_event_loops_of_their_own_wait_for_each_other_too():
    turns, inside, most, done = Turns(), 0, 0, 0

    async def ask(seconds):
        nonlocal inside, most, done
        async with turns.turn(Deadline(60)):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(seconds)
            inside -= 1
            done += 1

    async def reads():
        for _ in range(40):
            await ask(0.001)

    async def serves():
        await asyncio.gather(*(ask(0.001) for _ in range(40)))

    threads = [threading.Thread(target=asyncio.run, args=(work(),)) for work in (reads, serves, reads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (most, done) == (1, 120)


def test_who_asks_again_at_once_comes_behind_those_who_wait():
    turns, order = Turns(), []

    async def again():
        for _ in range(3):
            async with turns.turn(Deadline(30)):
                order.append("again")
                await asyncio.sleep(0)

    async def once():
        async with turns.turn(Deadline(30)):
            order.append("once")

    async def both():
        await asyncio.gather(again(), once())

    asyncio.run(both())
    assert order == ["again", "once", "again", "again"]


def test_a_turn_goes_past_those_whose_event_loop_ended():
    turns = Turns()
    holds, ended = threading.Event(), threading.Event()

    def holder():
        async def hold():
            async with turns.turn(Deadline(30)):
                holds.set()
                await asyncio.to_thread(ended.wait, 30)

        asyncio.run(hold())

    thread = threading.Thread(target=holder)
    thread.start()
    assert holds.wait(30)
    loop = asyncio.new_event_loop()
    waits = loop.create_task(turns._wait(float("inf")))
    loop.run_until_complete(asyncio.sleep(0))
    loop.stop()
    loop.close()  # with the waiter in the queue, as a process does that ends in a hurry
    waits._log_destroy_pending = False
    ended.set()
    thread.join(30)

    async def ask():
        async with turns.turn(Deadline(5)):
            return True

    assert asyncio.run(ask())
