"""Tokens by which somebody proves in the DNS that addresses are theirs, before IPAM takes them in."""

from __future__ import annotations

from pileus.kernel import Call
from pileus.kernel.names import token
from pileus.kernel.resource import Resource, Row, hex_id
from pileus.services.ec2 import ec2
from pileus.services.ec2.kinds import kind, named

from .ipams import Ipam, ipam_arn

MISSING = (
    "InvalidIpamExternalResourceVerificationTokenId.NotFound",
    "The specified IPAM external resource verification token ID does not exist: {}",
)
GOOD_FOR = 3 * 86400.0


def value(call: Call, row: Row) -> str:
    return token(32)


def ends(call: Call, row: Row) -> float:
    return call.now + GOOD_FOR


@kind("ipam-external-resource-verification-token", "ipam-ext-res-ver-token", missing=MISSING)
class VerificationToken(Resource, service=ec2):
    """A token, good for three days."""

    key = "IpamExternalResourceVerificationTokenId"
    arn = (
        "IpamExternalResourceVerificationTokenArn",
        "arn:{partition}:ec2::{account}:ipam-external-resource-verification-token/"
        "{IpamExternalResourceVerificationTokenId}",
    )
    create = "CreateIpamExternalResourceVerificationToken"
    list = "DescribeIpamExternalResourceVerificationTokens"
    delete = "DeleteIpamExternalResourceVerificationToken"
    missing = MISSING
    tags = "TagSpecifications"
    states = "State: create-in-progress -> create-complete after 1s; delete-in-progress -> gone after 1s"
    fields = {
        "IpamExternalResourceVerificationTokenId": hex_id("ipam-ext-res-ver-token"),
        "IpamArn": None,
        "IpamRegion": None,
        "TokenName": value,
        "TokenValue": value,
        "NotAfter": ends,
        "Status": None,
    }
    filters = {"ipam-id": "IpamId", "state": "State", "token-name": "TokenName", "status": "Status"}

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        named(call, Ipam, row["IpamId"])
        row["IpamArn"], row["IpamRegion"] = ipam_arn(call, row["IpamId"]), call.region

    @staticmethod
    def shown(call: Call, row: Row) -> dict[str, str]:
        return {"Status": "valid" if call.now < row["NotAfter"] else "expired"}
