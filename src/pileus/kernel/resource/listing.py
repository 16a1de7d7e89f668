"""`list`: the resources of a family in the order of their keys, those of one parent, and those that fit a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pileus import models
from pileus.kernel.errors import Fault
from pileus.kernel.filters import NAMES, Field, Filters, Test, reader, texts

from .address import Address

if TYPE_CHECKING:
    from pileus.kernel.call import Call

    from .family import Family

PAGE = 100
"""How many a list gives at most where its caller sets no limit."""

EC2_PAGE = 1000

Members = dict[str, Any]


def listing(family: Family, operation: models.Operation) -> None:
    """Declare the operation that lists a family."""
    view = family.list_view
    assert view
    parent = parent_of(family, operation)
    conditions = Conditions(family, operation)
    errors = [code for code in operation.errors if "invalid" in code.lower() and "token" in code.lower()]

    def function(call: Call, request: Members) -> Members:
        above: tuple[Any, ...] = ()
        if parent and not request.keys().isdisjoint(parent.members):
            above = parent.find(call, request).place()
        fits = conditions.test(request)
        if conditions.ids in request:
            rows = [family.named(call, *above, key) for key in dict.fromkeys(request[conditions.ids])]
            return view.page([view.show(family.members(call, row), row.tags) for row in rows if fits(row)], None)
        page = family.row.page(
            call,
            *above,
            limit=int(request.get(view.limit, conditions.page)),
            token=request.get(view.token, ""),
            where=lambda row: family.alive(call, row) and fits(row),
            invalid=Fault(errors[0], "The pagination token is invalid.") if errors else None,
        )
        return view.page([view.show(family.members(call, row), row.tags) for row in page.items], page.token)

    function.__doc__ = family.declared.__doc__
    honours = {view.token, view.limit, *conditions.members, *(parent.members if parent else ())} - {""}
    family.service.operation(name=operation.name, honours=honours)(function)


def parent_of(family: Family, operation: models.Operation) -> Address | None:
    """How a list's request names the parent, if it does."""
    inputs = operation.input.members if operation.input else {}
    if not family.parent or not any(name in inputs for spelling in family.spellings[:-1] for name in spelling):
        return None
    return Address(family.parent, operation, family.spellings[:-1])


class Conditions:
    """What the declared `filters` make of a request: members that ask for a value, and AWS's list of filters."""

    def __init__(self, family: Family, operation: models.Operation) -> None:
        inputs = operation.input.members if operation.input else {}
        declared = family.declared.filters
        ec2 = operation.model.protocols[0] == "ec2"
        self.ids = next((name for name in inputs if ec2 and name in plurals(family.names[-1])), "")
        """The member by which EC2 asks for certain ones; each of them has to be there."""
        self.page = EC2_PAGE if ec2 else PAGE
        self.asked = declared.keys() & inputs.keys() - {self.ids}
        self.listed = next((name for name, shape in inputs.items() if is_filters(shape)), "")
        if (named := declared.keys() - inputs.keys()) and not self.listed:
            raise family.odd(f"{operation.name} takes no filters {sorted(named)}")
        self.members = {*self.asked, self.ids, self.listed if named else ""} - {""}

        def invalid(what: str) -> Fault:
            return family.service.invalid(operation, [what])

        self.filters = Filters(
            {name: of_members(field) for name, field in declared.items()},
            wildcards=ec2,
            unknown=lambda name: invalid(f"The filter '{name}' is invalid"),
            excess=lambda what, most: invalid(f"The maximum number of {what} on a request is {most}"),
        )

    def test(self, request: Members) -> Test:
        """Whether a row fits a request."""
        given = [{"Name": name, "Values": texts(request[name])} for name in self.asked if name in request]
        listed = request.get(self.listed, ()) if self.listed in self.members else ()
        return self.filters.test([*given, *listed])


def plurals(key: str) -> set[str]:
    """How EC2 may spell a list of keys."""
    return {f"{key}s", f"{key.removesuffix('y')}ies"}


def of_members(field: Field) -> Field:
    """A declared field, which is one of a row's members, as a filter of rows sees it."""
    if not isinstance(field, str):
        return field
    read = reader(field)
    return lambda row: read(row.members)


def is_filters(shape: models.Shape) -> bool:
    """Whether a member is AWS's list of filters, each with a name and values."""
    return shape.type == "list" and any(name.lower() in NAMES for name in shape.member.members)
