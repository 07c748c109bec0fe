import asyncio

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


def test_a_new_event_loop_waits_for_nobody_of_an_old_one():
    turns = Turns()

    async def ask(n):
        async with turns.turn(Deadline(5)):
            await asyncio.sleep(0)
            return n

    async def several():
        return await asyncio.gather(*(ask(n) for n in range(3)))

    assert asyncio.run(several()) == asyncio.run(several()) == [0, 1, 2]
