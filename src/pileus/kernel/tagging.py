"""The tag operations of a service, for all its resources, in whichever of AWS's spellings its model has them.

Those that are unlike all others (several resources at once, a resource's type beside its id) are left to be written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pileus import models

from . import paging, tags
from .errors import Fault
from .signature import Members, takes

if TYPE_CHECKING:
    from .call import Call
    from .operation import Service
    from .resource_type import ResourceType

TAG = ("TagResource", "AddTagsToResource", "AddTags", "CreateTags", "Tag")
UNTAG = ("UntagResource", "RemoveTagsFromResource", "RemoveTags", "DeleteTags", "Untag")
LIST = ("ListTagsForResource", "ListTags", "GetTags")


class TagForm(NamedTuple):
    """How a model writes tags: a map, or a list of structures with these two members."""

    key: str = ""
    value: str = ""

    def read(self, given: Any) -> dict[str, str]:
        return tags.as_map(given, self.key, self.value) if self.key else dict(given)

    def show(self, held: Mapping[str, str]) -> Any:
        return tags.as_list(held, self.key, self.value) if self.key else dict(held)


class Specifications(TagForm):
    """EC2's: a list of tags for each kind of resource that a request makes; here there is one."""

    def read(self, given: Any) -> dict[str, str]:
        return {
            name: text for one in given for name, text in super(Specifications, self).read(one.get("Tags", ())).items()
        }


def tag_form(shape: models.Shape) -> TagForm | None:
    """The form of a shape that holds tags, or None for one that does not."""
    if shape.type == "map":
        return TagForm() if shape.value.type == "string" else None
    if shape.type != "list" or shape.member.type != "structure":
        return None
    if shape.member.name == "TagSpecification":
        return Specifications("Key", "Value")
    names = {name.lower().removeprefix("tag"): name for name in shape.member.members}
    return TagForm(names["key"], names["value"]) if names.keys() == {"key", "value"} else None


Find = Callable[["Call", str], Any]


def check(operation: models.Operation, held: Mapping[str, str], code: str = "ValidationException") -> None:
    """Raise the operation's own error for too many tags, or `code` for a name that AWS keeps for itself."""
    codes = [code for code in operation.errors if code.startswith(("TooManyTags", "LimitExceeded"))]
    if len(held) > tags.MOST and codes:
        raise Fault(codes[0], f"The number of tags exceeds the limit of {tags.MOST}.")
    tags.check(held, code=code)


def declare(service: Service, find: Find | None = None, *, code: str = "ValidationException") -> None:
    """Declare the tag operations that the service's model has.

    The resource of an ARN is the one of a declared type, or what `find` says. `code` is the error for bad tags.
    """
    find = find or declared(service)
    operations = [
        next((service.model.operation(name) for name in names if name in service.model.operation_names), None)
        for names in (TAG, UNTAG, LIST)
    ]
    if operations[0]:
        tagging(service, operations[0], find, code)
    if operations[1]:
        untagging(service, operations[1], find)
    if operations[2]:
        listing(service, operations[2], find)


def tagging(service: Service, operation: models.Operation, find: Find, code: str) -> None:
    target, rest = members(operation)
    form = tag_form(rest[0][1]) if len(rest) == 1 else None
    if not target or not form:
        return
    member = rest[0][0]

    @takes(operation.input, [member], found=True)
    def function(call: Call, found: Any, request: Members) -> Members:
        found.tags = found.tags | form.read(request.get(member, ()))
        check(operation, found.tags, code)
        found.put(call)
        return {}

    service.operation(name=operation.name, on=finder(operation, target, find))(function)


def untagging(service: Service, operation: models.Operation, find: Find) -> None:
    target, rest = members(operation)
    if not target or len(rest) != 1 or rest[0][1].type != "list":
        return
    member = rest[0][0]

    @takes(operation.input, [member], found=True)
    def function(call: Call, found: Any, request: Members) -> Members:
        given = request.get(member, ())
        names = {name if isinstance(name, str) else next(iter(name.values())) for name in given}
        found.tags = {name: value for name, value in found.tags.items() if name not in names}
        found.put(call)
        return {}

    service.operation(name=operation.name, on=finder(operation, target, find))(function)


def listing(service: Service, operation: models.Operation, find: Find) -> None:
    target, rest = members(operation)
    outputs = operation.output.members if operation.output else {}
    forms = [(name, form) for name, shape in outputs.items() if (form := tag_form(shape))]
    if not target or rest or len(forms) != 1:
        return
    member, form = forms[0]
    inputs = operation.input.members if operation.input else {}
    token, limit, following = one_of(inputs, TOKENS), one_of(inputs, LIMITS), one_of(outputs, TOKENS)

    @takes(operation.input, {token, limit} - {""}, found=True)
    def function(call: Call, found: Any, request: Members) -> Members:
        held = sorted(found.tags.items())
        start = paging.opened(call, request[token]) if token in request else 0
        stop = start + int(request.get(limit, len(held)))
        answer = {member: form.show(dict(held[start:stop]))}
        return answer | {following: paging.sealed(call, stop)} if stop < len(held) else answer

    service.operation(name=operation.name, on=finder(operation, target, find))(function)


TOKENS = ("nexttoken", "nextmarker", "marker")
LIMITS = ("maxresults", "maxitems", "maxrecords", "limit", "pagesize")


def members(operation: models.Operation) -> tuple[str, list[tuple[str, models.Shape]]]:
    """The member that names the resource, if there is just one, and those that are neither it nor for paging."""
    shape = operation.input
    assert shape
    targets = [name for name in shape.required if shape.members[name].type == "string"]
    rest = [(n, s) for n, s in shape.members.items() if n not in targets and n.lower() not in TOKENS + LIMITS]
    return targets[0] if len(targets) == 1 else "", rest


def one_of(members: Mapping[str, models.Shape], names: tuple[str, ...]) -> str:
    """The member that has the first of these names, in any case; or an empty text."""
    known = {member.lower(): member for member in members}
    return next((known[name] for name in names if name in known), "")


def finder(operation: models.Operation, target: str, find: Find) -> Any:
    """What finds the resource that a request names."""

    @takes(operation.input, [target])
    def found(call: Call, request: Members) -> Any:
        return find(call, request[target])

    return found


def declared(service: Service) -> Find:
    """The resource of an ARN; of a bare key, where the service's tag operations take one."""

    def find(call: Call, what: str) -> Any:
        kinds: list[ResourceType] = [kind for kind in service.resources if kind.tagged]
        for kind in kinds:
            named = not what.startswith("arn:") and len(kind.key) == 1
            if resource := kind.find(call, what) if named else kind.find_by_arn(call, what):
                return resource
        meant = [kind for kind in kinds if kind.key_of(call, what)] or kinds
        raise meant[0].absent(what)

    return find
