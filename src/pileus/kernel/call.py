"""One call of one operation: who, where, when, and the store it works on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec.structs import replace

from . import names, regions
from .identity import Principal

if TYPE_CHECKING:
    from .cloud import Cloud
    from .store import Store


class Signature(NamedTuple):
    """How a request is signed."""

    algorithm: str
    place: str
    """`REST-HEADER` or `REST-QUERY-STRING`, as S3's condition key s3:authType has it."""
    made: float
    """When, in cloud time."""


class Passage(NamedTuple):
    """An endpoint by which calls come from a private network (a VPC endpoint), and what it lets through."""

    endpoint: str
    network: str
    policy: str = ""
    """A policy document; without one everything may pass."""


class Call(msgspec.Struct, eq=False):
    """What an operation or a task is given to work with.

    `now` is the cloud time at which the call began and stays so. `endpoint` is how the caller reached the cloud
    (`http://localhost:4566`), and what addresses that are handed out begin with.
    """

    cloud: Cloud
    account: str
    region: str
    principal: Principal
    service: str = ""
    operation: str = ""
    id: str = ""
    """See `request_id`."""
    endpoint: str = ""
    now: float = 0.0
    source_ip: str = ""
    user_agent: str = ""
    trace: str = ""
    """The trace header with which it came (X-Amzn-Trace-Id)."""
    secure: bool = False
    called_via: tuple[str, ...] = ()
    """The services that called on the principal's behalf, the first one first."""
    members: Mapping[str, Any] = {}
    """The request in wire names, for access decisions that only the operation can make."""
    signature: Callable[[], Signature] | None = None
    """Tells how it is signed; None for what is not, and for what the cloud itself calls."""
    passage: Passage | None = None
    """The endpoint of a private network through which it came."""
    json: bool = False
    """Whether it is answered in JSON: then a map in its result may be a `msgspec.Raw` that is JSON already."""
    found: Any = None
    """What the operation acts on, where it has been looked up already."""
    ahead: Any = None
    """What was done for the operation before its transaction (see `Service.operation`)."""
    store: Store = None  # type: ignore[assignment]
    """The cloud's."""

    def __post_init__(self) -> None:
        if self.store is None:  # it is new, and not made of another by `at`
            self.store = self.cloud.store
            self.endpoint = self.endpoint or self.cloud.endpoint
            self.now = self.cloud.clock.now()

    @property
    def request_id(self) -> str:
        """Made when it is first asked for: calls within the cloud seldom are."""
        if not self.id:
            self.id = names.request_id()
        return self.id

    @property
    def partition(self) -> str:
        return regions.partition_of(self.region)

    def at(self, account: str | None = None, region: str | None = None, *, json: bool = False, **changes: Any) -> Call:
        """The same call looking at another account or Region; its result is for whoever asks, and no JSON."""
        changes |= {"found": None, "ahead": None, "json": json}
        return replace(self, account=account or self.account, region=region or self.region, **changes)

    def within(self, service: str, operation: str, principal: Principal) -> Call:
        """A call of another service in the course of this one."""
        inner = copy(self)
        inner.service, inner.operation, inner.principal = service, operation, principal
        if principal is self.principal:  # on behalf of whoever called this one (IAM: forward access sessions)
            inner.called_via = (*self.called_via, f"{self.service}.amazonaws.com")
        else:
            inner.called_via = ()
        inner.id, inner.passage, inner.json, inner.found, inner.ahead = "", None, False, None, None
        return inner

    # Names

    def arn(self, resource: str, service: str = "") -> str:
        """An ARN of this call's service, account and Region; `resource` is what comes after the account."""
        return f"arn:{self.partition}:{service or self.service}:{self.region}:{self.account}:{resource}"

    def url(self, path: str) -> str:
        """An address at this cloud, as this caller can reach it."""
        return f"{self.endpoint}/{path.lstrip('/')}"

    # The store

    def transaction(self) -> AbstractContextManager[None]:
        """What an async operation or task wraps its reads and writes in. Never await inside: it is all or nothing."""
        self.now = self.cloud.clock.now()
        return self.store.attempt()

    def after_commit(self, callback: Any) -> None:
        """Call back once what was written up to now is safe; not at all if it is undone."""
        self.cloud.after_commit(callback)

    # Others

    def aws(self, service: str, *, principal: Principal | None = None) -> Any:
        """Another service, called as a customer would: `call.aws("sns").publish(topic_arn=..., message=...)`.

        Operations run inside this call's transaction; those that are async are awaited.
        """
        return self.cloud.client(self, service, principal or self.principal)

    def wake(self, what: Hashable, number: int | None = None, *, due: float | None = None) -> None:
        """Wake those who `wait` for it, once what this call wrote is safe; with `due`, at that cloud time."""
        waiters = self.cloud.waiters
        if what in waiters:  # who begins to wait later has looked into the store later, and seen it
            self.after_commit(lambda: waiters.wake(what, number, due=due))

    async def wait(self, what: Hashable, *, seconds: float | None = None, due: float | None = None) -> bool:
        """Wait until woken: at most so many real seconds, or until a cloud time; False when the seconds have passed."""
        return await self.cloud.waiters.wait(what, seconds=seconds, due=due)
