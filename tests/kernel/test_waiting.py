import asyncio

from pileus.kernel.clock import Clock
from pileus.kernel.waiting import Waiters


def test_a_waiter_is_woken_and_others_are_not() -> None:
    async def scenario() -> None:
        waiters = Waiters(Clock())
        first = asyncio.ensure_future(waiters.wait("a", seconds=5))
        other = asyncio.ensure_future(waiters.wait("b", seconds=0.05))
        await asyncio.sleep(0)
        waiters.wake("a")
        assert await first is True
        assert await other is False

    asyncio.run(scenario())


def test_the_longest_waiting_are_woken_first() -> None:
    async def scenario() -> None:
        waiters = Waiters(Clock())
        tasks = [asyncio.ensure_future(waiters.wait("a", seconds=0.05)) for _ in range(3)]
        await asyncio.sleep(0)
        waiters.wake("a", 2)
        assert [await task for task in tasks] == [True, True, False]

    asyncio.run(scenario())


def test_a_waiter_wakes_at_its_cloud_time() -> None:
    async def scenario() -> None:
        clock = Clock()
        clock.attach(asyncio.get_running_loop())
        waiters = Waiters(clock)
        task = asyncio.ensure_future(waiters.wait("a", seconds=5, due=clock.now() + 86400))
        await asyncio.sleep(0)
        clock.jump(clock.now() + 86401)
        assert await asyncio.wait_for(task, 1) is True

    asyncio.run(scenario())


def test_nothing_is_left_of_a_cancelled_waiter() -> None:
    async def scenario() -> None:
        clock = Clock()
        waiters = Waiters(clock)
        task = asyncio.ensure_future(waiters.wait("a", seconds=5, due=clock.now() + 5))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not waiters._waiting
        assert clock.next_due() is None

    asyncio.run(scenario())


def test_a_wake_that_comes_too_late_for_one_is_for_the_next() -> None:
    async def scenario() -> None:
        waiters = Waiters(Clock())
        gone, next_one = [asyncio.ensure_future(waiters.wait("a", seconds=0.05)) for _ in range(2)]
        await asyncio.sleep(0)
        waiters.wake("a", 1)
        gone.cancel()
        assert await next_one is True

    asyncio.run(scenario())


def test_a_wake_may_be_due_later() -> None:
    async def scenario() -> None:
        clock = Clock()
        clock.attach(asyncio.get_running_loop())
        waiters = Waiters(clock)
        task = asyncio.ensure_future(waiters.wait("a", seconds=5))
        await asyncio.sleep(0)
        waiters.wake("a", 1, due=clock.now() + 86400)
        await asyncio.sleep(0)
        assert not task.done()
        clock.jump(clock.now() + 86401)
        assert await asyncio.wait_for(task, 1) is True

    asyncio.run(scenario())
