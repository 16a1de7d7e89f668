"""A version gets ready: from Pending to Active, from InProgress to Successful."""

from __future__ import annotations

from pileus.kernel import Call

from . import lambda_
from .fleet import Fleet
from .functions import Version


def settle(call: Call, version: Version) -> None:
    """Make a changed version ready, soon."""
    ready.later(call, function=version.function, number=version.number, revision=version.revision)


@lambda_.task
async def ready(call: Call, function: str, number: int, revision: str) -> None:
    """Unpack the code and have a launcher for the runtime, so that the first invocation starts quickly."""
    version = Version.get(call, function, number)
    if version is None or version.revision != revision:
        return
    await call.cloud.engine(Fleet).prepare(version)
    with call.transaction():
        version = Version.get(call, function, number)
        if version is None or version.revision != revision:
            return
        version.state, version.update = "Active", "Successful"
        version.put(call)
        call.cloud.engine(Fleet).retire(call, version)
        call.wake(("lambda", call.account, call.region, function))
