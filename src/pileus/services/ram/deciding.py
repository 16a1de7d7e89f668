"""What the access decision must know of RAM's requests: who and what they would share, and the share itself.

Service Authorization Reference, "Condition keys for AWS Resource Access Manager". The best known control policy on RAM
keeps accounts from sharing outside the organization by `ram:RequestedAllowsExternalPrincipals`.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel.access.matching import Values
from pileus.kernel.access.target import Target

from . import ram
from .invitations import Invitation
from .shares import Share
from .types import TYPES

NAMED = ("resourceShareArn", "resourceShareInvitationArn", "permissionArn", "fromPermissionArn", "toPermissionArn")


@ram.targets(root=False)
def targets(call: Call, request: dict[str, Any]) -> list[Target]:
    """The shares, invitations and permissions that a request names."""
    keys = requested(call, request)
    found = [target(call, request[name], keys) for name in NAMED if isinstance(request.get(name), str)]
    return found or [Target("*", call.account, keys=keys)]


def requested(call: Call, request: dict[str, Any]) -> dict[str, Values]:
    """What a request would share with whom."""
    resources = request.get("resourceArns", ())
    external = request.get("allowExternalPrincipals", True if call.operation == "CreateResourceShare" else None)
    keys: dict[str, Values] = {
        "ram:principal": tuple(request.get("principals", ())),
        "ram:resourcearn": tuple(resources),
        "ram:requestedresourcetype": tuple(dict.fromkeys(kind for arn in resources for kind in kinds_of(arn))),
        "ram:permissionresourcetype": (request["resourceType"],) if "resourceType" in request else (),
        "ram:requestedallowsexternalprincipals": () if external is None else (str(external).lower(),),
    }
    return {name: values for name, values in keys.items() if values}


def kinds_of(arn: str) -> list[str]:
    service = arn.split(":", 3)[2] if arn.count(":") > 2 else ""
    return [kind for kind in TYPES if kind.partition(":")[0] == service]


def target(call: Call, arn: str, keys: dict[str, Values]) -> Target:
    """A share, an invitation or a permission, and what there is to know of it."""
    name = arn.rpartition("/")[2]
    if ":resource-share/" in arn:
        share = Share.get(call, name)
        return Target(arn, call.account, tags=share.tags if share else {}, keys=keys | keys_of(share))
    if ":resource-share-invitation/" in arn:
        invitation = Invitation.get(call, call.account, call.region, name)
        if invitation is None:
            return Target(arn, call.account, keys=keys)
        share = Share.get(call.at(account=invitation.owner), invitation.share)
        owner: dict[str, Values] = {"ram:shareowneraccountid": (invitation.owner,)}
        return Target(arn, call.account, keys=keys | keys_of(share) | owner)
    return Target(arn, call.account, keys=keys | {"ram:permissionarn": (arn,)})


def keys_of(share: Share | None) -> dict[str, Values]:
    if share is None:
        return {}
    keys: dict[str, Values] = {
        "ram:resourcesharename": (share.name,),
        "ram:allowsexternalprincipals": (str(share.external).lower(),),
        "ram:retainsharingonaccountleaveorganization": (str(share.retained).lower(),),
    }
    return keys | {f"ram:resourcetag/{name.lower()}": (value,) for name, value in share.tags.items()}
