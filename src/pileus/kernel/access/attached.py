"""What the decision reads: who was granted what. IAM and Organizations write these records, the decision only reads.

Every record is small, holds documents as their authors wrote them, and is found by one key, so that what a decision
costs grows with what its principal has. What was read is kept in memory until a record of this file changes (`Kept`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec

from pileus.kernel import arn as arns
from pileus.kernel.record import Record

if TYPE_CHECKING:
    from pileus.kernel.call import Call
    from pileus.kernel.identity import Principal


class Document(NamedTuple):
    """A policy document and where it comes from: the name of an inline policy, or the ARN or id of another."""

    source: str
    text: str


class Watched(Record):
    """A record whose changes the decision must know of at once."""

    def put(self, call: Call) -> Self:
        super().put(call)
        call.cloud.access.changed(call.store)
        return self

    def delete(self, call: Call) -> None:
        super().delete(call)
        call.cloud.access.changed(call.store)


class Grants(Watched, scope="account", indexes={"by_owner": ("owner",)}):
    """What one user, group or role has been granted. Put it with a call that looks at the owner's account."""

    id: str
    """The unique id: AIDA…, AGPA…, AROA…"""
    owner: str
    """The ARN, with its path: `arn:aws:iam::111122223333:role/team/deployer`."""
    inline: dict[str, str] = {}
    """Inline policies: documents by name."""
    attached: list[str] = []
    """ARNs of managed policies, in the order of their attachment."""
    boundary: str = ""
    """The ARN of the managed policy that is the permissions boundary."""
    groups: list[str] = []
    """A user's groups, by their unique ids."""
    tags: dict[str, str] = {}
    trust: str = ""
    """A role's trust policy."""
    max_session: int = 43200
    """How many seconds a role's session may last."""

    @classmethod
    def by_arn(cls, call: Call, arn: str) -> Self | None:
        """The grants of the user, group or role of an ARN, in whichever account."""
        try:
            account = arns.parse(arn).account
        except ValueError:
            return None
        return cls.first(call.at(account=account), arn, index="by_owner") if account else None


class ManagedDocument(Watched, scope="account"):
    """A customer managed policy: the document of its default version."""

    policy_arn: str
    document: str


class ControlPolicy(Watched, scope="cloud"):
    """A service control policy or resource control policy of some organization."""

    id: str
    """`p-…`, or `p-FullAWSAccess` and `p-RCPFullAWSAccess`, which need no record."""
    document: str


class Membership(Watched, scope="cloud"):
    """An account's place in its organization, and the control policies that limit it there."""

    account: str
    organization: str
    """`o-…`"""
    path: str = ""
    """aws:PrincipalOrgPaths of its principals: `o-…/r-…/ou-…/ou-…/`."""
    management: bool = False
    """The management account is not limited by any control policy."""
    management_account: str = ""
    scps: list[list[str]] = []
    """Ids of service control policies at each level, from the root to the account itself: each level must allow.

    No levels at all means that this type of policy is not enabled.
    """
    rcps: list[list[str]] = []
    """Ids of resource control policies at each level."""
    suspended: bool = False
    """A closed account: nobody may do anything in it."""

    @property
    def limits(self) -> bool:
        """Whether it keeps even the account's root from anything."""
        return self.suspended or (not self.management and bool(self.scps or self.rcps))


class Shared(Watched, scope="cloud", key=("service", "resource", "share")):
    """What a resource share lets others do with one resource: it counts like a policy on the resource."""

    service: str
    """As ARNs name it."""
    resource: str
    """An ARN."""
    share: str
    document: str


FULL_ACCESS = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'
EVERYTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
FULL = {"p-FullAWSAccess": EVERYTHING, "p-RCPFullAWSAccess": FULL_ACCESS}


# Finding them


def grants_of(call: Call, principal: Principal) -> Grants | None:
    """What the user or role behind a principal was granted: a session's role, a federated user's user."""
    if not principal.account:
        return None
    owner = call.at(account=principal.account)
    if principal.type in ("IAMUser", "AssumedRole", "WebIdentityUser", "SAMLUser"):
        found = Grants.get(owner, principal.user_id.partition(":")[0])
        if found is not None or principal.type == "AssumedRole":
            return found  # what bears a deleted role's ARN now is another role
    if issuer_id := principal.session.get("issuer_id"):
        return Grants.get(owner, issuer_id)
    issuer = principal.session.get("issuer", "")
    return Grants.by_arn(call, issuer) if issuer else None


def policies_of(call: Call, principal: Principal) -> list[Document]:
    """All identity policies of a principal: its own, inline and attached, and those of its groups."""
    grants = grants_of(call, principal)
    return documents_of(call, grants, principal.account) if grants else []


def documents_of(call: Call, grants: Grants, account: str) -> list[Document]:
    """The inline and attached policies of a user with its groups, or of a group or a role."""
    owner = call.at(account=account)
    held = [grants, *(group for name in grants.groups if (group := Grants.get(owner, name)))]
    inline = [Document(name, text) for one in held for name, text in one.inline.items()]
    arns = dict.fromkeys(arn for one in held for arn in one.attached)
    return inline + [Document(arn, text) for arn in arns if (text := managed(owner, arn))]


def boundary_of(call: Call, principal: Principal) -> Document | None:
    """The permissions boundary of a principal. One whose policy is gone allows nothing."""
    grants = grants_of(call, principal)
    if grants is None or not grants.boundary:
        return None
    return Document(grants.boundary, managed(call.at(account=principal.account), grants.boundary) or "")


def tags_of(call: Call, principal: Principal) -> dict[str, str]:
    """aws:PrincipalTag: the tags of the user or role, and the session's over them."""
    grants = grants_of(call, principal)
    session: dict[str, str] = principal.session.get("tags", {})
    return (grants.tags if grants else {}) | session


def trust_of(call: Call, role_arn: str) -> str:
    """A role's trust policy; empty for a role that is not there."""
    grants = Grants.by_arn(call, role_arn)
    return grants.trust if grants else ""


def managed(call: Call, arn: str) -> str | None:
    """The document of a managed policy by its ARN: AWS's own, or one of the account that the call looks at."""
    parts = arn.split(":", 5)
    if len(parts) == 6 and parts[4] == "aws":
        return aws_managed().get(parts[5].removeprefix("policy/"))
    found = ManagedDocument.get(call, arn)
    return found.document if found else None


@cache
def aws_managed() -> Mapping[str, str]:
    """The AWS managed policies that there are: documents by path and name, such as `service-role/AWSLambdaRole`."""
    import zlib

    from pileus.models.model import DATA

    path = DATA / "managed_policies.z"
    if not path.exists():
        return {}
    raw: dict[str, msgspec.Raw] = msgspec.json.decode(zlib.decompress(path.read_bytes()), type=dict[str, msgspec.Raw])
    return {name: bytes(document).decode() for name, document in raw.items()}


def shares_of(call: Call, resource: str) -> list[Document]:
    """Documents of the resource shares in which a resource is."""
    service = resource.split(":", 3)[2]
    return [Document(shared.share, shared.document) for shared in Shared.scan(call, service, resource)]


def control_policies(call: Call, levels: list[list[str]]) -> list[list[Document]]:
    """Documents of the control policies at each level."""
    return [[Document(name, control_policy(call, name)) for name in level] for level in levels]


def control_policy(call: Call, policy_id: str) -> str:
    if full := FULL.get(policy_id):
        return full
    found = ControlPolicy.get(call, policy_id)
    return found.document if found else ""
