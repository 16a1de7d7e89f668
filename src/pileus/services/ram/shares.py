"""Resource shares: which resources of an account which others may use, and what for."""

from __future__ import annotations

from typing import Any

import msgspec

from pileus.kernel import Call, tags
from pileus.kernel.record import Record
from pileus.kernel.resource_type import resource_type

from . import ram
from .faults import malformed, unknown

PRINCIPAL, RESOURCE, SOURCE = "PRINCIPAL", "RESOURCE", "SOURCE"
ASSOCIATED, ASSOCIATING, DISASSOCIATED, FAILED = "ASSOCIATED", "ASSOCIATING", "DISASSOCIATED", "FAILED"


class Granted(msgspec.Struct):
    """The permission that a share has for a type of resources."""

    arn: str
    number: int
    since: float
    parameters: dict[str, list[str]] = {}


@resource_type(
    ram, "resourceShareArn", create="CreateResourceShare", read="GetResourceShares", update="UpdateResourceShare",
    delete="DeleteResourceShare", missing="UnknownResourceException",
)  # fmt: skip
class Share(Record, arn="resource-share/{id}", cfn="AWS::RAM::ResourceShare"):
    """A resource share."""

    id: str
    name: str
    external: bool
    """Whether accounts outside the organization may be in it."""
    created: float
    updated: float
    status: str = "ACTIVE"
    retained: bool = False
    """Whether accounts that leave the organization keep what is shared with them."""
    permissions: dict[str, Granted] = {}
    """By type of resource."""
    tags: dict[str, str] = {}

    def shown(self, call: Call) -> dict[str, Any]:
        return {
            "resourceShareArn": self.arn(call),
            "name": self.name,
            "owningAccountId": call.account,
            "allowExternalPrincipals": self.external,
            "status": self.status,
            "tags": tags.as_list(self.tags, "key", "value"),
            "creationTime": self.created,
            "lastUpdatedTime": self.updated,
            "featureSet": "STANDARD",
            "resourceShareConfiguration": {"retainSharingOnAccountLeaveOrganization": self.retained},
        }


class Association(Record, key=("share", "kind", "entity")):
    """Somebody or something that is in a share."""

    share: str
    kind: str
    entity: str
    status: str
    external: bool
    created: float
    updated: float
    type: str = ""
    """Of a resource."""
    path: str = ""
    """Of a unit: `o-…/r-…/ou-…/`."""

    def shown(self, call: Call, share: Share) -> dict[str, Any]:
        return {
            "resourceShareArn": share.arn(call),
            "resourceShareName": share.name,
            "associatedEntity": self.entity,
            "associationType": self.kind,
            "status": self.status,
            "creationTime": self.created,
            "lastUpdatedTime": self.updated,
            "external": self.external,
        }


class Received(Record, scope="cloud", key=("principal", "region", "owner", "share")):
    """That a share means an account, an organization or a unit: so that these find what they are let use."""

    principal: str
    region: str
    owner: str
    share: str
    since: float


def share_named(call: Call, resource_share_arn: str) -> Share:
    """The share of that ARN, which the account owns and has not deleted."""
    share = any_share(call, resource_share_arn)
    if share.status == "DELETED":
        raise unknown(f"ResourceShare {resource_share_arn}")
    return share


def any_share(call: Call, resource_share_arn: str) -> Share:
    if not resource_share_arn.startswith("arn:"):
        raise malformed(resource_share_arn)
    prefix = call.arn("resource-share/")
    share = Share.get(call, resource_share_arn.removeprefix(prefix)) if resource_share_arn.startswith(prefix) else None
    if share is None:
        raise unknown(f"ResourceShare {resource_share_arn}")
    return share


def associations(call: Call, share: Share, kind: str = "", status: str = "") -> list[Association]:
    found = Association.scan(call, share.id, kind) if kind else Association.scan(call, share.id)
    return [one for one in found if status in ("", one.status)]
