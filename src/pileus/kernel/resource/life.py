"""The operations that a declared resource stands for: create, read, update, delete; `listing` has the fifth.

Rules: what a request gives is stored if some output shows it or `fields` names it, and ignored otherwise. An update
replaces the members that it gives and leaves the rest; a creation that is the update too replaces all that was given
before. A creation that repeats another with the same token and the same request gets the same answer, with another
request an error; the token of an update or a deletion changes nothing, for to repeat those does not either.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from pileus import models
from pileus.kernel import tagging
from pileus.kernel.errors import Fault
from pileus.kernel.resource_type import about, code_of
from pileus.kernel.signature import Members, takes

from .address import Address
from .family import Family, Row, Token
from .fields import changed, fill
from .lifecycle import GONE
from .listing import listing

if TYPE_CHECKING:
    from pileus.kernel.call import Call

encode = msgspec.msgpack.Encoder(order="deterministic").encode


def declare(family: Family) -> None:
    """Declare the operations of a family, and the task behind its states, on its service."""
    makers = {"create": creation, "read": reading, "update": modification, "list": listing, "delete": deletion}
    for role, operation in family.operations.items():
        if role != "update" or operation is not family.operations.get("create"):
            makers[role](family, operation)
    if family.lifecycle:

        def proceeding(call: Call, path: list[Any], since: float) -> None:
            proceed(family, call, path, since)

        proceeding.__name__ = task_name(family)
        family.service.task(proceeding)


# Create


def creation(family: Family, operation: models.Operation) -> None:
    """`create`; where that is the `update` too, it also replaces what is there."""
    Creation(family, operation).declare()


class Creation:
    """What is decided beforehand about creating a resource."""

    def __init__(self, family: Family, operation: models.Operation) -> None:
        inputs = operation.input.members if operation.input else {}
        declared = family.declared
        self.family = family
        self.operation = operation
        self.taken = family.taken(operation)
        self.token = family.token(operation)
        self.tags = tagging.tag_form(inputs[declared.tags]) if declared.tags else None
        if declared.tags and not self.tags:
            raise family.odd(f"{declared.tags} are no tags")
        self.parent = Address(family.parent, operation, family.spellings[:-1]) if family.parent else None
        self.replaces = operation is family.operations.get("update")

    def declare(self) -> None:
        parents = self.parent.members if self.parent else ()
        honours = {*self.taken, self.token, self.family.declared.tags, *parents} - {""}

        def create(call: Call, request: Members) -> Members:
            token = request.get(self.token)
            row = self.once(call, token, request) if token else self.make(call, request)
            return self.family.show(call, row, "create")

        self.family.service.operation(name=self.operation.name, honours=honours)(create)

    def once(self, call: Call, token: str, request: Members) -> Row:
        """What the same request with the same token made before, or else makes now."""
        where = self.family.where
        content = encode({name: value for name, value in request.items() if name != self.token})
        digest = hashlib.blake2b(content, digest_size=16).digest()
        earlier = Token.get(call, where, token)
        if earlier and (row := self.family.find(call, *earlier.path)):
            if earlier.digest != digest:
                raise self.conflict()
            return row
        row = self.make(call, request, token)
        Token(family=where, token=token, digest=digest, path=row.path).put(call)
        return row

    def conflict(self) -> Fault:
        """The error for a token that came with another request before."""
        errors, exists = self.operation.errors, self.family.declared.exists
        codes = [code for code in errors if "idempoten" in code.lower() or code.startswith("DuplicateRequest")]
        codes += [code_of(exists)] if exists else [code for code in errors if "Conflict" in code]
        text = "The token was used before with different parameters."
        return Fault(codes[0], text) if codes else Fault("IdempotentParameterMismatch", text, status=400)

    def make(self, call: Call, request: Members, token: str = "") -> Row:
        family = self.family
        given = {held: request[name] for name, held in self.taken.items() if name in request}
        row = family.row(path=[], members=given, token=token)
        if self.tags and (tags := request.get(family.declared.tags)):
            row.tags = self.tags.read(tags)
            tagging.check(self.operation, row.tags)
        if self.parent:
            row.path = [*self.parent.find(call, request).path]
            row.members.update(zip(family.names, row.path, strict=False))
        fill(call, row, family.declared.fields)
        if family.type.template:
            row.members[family.arn] = family.type.template.render(call, row.members)
        row.path.append(row[family.names[-1]])
        there = family.row.get(call, *row.path)
        if there and not family.alive(call, there):
            family.erase(call, there)
            there = None
        return self.replace(call, there, row) if there else self.add(call, row)

    def add(self, call: Call, row: Row) -> Row:
        family, declared = self.family, self.family.declared
        declared.before_create(call, row)
        if family.lifecycle and family.lifecycle.created:
            enter(family, call, row, family.lifecycle.created)
        row.put(call)
        declared.after_create(call, row)
        return row

    def replace(self, call: Call, there: Row, row: Row) -> Row:
        """Put what is given now in the place of what was given before; the fields that time has changed stay."""
        family, fields = self.family, self.family.declared.fields
        if not self.replaces:
            text = f"{family.name} {{}} already exists."
            raise about(family.service, family.declared.exists, text, row.path[-1], family.name)
        given = set(self.taken.values())
        kept = {name for name in there.members if name not in given and fields.get(name) is not changed}
        there.members = {name: there[name] for name in kept}
        there.tags = row.tags or there.tags
        return update(family, call, there, {name: value for name, value in row.members.items() if name not in kept})


# Read, update


def reading(family: Family, operation: models.Operation) -> None:
    """`read`."""

    def function(call: Call, row: Row) -> Members:
        return family.show(call, row, "read")

    family.service.operation(name=operation.name, on=Address(family, operation).finder())(function)


def modification(family: Family, operation: models.Operation) -> None:
    """`update`: what is given replaces what was."""
    address = Address(family, operation)
    taken = {name: held for name, held in family.taken(operation).items() if name not in address.members}
    if not taken:
        raise family.odd(f"{operation.name} changes nothing that can be seen")

    @takes(operation.input, {*taken, family.token(operation)} - {""}, found=True)
    def function(call: Call, row: Row, request: Members) -> Members:
        changes = {held: request[name] for name, held in taken.items() if name in request}
        return family.show(call, update(family, call, row, changes), "update")

    family.service.operation(name=operation.name, on=address.finder())(function)


def update(family: Family, call: Call, row: Row, changes: Members) -> Row:
    """Change a resource's members."""
    declared = family.declared
    declared.before_update(call, row, changes)
    row.members.update(changes)
    row.members.update({name: call.now for name, value in declared.fields.items() if value is changed})
    if family.lifecycle and family.lifecycle.updated:
        enter(family, call, row, family.lifecycle.updated)
    row.put(call)
    declared.after_update(call, row)
    return row


# Delete


def deletion(family: Family, operation: models.Operation) -> None:
    """`delete`: at once, or through the states that lead to the end. To delete again what is going changes nothing."""
    declared, lifecycle = family.declared, family.lifecycle

    @takes(operation.input, {family.token(operation)} - {""}, found=True)
    def function(call: Call, row: Row, request: Members) -> Members:
        declared.before_delete(call, row)
        family.refuse_children(call, row)
        if not (lifecycle and lifecycle.deleted):
            family.erase(call, row)
        elif row[lifecycle.member] not in lifecycle.ending:
            enter(family, call, row, lifecycle.deleted)
            row.put(call)
        return family.show(call, row, "delete")

    family.service.operation(name=operation.name, on=Address(family, operation).finder())(function)


# States


def task_name(family: Family) -> str:
    return f"proceed_{family.name}"


def enter(family: Family, call: Call, row: Row, state: str) -> None:
    """Put a resource into a state. The next one follows by itself, unless something has to happen then."""
    lifecycle = family.lifecycle
    assert lifecycle
    row.members[lifecycle.member], row.since = state, call.now
    if family.steps and state in lifecycle.next:
        delay = lifecycle.next[state][1]
    elif state == lifecycle.deleted:
        delay = lifecycle.seconds(state)
    else:
        return
    family.service.tasks[task_name(family)].later(call, delay=delay, path=row.path, since=row.since)


def proceed(family: Family, call: Call, path: list[Any], since: float) -> None:
    """What the time of a state brings: the next state and what happens then, or the end."""
    row, lifecycle = family.row.get(call, *path), family.lifecycle
    if row is None or lifecycle is None:
        return
    if not family.steps:
        if not family.alive(call, row):
            family.erase(call, row)
    elif row.since == since:
        state = lifecycle.next[row[lifecycle.member]][0]
        if state == GONE:
            family.erase(call, row)
            return
        enter(family, call, row, state)
        family.declared.entered(call, row)
        row.put(call)
