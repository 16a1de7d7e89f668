"""The five operations that a declared resource stands for: create, read, update, list, delete.

Rules: what a request gives is stored if some output shows it or `fields` names it, and ignored otherwise. An update replaces
the members that it gives and leaves the rest; a creation that is the update too replaces all that was ever given. A
creation that repeats another with the same token and the same request gets the same answer, with another request an error;
the token of an update or a deletion changes nothing, for to repeat those does not either.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from pileus import models

from . import tagging
from .address import Address
from .family import Family, Row, Token, conflict
from .fields import changed, fill
from .listing import listing
from .resource_type import about
from .signature import Members, takes

if TYPE_CHECKING:
    from .call import Call

encode = msgspec.msgpack.Encoder(order="deterministic").encode


def declare(family: Family) -> None:
    """Declare the operations of a family on its service."""
    for role, operation in family.operations.items():
        if role != "update" or operation is not family.operations.get("create"):
            MAKERS[role](family, operation)


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
        view = self.family.views["create"]

        def create(call: Call, request: Members) -> Members:
            token = request.get(self.token)
            row = self.once(call, token, request) if token else self.make(call, request)
            return self.family.show(call, row, view)

        create.__doc__ = self.family.declared.__doc__
        self.family.service.operation(name=self.operation.name, honours=honours)(create)

    def once(self, call: Call, token: str, request: Members) -> Row:
        """What the same request with the same token made before, or else makes now."""
        where = self.family.where
        content = encode({name: value for name, value in request.items() if name != self.token})
        digest = hashlib.blake2b(content, digest_size=16).digest()
        earlier = Token.get(call, where, token)
        if earlier and (row := self.family.find(call, *earlier.path)):
            if earlier.digest != digest:
                raise conflict(self.operation, self.family.declared.exists)
            return row
        row = self.make(call, request, token)
        Token(family=where, token=token, digest=digest, path=row.path).put(call)
        return row

    def make(self, call: Call, request: Members, token: str = "") -> Row:
        family, fields = self.family, self.family.declared.fields
        row = family.row(
            path=[], token=token, members={held: request[n] for n, held in self.taken.items() if n in request}
        )
        if self.tags and (given := request.get(family.declared.tags)):
            row.tags = self.tags.read(given)
            tagging.check(self.operation, row.tags)
        if self.parent and family.parent:
            row.path = [*family.parent.named(call, *self.parent.path(call, request)).path]
            row.members.update(zip(family.names, row.path, strict=False))
        fill(call, row, fields)
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
        if declared.before_create:
            declared.before_create(call, row)
        if family.lifecycle and family.lifecycle.created:
            family.enter(call, row, family.lifecycle.created)
        row.put(call)
        if declared.after_create:
            declared.after_create(call, row)
        return row

    def replace(self, call: Call, there: Row, row: Row) -> Row:
        """Put what was given now in the place of what was given before; the fields that time has changed stay."""
        family, declared = self.family, self.family.declared
        if not self.replaces:
            text = f"{family.name} {{}} already exists."
            raise about(family.service, declared.exists, text, row.path[-1], family.name)
        given = set(self.taken.values())
        kept = {name for name in there.members if name not in given and declared.fields.get(name) is not changed}
        changes = {name: value for name, value in row.members.items() if name not in kept}
        there.members = {name: there[name] for name in kept}
        there.tags = row.tags or there.tags
        return update(call, family, there, changes)


def update(call: Call, family: Family, row: Row, changes: Members) -> Row:
    """Change a resource's members."""
    declared = family.declared
    if declared.before_update:
        declared.before_update(call, row, changes)
    row.members.update(changes)
    row.members.update({name: call.now for name, value in declared.fields.items() if value is changed})
    if family.lifecycle and family.lifecycle.updated:
        family.enter(call, row, family.lifecycle.updated)
    row.put(call)
    if declared.after_update:
        declared.after_update(call, row)
    return row


def modification(family: Family, operation: models.Operation) -> None:
    """`update`: what is given replaces what was."""
    address, view = Address(family, operation), family.views["update"]
    taken = {name: held for name, held in family.taken(operation).items() if name not in address.members}
    token = family.token(operation)
    if not taken:
        raise family.odd(f"{operation.name} changes nothing that can be seen")

    @takes(operation.input, {*taken, token} - {""}, found=True)
    def function(call: Call, row: Row, request: Members) -> Members:
        changes = {held: request[name] for name, held in taken.items() if name in request}
        return family.show(call, update(call, family, row, changes), view)

    family.service.operation(name=operation.name, on=address.finder())(function)


def reading(family: Family, operation: models.Operation) -> None:
    """`read`."""
    view = family.views["read"]

    def function(call: Call, row: Row) -> Members:
        return family.show(call, row, view)

    family.service.operation(name=operation.name, on=Address(family, operation).finder())(function)


# Delete


def deletion(family: Family, operation: models.Operation) -> None:
    """`delete`: at once, or through the states that lead to the end. To delete what is being deleted changes nothing."""
    declared, view, lifecycle = family.declared, family.views["delete"], family.lifecycle
    token = family.token(operation)

    @takes(operation.input, {token} - {""}, found=True)
    def function(call: Call, row: Row, request: Members) -> Members:
        if declared.before_delete:
            declared.before_delete(call, row)
        family.refuse_children(call, row)
        if not (lifecycle and lifecycle.deleted):
            family.erase(call, row)
        elif row[lifecycle.member] not in lifecycle.ending:
            family.enter(call, row, lifecycle.deleted)
            row.put(call)
        return family.show(call, row, view)

    family.service.operation(name=operation.name, on=Address(family, operation).finder())(function)


MAKERS = {"create": creation, "read": reading, "update": modification, "list": listing, "delete": deletion}
