"""Managed policies: the customer's, which have versions, and AWS's own, which nobody changes."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.kernel.access.attached import ManagedDocument
from pileus.kernel.record import Record
from pileus.kernel.resource_type import resource_type

from . import aws_managed, iam
from . import tags as tagging
from .faults import conflict, exists, invalid, missing
from .identities import checked
from .lists import MOST, answer, piece
from .quotas import POLICY_SIZE, exceeded, one_less, one_more, size


@resource_type(
    iam, "PolicyArn", create="CreatePolicy", read="GetPolicy", list="ListPolicies", delete="DeletePolicy",
    missing="NoSuchEntityException",
)  # fmt: skip
class Policy(
    Record,
    scope="account",
    arn="arn:{partition}:iam::{account}:policy{path}{name}",
    cfn="AWS::IAM::ManagedPolicy",
):
    """A customer managed policy. Names are the same in any case, and whatever the path."""

    folded: str
    name: str
    path: str
    id: str
    created: float
    updated: float
    description: str = ""
    default: int = 1
    """The number of the version that is in force."""
    latest: int = 1
    """The number of the version that was made last; none is used twice."""
    tags: dict[str, str] = {}

    def arn(self, call: Call) -> str:
        return f"arn:{call.partition}:iam::{call.account}:policy{self.path}{self.name}"


class Version(Record, scope="account", key=("policy", "number")):
    """One text of a policy."""

    policy: str
    """The policy's unique id."""
    number: int
    document: str
    created: float

    @property
    def id(self) -> str:
        return f"v{self.number}"


class Use(Record, scope="account", key=("policy", "usage", "kind", "holder")):
    """Where a managed policy is attached, or is a permissions boundary."""

    policy: str
    """The ARN."""
    usage: str
    """PermissionsPolicy or PermissionsBoundary."""
    kind: str
    """user, group or role."""
    holder: str
    """The unique id of the user, group or role."""


class AwsManaged:
    """One of AWS's own policies, as far as it looks like a customer's."""

    def __init__(self, found: aws_managed.Known) -> None:
        self.name = found.name
        self.folded = found.name.lower()
        self.path = found.path
        self.id = found.id
        self.created = found.created
        self.updated = found.updated
        self.description = ""
        self.version_id = found.version
        self.document = found.document
        self.tags: dict[str, str] = {}

    def arn(self, call: Call) -> str:
        return f"arn:{call.partition}:iam::aws:policy{self.path}{self.name}"


Managed = Policy | AwsManaged


def managed_by_arn(call: Call, policy_arn: str) -> Managed | None:
    """The policy of an ARN, the account's own or AWS's."""
    parts = policy_arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "iam" or not parts[5].startswith("policy/"):
        raise invalid(f"ARN {policy_arn} is not valid.")
    if parts[4] == "aws":
        known = aws_managed.known().get(parts[5].removeprefix("policy/"))
        return AwsManaged(known) if known else None
    policy = Policy.get(call, parts[5].rpartition("/")[2].lower())
    return policy if policy and policy.arn(call) == policy_arn else None


def managed_named(call: Call, policy_arn: str) -> Managed:
    if policy := managed_by_arn(call, policy_arn):
        return policy
    raise missing(f"Policy {policy_arn} was not found.")


def policy_named(call: Call, policy_arn: str) -> Policy:
    """One of the account's own policies."""
    policy = managed_by_arn(call, policy_arn)
    if isinstance(policy, AwsManaged):
        raise Fault("AccessDenied", f"User: {call.principal.arn} is not authorized to change: {policy_arn}")
    if policy is None:
        raise missing(f"Policy {policy_arn} was not found.")
    return policy


def attachable(call: Call, policy_arn: str) -> str:
    """The ARN of a policy that may be attached."""
    if managed_by_arn(call, policy_arn) is None:
        raise missing(f"Policy {policy_arn} does not exist or is not attachable.")
    return policy_arn


def fitting(document: str) -> str:
    """A document for a managed policy."""
    checked(document, "managed")
    if size(document) > POLICY_SIZE:
        raise exceeded("PolicySize", POLICY_SIZE)
    return document


@iam.operation
def create_policy(
    call: Call,
    policy_name: str,
    policy_document: str,
    path: str = "/",
    description: str = "",
    tags: list[dict[str, str]] = [],
) -> dict[str, Any]:
    """A new policy, whose first version is in force."""
    folded = policy_name.lower()
    if Policy.get(call, folded):
        raise exists(f"A policy called {policy_name} already exists. Duplicate names are not allowed.")
    document = fitting(policy_document)
    one_more(call, "Policies")
    policy = Policy(
        folded=folded,
        name=policy_name,
        path=path,
        id=names.unique_id("ANPA"),
        created=call.now,
        updated=call.now,
        description=description,
        tags=tagging.given(tags),
    ).put(call)
    Version(policy.id, 1, document, call.now).put(call)
    enforce(call, policy, document)
    return {"Policy": shown(call, policy) | tagging.shown(policy.tags)}


def enforce(call: Call, policy: Policy, document: str) -> None:
    """Tell the access decision what the policy says from now on."""
    ManagedDocument(policy.arn(call), document).put(call)


@iam.operation(on=managed_named)
def get_policy(call: Call, policy: Managed) -> dict[str, Any]:
    """A policy without its text, which belongs to its versions."""
    told = {"Description": policy.description} if policy.description else {}
    return {"Policy": shown(call, policy) | told | {"Tags": tagging.shown(policy.tags).get("Tags", [])}}


@iam.operation
def list_policies(
    call: Call,
    scope: str = "All",
    only_attached: bool = False,
    path_prefix: str = "/",
    policy_usage_filter: str = "",
    marker: str = "",
    max_items: int = MOST,
) -> dict[str, Any]:
    """Policies under a path: the account's own first, then AWS's."""
    usages = [policy_usage_filter] if policy_usage_filter else list(USAGES)
    found: list[Managed] = []
    if scope != "AWS":
        found += Policy.scan(call)
    if scope != "Local":
        found += map(AwsManaged, sorted(aws_managed.known().values(), key=lambda known: known.name))
    found = [policy for policy in found if policy.path.startswith(path_prefix)]
    if only_attached or policy_usage_filter:
        found = [policy for policy in found if any(used(call, policy.arn(call), usage) for usage in usages)]
    page, token = piece(call, found, marker, max_items)
    return answer("Policies", [shown(call, policy) for policy in page], token)


@iam.operation(on=policy_named)
def delete_policy(call: Call, policy: Policy) -> None:
    """Delete a policy that nobody uses and that has no version but the one in force."""
    arn = policy.arn(call)
    if Use.first(call, arn):
        raise conflict("Cannot delete a policy attached to entities.")
    versions = list(Version.scan(call, policy.id))
    if len(versions) > 1:
        raise conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )
    Version.delete_all(call, policy.id)
    policy.delete(call)
    if document := ManagedDocument.get(call, arn):
        document.delete(call)
    one_less(call, "Policies")


USAGES = ("PermissionsPolicy", "PermissionsBoundary")


def used(call: Call, arn: str, usage: str) -> int:
    """In how many places a policy is used that way."""
    return sum(1 for _ in Use.scan(call, arn, usage))


def version_id(policy: Managed) -> str:
    return policy.version_id if isinstance(policy, AwsManaged) else f"v{policy.default}"


def shown(call: Call, policy: Managed) -> dict[str, Any]:
    arn = policy.arn(call)
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": arn,
        "Path": policy.path,
        "DefaultVersionId": version_id(policy),
        "AttachmentCount": used(call, arn, "PermissionsPolicy"),
        "PermissionsBoundaryUsageCount": used(call, arn, "PermissionsBoundary"),
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
    }


tagging.taggable("Policy", policy_named)
