"""Access Grants instances, as S3 Control keeps them (`services/s3control`) and accounts share them."""

from __future__ import annotations

from pileus.kernel import Call, Record

from . import s3

ID = "default"
SHARED = "s3:AccessGrants"
"""What RAM calls an instance."""


class Instance(Record, table="s3.AccessGrantsInstance", kw_only=True, omit_defaults=True):
    """The Access Grants instance of an account in a Region."""

    id: str = ID
    created: float
    center: str = ""
    """The ARN of the Identity Center."""
    policy: str = ""
    policy_created: float = 0.0
    organization: str = ""
    tags: dict[str, str] = {}

    def arn(self, call: Call) -> str:
        return address(call)

    def resource_policy(self, call: Call) -> str | None:
        return self.policy


def address(call: Call, more: str = "") -> str:
    """The ARN of the instance, or of something in it."""
    return call.arn(f"access-grants/{ID}{more}", "s3")


@s3.shareable(SHARED)
def shareable(call: Call, arn: str) -> bool:
    """Whether an ARN is that of the account's instance."""
    return arn == address(call) and Instance.get(call, ID) is not None
