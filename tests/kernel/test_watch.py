"""Watches: they run until they are ended, and again after a restart."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pileus.kernel import Service
from pileus.kernel.call import Call
from pileus.kernel.cloud import Cloud
from pileus.kernel.store import open_store
from pileus.kernel.watch import Standing

from .test_task import in_a_cloud


@pytest.fixture
def service() -> Service:
    return Service("sqs")


def test_a_watch_runs_until_it_is_ended(service: Service) -> None:
    heard: list[str] = []

    @service.watch
    async def listen(call: Call, to: str) -> None:
        while True:
            await call.wait("door")
            heard.append(to)

    async def scenario(cloud: Cloud, call: Call) -> None:
        with call.transaction():
            listen.begin(call, to="the door")
            listen.begin(call, to="the door")
        await cloud.runner.settle()
        for expected in (1, 2):
            cloud.waiters.wake("door")
            await cloud.runner.settle()
            assert len(heard) == expected
        with call.transaction():
            listen.end(call, to="the door")
        await cloud.runner.settle()
        assert not list(Standing.scan(call))
        assert "door" not in cloud.waiters

    in_a_cloud(service, scenario)


def test_a_watch_runs_again_after_a_restart_and_where_its_beginning_was_undone_not_at_all(service: Service) -> None:
    runs: list[str] = []

    @service.watch
    async def listen(call: Call, to: str) -> None:
        runs.append(f"{call.account} {to}")
        await call.wait("nothing")

    async def scenario(cloud: Cloud, call: Call) -> None:
        there = call.at(account="111122223333")
        with there.transaction():
            listen.begin(there, to="a")
        with pytest.raises(RuntimeError), there.transaction():
            listen.begin(there, to="b")
            raise RuntimeError
        await cloud.runner.settle()
        await cloud.runner.stop()
        cloud.runner.start()
        await cloud.runner.settle()

    in_a_cloud(service, scenario, open_store(None))
    assert runs == ["111122223333 a"] * 2


def test_a_watch_that_was_stopped_before_it_began_runs_after_the_restart(service: Service) -> None:
    runs: list[str] = []

    @service.watch
    async def listen(call: Call) -> None:
        runs.append("run")
        await call.wait("nothing")

    async def scenario(cloud: Cloud, call: Call) -> None:
        with call.transaction():
            listen.begin(call)
        cloud.store.flush()
        await cloud.runner.stop()
        assert not runs
        cloud.runner.start()
        await cloud.runner.settle()

    in_a_cloud(service, scenario)
    assert runs == ["run"]


def test_a_watch_that_ends_itself_is_begun_again_by_what_comes_meanwhile(service: Service) -> None:
    runs: list[int] = []

    async def scenario(cloud: Cloud, call: Call) -> None:
        @service.watch
        async def empty(call: Call) -> None:
            runs.append(len(runs))
            with call.transaction():
                empty.end(call)
            if len(runs) == 1:  # something new arrives before the watch is over
                with call.transaction():
                    empty.begin(call)
                await asyncio.sleep(0)

        with call.transaction():
            empty.begin(call)
        await cloud.runner.settle()
        assert runs == [0, 1]

    in_a_cloud(service, scenario)


def test_turning_the_clock_waits_for_a_watch_at_work(service: Service) -> None:
    done: list[Any] = []

    @service.watch
    async def work(call: Call) -> None:
        await call.wait("work")
        with call.cloud.runner.working():
            await asyncio.sleep(0.02)
            done.append(True)

    async def scenario(cloud: Cloud, call: Call) -> None:
        with call.transaction():
            work.begin(call)
        await cloud.runner.settle()
        cloud.waiters.wake("work")
        await cloud.runner.settle()
        assert done == [True]

    in_a_cloud(service, scenario)


def test_what_a_reset_has_forgotten_can_be_taken_down_and_what_was_ended_is_not(service: Service) -> None:
    left: list[str] = []

    @service.watch
    async def listen(call: Call, to: str) -> None:
        await call.wait("nothing")

    @listen.forgotten
    async def take_down(call: Call, to: str) -> None:
        left.append(to)

    async def scenario(cloud: Cloud, call: Call) -> None:
        with call.transaction():
            for name in ("kept", "ended", "forgotten"):
                listen.begin(call, to=name)
        await cloud.runner.settle()
        with call.transaction():
            listen.end(call, to="ended")
        await cloud.runner.settle()
        for _ in range(2):
            await cloud.runner.stop()
            with call.transaction():
                for one in [*Standing.scan(call)]:
                    if "forgotten" in one.arguments:
                        one.delete(call)
            cloud.runner.start()
            await cloud.runner.settle()
        assert left == ["forgotten"]

    in_a_cloud(service, scenario)
