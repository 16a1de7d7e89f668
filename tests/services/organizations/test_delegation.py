"""Whom the organization lets look into it, and act for it."""

from __future__ import annotations

import json
from typing import Any

from pileus import LocalCloud
from tests.kernel.access.people import User
from tests.kernel.access.people import allow as may

from .founding import Organized, statements

SERVICE = "guardduty.amazonaws.com"


def test_services_get_access(founded: Organized, refused: Any) -> None:
    org = founded.org
    org.enable_aws_service_access(ServicePrincipal=SERVICE)
    org.enable_aws_service_access(ServicePrincipal=SERVICE)
    enabled = org.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    assert [one["ServicePrincipal"] for one in enabled] == [SERVICE]
    org.disable_aws_service_access(ServicePrincipal=SERVICE)
    assert org.list_aws_service_access_for_organization()["EnabledServicePrincipals"] == []
    with refused("InvalidInputException") as error:
        org.enable_aws_service_access(ServicePrincipal="guardduty")
    assert error.response["Reason"] == "UNRECOGNIZED_SERVICE_PRINCIPAL"


def test_a_delegated_administrator_looks_into_the_organization(founded: Organized, refused: Any) -> None:
    org, account = founded.org, founded.account("delegate")
    theirs = account.client("organizations")
    with refused("AccessDeniedException", "You don't have permissions to access this resource."):
        theirs.list_accounts()
    register = {"AccountId": account.id, "ServicePrincipal": SERVICE}
    with refused("ConstraintViolationException") as error:
        org.register_delegated_administrator(**register)
    assert error.response["Reason"] == "SERVICE_ACCESS_NOT_ENABLED"
    org.enable_aws_service_access(ServicePrincipal=SERVICE)
    org.register_delegated_administrator(**register)
    with refused("AccountAlreadyRegisteredException"):
        org.register_delegated_administrator(**register)
    assert {one["Id"] for one in theirs.list_accounts()["Accounts"]} == {founded.management.id, account.id}
    with refused("AccessDeniedException"):
        theirs.create_organizational_unit(ParentId=founded.root, Name="not theirs to make")
    (delegate,) = org.list_delegated_administrators(ServicePrincipal=SERVICE)["DelegatedAdministrators"]
    assert delegate["Id"] == account.id
    assert org.list_delegated_administrators(ServicePrincipal="macie.amazonaws.com")["DelegatedAdministrators"] == []
    (service,) = org.list_delegated_services_for_account(AccountId=account.id)["DelegatedServices"]
    assert service["ServicePrincipal"] == SERVICE
    for attempt, reason in (
        (
            lambda: org.disable_aws_service_access(ServicePrincipal=SERVICE),
            "DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE",
        ),
        (
            lambda: org.remove_account_from_organization(AccountId=account.id),
            "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG",
        ),
        (
            lambda: org.register_delegated_administrator(AccountId=founded.management.id, ServicePrincipal=SERVICE),
            "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
        ),
    ):
        with refused("ConstraintViolationException") as error:
            attempt()
        assert error.response["Reason"] == reason
    org.deregister_delegated_administrator(**register)
    with refused("AccountNotRegisteredException"):
        org.deregister_delegated_administrator(**register)
    with refused("AccessDeniedException"):
        theirs.list_accounts()


def test_a_resource_policy_lets_a_member_administer_policies(founded: Organized, refused: Any) -> None:
    org, account = founded.org, founded.account("policies")
    theirs = account.client("organizations")
    policy = statements(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account.id}:root"},
            "Action": ["organizations:CreatePolicy", "organizations:DescribePolicy"],
            "Resource": "*",
            "Condition": {"StringEqualsIfExists": {"organizations:PolicyType": "TAG_POLICY"}},
        }
    )
    with refused("ResourcePolicyNotFoundException"):
        org.describe_resource_policy()
    made = org.put_resource_policy(Content=json.dumps(policy), Tags=[{"Key": "a", "Value": "b"}])["ResourcePolicy"]
    identity = made["ResourcePolicySummary"]
    assert identity["Arn"].endswith(f":resourcepolicy/{founded.id}/{identity['Id']}")
    assert org.list_tags_for_resource(ResourceId=identity["Id"])["Tags"] == [{"Key": "a", "Value": "b"}]
    content = json.dumps({"tags": {"team": {"tag_key": {"@@assign": "Team"}}}})
    created = theirs.create_policy(Name="tags", Description="", Type="TAG_POLICY", Content=content)["Policy"]
    assert org.describe_policy(PolicyId=created["PolicySummary"]["Id"])["Policy"] == created
    with refused("AccessDeniedException"):
        theirs.create_policy(Name="scp", Description="", Type="SERVICE_CONTROL_POLICY", Content="{}")
    with refused("AccessDeniedException"):
        theirs.delete_policy(PolicyId=created["PolicySummary"]["Id"])
    org.delete_resource_policy()
    with refused("AccessDeniedException"):
        theirs.describe_policy(PolicyId=created["PolicySummary"]["Id"])
    for content, reason in (
        ("no policy", "INVALID_RESOURCE_POLICY_JSON"),
        (json.dumps(policy).replace("organizations:", "s3:"), "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY"),
    ):
        with refused("InvalidInputException") as error:
            org.put_resource_policy(Content=content)
        assert error.response["Reason"] == reason


def test_users_of_the_management_account_do_what_their_policies_say(
    founded: Organized, cloud: LocalCloud, refused: Any
) -> None:
    red, blue = founded.unit("red"), founded.unit("blue")
    arn = f"arn:aws:organizations::{founded.management.id}:ou/{founded.id}/{red}"
    alice = User(cloud, founded.management.id, may("organizations:DescribeOrganizationalUnit", arn))
    theirs = alice.client("organizations")
    theirs.describe_organizational_unit(OrganizationalUnitId=red)
    with refused("AccessDeniedException", f"ou/{founded.id}/{blue}"):
        theirs.describe_organizational_unit(OrganizationalUnitId=blue)
