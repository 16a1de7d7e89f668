"""Condition keys of RAM: who may share what with whom."""

from __future__ import annotations

from typing import Any

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account
from tests.kernel.access.people import User, allow
from tests.services.organizations.founding import SCP, Organized, deny

from .test_shares import parameter, share


def test_a_control_policy_keeps_accounts_from_sharing_outside(aws: Account, cloud: LocalCloud, refused: Any) -> None:
    """Organizations User Guide, "Example SCPs for AWS Resource Access Manager": preventing external sharing."""
    organized = Organized(aws, cloud)
    aws.client("ram").enable_sharing_with_aws_organization()
    account = organized.account("sharing")
    organized.enable(SCP)
    external = {"Bool": {"ram:RequestedAllowsExternalPrincipals": "true"}}
    organized.attach(
        organized.root,
        {
            "Version": "2012-10-17",
            "Statement": [
                deny("ram:CreateResourceShare", Condition=external)["Statement"][0],
                deny("ram:UpdateResourceShare", Condition=external)["Statement"][0],
            ],
        },
    )
    with refused("AccessDeniedException", "service control policy"):
        share(account, parameter(account))
    arn = share(account, parameter(account, "second"), allowExternalPrincipals=False)
    with refused("AccessDeniedException"):
        account.client("ram").update_resource_share(resourceShareArn=arn, allowExternalPrincipals=True)


@pytest.mark.parametrize(
    ("condition", "fine", "other"),
    [
        (
            {"ForAllValues:StringEquals": {"ram:Principal": "111122223333"}},
            {"principals": ["111122223333"]},
            {"principals": ["444455556666"]},
        ),
        (
            {"ForAllValues:StringEquals": {"ram:RequestedResourceType": "acm-pca:CertificateAuthority"}},
            {},
            {"resourceArns": ["PARAMETER"]},
        ),
        (
            {"ForAllValues:ArnLike": {"ram:ResourceArn": "arn:aws:ssm:*:*:parameter/greet*"}},
            {"resourceArns": ["PARAMETER"]},
            {"resourceArns": ["arn:aws:ssm:us-east-1:111122223333:parameter/other"]},
        ),
        (
            {"StringEquals": {"aws:RequestTag/team": "red"}},
            {"tags": [{"key": "team", "value": "red"}]},
            {"tags": [{"key": "team", "value": "blue"}]},
        ),
    ],
)
def test_policies_say_what_may_be_shared_with_whom(
    aws: Account, cloud: LocalCloud, refused: Any, condition: Any, fine: Any, other: Any
) -> None:
    arn = parameter(aws)

    def filled(members: dict[str, Any]) -> dict[str, Any]:
        return {name: [arn if one == "PARAMETER" else one for one in given] for name, given in members.items()}

    ram = User(cloud, aws.id, allow("ram:*", Condition=condition)).client("ram")
    ram.create_resource_share(name="fine", **filled(fine))
    with refused("AccessDeniedException"):
        ram.create_resource_share(name="other", **filled(other))


def test_rights_to_shares_go_by_their_tags_and_names(aws: Account, cloud: LocalCloud, refused: Any) -> None:
    red, blue = (share(aws, tags=[{"key": "team", "value": team}]) for team in ("red", "blue"))
    by_tag = {"StringEquals": {"aws:ResourceTag/team": "red", "ram:ResourceShareName": "shared"}}
    ram = User(cloud, aws.id, allow("ram:DeleteResourceShare", Condition=by_tag)).client("ram")
    with refused("AccessDeniedException"):
        ram.delete_resource_share(resourceShareArn=blue)
    ram.delete_resource_share(resourceShareArn=red)
