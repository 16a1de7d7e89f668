"""The cloud itself: a store, a clock, the services, and what runs between them. No sockets here."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import keyword
import logging
import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from pileus import models

from . import identity
from .access.admission import admitted
from .access.kept import Kept
from .blobs import Blobs
from .call import Call, Passage
from .clock import Clock
from .errors import COMMON, Fault, Unfinished
from .identity import Principal
from .key_sets import KeySets
from .master_key import MasterKey
from .meters import Meters
from .operation import Service
from .regions import DEFAULT_REGION
from .store import Store
from .task import Runner
from .trail import Recorder
from .usage import Usage
from .waiting import Waiters

if TYPE_CHECKING:
    import socket
    import ssl

log = logging.getLogger("pileus")


class Engine(Protocol):
    """A real thing behind services, such as processes or a broker, that lives as long as the cloud."""

    def __init__(self, cloud: Cloud) -> None: ...

    async def close(self) -> None:
        """End what it runs. What must outlive a restart is in the store, not here."""


@runtime_checkable
class Settling(Protocol):
    """An engine that keeps files (see `files`)."""

    async def settle(self) -> None:
        """Bring to the files what is not there yet."""


E = TypeVar("E", bound=Engine)

CLOCK = b"\x00clock"
"""Where the store keeps how the clock is set."""
MOST_REMEMBERED = 4096
"""Presigned requests of which it is known when they were first seen."""


class Cloud:
    """Everything that an account's owner would call the cloud."""

    def __init__(
        self,
        store: Store,
        clock: Clock | None = None,
        blobs: Blobs | None = None,
        *,
        endpoint: str = "http://localhost:4566",
        strict: bool = False,
        throttle: bool = False,
        master_key: MasterKey | None = None,
        options: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.store = store
        self.clock = clock or Clock()
        self.blobs = blobs or Blobs(store)
        self.endpoint = endpoint
        """How to reach the cloud, where no caller's own address is known."""
        self.strict = strict
        """Whether members without effect and unknown access keys are errors."""
        self.throttle = throttle
        """Whether throughput that was provisioned is enforced, where services let callers go beyond it otherwise."""
        self.master_key = master_key or MasterKey()
        """What secrets are sealed under before they are stored."""
        self.folder = folder
        """Where engines keep files: the data directory, or a temporary one. A cloud without a server has none."""
        self.options = options or {}
        """What single services were told when the cloud was started: `acm-validate`, say."""
        self.waiters = Waiters(self.clock)
        self.presigned: dict[str, float] = {}
        """When the latest presigned requests were first seen, in cloud time, by signature. A cache."""
        self.runner = Runner(self)
        self.access = Kept()
        """What access decisions have read."""
        self.key_sets = KeySets()
        """Keys of identity providers elsewhere, as they were fetched. A cache."""
        self.usage = Usage()
        """What users and roles have used, as far as it is not worth writing down again."""
        self.trail = Recorder(self)
        """Notes who did what."""
        self.meters = Meters(self)
        """What services count of what they do."""
        self._engines: dict[type[Engine], Engine] = {}
        self.tls: Callable[[], ssl.SSLContext] | None = None
        """What services' own listeners accept TLS with. A cloud without a server has none."""
        self.authority: Callable[[], str] | None = None
        """The certificate, in PEM, that its clients have to trust where they speak TLS."""
        self.listen: Callable[[socket.socket, Callable[[], Passage | None]], Callable[[], None]] | None = None
        """Lets the API be spoken at another socket, which listens already, until what it returns is called.

        Calls that come there have come by the passage that the function tells at the time.
        """
        self.system = self.call("pileus")
        """A call of the cloud's own, for looking up records that belong to no account."""

    # Engines

    def engine(self, kind: type[E]) -> E:
        """The cloud's engine of that kind: made when it is first asked for, closed when the cloud is."""
        found = self._engines.get(kind)
        if found is None:
            found = self._engines[kind] = kind(self)
        assert isinstance(found, kind)
        return found

    async def close(self) -> None:
        """Close the engines, the latest first."""
        while self._engines:
            _, engine = self._engines.popitem()
            await engine.close()

    async def settle(self) -> None:
        """Let the engines that keep files bring there what they have in memory."""
        for engine in list(self._engines.values()):
            if isinstance(engine, Settling):
                await engine.settle()

    # Time

    def made(self, signature: str, stamp: float) -> float:
        """The cloud time at which something that is signed beforehand was made, by its stamp of the wall clock.

        The stamp tells the second only. If the cloud's clock was turned within that second, the thing is taken to be
        made after the turn, unless it was seen before it.
        """
        now = self.clock.now()
        first_seen = self.presigned.setdefault(signature, now)
        if len(self.presigned) > MOST_REMEMBERED:
            self.presigned.pop(next(iter(self.presigned)))
        made, at_the_latest = self.clock.at_wall(stamp), min(now, self.clock.at_wall(stamp + 1))
        turned = at_the_latest - made > 1.001
        return min(first_seen, at_the_latest if turned else made)

    def take_up_clock(self) -> None:
        """Set the clock as the store remembers it, so that a restart does not move cloud time."""
        self.clock.on_turn = lambda: None
        if saved := self.store.get(CLOCK):
            self.clock.load(saved)
        else:
            self.clock.reset()
        self.clock.on_turn = self._keep_clock

    def _keep_clock(self) -> None:
        with self.store.attempt():
            self.store.put(CLOCK, self.clock.save())

    # Calls

    def call(
        self,
        service: str,
        operation: str = "",
        *,
        account: str = identity.DEFAULT_ACCOUNT,
        region: str = DEFAULT_REGION,
        principal: Principal | None = None,
        endpoint: str = "",
    ) -> Call:
        """A call that the cloud itself makes."""
        who = principal or identity.service(f"{service}.amazonaws.com")
        return Call(
            self,
            account=account,
            region=region,
            principal=who,
            service=service,
            operation=operation,
            endpoint=endpoint,
        )

    def service(self, name: str) -> Service:
        """The service of that botocore name; `Unfinished` where it is not built."""
        return named(name)

    def built(self, name: str) -> bool:
        """Whether there is a service of that botocore name."""
        return name in services()

    def perform(self, call: Call, name: str, request: dict[str, Any], *, patient: bool = False) -> Any:
        """Run an operation on a request in wire names, if its principal may: its result, or a coroutine of it.

        Who is patient may get a coroutine of any operation; others of those alone that are async.
        """
        bound = self.service(call.service).bound(name)
        kind = self.trail.kind(call, bound)
        try:
            bound.check(request)
            if self.strict and (ignored := bound.ignored & request.keys()):
                raise Unfinished(f"Pileus does not heed {', '.join(sorted(ignored))} of {call.service}:{name} yet.")
            if call.principal.type != "Root":
                self.usage.note(call)
            call.members, call.found = request, None
            call = admitted(call, bound, request)
            if bound.is_async:
                result = bound(call, request)
            else:
                result = bound.later(call, request) if patient and bound.ahead else None
            if result is not None:
                if bound.meter:
                    result = metered(bound.meter, call, request, result)
                return result if kind is None else self.trail.watched(kind, call, request, result)
            with self.store.attempt():
                result = bound(call, request)
        except Exception as error:
            if kind is not None:
                self.trail.note(kind, call, request, None, error)
            raise
        if bound.meter:
            bound.meter(call, request, result)
        if kind is not None:
            self.trail.note(kind, call, request, result)
        return result

    def client(self, call: Call, service: str, principal: Principal) -> Client:
        return Client(call, service, principal)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back once what was written up to now is safe, and not if it is lost."""

        def committed(error: BaseException | None) -> None:
            if error is None:
                callback()

        self.store.after_commit(committed)


async def metered(meter: Callable[..., None], call: Call, request: dict[str, Any], result: Awaitable[Any]) -> Any:
    """The result of an async operation, counted if it goes well."""
    found = await result
    meter(call, request, found)
    return found


class Client:
    """A service as another service calls it."""

    def __init__(self, call: Call, service: str, principal: Principal) -> None:
        self._call = call
        self._service = service
        self._principal = principal

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """An operation: its result, or a coroutine of it."""
        return partial(self._perform, *spelt(self._service, name))

    def _perform(self, operation: str, wire: dict[str, str], /, **members: Any) -> Any:
        request = {wire[member]: value for member, value in members.items() if value is not None}
        inner = self._call.within(self._service, operation, self._principal)
        try:
            return inner.cloud.perform(inner, operation, request)
        except Fault as fault:
            fault.status = fault.status or status_abroad(self._call.service, self._service, fault.code)
            raise


def status_abroad(asking: str, asked: str, code: str) -> int | None:
    """The status of an error for which the service that asked has no name, should it pass that on to its customer."""
    if not asking or code in COMMON or models.load(asking).knows_error(code):
        return None
    shape = models.load(asked).exception(code)
    return shape.status if shape else None


@cache
def spelt(service: str, name: str) -> tuple[str, dict[str, str]]:
    """An operation's own name, and its members by their names in snake case."""
    model = models.load(service)
    try:
        operation = model.operation(model.snake_names[name])
    except KeyError:
        raise AttributeError(f"{service} has no operation {name}") from None
    members = operation.input.members if operation.input else ()
    return operation.name, {models.snake_case(member): member for member in members}


@cache
def services() -> dict[str, str]:
    """The packages of the services that there are, by botocore name."""
    import pileus.services

    known = {package_name(name): name for name in models.index()}
    found = [module.name for module in pkgutil.iter_modules(pileus.services.__path__) if module.ispkg]
    return {known[package]: f"pileus.services.{package}" for package in found}


def package_name(service: str) -> str:
    """A service's package: its botocore name as an identifier."""
    name = service.replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name


@cache
def named(name: str) -> Service:
    """The service of that botocore name; `Unfinished` where it is not built."""
    if found := services().get(name):
        return load(found)
    raise Unfinished(f"Pileus does not implement {name} yet.")


@cache
def load(package: str) -> Service:
    """Import a service with all its modules, so that everything in it has been declared."""
    module = importlib.import_module(package)
    declared = [value for _, value in inspect.getmembers(module) if isinstance(value, Service)]
    assert len(declared) == 1, f"{package} declares one Service in its __init__"
    for place in (package, *(f"{package}.{room}" for room in declared[0].rooms)):
        for inner in pkgutil.iter_modules(importlib.import_module(place).__path__):
            importlib.import_module(f"{place}.{inner.name}")
    return declared[0]
