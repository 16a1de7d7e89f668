"""Tasks: those that wait for their time, and those that failed for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pileus import durations
from pileus.gateway.message import Request
from pileus.kernel.task import Dead, Pending

from .answers import Refused

if TYPE_CHECKING:
    from pileus.kernel.call import Call

    from .control import Control

MOST = 1000


def waiting(control: Control, request: Request) -> dict[str, Any]:
    """The next thousand tasks in the order in which they fall due, and a thousand of the dead ones."""
    call = control.server.cloud.system
    return {
        "pending": [described(task) for task in Pending.scan(call, limit=MOST)],
        "dead": [described(dead.task) | {"failed": durations.iso(dead.failed)} for dead in Dead.scan(call, limit=MOST)],
    }


def described(task: Pending) -> dict[str, Any]:
    return {
        "id": task.id,
        "task": f"{task.service}.{task.name}",
        "account": task.account,
        "region": task.region,
        "due": durations.iso(task.due),
        "tries": task.tries,
        "error": task.error,
        "arguments": {name: plain(value) for name, value in task.arguments.items()},
    }


def plain(value: Any) -> Any:
    """An argument as JSON can show it."""
    return value if isinstance(value, str | int | float | None) else repr(value)


def retry(control: Control, request: Request, identity: str) -> dict[str, Any]:
    """Run a task now: one that is dead, or one that still waits."""
    cloud = control.server.cloud
    call = cloud.system
    with cloud.store.attempt():
        task = revived(call, identity)
        task.due = cloud.clock.now()
        task.put(call)
    cloud.runner.notice(task)
    return described(task)


def revived(call: Call, identity: str) -> Pending:
    """The task, taken from where it stood."""
    if dead := Dead.get(call, identity):
        dead.delete(call)
        dead.task.tries = 0
        return dead.task
    for task in Pending.scan(call):
        if task.id == identity:
            task.delete(call)
            return task
    raise Refused(404, f"There is no task {identity}.")
