"""Tags of shares and of customer managed permissions."""

from __future__ import annotations

from pileus.kernel import Call

from . import ram
from .faults import invalid
from .permissions import Permission, customer_managed
from .shares import Share, share_named
from .tags import given


def tagged(call: Call, resource_share_arn: str = "", resource_arn: str = "") -> Share | Permission:
    """The share or permission that a request names."""
    if bool(resource_share_arn) == bool(resource_arn):
        raise invalid("Specify either a resource share or a resource.")
    arn = resource_share_arn or resource_arn
    return customer_managed(call, arn) if ":permission/" in arn else share_named(call, arn)


@ram.operation(on=tagged)
def tag_resource(call: Call, found: Share | Permission, tags: list[dict[str, str]]) -> None:
    found.tags = given(tags, found.tags)
    found.put(call)


@ram.operation(on=tagged)
def untag_resource(call: Call, found: Share | Permission, tag_keys: list[str]) -> None:
    found.tags = {name: value for name, value in found.tags.items() if name not in tag_keys}
    found.put(call)
