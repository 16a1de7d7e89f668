"""A cloud in this process, on a thread of its own.

    with pileus.cloud() as cloud:
        sqs = boto3.client("sqs", **cloud.client_kwargs())

While it is open, boto3 and botocore clients of this process reach it without a socket, and a call that would leave for
the real AWS is refused. Everything else (the AWS CLI, Terraform, another language) finds it at `cloud.endpoint`.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

from pileus.kernel.regions import DEFAULT_REGION
from pileus.kernel.task import run_until
from pileus.server import Server
from pileus.settings import Settings

from .account import Account

T = TypeVar("T")


class CloudClock:
    """The cloud's clock, as a test turns it. Instants are seconds since the epoch."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud

    def now(self) -> float:
        return self._cloud.server.cloud.clock.now()

    def advance(self, seconds: float) -> None:
        """Let so much time pass; returns when everything that fell due meanwhile has happened, in order."""
        self._cloud.run(self._advance(seconds))

    def freeze(self) -> None:
        self._cloud.do(self._cloud.server.cloud.clock.freeze)

    def resume(self) -> None:
        """Go on from the present cloud time."""
        self._cloud.do(self._cloud.server.cloud.clock.run)

    async def _advance(self, seconds: float) -> None:
        cloud = self._cloud.server.cloud
        await run_until(cloud, cloud.clock.now() + seconds)


class LocalCloud:
    """A cloud that runs on a thread of this process. All methods may be called from any thread."""

    def __init__(self, settings: Settings) -> None:
        self.server = Server(settings)
        self.clock = CloudClock(self)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pileus", daemon=True)

    @property
    def endpoint(self) -> str:
        return self.server.endpoint

    def client_kwargs(self, account: str = "test", region: str = DEFAULT_REGION) -> dict[str, str]:
        """What boto3 wants to know of this cloud. `account` is twelve digits, or any key for the default account."""
        return {
            "endpoint_url": self.endpoint,
            "region_name": region,
            "aws_access_key_id": account,
            "aws_secret_access_key": "test",
        }

    def account(self, account: str | None = None, region: str = DEFAULT_REGION) -> Account:
        """An account of this cloud, by default one that nobody has used."""
        return Account(self, account or f"{random.randrange(10**11, 10**12)}", region)

    def environment(self, account: str = "test", region: str = DEFAULT_REGION) -> dict[str, str]:
        """The environment variables with which other programs find this cloud."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
        }

    def start(self) -> None:
        self._thread.start()
        try:
            self.run(self.server.start())
        except BaseException:
            self._end()
            raise

    def stop(self) -> None:
        self.run(self.server.stop())
        self._end()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the cloud's thread, and wait for what it returns."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def do(self, function: Callable[[], T]) -> T:
        """Run a function on the cloud's thread, and wait for what it returns."""

        async def call() -> T:
            return function()

        return self.run(call())

    def soon(self, function: Callable[..., object], *arguments: Any) -> None:
        """Run a function on the cloud's thread, without waiting."""
        self._loop.call_soon_threadsafe(function, *arguments)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def cloud(
    *,
    port: int = 0,
    data: Path | None = None,
    durability: Literal["process", "disk"] = "process",
    blobs: str = "",
    strict: bool = False,
    acm_validate: Literal["dns", "auto"] = "dns",
    hot_reload: Path | None = None,
    throttle: bool = False,
    machines: Literal["auto", "none"] = "auto",
    listen: dict[str, int] | None = None,
    relay: str = "",
    maildir: Path | None = None,
    nitro_root: Path | None = None,
    sockets: bool = False,
) -> Iterator[LocalCloud]:
    """A cloud for as long as the block lasts: in memory, unless `data` names a directory.

    With `sockets`, botocore goes through HTTP as every other client does, and nothing of botocore is touched.
    """
    settings = Settings(
        port=port,
        data=data,
        durability=durability,
        blobs=blobs,
        strict=strict,
        acm_validate=acm_validate,
        hot_reload=hot_reload,
        throttle=throttle,
        machines=machines,
        listen=listen or {},
        relay=relay,
        maildir=maildir,
        nitro_root=nitro_root,
    )
    local = LocalCloud(settings)
    local.start()
    try:
        if sockets:
            yield local
        else:
            from .botocore_transport import short_cut

            with short_cut(local):
                yield local
    finally:
        local.stop()
