import asyncio

import pytest

from pileus.kernel.clock import Clock

from .conftest import Wall


def test_cloud_time_is_real_time_until_it_is_moved(wall: Wall) -> None:
    clock = Clock(wall)
    wall.now += 5
    assert clock.now() == wall.now
    assert clock.real


def test_a_frozen_clock_stands_still_and_goes_on_from_there(wall: Wall) -> None:
    clock = Clock(wall)
    stood = clock.now()
    clock.freeze()
    wall.now += 100
    assert clock.now() == stood
    clock.run()
    wall.now += 3
    assert clock.now() == stood + 3
    assert not clock.real


def test_an_instant_of_real_time_keeps_the_cloud_time_that_it_had(wall: Wall) -> None:
    """A URL signed before the clock was advanced has aged by the advance; one signed after it has not."""
    clock = Clock(wall)
    before = wall.now
    wall.now += 10
    clock.jump(clock.now() + 3600)
    wall.now += 10
    after = wall.now
    assert clock.now() - clock.at_wall(before) == pytest.approx(3620)
    assert clock.now() - clock.at_wall(after) == pytest.approx(0)


def test_a_saved_clock_goes_on_as_it_was_set(wall: Wall) -> None:
    clock = Clock(wall)
    clock.jump(clock.now() + 86400)
    again = Clock(wall)
    again.load(clock.save())
    wall.now += 7
    assert again.now() == clock.now() == wall.now + 86400


def test_timers_ring_in_the_order_of_their_times(wall: Wall) -> None:
    clock = Clock(wall)
    rung: list[str] = []
    clock.call_at(wall.now + 20, lambda: rung.append("second"))
    clock.call_at(wall.now + 10, lambda: rung.append("first"))
    clock.call_at(wall.now + 15, lambda: rung.append("cancelled")).cancel()
    clock.ring()
    assert rung == []
    wall.now += 30
    clock.ring()
    assert rung == ["first", "second"]


def test_a_timer_that_is_set_by_another_rings_the_next_time(wall: Wall) -> None:
    clock = Clock(wall)
    rung: list[int] = []

    def again() -> None:
        rung.append(len(rung))
        clock.call_at(wall.now, again)

    clock.call_at(wall.now, again)
    for times in (1, 2, 3):
        clock.ring()
        assert len(rung) == times


def test_a_timer_rings_by_itself_on_the_event_loop_and_a_jump_brings_it_forward() -> None:
    async def scenario() -> list[str]:
        clock = Clock()
        clock.attach(asyncio.get_running_loop())
        rung = asyncio.Event()
        done: list[str] = []
        clock.call_at(clock.now() + 0.01, lambda: done.append("soon"))
        clock.call_at(clock.now() + 86400 * 365, lambda: (done.append("next year"), rung.set()))
        await asyncio.sleep(0.05)
        clock.jump(clock.now() + 86400 * 366)
        await asyncio.wait_for(rung.wait(), 1)
        return done

    assert asyncio.run(scenario()) == ["soon", "next year"]


def test_a_moment_between_turns_that_follow_each_other_fast_is_remembered_to_within_half_a_second(wall: Wall) -> None:
    clock = Clock(wall)
    was = {}
    for _ in range(200):
        wall.now += 0.1
        clock.jump(clock.now() + 3600)
        was[wall.now] = clock.now()
    assert clock.at_wall(wall.now) == clock.now()
    for then, cloud in was.items():
        assert cloud - 6 * 3600 - 1 < clock.at_wall(then) <= cloud + 1
