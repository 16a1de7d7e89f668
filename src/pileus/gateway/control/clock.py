"""The clock: shown, frozen, run, set, advanced. How it is set survives a restart."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pileus import durations
from pileus.gateway.message import Request
from pileus.kernel.task import run_until

from .answers import Refused, body

if TYPE_CHECKING:
    from .control import Control

REAL = ("real", "now")


def state(control: Control) -> dict[str, Any]:
    clock = control.server.cloud.clock
    now = clock.now()
    return {
        "now": durations.iso(now),
        "epoch": now,
        "running": clock.running,
        "real": clock.real,
        "ahead": round(now - time.time(), 3),
    }


def show(control: Control, request: Request) -> dict[str, Any]:
    return state(control)


async def turn(control: Control, request: Request) -> dict[str, Any]:
    """`{"freeze": true}`, `{"run": true}`, `{"set": "2030-01-01T00:00:00Z"}`, `{"set": "real"}` or `{"advance": "4d"}`.

    Forward, everything that falls due on the way happens, in order, before this answers.
    """
    wanted = body(request)
    if len(wanted) != 1 or not wanted.keys() <= TURNS.keys():
        raise Refused(400, f"Say one of {', '.join(TURNS)}.")
    ((action, value),) = wanted.items()
    async with control.turning:
        await TURNS[action](control, value)
    now = state(control)
    control.events.tell("clock", now)
    return now


async def freeze(control: Control, value: Any) -> None:
    control.server.cloud.clock.freeze()


async def run(control: Control, value: Any) -> None:
    control.server.cloud.clock.run()


async def advance(control: Control, value: Any) -> None:
    seconds = understood(durations.seconds, value)
    cloud = control.server.cloud
    await run_until(cloud, cloud.clock.now() + seconds)


async def set_to(control: Control, value: Any) -> None:
    cloud = control.server.cloud
    if value in REAL:
        if cloud.clock.now() < time.time():
            await run_until(cloud, time.time())
        cloud.clock.reset()
        return
    instant = understood(durations.instant, value)
    if instant >= cloud.clock.now():
        await run_until(cloud, instant)
    else:
        cloud.clock.jump(instant)


TURNS = {"freeze": freeze, "run": run, "set": set_to, "advance": advance}


def understood(parse: Any, value: Any) -> float:
    try:
        number = float(value) if isinstance(value, int | float) else parse(str(value))
    except ValueError as error:
        raise Refused(400, f"{error}.") from None
    if not 0 <= number < 253402300800:  # the year 10000, where ISO 8601 and datetime end
        raise Refused(400, f"{value} is out of range.")
    return float(number)
