"""Who else may use an authority: its resource policy, and the permissions of ACM, which renews certificates by them.

A policy shares an authority with other accounts, so it may allow what the two managed permissions of AWS RAM do, and no
more ("Attach a policy for cross-account access").
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Fault
from pileus.kernel.access.grammar import Malformed, check

from . import acm_pca, faults

if TYPE_CHECKING:
    from .authorities import Authority

ACM = "acm.amazonaws.com"

ALLOWED = {
    "acm-pca:DescribeCertificateAuthority",
    "acm-pca:GetCertificate",
    "acm-pca:GetCertificateAuthorityCertificate",
    "acm-pca:IssueCertificate",
    "acm-pca:ListPermissions",
    "acm-pca:ListTags",
    "acm-pca:RevokeCertificate",
}


def granting(policy: str, permissions: list[dict[str, Any]], arn: str) -> str:
    """The policy, and permissions as statements of it."""
    if not permissions:
        return policy
    document = json.loads(policy) if policy else {"Version": "2012-10-17", "Statement": []}
    own = document["Statement"]
    given = [
        {
            "Effect": "Allow",
            "Principal": {"Service": one["Principal"]},
            "Action": [f"acm-pca:{action}" for action in one["Actions"]],
            "Resource": arn,
            "Condition": {"StringEquals": {"aws:SourceAccount": one["SourceAccount"]}},
        }
        for one in permissions
    ]
    return json.dumps(document | {"Statement": [*(own if isinstance(own, list) else [own]), *given]})


def held(call: Call, resource_arn: str) -> Authority:
    from .authorities import living

    return living(call, resource_arn)


@acm_pca.operation(on=held)
def put_policy(call: Call, authority: Authority, policy: str) -> None:
    """Share an authority with the accounts that a policy names."""
    document = checked(policy)
    unshare(call, authority)
    authority.policy = policy
    authority.put(call)
    share(call, authority, document)


@acm_pca.operation(on=held)
def get_policy(call: Call, authority: Authority) -> dict[str, Any]:
    if not authority.policy:
        raise faults.missing(authority.arn(call))
    return {"Policy": authority.policy}


@acm_pca.operation(on=held)
def delete_policy(call: Call, authority: Authority) -> None:
    """Share an authority no more; it is fine if it was not."""
    unshare(call, authority)
    authority.policy = ""
    authority.put(call)


@acm_pca.shareable("acm-pca:CertificateAuthority")
def shareable(call: Call, arn: str) -> bool:
    """Whether an authority is there that may be shared by AWS RAM."""
    from .authorities import DELETED, Authority

    found = Authority.get(call, arn.rpartition("/")[2])
    return found is not None and found.status != DELETED


def checked(text: str) -> dict[str, Any]:
    try:
        document = check(text, "resource")
    except Malformed as malformed:
        raise Fault("InvalidPolicyException", f"The policy is not valid: {malformed.reason}") from None
    for statement in statements(document):
        actions = statement.get("Action", [])
        actions = [actions] if isinstance(actions, str) else actions
        if statement["Effect"] != "Allow" or not actions or not {*actions} <= ALLOWED:
            raise Fault("InvalidPolicyException", "The policy includes a statement that is not allowed.")
        if "*" in accounts(statement):
            raise Fault("InvalidPolicyException", "The policy must not share the certificate authority with everyone.")
    return document


def statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    found = document["Statement"]
    return found if isinstance(found, list) else [found]


def accounts(statement: dict[str, Any]) -> list[str]:
    """The accounts of a statement's principals; `*` for everybody who is not held to an organization."""
    principal = statement.get("Principal", {})
    if principal == "*" or principal == {"AWS": "*"}:
        return [] if "aws:PrincipalOrgID" in json.dumps(statement.get("Condition", {})) else ["*"]
    given = principal.get("AWS", [])
    return [
        one.split(":")[4] if one.startswith("arn:") else one for one in ([given] if isinstance(given, str) else given)
    ]


def share(call: Call, authority: Authority, document: dict[str, Any]) -> None:
    from .authorities import Shared

    for account in {account for statement in statements(document) for account in accounts(statement)}:
        if account != call.account:
            Shared(account, call.region, call.account, authority.id).put(call)


def unshare(call: Call, authority: Authority) -> None:
    """Forget with whom the present policy shares the authority."""
    from .authorities import Shared

    if not authority.policy:
        return
    for statement in statements(json.loads(authority.policy)):
        for account in accounts(statement):
            if found := Shared.get(call, account, call.region, call.account, authority.id):
                found.delete(call)
