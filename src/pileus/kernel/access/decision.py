"""The decision: may this caller do this to that resource? A pure function of the query and of the policies that apply.

IAM User Guide, "Policy evaluation logic" and the pages below it, above all "How AWS enforcement code logic evaluates
requests", "Evaluating identity-based policies with resource-based policies", "Cross-account policy evaluation logic".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from .matching import Lookup
from .policy import NONE, Policies, Statement
from .principals import ACCOUNT, NOT, PRINCIPAL, SESSION, Caller

Source = Literal["identity", "resource", "trust", "boundary", "session", "scp", "rcp", "endpoint"]


class Query:
    """One action on one resource, asked for by one caller."""

    __slots__ = ("account", "action", "caller", "key", "lookup", "resource")

    def __init__(self, caller: Caller, action: str, resource: str, account: str, lookup: Lookup) -> None:
        self.caller = caller
        self.action = action
        """As AWS writes it: `sqs:SendMessage`."""
        self.key = action.lower()
        self.resource = resource
        """An ARN, or `*` for an action that has no resources."""
        self.account = account
        """The account of the resource."""
        self.lookup = lookup
        """The values of context keys."""


class Applying(NamedTuple):
    """The policies that apply to a query, kind by kind."""

    identity: Policies | None = NONE
    """Those of the user or role; None for a root, which may do everything."""
    boundary: Policies | None = None
    session: Policies | None = None
    scps: Sequence[Policies] = ()
    """At each level of the caller's organization, from its root to the account."""
    rcps: Sequence[Policies] = ()
    """Of the resource's organization."""
    resource: Policies | None = None
    explicit: bool = False
    """Whether nothing is allowed that the resource policy does not allow: KMS keys, and the trust policies of roles."""
    trust: bool = False
    """Whether the resource policy is a role's trust policy."""
    endpoint: Policies | None = None
    """Of the endpoint by which the call came from a private network."""


class Decision(NamedTuple):
    allowed: bool
    source: Source
    """The kind of policy that allowed or denied, or for want of which nothing was allowed."""
    explicit: bool = False
    """Whether a statement denied, and it was not only that none allowed."""
    statement: Statement | None = None
    """The statement that allowed or denied."""


def decide(query: Query, policies: Applying) -> Decision:
    """Deny what any policy denies; else allow what every kind of policy that must allow allows."""
    return denied(query, policies) or limited(query, policies) or granted(query, policies)


def denied(query: Query, policies: Applying) -> Decision | None:
    """An explicit deny in whichever policy applies."""
    for source, several in (("scp", policies.scps), ("rcp", policies.rcps)):
        for level in several:
            if found := level.denying(query):
                return Decision(False, source, True, found)  # type: ignore[arg-type]
    one_by_one = (
        ("trust" if policies.trust else "resource", policies.resource),
        ("identity", policies.identity),
        ("boundary", policies.boundary),
        ("session", policies.session),
        ("endpoint", policies.endpoint),
    )
    for source, one in one_by_one:
        if one is not None and (found := one.denying(query)):
            return Decision(False, source, True, found)  # type: ignore[arg-type]
    return None


def limited(query: Query, policies: Applying) -> Decision | None:
    """What the control policies of organizations do not allow at some level, or the endpoint's policy does not."""
    for level in policies.rcps:
        if not level.allowing(query):
            return Decision(False, "rcp")
    for level in policies.scps:
        if not level.allowing(query):
            return Decision(False, "scp")
    if policies.endpoint is not None and not policies.endpoint.allowing(query):
        return Decision(False, "endpoint")
    return None


def granted(query: Query, policies: Applying) -> Decision:
    """What resource policies and the caller's own policies allow, and boundary and session policies leave of it."""
    grant, statement = best_grant(query, policies.resource)
    source: Source = "trust" if policies.trust else "resource"
    by_resource = Decision(grant != NOT, source, False, statement)
    caller = query.caller
    if caller.kind in ("AWSService", "Anonymous"):
        return by_resource
    if federates(query, policies):
        return by_resource
    if caller.account != query.account:
        own = by_own_policies(query, policies)
        return own if not own.allowed or grant != NOT else by_resource
    if policies.explicit and grant == NOT:
        return by_resource
    if grant == SESSION or (grant == PRINCIPAL and caller.kind in ("IAMUser", "Root")):
        return by_resource
    if grant == PRINCIPAL:
        return within_limits(query, policies, by_resource)
    return by_own_policies(query, policies)


def federates(query: Query, policies: Applying) -> bool:
    """Whether somebody from elsewhere asks to become a role: an identity provider's user has no policies of its own."""
    return policies.trust and query.caller.kind in ("WebIdentityUser", "SAMLUser")


def best_grant(query: Query, resource: Policies | None) -> tuple[int, Statement | None]:
    """The strongest way in which the resource policy allows: by session before by principal before by account."""
    best, by = NOT, None
    if resource is not None:
        for grant, statement in resource.grants(query):
            if grant > best:
                best, by = grant, statement
                if best == SESSION:
                    break
    return best, by


def by_own_policies(query: Query, policies: Applying) -> Decision:
    """What the caller's own account lets it do."""
    if policies.identity is None:
        return within_limits(query, policies, Decision(True, "identity"))
    found = policies.identity.allowing(query)
    if found is None:
        return Decision(False, "identity")
    return within_limits(query, policies, Decision(True, "identity", False, found))


def within_limits(query: Query, policies: Applying, allowed: Decision) -> Decision:
    """The same, unless a boundary or session policy does not allow it."""
    if policies.boundary is not None and policies.boundary.allowing(query) is None:
        return Decision(False, "boundary")
    if policies.session is not None and policies.session.allowing(query) is None:
        return Decision(False, "session")
    return allowed


__all__ = ["ACCOUNT", "Applying", "Decision", "Query", "Source", "decide"]
