"""A resource declaration held against the model: what it stores, where it shows it, what its errors are.

Everything that can be decided from the declaration and the shapes is decided here, once, and what does not fit raises
TypeError then. `pileus.kernel.life` makes the operations from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import new_class
from typing import TYPE_CHECKING, Any

from pileus import models

from .address import Address
from .errors import Fault
from .lifecycle import GONE, Lifecycle
from .projection import ListView, Source, View
from .record import Record
from .resource_type import ROLES, Error, ResourceType, about, code_of
from .task import Task

if TYPE_CHECKING:
    from .call import Call
    from .operation import Service
    from .resource import Resource

TOKENS = {"clienttoken", "clientrequesttoken", "creatorrequestid", "idempotencytoken", "callerreference"}
"""Members that make a request idempotent in models that do not mark them so."""


class Row(Record):
    """One resource: the members that its operations show, and what is kept beside them."""

    path: list[Any]
    """Its key, after those of its parents."""
    members: dict[str, Any]
    tags: dict[str, str] = {}
    since: float = 0.0
    """Since when it is in its state."""
    token: str = ""
    """What makes its creation idempotent."""

    @property
    def key(self) -> tuple[Any, ...]:
        return tuple(self.path)

    def __getitem__(self, name: str) -> Any:
        return self.members[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.members[name] = value

    def __contains__(self, name: str) -> bool:
        return name in self.members


class Token(Record, key=("family", "token")):
    """A creation that came with a token: what it asked for, and which resource it made."""

    family: str
    token: str
    digest: bytes
    path: list[Any]


class Family:
    """One declared resource type."""

    def __init__(self, declared: type[Resource], service: Service, cfn: str, scope: str) -> None:
        self.declared = declared
        self.service = service
        self.name = declared.__name__
        self.where = f"{service.name}.{self.name}"
        table = {"table": self.where, "scope": scope}
        self.row: type[Row] = new_class(self.name, (Row,), table, lambda body: body.update(__module__=__name__))
        self.operations = {role: self._operation(name) for role in ROLES if (name := getattr(declared, role))}
        self.parent = declared.parent[0].family if declared.parent else None
        self.children: list[tuple[Family, Error]] = []
        if self.parent:
            self.parent.children.append((self, declared.parent[1]))
        own = (declared.key,) if isinstance(declared.key, str) else declared.key
        self.spellings = [*self._inherited(own), own]
        self.names = [spelling[0] for spelling in self.spellings]
        self.arn = declared.arn[0] if declared.arn else ""
        self.type = self._type(cfn)
        self.lifecycle = self._lifecycle()
        self.task = self._task()
        self.source = self._source()
        self.views = {role: self._view(role) for role in self.operations if role != "list"}
        self.list_view = self._list_view()
        self._check()

    def odd(self, complaint: object) -> TypeError:
        return TypeError(f"{self.where}: {complaint}")

    # Reading the declaration

    def _operation(self, name: str) -> models.Operation:
        if name not in self.service.model.operation_names:
            raise self.odd(f"the model has no operation {name}")
        return self.service.model.operation(name)

    def _inherited(self, own: Iterable[str]) -> list[tuple[str, ...]]:
        """The parents' keys as this family's requests may spell them."""
        if not self.parent:
            return []
        spellings = [tuple(name for name in spelling if name not in own) for spelling in self.parent.spellings]
        if not all(spellings):
            raise self.odd("its key is spelled like its parent's")
        return spellings

    def _type(self, cfn: str) -> ResourceType:
        names = [name for spelling in self.spellings for name in spelling]
        read = self.operations.get("read") or self.operations.get("delete") or self.operations["create"]
        inputs = read.input.members if read.input else {}
        return ResourceType(
            self.service,
            self.name,
            self.row,
            tuple(name for name in names if name in inputs),
            cfn=cfn,
            arn=self.declared.arn[1] if self.declared.arn else "",
            key=tuple(self.names),
            operations={role: operation.name for role, operation in self.operations.items()},
            missing=self.declared.missing,
            tags=self.declared.tags,
            tagged=bool(self.declared.tags),
            get=self.find,
        )

    def _lifecycle(self) -> Lifecycle | None:
        if not self.declared.states:
            return None
        try:
            lifecycle = Lifecycle(self.declared.states)
        except ValueError as error:
            raise self.odd(error) from None
        lifecycle.member = lifecycle.member or self._state_member(lifecycle.states)
        return lifecycle

    def _state_member(self, states: set[str]) -> str:
        """The one output member that may have all these states."""
        found = {
            name
            for operation in self.operations.values()
            for name, enum in enums(operation.output, depth=3)
            if states <= enum
        }
        if len(found) != 1:
            raise self.odd(f"which member shows the states? {sorted(found) or states}")
        return found.pop()

    def _source(self) -> Source:
        given = [self.operations[role].input for role in ("create", "update") if role in self.operations]
        names = {name for shape in given if shape for name in shape.members} - {self.declared.tags}
        names |= {*self.declared.fields, self.arn, self.lifecycle.member if self.lifecycle else ""} - {""}
        spelled = {name: spelling[0] for spelling in self.spellings for name in spelling}
        identity = frozenset({*self.spellings[-1], self.arn} - {""})
        return Source({name: name for name in names} | spelled, identity, bool(self.declared.tags))

    def _view(self, role: str) -> View | None:
        output = self.operations[role].output
        if output is None or (role == "delete" and not output.members):
            return None
        try:
            return View(output, self.source)
        except TypeError as error:
            raise self.odd(error) from None

    def _list_view(self) -> ListView | None:
        if "list" not in self.operations:
            return None
        try:
            return ListView(self.operations["list"], self.source, self.names[-1], self.arn)
        except TypeError as error:
            raise self.odd(error) from None

    def _check(self) -> None:
        declared = self.declared
        for error in (declared.missing, declared.exists):
            if error and not self.service.model.exception(code_of(error)):
                raise self.odd(f"the model has no error {code_of(error)}")
        known = {*self.source.members.values(), *declared.fields}
        if self.type.template and (strange := set(self.type.template.names) - known):
            raise self.odd(f"the ARN names {sorted(strange)}, which it has not")
        create = self.operations.get("create")
        inputs = create.input.members if create and create.input else {}
        given = not inputs.keys().isdisjoint(self.spellings[-1])
        if create and not given and self.names[-1] not in (*declared.fields, self.arn):
            raise self.odd(f"nothing gives it a key: {self.names[-1]} is in no request and no field")
        if create and given and not declared.exists and create is not self.operations.get("update"):
            raise self.odd("`exists` says what error a second one of the same key is")
        if declared.tags and create and declared.tags not in inputs:
            raise self.odd(f"{create.name} takes no {declared.tags}")

    def visible(self) -> set[str]:
        """The members that some operation shows, and those that the declaration itself names."""
        views = [view for view in (*self.views.values(), self.list_view) if view]
        return {held for view in views for held in view.held()} | {*self.names, *self.declared.fields}

    def taken(self, operation: models.Operation) -> dict[str, str]:
        """The members of a request that are stored, and as what."""
        visible, members = self.visible(), self.source.members
        inputs = operation.input.members if operation.input else {}
        return {name: members[name] for name in inputs if members.get(name) in visible}

    def token(self, operation: models.Operation) -> str:
        """The member that makes the operation idempotent, or an empty text."""
        inputs = operation.input.members if operation.input else {}
        marked = [name for name, shape in inputs.items() if shape.traits.get("idempotencyToken")]
        return next(iter([*marked, *(name for name in inputs if name.lower() in TOKENS)]), "")

    # The living

    def find(self, call: Call, *path: Any) -> Row | None:
        """The resource of a key as it is now, or None."""
        row = self.row.get(call, *path)
        return row if row and self.alive(call, row) else None

    def named(self, call: Call, *path: Any) -> Row:
        """The resource of a key; its `missing` error if there is none."""
        if row := self.find(call, *path):
            return row
        raise self.type.absent(path[-1])

    def alive(self, call: Call, row: Row) -> bool:
        """Bring a resource's state up to the present. Where states are steps of their own, tasks do that."""
        if not self.lifecycle or self.declared.entered:
            return True
        member = self.lifecycle.member
        row.members[member], row.since = self.lifecycle.at(row.members[member], row.since, call.now)
        return bool(row.members[member] != GONE)

    def enter(self, call: Call, row: Row, state: str) -> None:
        """Put a resource into a state, and see to it that the next one comes."""
        assert self.lifecycle
        row.members[self.lifecycle.member], row.since = state, call.now
        if state in self.lifecycle.next and (self.declared.entered or state == self.lifecycle.deleted):
            after = self.lifecycle.next[state][1] if self.declared.entered else self.lifecycle.seconds(state)
            self.task.later(call, delay=after, path=row.path, since=row.since)

    def _task(self) -> Task:
        """The durable task behind the states."""

        def proceed(call: Call, path: list[Any], since: float) -> None:
            self.proceed(call, path, since)

        proceed.__name__ = f"proceed_{self.name}"
        return self.service.task(proceed)  # type: ignore[no-any-return]

    def proceed(self, call: Call, path: list[Any], since: float) -> None:
        """What a state's time brings: the next state, or the end."""
        row = self.row.get(call, *path)
        if row is None or self.lifecycle is None:
            return
        if not self.declared.entered:
            if not self.alive(call, row):
                self.erase(call, row)
        elif row.since == since:
            state = self.lifecycle.next[row.members[self.lifecycle.member]][0]
            if state == GONE:
                self.erase(call, row)
                return
            self.enter(call, row, state)
            self.declared.entered(call, row)
            row.put(call)

    def erase(self, call: Call, row: Row) -> None:
        """Remove a resource for good, and what hangs on it."""
        for child, _ in self.children:
            for below in [*child.row.scan(call, *row.path)]:
                child.erase(call, below)
        if row.token:
            Token(self.where, row.token, b"", []).delete(call)
        row.delete(call)
        if self.declared.after_delete:
            self.declared.after_delete(call, row)

    def refuse_children(self, call: Call, row: Row) -> None:
        """Raise the declared error if there are children that do not go with their parent."""
        for child, at_parent in self.children:
            if at_parent != "cascade" and any(child.alive(call, below) for below in child.row.scan(call, *row.path)):
                text = f"{self.name} {{}} still has a {child.name}."
                raise about(self.service, at_parent, text, row.path[-1], self.name)

    def show(self, call: Call, row: Row, view: View | None) -> dict[str, Any]:
        """A resource as an operation answers with it."""
        return view.show(self.members(call, row), row.tags) if view else {}

    def members(self, call: Call, row: Row) -> dict[str, Any]:
        shown = self.declared.shown
        return {**row.members, **shown(call, row)} if shown else row.members

    def address(self, operation: models.Operation) -> Address:
        return Address(self, operation)


def enums(shape: models.Shape | None, depth: int) -> Iterable[tuple[str, set[str]]]:
    """The members of a shape, and of the structures in it, that have one of a set of values."""
    if shape is None or depth == 0:
        return
    if shape.type == "list":
        yield from enums(shape.member, depth)
    for name, member in shape.members.items():
        if "enum" in member.traits:
            yield name, set(member.traits["enum"])
        elif member.type in ("structure", "list"):
            yield from enums(member, depth - 1)


def conflict(operation: models.Operation, exists: Error) -> Fault:
    """The error for a token that came with another request before."""
    text = "The token was used before with different parameters."
    codes = [code for code in operation.errors if "idempoten" in code.lower() or code.startswith("DuplicateRequest")]
    codes += [code_of(exists)] if exists else [code for code in operation.errors if "Conflict" in code]
    return Fault(codes[0], text) if codes else Fault("IdempotentParameterMismatch", text, status=400)
