"""The notes' facts on Organizations and Resource Access Manager, as somebody types them into the AWS CLI."""

from __future__ import annotations

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account

from .shell import Shell, allow, policy


@pytest.fixture
def root(aws: Account, cloud: LocalCloud) -> Shell:
    return Shell(cloud, aws.environment())


def test_accounts_in_units_are_limited_by_service_control_policies(root: Shell, cloud: LocalCloud) -> None:
    organization = root("organizations create-organization")["Organization"]
    top = root("organizations list-roots")["Roots"][0]["Id"]
    root(f"organizations enable-policy-type --root-id {top} --policy-type SERVICE_CONTROL_POLICY")
    unit = root(f"organizations create-organizational-unit --parent-id {top} --name production")
    unit_id = unit["OrganizationalUnit"]["Id"]
    email = f"production-{organization['Id']}@mail.example"
    asked = root(f"organizations create-account --account-name production --email {email}")["CreateAccountStatus"]
    cloud.clock.advance(0)
    told = root(f"organizations describe-create-account-status --create-account-request-id {asked['Id']}")
    account = told["CreateAccountStatus"]["AccountId"]
    move = f"--account-id {account} --source-parent-id {top} --destination-parent-id {unit_id}"
    root(f"organizations move-account {move}")
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    entered = root(f"sts assume-role --role-arn {role} --role-session-name admin")["Credentials"]
    admin = root.with_key(entered)
    admin("sqs list-queues")
    made = root(
        "organizations create-policy --name no-queues --description none --type SERVICE_CONTROL_POLICY --content",
        policy(allow("sqs:*") | {"Effect": "Deny"}),
    )
    policy_id = made["Policy"]["PolicySummary"]["Id"]
    root(f"organizations attach-policy --policy-id {policy_id} --target-id {unit_id}")
    assert "with an explicit deny in a service control policy" in admin.refused("sqs list-queues")
    root(f"organizations detach-policy --policy-id {policy_id} --target-id {unit_id}")
    admin("sqs list-queues")


def test_resource_access_manager_shares_with_other_accounts_of_the_organization(
    root: Shell, aws: Account, cloud: LocalCloud
) -> None:
    organization = root("organizations create-organization")["Organization"]
    root("ram enable-sharing-with-aws-organization")
    other = cloud.account()
    invited = root(f"organizations invite-account-to-organization --target Type=ACCOUNT,Id={other.id}")
    their = Shell(cloud, other.environment())
    their(f"organizations accept-handshake --handshake-id {invited['Handshake']['Id']}")
    root("ssm put-parameter --name greeting --value hello --type String --tier Advanced")
    parameter = f"arn:aws:ssm:us-east-1:{aws.id}:parameter/greeting"
    assert "AccessDenied" in their.refused(f"ssm get-parameter --name {parameter}")
    root(
        f"ram create-resource-share --name greeting --resource-arns {parameter} "
        f"--principals {organization['Arn']} --no-allow-external-principals"
    )
    assert their(f"ssm get-parameter --name {parameter}")["Parameter"]["Value"] == "hello"
    shared = their("ram list-resources --resource-owner OTHER-ACCOUNTS")["resources"]
    assert [one["arn"] for one in shared] == [parameter]
