"""Invitations: accounts outside the organization are asked before they are in a share, and have 12 hours to answer."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.kernel.identity import service
from pileus.kernel.record import Record

from . import ram
from .faults import malformed
from .lists import MOST, page
from .publishing import publish
from .shares import ASSOCIATED, FAILED, PRINCIPAL, RESOURCE, Association, Share, associations
from .tokens import idempotent

LASTS = 12 * 3600.0


class Invitation(Record, scope="cloud", key=("receiver", "region", "id")):
    """A question to an account, whether it wants to be in a share."""

    receiver: str
    region: str
    id: str
    owner: str
    share: str
    asked: float
    entity: str
    """The principal that is in the share: the account's number, or a user or role of it."""
    status: str = "PENDING"

    def arn(self, call: Call) -> str:
        return f"arn:{call.partition}:ram:{self.region}:{self.receiver}:resource-share-invitation/{self.id}"

    def shown(self, call: Call) -> dict[str, Any]:
        share = Share.get(at_owner(call, self), self.share)
        assert share is not None, "a share's invitations go with it"
        return {
            "resourceShareInvitationArn": self.arn(call),
            "resourceShareName": share.name,
            "resourceShareArn": share.arn(at_owner(call, self)),
            "senderAccountId": self.owner,
            "receiverAccountId": self.receiver,
            "receiverArn": self.entity if self.entity.startswith("arn:") else None,
            "invitationTimestamp": self.asked,
            "status": self.status,
        }


def at_owner(call: Call, invitation: Invitation) -> Call:
    return call.at(account=invitation.owner, region=invitation.region)


def invite(call: Call, share: Share, principal: str) -> None:
    """Ask an account. The call looks at the owner of the share."""
    receiver = principal.split(":")[4] if principal.startswith("arn:") else principal
    invitation = Invitation(receiver, call.region, names.uuid4(), call.account, share.id, call.now, principal)
    invitation.put(call)
    lapse.later(
        call.at(principal=service("ram.amazonaws.com")),
        receiver=receiver,
        region=call.region,
        invitation=invitation.id,
        delay=LASTS,
    )


@ram.task
def lapse(call: Call, receiver: str, region: str, invitation: str) -> None:
    """Nobody has answered in time."""
    found = Invitation.get(call, receiver, region, invitation)
    if found is not None and found.status == "PENDING":
        answer(call, found, "EXPIRED", FAILED)


def answer(call: Call, invitation: Invitation, status: str, association: str) -> None:
    """Write down what became of an invitation, and what that means for the share."""
    invitation.status = status
    invitation.put(call)
    owner = at_owner(call, invitation)
    share = Share.get(owner, invitation.share)
    member = Association.get(owner, invitation.share, PRINCIPAL, invitation.entity)
    if share is not None and member is not None:
        member.status, member.updated = association, call.now
        member.put(owner)
        publish(owner, share)


def invitation_named(call: Call, resource_share_invitation_arn: str) -> Invitation:
    """The invitation of that ARN, which the account has received."""
    if not resource_share_invitation_arn.startswith("arn:"):
        raise malformed(resource_share_invitation_arn)
    prefix = call.arn("resource-share-invitation/")
    name = resource_share_invitation_arn.removeprefix(prefix)
    found = Invitation.get(call, call.account, call.region, name)
    if found is None:
        raise Fault(
            "ResourceShareInvitationArnNotFoundException",
            f"The resource share invitation {resource_share_invitation_arn} was not found.",
        )
    return found


def check_pending(invitation: Invitation) -> None:
    codes = {"ACCEPTED": "AlreadyAccepted", "REJECTED": "AlreadyRejected", "EXPIRED": "Expired"}
    if invitation.status in codes:
        raise Fault(
            f"ResourceShareInvitation{codes[invitation.status]}Exception",
            f"The invitation was {invitation.status.lower()}.",
        )


@ram.operation(on=invitation_named)
@idempotent
def accept_resource_share_invitation(call: Call, invitation: Invitation, client_token: str = "") -> dict[str, Any]:
    """Be in the share from now on."""
    check_pending(invitation)
    answer(call, invitation, "ACCEPTED", ASSOCIATED)
    return {"resourceShareInvitation": invitation.shown(call)}


@ram.operation(on=invitation_named)
@idempotent
def reject_resource_share_invitation(call: Call, invitation: Invitation, client_token: str = "") -> dict[str, Any]:
    """Stay out of the share."""
    check_pending(invitation)
    answer(call, invitation, "REJECTED", FAILED)
    return {"resourceShareInvitation": invitation.shown(call)}


@ram.operation
def get_resource_share_invitations(
    call: Call,
    resource_share_invitation_arns: list[str] = [],
    resource_share_arns: list[str] = [],
    next_token: str = "",
    max_results: int = MOST,
) -> dict[str, Any]:
    """The invitations that the account has received."""
    if resource_share_invitation_arns:
        found = [invitation_named(call, one) for one in resource_share_invitation_arns]
    else:
        found = list(Invitation.scan(call, call.account, call.region))
    shown = [one.shown(call) for one in found]
    if resource_share_arns:
        shown = [one for one in shown if one["resourceShareArn"] in resource_share_arns]
    return page(call, "resourceShareInvitations", shown, next_token, max_results)


@ram.operation(on=invitation_named)
def list_pending_invitation_resources(
    call: Call,
    invitation: Invitation,
    resource_region_scope: str = "ALL",
    next_token: str = "",
    max_results: int = MOST,
) -> dict[str, Any]:
    """What one would be let use. All resources that can be shared here are regional."""
    if invitation.status != "PENDING":
        check_pending(invitation)
    owner = at_owner(call, invitation)
    share = Share.get(owner, invitation.share)
    resources = associations(owner, share, RESOURCE, ASSOCIATED) if share and resource_region_scope != "GLOBAL" else []
    shown = [{"arn": one.entity, "type": one.type, "resourceShareArn": share.arn(owner)} for one in resources if share]
    return page(call, "resources", shown, next_token, max_results)


def forget(call: Call, share: Share, principal: str = "") -> None:
    """The invitations to a share, or to one principal of it, are void."""
    for member in associations(call, share, PRINCIPAL):
        if principal in ("", member.entity) and member.external:
            receiver = member.entity.split(":")[4] if member.entity.startswith("arn:") else member.entity
            for invitation in list(Invitation.scan(call, receiver, call.region)):
                if invitation.share == share.id and invitation.entity == member.entity:
                    invitation.delete(call)
