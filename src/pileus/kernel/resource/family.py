"""A resource declaration held against the model: what it stores, where it shows it; and the resources that there are.

Everything that the declaration and the shapes decide is decided here, once; what does not fit raises TypeError then.
`pileus.kernel.resource.life` makes the operations from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import new_class
from typing import TYPE_CHECKING, Any, ClassVar

from pileus import models
from pileus.kernel.record import Record
from pileus.kernel.resource_type import ROLES, Error, ResourceType, about, code_of

from .lifecycle import GONE, Lifecycle
from .projection import ListView, Source, View

if TYPE_CHECKING:
    from pileus.kernel.call import Call
    from pileus.kernel.operation import Service

    from .declaration import Resource

TOKENS = {"clienttoken", "clientrequesttoken", "creatorrequestid", "idempotencytoken", "callerreference"}
"""Members that make a request idempotent in models that do not mark them so."""

RETURN = "Return"
"""The member by which EC2 says that something is done."""


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
    arn_member: ClassVar[str] = ""

    def place(self, index: str = "") -> tuple[Any, ...]:
        return tuple(self.path)

    def arn(self, call: Call) -> str:
        return str(self.members.get(self.arn_member, ""))

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
        self.operations = {role: self._operation(name) for role in ROLES if (name := getattr(declared, role))}
        self.parent = declared.parent[0].family if declared.parent else None
        self.children: list[tuple[Family, Error]] = []
        if declared.parent:
            declared.parent[0].family.children.append((self, declared.parent[1]))
        self.steps = "entered" in vars(declared)
        """Whether its states are steps that tasks take, because something happens at each."""
        self.spellings = self._spellings()
        self.names = [spelling[0] for spelling in self.spellings]
        self.arn, template = declared.arn or ("", "")
        body = {"__module__": __name__, "arn_member": self.arn}
        options = {"table": self.where, "scope": scope}
        self.row: type[Row] = new_class(self.name, (Row,), options, lambda space: space.update(body))
        self.type = ResourceType(
            service,
            self.name,
            self.row,
            identifier=self._identifier(),
            cfn=cfn,
            arn=template,
            key=tuple(self.names),
            operations={role: operation.name for role, operation in self.operations.items()},
            missing=declared.missing,
            tags=declared.tags,
            tagged=bool(declared.tags),
            get=self.find,
        )
        try:
            self.lifecycle = Lifecycle(declared.states) if declared.states else None
            if self.lifecycle and not self.lifecycle.member:
                self.lifecycle.member = self._state_member(self.lifecycle.states)
            self.source = self._source()
            self.views = {role: View(shape, self.source) for role, shape in self._outputs()}
            self.list_view = self._list_view()
        except (TypeError, ValueError) as error:
            raise self.odd(error) from None
        self._check()

    def odd(self, complaint: object) -> TypeError:
        return TypeError(f"{self.where}: {complaint}")

    # Reading the declaration

    def _operation(self, name: str) -> models.Operation:
        if name not in self.service.model.operation_names:
            raise self.odd(f"the model has no operation {name}")
        return self.service.model.operation(name)

    def _spellings(self) -> list[tuple[str, ...]]:
        """How requests spell the parents' keys and the own one; the first spelling is the one that is stored."""
        key = self.declared.key
        own = (key,) if isinstance(key, str) else key
        above = self.parent.spellings if self.parent else []
        return [*(tuple(name for name in spelling if name not in own) for spelling in above), own]

    def _identifier(self) -> tuple[str, ...]:
        """The names by which a read, or else a deletion, says which one it means."""
        operation = self.operations.get("read") or self.operations.get("delete")
        inputs = operation.input.members if operation and operation.input else {}
        return tuple(next((name for name in names if name in inputs), names[0]) for names in self.spellings)

    def _state_member(self, states: set[str]) -> str:
        """The one output member that may have all these states."""
        found = {name for o in self.operations.values() for name, enum in enums(o.output, 3) if states <= enum}
        if len(found) != 1:
            raise TypeError(f"which member shows the states? {sorted(found or states)}")
        return found.pop()

    def _source(self) -> Source:
        given = [self.operations[role].input for role in ("create", "update") if role in self.operations]
        names = {name for shape in given if shape for name in shape.members} - {self.declared.tags}
        names |= {*self.declared.fields, self.arn, self.lifecycle.member if self.lifecycle else ""} - {""}
        spelled = {name: spelling[0] for spelling in self.spellings for name in spelling}
        identity = frozenset({*self.spellings[-1], self.arn} - {""})
        members = {name: name for name in names} | spelled | ({self.arn: self.arn} if self.arn else {})
        return Source(members, identity, bool(self.declared.tags))

    def _outputs(self) -> Iterator[tuple[str, models.Shape]]:
        """The outputs that show one resource; a deletion's is often empty, and some only say that it is done."""
        for role, operation in self.operations.items():
            shown = {*operation.output.members} if operation.output else set()
            if role != "list" and operation.output and (shown - {RETURN} if role == "delete" else shown != {RETURN}):
                yield role, operation.output

    def _list_view(self) -> ListView | None:
        operation = self.operations.get("list")
        return ListView(operation, self.source, self.names[-1], self.arn) if operation else None

    def _check(self) -> None:
        declared, create = self.declared, self.operations.get("create")
        for error in (declared.missing, declared.exists):
            if error and not self.service.model.knows_error(code_of(error)):
                raise self.odd(f"the model has no error {code_of(error)}")
        if self.type.template and (strange := set(self.type.template.names) - {*self.source.members.values()}):
            raise self.odd(f"the ARN names {sorted(strange)}, which it has not")
        if self.lifecycle and not self.lifecycle.created and self.lifecycle.member not in declared.fields:
            raise self.odd(f"nothing gives it its first {self.lifecycle.member}")
        if not create:
            return
        inputs = create.input.members if create.input else {}
        given = not inputs.keys().isdisjoint(self.spellings[-1])
        if not given and self.names[-1] not in (*declared.fields, self.arn):
            raise self.odd(f"nothing gives it a key: {self.names[-1]} is in no request and no field")
        if given and not declared.exists and create is not self.operations.get("update"):
            raise self.odd("`exists` says what error a second one of the same key is")
        if declared.tags and declared.tags not in inputs:
            raise self.odd(f"{create.name} takes no {declared.tags}")

    def taken(self, operation: models.Operation) -> dict[str, str]:
        """The members of a request that are stored, and as what: those that some operation shows or a field names."""
        visible = {held for view in self.views.values() for held in view.held()} | {*self.names, *self.declared.fields}
        visible |= {*self.list_view.held()} if self.list_view else set()
        inputs = operation.input.members if operation.input else {}
        held = self.source.members
        return {name: held[name] for name in inputs if name in held and held[name] in visible}

    def token(self, operation: models.Operation) -> str:
        """The member that makes the operation idempotent, or an empty text."""
        inputs = operation.input.members if operation.input else {}
        marked = [name for name, shape in inputs.items() if shape.traits.get("idempotencyToken")]
        return next(iter([*marked, *(name for name in inputs if name.lower() in TOKENS)]), "")

    # The resources that there are

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
        """Bring a resource's state up to the present, and say whether it is still there.

        Where something happens on entering a state, the task that does it is what changes the state.
        """
        if not self.lifecycle or self.steps:
            return True
        member = self.lifecycle.member
        row.members[member], row.since = self.lifecycle.at(row.members[member], row.since, call.now)
        return bool(row.members[member] != GONE)

    def erase(self, call: Call, row: Row) -> None:
        """Remove a resource for good, and what hangs on it."""
        for child, _ in self.children:
            for below in [*child.row.scan(call, *row.path)]:
                child.erase(call, below)
        if row.token and (token := Token.get(call, self.where, row.token)) and token.path == row.path:
            token.delete(call)
        row.delete(call)
        self.declared.after_delete(call, row)

    def refuse_children(self, call: Call, row: Row) -> None:
        """Raise the declared error if there are children that do not go with their parent."""
        for child, error in self.children:
            if error != "cascade" and any(child.alive(call, below) for below in child.row.scan(call, *row.path)):
                text = f"{self.name} {{}} still has a {child.name}."
                raise about(self.service, error, text, row.path[-1], self.name)

    def members(self, call: Call, row: Row) -> dict[str, Any]:
        """What a resource has to show to this caller."""
        return row.members | self.declared.shown(call, row)

    def show(self, call: Call, row: Row, role: str) -> dict[str, Any]:
        """A resource as an operation answers with it."""
        if view := self.views.get(role):
            return view.show(self.members(call, row), row.tags)
        output = self.operations[role].output
        return {RETURN: True} if output and RETURN in output.members else {}


def enums(shape: models.Shape | None, depth: int) -> Iterator[tuple[str, set[str]]]:
    """The members of a shape, and of the structures in it, that have one of a set of values."""
    if shape is None or depth == 0:
        return
    if shape.type == "list":
        yield from enums(shape.member, depth)
    for name, member in shape.members.items():
        yield name, set(member.traits.get("enum", ()))
        yield from enums(member, depth - 1)
