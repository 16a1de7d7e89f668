"""A principal as the decision sees it: its names, and its policies compiled. Kept until an access record changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import attached, policy
from .attached import Document, Membership
from .policy import Policies
from .principals import Caller

if TYPE_CHECKING:
    from pileus.kernel.call import Call
    from pileus.kernel.identity import Principal

SERVICE_LINKED = ":role/aws-service-role/"
GONE = frozenset({""})
"""The names of a user or role that was deleted, some of whose sessions are left: no policy means them any more."""


class Standing(NamedTuple):
    """Who calls, and what its own side lets it do."""

    caller: Caller
    identity: Policies | None
    """None for a root."""
    boundary: Policies | None
    session: Policies | None
    scps: tuple[Policies, ...]
    tags: dict[str, str]
    """By their names in lower case."""
    linked: bool = False
    """Whether it is a service-linked role, which no control policy limits."""

    @staticmethod
    def membership(call: Call, account: str) -> Membership | None:
        """The account's place in an organization."""
        if not account:
            return None
        return call.cloud.access.get(("membership", account), lambda: Membership.get(call, account))


def standing(call: Call) -> Standing:
    """The standing of a call's principal."""
    principal = call.principal
    if principal.type in ("AWSService", "Anonymous"):
        return Standing(Caller.of(principal), policy.NONE, None, None, (), {})
    # What a session may do never changes under one access key; a user's does, and then the records say so.
    key = ("standing", principal.access_key_id, principal.arn)
    if not principal.access_key_id:
        return found(call, principal)
    return call.cloud.access.get(key, lambda: found(call, principal))


def found(call: Call, principal: Principal) -> Standing:
    grants = attached.grants_of(call, principal)
    boundary = attached.boundary_of(call, principal)
    session = session_policies(call, principal)
    linked = SERVICE_LINKED in (grants.owner if grants else principal.session.get("issuer", ""))
    unlimited = rooted(principal) or (grants is None and principal.session.get("improvised"))
    caller = Caller.of(principal)
    if grants is None and not unlimited and principal.type in ("IAMUser", "AssumedRole", "FederatedUser"):
        caller = caller._replace(names=GONE, session_names=GONE)
    return Standing(
        caller,
        None if unlimited else policy.of(attached.policies_of(call, principal)),
        policy.of([boundary]) if boundary else None,
        policy.of(session) if session is not None else None,
        () if linked else scps(call, principal.account),
        {name.lower(): value for name, value in attached.tags_of(call, principal).items()},
        linked,
    )


def rooted(principal: Principal) -> bool:
    """Whether a principal is a root, or a user federated by one."""
    issuer: str = principal.session.get("issuer", "")
    return principal.type == "Root" or (principal.type == "FederatedUser" and issuer.endswith(":root"))


def session_policies(call: Call, principal: Principal) -> list[Document] | None:
    """The session policies, or None where there are none. A federated user without any may do nothing."""
    session = principal.session
    owner = call.at(account=principal.account)
    documents = [Document("session policy", session["policy"])] if session.get("policy") else []
    documents += [Document(arn, attached.managed(owner, arn) or "") for arn in session.get("policy_arns", ())]
    return documents if documents or principal.type == "FederatedUser" else None


def scps(call: Call, account: str) -> tuple[Policies, ...]:
    """The service control policies over an account, level by level."""
    member = Standing.membership(call, account)
    if member is None or member.management:
        return ()
    return tuple(policy.of(level) for level in attached.control_policies(call, member.scps))


def rcps(call: Call, account: str) -> tuple[Policies, ...]:
    """The resource control policies over an account's resources, level by level."""
    return call.cloud.access.get(("rcps", account), lambda: found_rcps(call, account))


def found_rcps(call: Call, account: str) -> tuple[Policies, ...]:
    member = Standing.membership(call, account)
    if member is None or member.management:
        return ()
    return tuple(policy.of(level) for level in attached.control_policies(call, member.rcps))


def shared(call: Call, resource: str) -> list[Document]:
    """What resource shares let others do with a resource."""
    kept = call.cloud.access
    service = resource.split(":", 3)[2] if resource.count(":") > 2 else ""
    if not kept.get(("shares", service), lambda: attached.Shared.first(call, service) is not None):
        return []  # nothing is kept of the many resources of services that share none
    return kept.get(("shared", resource), lambda: attached.shares_of(call, resource))
