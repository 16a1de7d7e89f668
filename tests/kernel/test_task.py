import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pileus.kernel import Record, Service
from pileus.kernel.call import Call
from pileus.kernel.clock import Clock
from pileus.kernel.cloud import Cloud
from pileus.kernel.store import Store, open_store
from pileus.kernel.task import Dead, Pending, next_look, run_until

START = 1_700_000_000.0


class Done(Record):
    name: str
    at: float = 0.0


def in_a_cloud(service: Service, scenario: Callable[[Cloud, Call], Awaitable[Any]], store: Store | None = None) -> Any:
    """Run a scenario in a cloud whose clock stands still and whose one service is `service`."""

    async def run() -> Any:
        loop = asyncio.get_running_loop()
        clock = Clock(lambda: START)
        clock.freeze()
        clock.attach(loop)
        cloud = Cloud(store or open_store(None, schedule=loop.call_soon), clock)
        cloud.service = lambda name: service  # type: ignore[method-assign]
        cloud.runner.start()
        try:
            return await scenario(cloud, cloud.call(service.name))
        finally:
            await cloud.runner.stop()

    return asyncio.run(run())


@pytest.fixture
def service() -> Service:
    return Service("sqs")


def test_what_expires_is_looked_for_later_than_now_whatever_the_sum_of_floats(service: Service) -> None:
    """Of what is counted in microseconds, floats have not enough to say from 2038 on: the hour is over, and is not."""
    micros, hour = 2_200_000_001_715_809, 3600.0
    expires = micros / 1_000_000 + hour

    def expired(now: float) -> bool:
        return micros <= int((now - hour) * 1_000_000)

    assert not expired(expires)
    looks: list[float] = []

    @service.task
    def forget(call: Call) -> None:
        looks.append(call.now)
        if not expired(call.now) and len(looks) < 100:
            forget.later(call, due=next_look(call, expires))

    async def scenario(cloud: Cloud, call: Call) -> None:
        with call.transaction():
            forget.later(call, due=expires)
        await run_until(cloud, expires + 1)

    in_a_cloud(service, scenario)
    assert looks == [expires, pytest.approx(expires + 0.001)]


def test_a_task_runs_at_its_time_on_the_cloud_clock(service: Service) -> None:
    @service.task
    def note(call: Call, name: str) -> None:
        Done(name=name, at=call.now).put(call)

    async def scenario(cloud: Cloud, call: Call) -> None:
        with call.transaction():
            note.later(call, name="in a year", delay=86400 * 365)
            note.later(call, name="now")
        await cloud.runner.settle()
        assert [done.name for done in Done.scan(call)] == ["now"]
        await run_until(cloud, START + 86400 * 366)
        assert Done.get(call, "in a year") == Done(name="in a year", at=START + 86400 * 365)
        assert not list(Pending.scan(call))

    in_a_cloud(service, scenario)


def test_everything_due_happens_in_order_while_the_clock_advances(service: Service) -> None:
    order: list[tuple[str, float]] = []

    @service.task
    async def chain(call: Call, name: str, more: int) -> None:
        order.append((name, call.now - START))
        if more:
            with call.transaction():
                chain.later(call, name=name, more=more - 1, delay=10)

    async def scenario(cloud: Cloud, call: Call) -> None:
        with call.transaction():
            chain.later(call, name="a", more=2, delay=5)
            chain.later(call, name="b", more=1, delay=7)
        await run_until(cloud, START + 100)

    in_a_cloud(service, scenario)
    assert order == [("a", 5), ("b", 7), ("a", 15), ("b", 17), ("a", 25)]


def test_a_task_of_an_undone_transaction_never_runs(service: Service) -> None:
    @service.task
    def note(call: Call) -> None:
        raise AssertionError("must not run")

    async def scenario(cloud: Cloud, call: Call) -> None:
        with pytest.raises(RuntimeError), call.transaction():
            note.later(call)
            raise RuntimeError
        await run_until(cloud, START + 1000)
        assert not list(Dead.scan(call))

    in_a_cloud(service, scenario)


def test_a_failing_task_is_tried_again_later_and_later_and_then_kept_as_dead(service: Service) -> None:
    tries: list[float] = []

    @service.task(retries=3)
    def fail(call: Call) -> None:
        tries.append(call.now - START)
        Done(name="half done").put(call)
        raise ValueError("no luck")

    async def scenario(cloud: Cloud, call: Call) -> None:
        with call.transaction():
            fail.later(call)
        await run_until(cloud, START + 1000)
        assert tries == [0, 1, 3, 7]
        assert not list(Done.scan(call)), "a failed try leaves nothing behind"
        assert not list(Pending.scan(call))
        (dead,) = Dead.scan(call)
        assert dead.task.name == "fail"
        assert dead.task.error == "ValueError: no luck"

    in_a_cloud(service, scenario)


def test_tasks_go_on_after_a_restart(service: Service) -> None:
    @service.task
    def note(call: Call, name: str) -> None:
        Done(name=name).put(call)

    store = open_store(None)

    async def before(cloud: Cloud, call: Call) -> None:
        with call.transaction():
            note.later(call, name="survivor", delay=60)

    async def after(cloud: Cloud, call: Call) -> None:
        await run_until(cloud, START + 61)
        assert Done.get(call, "survivor")

    in_a_cloud(service, before, store)
    in_a_cloud(service, after, store)


def test_a_task_cut_off_by_a_stop_runs_again(service: Service) -> None:
    started: list[int] = []

    @service.task
    async def slow(call: Call) -> None:
        started.append(1)
        if len(started) == 1:
            await asyncio.Event().wait()

    store = open_store(None)

    async def before(cloud: Cloud, call: Call) -> None:
        with call.transaction():
            slow.later(call)
        while not started:
            await asyncio.sleep(0)

    async def after(cloud: Cloud, call: Call) -> None:
        await cloud.runner.settle()
        assert not list(Pending.scan(call))

    in_a_cloud(service, before, store)
    in_a_cloud(service, after, store)
    assert len(started) == 2


def test_a_stop_before_a_task_has_begun_leaves_nothing_to_wait_for(service: Service) -> None:
    begun: list[str] = []

    @service.task
    async def send(call: Call) -> None:
        begun.append(call.operation)

    async def scenario(cloud: Cloud, call: Call) -> None:
        with call.transaction():
            send.later(call, delay=60)
        cloud.store.flush()
        cloud.clock.jump(START + 60)
        cloud.clock.ring()  # there is a task of the loop now, that has not had its turn
        await cloud.runner.stop()
        cloud.store.reset()
        cloud.runner.start()
        await asyncio.wait_for(cloud.runner.settle(), 10)
        assert not begun

    in_a_cloud(service, scenario)


def test_wrong_arguments_are_refused_when_the_task_is_enqueued(service: Service) -> None:
    @service.task
    def note(call: Call, name: str) -> None: ...

    async def scenario(cloud: Cloud, call: Call) -> None:
        with pytest.raises(TypeError):
            note.later(call, nme="typo")

    in_a_cloud(service, scenario)


def test_many_tasks_all_run(service: Service) -> None:
    @service.task
    async def note(call: Call, name: str) -> None:
        await asyncio.sleep(0)
        with call.transaction():
            Done(name=name).put(call)

    async def scenario(cloud: Cloud, call: Call) -> None:
        with call.transaction():
            for number in range(500):
                note.later(call, name=str(number))
        await cloud.runner.settle()
        assert sum(1 for _ in Done.scan(call)) == 500

    in_a_cloud(service, scenario)


def test_tasks_of_the_same_time_run_as_they_were_enqueued(service: Service) -> None:
    order: list[int] = []

    @service.task
    def note(call: Call, number: int) -> None:
        order.append(number)

    async def scenario(cloud: Cloud, call: Call) -> None:
        for start in (0, 300):
            with call.transaction():
                for number in range(start, start + 300):
                    note.later(call, number=number)
        await cloud.runner.settle()

    in_a_cloud(service, scenario)
    assert order == list(range(600))


def test_slow_tasks_of_one_kind_do_not_keep_others_waiting(service: Service) -> None:
    gate = asyncio.Event()
    done: list[str] = []

    @service.task
    async def slow(call: Call) -> None:
        await gate.wait()
        done.append("slow")

    @service.task
    async def quick(call: Call) -> None:
        done.append("quick")

    async def scenario(cloud: Cloud, call: Call) -> None:
        with call.transaction():
            for _ in range(200):
                slow.later(call)
            quick.later(call)
        while not done:
            await asyncio.sleep(0)
        assert done == ["quick"]
        gate.set()
        await cloud.runner.settle()
        assert done.count("slow") == 200
        assert not list(Pending.scan(call))

    in_a_cloud(service, scenario)


def test_plain_tasks_of_a_turn_share_a_commit_and_are_undone_apart(service: Service) -> None:
    @service.task(retries=0)
    def note(call: Call, name: str) -> None:
        Done(name=name).put(call)
        if name == "bad":
            raise ValueError(name)

    async def scenario(cloud: Cloud, call: Call) -> None:
        with call.transaction():
            for name in ("first", "bad", "last"):
                note.later(call, name=name)
        await cloud.runner.settle()
        assert [done.name for done in Done.scan(call)] == ["first", "last"]
        assert [dead.task.arguments["name"] for dead in Dead.scan(call)] == ["bad"]

    in_a_cloud(service, scenario)


def test_a_task_that_was_forgotten_does_not_run(service: Service) -> None:
    ran: list[str] = []

    @service.task
    def note(call: Call, name: str) -> None:
        ran.append(name)
        for task in list(Pending.scan(call)):
            task.delete(call)

    async def scenario(cloud: Cloud, call: Call) -> None:
        with call.transaction():
            note.later(call, name="first")
            note.later(call, name="second")
        await cloud.runner.settle()

    in_a_cloud(service, scenario)
    assert ran == ["first"]


def test_what_is_enqueued_for_an_earlier_time_than_what_was_read_runs_too(service: Service) -> None:
    order: list[str] = []

    @service.task(retries=1, backoff=lambda tries: -10.0)
    async def again(call: Call, name: str) -> None:
        order.append(name)
        if len(order) == 1:
            raise ValueError(name)

    async def scenario(cloud: Cloud, call: Call) -> None:
        with call.transaction():
            again.later(call, name="a")
        await cloud.runner.settle()
        with call.transaction():
            again.later(call, name="b", due=START - 100)
        await cloud.runner.settle()

    in_a_cloud(service, scenario)
    assert order == ["a", "a", "b"]


def test_a_task_belongs_to_the_trace_of_whoever_enqueued_it(service: Service) -> None:
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

    @service.task
    def note(call: Call, name: str) -> None:
        Done(name=f"{name} {call.trace}").put(call)
        if name == "first":
            note.later(call, name="second")

    async def scenario(cloud: Cloud, call: Call) -> None:
        with call.transaction():
            note.later(call.at(trace=header), name="first")
            note.later(call, name="alone")
        await cloud.runner.settle()
        assert [done.name for done in Done.scan(call)] == ["alone ", f"first {header}", f"second {header}"]

    in_a_cloud(service, scenario)
