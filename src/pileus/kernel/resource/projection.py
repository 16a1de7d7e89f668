"""How a resource is shown: its members laid onto an operation's output, whatever shape that has.

An output member shows the resource's member of the same name, or one that the declaration spells differently (a key),
or its tags. Where the output itself shows neither the key nor the ARN, a structure in it that has one of them is the
resource, wrapped. All this is decided once, when the declaration is read; an output that requires what the resource has
not, or that shows nothing of it, does not fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pileus import models
from pileus.kernel.tagging import LIMITS, TOKENS, TagForm, one_of, tag_form

ARNS = ("Arn", "Arns", "ArnList", "ARN", "ARNs", "ARNList")


class Source(NamedTuple):
    """What a resource has to show."""

    members: Mapping[str, str]
    """Its members, by the names that outputs may give them."""
    identity: frozenset[str]
    """Those of the names that only the resource itself has: its key's and its ARN's."""
    tagged: bool


class View:
    """A resource as one structure."""

    __slots__ = ("names", "tags", "wrapped")

    def __init__(self, shape: models.Shape, source: Source, depth: int = 0) -> None:
        self.names: list[tuple[str, str]] = []
        self.tags: tuple[str, TagForm] | None = None
        self.wrapped: tuple[str, View] | None = None
        own = source.identity & shape.members.keys()
        wrapper = depth < 2 and all(shape.members[name].type == "structure" for name in own)
        for name, member in shape.members.items():
            held = source.members.get(name)
            if held and not (name in source.identity and member.type == "structure"):
                self.names.append((name, held))
            elif source.tagged and name.lower().endswith(("tags", "taglist")) and (form := tag_form(member)):
                self.tags = name, form
            elif wrapper and member.type == "structure" and not source.identity.isdisjoint(member.members):
                if self.wrapped:
                    raise TypeError(f"{shape.name}: is the resource {self.wrapped[0]} or {name}?")
                self.wrapped = name, View(member, source, depth + 1)
            elif name in shape.required:
                raise TypeError(f"{shape.name} requires {name}, which the resource has not")
        if shape.members and not self.names and not self.wrapped:
            raise TypeError(f"{shape.name} shows nothing of the resource")

    def show(self, members: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
        shown = {name: members[held] for name, held in self.names if held in members}
        if tags and self.tags:
            name, form = self.tags
            shown[name] = form.show(tags)
        if self.wrapped:
            name, inner = self.wrapped
            shown[name] = inner.show(members, tags)
        return shown

    def held(self) -> Iterator[str]:
        """The resource's members that can be seen here."""
        for _, held in self.names:
            yield held
        if self.wrapped:
            yield from self.wrapped[1].held()


class ListView:
    """Resources as an operation lists them, page by page: as structures, or only by their keys or ARNs."""

    def __init__(self, operation: models.Operation, source: Source, key: str, arn: str) -> None:
        outputs = operation.output.members if operation.output else {}
        inputs = operation.input.members if operation.input else {}
        pages = operation.model.pagination.get(operation.name, {})
        self.token = pages.get("input_token") or one_of(inputs, TOKENS)
        self.next = pages.get("output_token") or one_of(outputs, TOKENS)
        self.limit = pages.get("limit_key") or one_of(inputs, LIMITS)
        self.more = pages.get("more_results", "")
        self.member = pages.get("result_key") or next((n for n, shape in outputs.items() if shape.type == "list"), "")
        for member, known in (
            (self.token, inputs),
            (self.limit, inputs),
            (self.next, outputs),
            (self.more, outputs),
            (self.member, outputs),
        ):
            if member and (isinstance(member, list) or member not in known):
                raise TypeError(f"{operation.name} pages by {member}")
        if not self.member or outputs[self.member].type != "list":
            raise TypeError(f"{operation.name} shows no list")
        element = outputs[self.member].member
        self.view = View(element, source) if element.type == "structure" else None
        self.value = arn if any(name.endswith(ARNS) for name in (element.name, self.member)) else key
        paging = {self.member, self.next, self.more}
        if odd := [name for name in (operation.output.required if operation.output else ()) if name not in paging]:
            raise TypeError(f"{operation.name} requires {odd}, which a list of resources has not")

    def show(self, members: Mapping[str, Any], tags: Mapping[str, str]) -> Any:
        return self.view.show(members, tags) if self.view else members[self.value]

    def page(self, shown: list[Any], token: str | None) -> dict[str, Any]:
        answer: dict[str, Any] = {self.member: shown}
        if token and self.next:
            answer[self.next] = token
        if self.more:
            answer[self.more] = bool(token)
        return answer

    def held(self) -> Iterator[str]:
        if self.view:
            yield from self.view.held()
        else:
            yield self.value
