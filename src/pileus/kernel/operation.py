"""How a function becomes an operation of a service.

    from pileus.kernel import Service

    sqs = Service("sqs")

    @sqs.operation
    def create_queue(call: Call, queue_name: str, attributes: dict[str, str] = {}): ...

The function's name is the operation in snake case, its parameters are the request's members in snake case (botocore's
own rule). A service binds when it is first called: whatever does not agree with the model raises then. Members that no
parameter names are without effect, and known to be.
"""

from __future__ import annotations

import inspect
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from functools import cached_property
from typing import Any, TypeVar, overload

from pileus import models
from pileus.models.validation import Sound, checker, message

from .edge import Edge
from .errors import Fault, Unfinished
from .task import Task, TaskFunction
from .watch import Watch

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)

DRY_RUN = "DryRun"
"""The member by which a request asks to be checked only."""


class Service:
    """One AWS service: its operations and tasks, as its modules declare them.

    `name` is botocore's. `invalid` turns violations of the model into the service's own error, where that differs from
    AWS's common one; `overlooks` says which violations are left to the operations, who know better words for them.
    `engine` says in a few words what real thing is behind the API, for `pileus coverage`. `rehearsed` makes the error
    that says a request with DryRun would have succeeded: then every operation whose model has that member heeds it.
    `rooms` are the sub-packages in which a service of several hundred operations keeps them. `reserved` are members
    that are without effect on AWS too ("Reserved for future use"), so that nothing is missing here.
    """

    def __init__(
        self,
        name: str,
        *,
        engine: str = "store",
        invalid: Callable[[models.Operation, list[str]], Fault] | None = None,
        overlooks: Callable[[str], bool] | None = None,
        rehearsed: Callable[[], Fault] | None = None,
        rooms: Iterable[str] = (),
        reserved: Iterable[str] = (),
    ) -> None:
        self.name = name
        self.engine = engine
        self.invalid = invalid or _invalid
        self.overlooks = overlooks
        self.rehearsed = rehearsed
        self.rooms = tuple(rooms)
        self.reserved = tuple(reserved)
        self.tasks: dict[str, TaskFunction] = {}
        self.watches: dict[str, Watch] = {}
        self.edge: Edge | None = None
        """What the service sees of HTTP, if it is one that browsers talk to."""
        self.resources: list[Any] = []
        """Resource types of the service, in the order of their declaration."""
        self.owner_of: Function | None = None
        self.targets_of: Function | None = None
        self.forgets: list[Function] = []
        self.shares: dict[str, Function] = {}
        """What tells whether a resource may be shared, by its type as RAM names it."""
        self.ways: dict[str, Function] = {}
        """How targets of the service's own kinds are called that are no operation's business, by kind."""
        self.notes: Function | None = None
        self.meters: dict[str, Function] = {}
        """What counts the calls of an operation, by its name."""
        self.address_of: Function | None = None
        self.socket_of: Function | None = None
        self.listeners: dict[str, Function] = {}
        """What listens on ports of the service's own, by name; the name of the one that needs none is empty."""
        self.asks_root = False
        """Whether even the root of an account may only do what its targets let it."""
        self._declared: list[tuple[Function, dict[str, Any]]] = []
        self._bound: dict[str, Bound] = {}

    @overload
    def operation(self, function: F, /) -> F: ...

    @overload
    def operation(
        self,
        *,
        on: Function | None = None,
        action: str | None = None,
        honours: Iterable[str] = (),
        name: str = "",
        unsigned: bool = False,
        ahead: Function | None = None,
    ) -> Callable[[F], F]: ...

    def operation(
        self,
        function: Function | None = None,
        *,
        on: Function | None = None,
        action: str | None = None,
        honours: Iterable[str] = (),
        name: str = "",
        unsigned: bool = False,
        ahead: Function | None = None,
    ) -> Any:
        """Declare an operation.

        `on` finds the resource that the call acts on: a function of the call and of some members, whose result the
        operation gets as its second argument. `action` is the IAM action where it is not the operation's own name; an
        empty one means that AWS never authorises this call. A parameter `request` gets all members as one dict with
        their wire names; `honours` then says which of them are heeded. `unsigned` lets in who signs nothing, where the
        model does not say so: whoever signs is asked as ever.

        `ahead` is for what takes long and needs no transaction, such as arithmetic in another thread. It is a function
        like the operation, called before it when the request comes from outside; what it returns is awaited, if it is
        not None, and is then `call.ahead` for the operation. This must do without it too: calls from within the cloud
        may be in the middle of a transaction, and do not wait.
        """

        def declare(function: Function) -> Function:
            options = {
                "on": on,
                "action": action,
                "honours": tuple(honours),
                "name": name,
                "unsigned": unsigned,
                "ahead": ahead,
            }
            self._declared.append((function, options))
            return function

        return declare(function) if function else declare

    @overload
    def task(self, function: Function, /) -> TaskFunction: ...

    @overload
    def task(self, *, retries: int = 3, backoff: Function | None = None) -> Callable[[Function], TaskFunction]: ...

    def task(self, function: Function | None = None, *, retries: int = 3, backoff: Function | None = None) -> Any:
        """Declare a task: `function.later(call, …)` then enqueues it (see `pileus.kernel.task`)."""

        def declare(function: Function) -> Task:
            if function.__name__ in self.tasks:
                raise TypeError(f"{self.name}: there are two tasks named {function.__name__}")
            task = self.tasks[function.__name__] = Task(self.name, function, retries, backoff)
            return task

        return declare(function) if function else declare

    def watch(self, function: Function) -> Watch:
        """Declare a watch: what runs for as long as something exists (see `pileus.kernel.watch`)."""
        watch = self.watches[function.__name__] = Watch(self.name, function)
        return watch

    @overload
    def listener(self, function: F, /) -> F: ...

    @overload
    def listener(self, *, name: str) -> Callable[[F], F]: ...

    def listener(self, function: Function | None = None, *, name: str = "") -> Any:
        """Declare what listens on a port of the service's own, where `--listen SERVICE=PORT` asks for it.

        An async function of the cloud, the host and the port; its result has a `port`, and an async `close`. A service
        that speaks several protocols names its others: `--listen SERVICE/NAME=PORT`.
        """

        def declare(function: Function) -> Function:
            self.listeners[name] = function
            return function

        return declare(function) if function else declare

    def owner(self, function: F) -> F:
        """Declare who owns what a request names, where that may be another account than the caller's.

        A function of the call and of the request in wire names; the operation then looks at the account that it gives.
        """
        self.owner_of = function
        return function

    @overload
    def targets(self, function: F, /) -> F: ...

    @overload
    def targets(self, *, root: bool) -> Callable[[F], F]: ...

    def targets(self, function: Function | None = None, *, root: bool = True) -> Any:
        """Declare what requests are about, where neither `on` nor AWS's authorization data tell the access decision.

        A function of the call and of the request in wire names, whose result is a list of
        `pileus.kernel.access.target.Target`, or None for operations where those do say it. With `root=False` the root
        of an account is not asked for what is its own.
        """

        def declare(function: Function) -> Function:
            self.targets_of = function
            self.asks_root = root
            return function

        return declare(function) if function else declare

    def shareable(self, kind: str) -> Callable[[F], F]:
        """Declare a type of resources that accounts may share by RAM, such as `ssm:Parameter`.

        A function of a call that looks at the owner and of an ARN: whether it is that of a resource of this type, which
        may be shared; or an error that says why not.
        """

        def declare(function: F) -> F:
            self.shares[kind] = function
            return function

        return declare

    def way(self, kind: str) -> Callable[[F], F]:
        """Declare how a kind of target is called that rules and pipes may name (see `pileus.kernel.targets`)."""

        def declare(function: F) -> F:
            self.ways[kind] = function
            return function

        return declare

    def forget(self, function: F) -> F:
        """Declare what becomes of an account's things when the account is reset, for records of scope `cloud`.

        A function of a call that looks at the account. Records of the other scopes are removed without asking.
        """
        self.forgets.append(function)
        return function

    def note(self, function: F) -> F:
        """Declare what takes note of every answer to a request that came by HTTP: for access logs.

        A function of the call, the request, the labels of its address, the response, and the request's entry in the
        log. What it writes belongs to nobody's transaction, and is safe before the response is sent.
        """
        self.notes = function
        return function

    def meter(self, *operations: str) -> Callable[[F], F]:
        """Declare what counts calls of these operations that went well, for the service's metrics in CloudWatch.

        A function of the call, the request and the result in wire names; see `pileus.kernel.meters`.
        """

        def declare(function: F) -> F:
            self.meters |= dict.fromkeys(operations, function)
            return function

        return declare

    def address(self, function: F) -> F:
        """Declare what answers at the cloud's own address for the service, `/_pileus/at/NAME/…`.

        For links in mails, responders and the like, which are no operations. A function of a call of the service's own,
        the HTTP request, and the one or two parts of the path that follow; its result is an `edge.Answer`. It runs in a
        transaction.
        """
        self.address_of = function
        return function

    def socket(self, function: F) -> F:
        """Declare what speaks over WebSockets at the cloud's own address for the service, `/_pileus/at/NAME/…`.

        An async function of a call of the service's own, the `edge.Socket`, and the parts of the path that follow. It
        says itself who may come in.
        """
        self.socket_of = function
        return function

    @property
    def model(self) -> models.Model:
        return models.load(self.name)

    @property
    def operations(self) -> dict[str, Bound]:
        """The operations that are implemented, by wire name; TypeError where one does not agree with the model."""
        return {name: self.bound(name) for name in self._functions}

    def bound(self, name: str) -> Bound:
        """The operation of that wire name; `Unfinished` where it is not built."""
        bound = self._bound.get(name)
        if bound is None:
            if name not in self._functions:
                raise Unfinished(f"Pileus does not implement {self.name}:{name} yet.")
            function, options = self._functions[name]
            bound = self._bound[name] = bind(self, function, **options)
        return bound

    @cached_property
    def _functions(self) -> dict[str, tuple[Function, dict[str, Any]]]:
        """What is declared, by wire name. It is bound one by one: few of a service's operations are called in a run."""
        found: dict[str, tuple[Function, dict[str, Any]]] = {}
        for function, options in self._declared:
            name = options["name"] or self.model.snake_names.get(function.__name__, "")
            if not name:
                raise TypeError(f"{self.name}.{function.__name__}: the model has no such operation")
            if name in found:
                raise TypeError(f"{self.name}: {name} is implemented twice")
            found[name] = function, options | {"name": name}
        return found


class Bound:
    """An operation of the model together with the function that implements it."""

    __slots__ = (
        "action",
        "ahead",
        "checker",
        "function",
        "ignored",
        "is_async",
        "members",
        "meter",
        "model",
        "name",
        "on",
        "on_members",
        "rehearsed",
        "service",
        "unsigned",
        "whole",
    )

    def __init__(
        self,
        service: Service,
        model: models.Operation,
        function: Function,
        *,
        members: dict[str, str],
        on: Function | None,
        on_members: dict[str, str],
        action: str,
        whole: bool,
        heeded: Iterable[str],
        unsigned: bool,
        ahead: Function | None,
    ) -> None:
        self.service = service
        self.model = model
        self.name = model.name
        self.function = function
        self.members = members
        """Parameters by the wire name of their member."""
        self.on = on
        self.on_members = on_members
        self.action = action
        self.whole = whole
        self.unsigned = unsigned
        self.ahead = ahead
        self.checker = checker(model.input) if model.input else None
        """Finds what is wrong with a request, if anything can be."""
        self.meter = service.meters.get(model.name)
        self.is_async = inspect.iscoroutinefunction(function)
        self.rehearsed = service.rehearsed if DRY_RUN in (model.input.members if model.input else ()) else None
        self.ignored = frozenset(model.input.members if model.input else ()) - set(heeded)
        """Members of the request that have no effect."""

    def __call__(self, call: Any, request: dict[str, Any]) -> Any:
        """Run the function on a request in wire names; a coroutine where it is async."""
        if self.rehearsed and request.get(DRY_RUN):
            return self._rehearse(call, request)
        return self._run(self.function, call, request)

    def later(self, call: Any, request: dict[str, Any]) -> Coroutine[Any, Any, Any] | None:
        """The operation in a transaction of its own after what `ahead` waits for; None if it waits for nothing."""
        waiting = self._run(self.ahead, call, request) if self.ahead else None
        return None if waiting is None else self._after(waiting, call, request)

    async def _after(self, waiting: Awaitable[Any], call: Any, request: dict[str, Any]) -> Any:
        with suppress(CancelledError):  # who asked is gone, or the server stops: it happens all the same
            call.ahead = await waiting
        call.found = None  # it may have changed meanwhile
        with call.store.attempt():
            return self(call, request)

    def _rehearse(self, call: Any, request: dict[str, Any]) -> Any:
        """Raise what says that the request would succeed: after all that was done for it, which this undoes."""
        assert self.rehearsed
        if not self.is_async:
            self._run(self.function, call, request)
        raise self.rehearsed()

    def _run(self, function: Function, call: Any, request: dict[str, Any]) -> Any:
        names = self.members
        arguments: dict[str, Any] = {}
        for member, value in request.items():
            if member in names:
                arguments[names[member]] = value
        if self.whole:
            arguments["request"] = request
        if self.on is None:
            return function(call, **arguments)
        found = call.found  # by the access decision, a moment ago
        return function(call, self.find(call, request) if found is None else found, **arguments)

    def find(self, call: Any, request: dict[str, Any]) -> Any:
        """The resource that the operation acts on, if it declares one; raises its error for one that is not there."""
        if self.on is None:
            return None
        arguments = {}
        for member, name in self.on_members.items():
            if member in request:
                arguments[name] = request[member]
        return self.on(call, **arguments)

    def check(self, request: dict[str, Any]) -> None:
        """Raise the service's validation error where the request breaks the model's constraints."""
        if self.checker is None or type(request) is Sound:
            return
        broken: list[str] = []
        self.checker(request, "", broken)
        if broken and (overlooks := self.service.overlooks):
            broken = [violation for violation in broken if not overlooks(violation)]
        if broken:
            raise self.service.invalid(self.model, broken)


def bind(
    service: Service,
    function: Function,
    *,
    on: Function | None,
    action: str | None,
    honours: tuple[str, ...],
    name: str,
    unsigned: bool = False,
    ahead: Function | None = None,
) -> Bound:
    """Match a function with the model; TypeError where they disagree."""
    where = f"{service.name}.{function.__name__}"
    operation = service.model.operation(name)
    shape = operation.input
    wire = {models.snake_case(member): member for member in shape.members} if shape else {}
    required = {models.snake_case(member) for member in shape.required} if shape else set()
    parameters = list(inspect.signature(function).parameters.values())[1:]
    if on is not None:
        parameters = parameters[1:]
    whole = "request" not in wire and any(parameter.name == "request" for parameter in parameters)
    named = [parameter for parameter in parameters if not whole or parameter.name != "request"]
    members = match(where, named, wire, required)
    on_members = match(where, list(inspect.signature(on).parameters.values())[1:], wire, required) if on else {}
    for member in honours:
        if shape is None or member not in shape.members:
            raise TypeError(f"{where}: {member} is no member of the request")
    return Bound(
        service,
        operation,
        function,
        members=members,
        on=on,
        on_members=on_members,
        action=f"{service.name}:{name}" if action is None else action,
        whole=whole,
        heeded={*members, *on_members, *honours, *service.reserved, *([DRY_RUN] if service.rehearsed else ())},
        unsigned=unsigned,
        ahead=ahead,
    )


def match(where: str, parameters: list[inspect.Parameter], wire: dict[str, str], required: set[str]) -> dict[str, str]:
    """Parameter names by wire name."""
    for parameter in parameters:
        optional = parameter.default is not parameter.empty
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD or parameter.name not in wire:
            raise TypeError(f"{where}: {parameter} is no member of the request")
        if optional == (parameter.name in required):
            expected = "is required, so it wants no default" if optional else "is not required, so it wants a default"
            raise TypeError(f"{where}: {parameter.name} {expected}")
    return {wire[parameter.name]: parameter.name for parameter in parameters}


def _invalid(operation: models.Operation, broken: list[str]) -> Fault:
    """AWS's common validation error."""
    code = "ValidationError" if operation.model.protocols[0] in ("query", "ec2") else "ValidationException"
    return Fault(code, message(broken), status=400)
