"""Engines: one of a kind in a cloud, made when asked for, closed with it."""

from __future__ import annotations

import asyncio

from pileus.kernel.cloud import Cloud
from pileus.kernel.store import open_store


class Press:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.closed: list[str] = []

    async def close(self) -> None:
        self.closed.append(type(self).__name__)


class Mill(Press):
    """Another one."""


def test_an_engine_is_made_once_and_closed_with_the_cloud_the_latest_first() -> None:
    async def scenario() -> None:
        cloud = Cloud(open_store(None))
        press = cloud.engine(Press)
        assert cloud.engine(Press) is press
        mill = cloud.engine(Mill)
        assert mill is not press
        mill.closed = press.closed
        await cloud.close()
        assert press.closed == ["Mill", "Press"]
        assert cloud.engine(Press) is not press

    asyncio.run(scenario())
