"""How much of everything an account may have (IAM User Guide, "IAM and AWS STS quotas"), and how much it has."""

from __future__ import annotations

from pileus.kernel import Call
from pileus.kernel.record import Record

from .faults import beyond

PER_ACCOUNT = {
    "Users": 5000,
    "Groups": 300,
    "Roles": 1000,
    "Policies": 1500,
    "InstanceProfiles": 1000,
    "ServerCertificates": 20,
    "OpenIDConnectProviders": 100,
    "SAMLProviders": 100,
}
ACCESS_KEYS = 2
SIGNING_CERTIFICATES = 2
SSH_KEYS = 5
SERVICE_CREDENTIALS = 2
MFA_DEVICES = 8
GROUPS_OF_USER = 10
ATTACHED_POLICIES = 10
POLICY_VERSIONS = 5
POLICY_SIZE = 6144
TRUST_SIZE = 2048
INLINE_SIZE = {"user": 2048, "group": 5120, "role": 10240}
"""All inline policies of one of them together. Quotas of sizes do not count white space."""


class Tally(Record, scope="account"):
    """How many there are of one kind."""

    kind: str
    count: int


def held(call: Call, kind: str) -> int:
    tally = Tally.get(call, kind)
    return tally.count if tally else 0


def one_more(call: Call, kind: str) -> None:
    """Count one more, unless there are as many as there may be."""
    count, most = held(call, kind), PER_ACCOUNT.get(kind)
    if most is not None and count >= most:
        raise exceeded(f"{kind}PerAccount", most)
    Tally(kind, count + 1).put(call)


def one_less(call: Call, kind: str) -> None:
    Tally(kind, held(call, kind) - 1).put(call)


def exceeded(quota: str, most: int) -> Exception:
    return beyond(f"Cannot exceed quota for {quota}: {most}")


def size(document: str) -> int:
    """The characters of a document that count."""
    return len("".join(document.split()))
