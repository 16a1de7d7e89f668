"""The ARNs of what a request is about, from the templates of the authorization data and the request's members."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pileus.kernel.record import Record

from . import exceptions
from .actions import lookup, prefix

if TYPE_CHECKING:
    from pileus.kernel.call import Call
    from pileus.kernel.operation import Bound, Service
    from pileus.kernel.resource_type import ResourceType

PLACE = re.compile(r"\$\{([^}]+)\}")
TEXTS = str | int
WHERE = {"Partition": "partition", "Region": "region", "Account": "account"}
Members = Mapping[str, Any]


class Kind:
    """A type of resource, as one operation's requests name it."""

    def __init__(self, name: str, template: str, required: bool, members: Mapping[str, str]) -> None:
        self.name = name
        self.template = template
        self.required = required
        self.parts = PLACE.split(template)
        """In turns a text and the name of a place."""
        self.pattern = re.compile(PLACE.sub("(.+)", re.escape(template).replace(r"\$\{", "${").replace(r"\}", "}")))
        places = [place for place in PLACE.findall(template) if place not in WHERE]
        self.members = {place: found for place in places if (found := member_of(place, name, places, members))}
        self.whole = len(self.members) == len(places)

    def arns(self, call: Call, request: Members) -> list[str]:
        """The ARNs that the request names, with `*` for what it does not know of one that must be allowed."""
        if given := [arn for arn in arns_in(request) if self.pattern.fullmatch(arn)]:
            return given
        values = {place: request.get(member) for place, member in self.members.items()}
        if not self.required and not (self.whole and values and all(values.values())):
            return []
        several = next((place for place, value in values.items() if isinstance(value, list)), None)
        if several is None:
            return [self.arn(call, request, values)]
        texts = [value for value in values[several] or () if isinstance(value, str)]
        return [self.arn(call, request, values | {several: text}) for text in texts] or [self.arn(call, request, {})]

    def arn(self, call: Call, request: Members, values: Members) -> str:
        parts = self.parts.copy()
        for at in range(1, len(parts), 2):
            name = parts[at]
            value = getattr(call, WHERE[name]) if name in WHERE else values.get(name)
            if isinstance(value, TEXTS):
                path = request.get("Path") if name.endswith("WithPath") else None
                parts[at] = f"{path}{value}".lstrip("/") if path else str(value)
            else:
                parts[at] = "*"
        return "".join(parts)


def member_of(place: str, kind: str, places: list[str], members: Mapping[str, str]) -> str:
    """The member that fills a place of an ARN: it has its name, more or less; `members` are by plain names."""
    name = place.removesuffix("WithPath")
    tries = [name, name.removesuffix("Name"), name.removesuffix("Id"), f"{name}s", f"{name}Identifier"]
    if len(places) == 1:
        tries += [f"{kind}{end}" for end in ("", "Name", "Id", "Ids", "Names", "Identifier")] + [
            "Name",
            "Id",
            "Identifier",
        ]
    return next((members[plain(text)] for text in tries if text and plain(text) in members), "")


def plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def arns_in(request: Members) -> Iterator[str]:
    """The ARNs among the top members of a request."""
    for value in request.values():
        if isinstance(value, str):
            if value.startswith("arn:"):
                yield value
        elif isinstance(value, list):
            yield from (text for text in value if isinstance(text, str) and text.startswith("arn:"))


@lru_cache(maxsize=2048)
def kinds_of(bound: Bound, action: str) -> tuple[Kind, ...]:
    """The types of resources that an action of an operation is about, and how its requests name them."""
    listed = lookup(action)
    if listed is None:
        return ()
    templates = prefix(action.partition(":")[0]).resources
    inputs = bound.model.input.members if bound.model.input else {}
    members = {plain(name): name for name in inputs}
    for place, member in exceptions.MEMBERS.get(bound.service.name, {}).items():
        if member in inputs:
            members.setdefault(plain(place), member)
    return tuple(
        Kind(name, templates[name], required, members) for name, required in listed.kinds.items() if name in templates
    )


def named(call: Call, bound: Bound, action: str, request: Members, found: str = "") -> list[str]:
    """The ARNs of all that a request is about; `*` where AWS knows no resource of the action.

    `found` is the ARN of the resource that the operation itself found, which stands for its type.
    """
    if action.startswith("apigateway:"):
        return [path_arn(call, bound, request)]
    kinds = kinds_of(bound, action)
    arns = [found] if found else []
    for kind in kinds:
        if found and (not kind.whole or kind.pattern.fullmatch(found)):
            continue
        arns += [arn for arn in kind.arns(call, request) if arn not in arns]
    return [asked(action, arn) for arn in nearest(arns)] or ["*"]


def stands_alone(bound: Bound, action: str, found: str) -> bool:
    """Whether the resource that the operation found, of that ARN, is all that such requests are about."""
    if not found or action.startswith("apigateway:"):
        return False
    return all(not kind.whole or kind.pattern.fullmatch(found) for kind in kinds_of(bound, action))


def asked(action: str, arn: str) -> str:
    """The ARN as policies are asked for it: of a log group, except for its tags, as that of its streams.

    CloudWatch Logs User Guide, "Overview of managing access permissions": policies name a group with `:*` behind it.
    """
    parts = arn.split(":")
    if len(parts) == 7 and parts[2] == "logs" and parts[5] == "log-group" and action not in exceptions.BARE_GROUPS:
        return f"{arn}{exceptions.STREAMS}"
    return arn


def nearest(arns: list[str]) -> list[str]:
    """Those ARNs that are not merely what another one is part of: an index's and not its table's."""
    if len(arns) < 2:
        return arns
    return [arn for arn in arns if not any(other.startswith((arn + "/", arn + ":")) for other in arns)]


def path_arn(call: Call, bound: Bound, request: Members) -> str:
    """API Gateway's resources are the paths of its requests."""
    members = {plain(name): value for name, value in request.items()}

    def filled(place: re.Match[str]) -> str:
        return str(members.get(plain(place[1]), "*"))

    uri = re.sub(r"\{([^}]+)\}", filled, bound.model.uri.split("?")[0])
    return f"arn:{call.partition}:apigateway:{call.region}::{uri}"


def tags_at(call: Call, service: Service, arn: str) -> Mapping[str, str]:
    """The tags of the resource of a service that an ARN names; none for one that is not there, or not the account's."""
    for kind in service.resources:
        if kind.tagged and (found := kind.find_by_arn(call, arn)) is not None:
            tags: Mapping[str, str] = found.condition_tags(call)
            return tags
    return {}


def arn_of(call: Call, bound: Bound, found: Any) -> str:
    """The ARN of the resource that an operation found, if its record says what that is."""
    if not isinstance(found, Record):
        return ""
    if not (found.arn_template and type(found).arn is not Record.arn):  # else it knows a shorter way
        for kind in bound.service.resources:
            if kind.template and type(found) is kind.record:
                return rendered(call, kind, found)
    return found.arn(call) if found.arn_template else ""


def rendered(call: Call, kind: ResourceType, found: Any) -> str:
    """The ARN of a resource by the template of its type."""
    assert kind.template
    if found.arn_template:
        return kind.template.render(call, {name: getattr(found, name) for name in kind.template.names})
    try:  # a declared one, which may not have all that its ARN names yet
        return kind.template.render(call, found.members | dict(zip(kind.key, found.path, strict=False)))
    except KeyError:
        return ""
