"""The organization, its units and accounts."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.config import Config

from pileus import LocalCloud
from pileus.testing.account import Account

from .founding import Organized, deny, statements


def assume(account: Account, role: str) -> dict[str, str]:
    """Credentials of a role, for a boto3 client."""
    given = account.client("sts").assume_role(RoleArn=role, RoleSessionName="entering")["Credentials"]
    return {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }


def test_an_organization_is_founded_once_by_its_management_account(aws: Account, org: Any, refused: Any) -> None:
    with refused("AWSOrganizationsNotInUseException", "Your account is not a member of an organization."):
        org.describe_organization()
    made = org.create_organization()["Organization"]
    assert made["FeatureSet"] == "ALL"
    assert made["MasterAccountId"] == aws.id
    assert made["Arn"] == f"arn:aws:organizations::{aws.id}:organization/{made['Id']}"
    assert made["MasterAccountArn"] == f"arn:aws:organizations::{aws.id}:account/{made['Id']}/{aws.id}"
    assert org.describe_organization()["Organization"] == made
    with refused("AlreadyInOrganizationException"):
        org.create_organization()
    (root,) = org.list_roots()["Roots"]
    assert root["Name"] == "Root"
    assert root["Id"].startswith("r-")
    assert root["PolicyTypes"] == []
    (account,) = org.list_accounts()["Accounts"]
    assert (account["Id"], account["Status"], account["JoinedMethod"]) == (aws.id, "ACTIVE", "INVITED")
    assert (
        aws.client("iam")
        .get_role(RoleName="AWSServiceRoleForOrganizations")["Role"]["Path"]
        .startswith("/aws-service-role/organizations")
    )
    org.delete_organization()
    with refused("AWSOrganizationsNotInUseException"):
        org.list_accounts()
    assert org.create_organization(FeatureSet="CONSOLIDATED_BILLING")["Organization"]["Id"] != made["Id"]


def test_units_nest_five_deep_under_names_of_their_own(founded: Organized, refused: Any) -> None:
    org, units = founded.org, [founded.root]
    for level in range(1, 6):
        units.append(founded.unit(f"level {level}", units[-1]))
    with refused("ConstraintViolationException") as error:
        founded.unit("level 6", units[-1])
    assert error.response["Reason"] == "OU_DEPTH_LIMIT_EXCEEDED"
    with refused("DuplicateOrganizationalUnitException"):
        founded.unit("level 1")
    shown = org.describe_organizational_unit(OrganizationalUnitId=units[2])["OrganizationalUnit"]
    assert shown["Path"] == f"{founded.id}/{founded.root}/{units[1]}/{units[2]}/"
    assert shown["Arn"] == f"arn:aws:organizations::{founded.management.id}:ou/{founded.id}/{units[2]}"
    assert org.list_parents(ChildId=units[1])["Parents"] == [{"Id": founded.root, "Type": "ROOT"}]
    assert org.list_parents(ChildId=units[2])["Parents"] == [{"Id": units[1], "Type": "ORGANIZATIONAL_UNIT"}]
    org.update_organizational_unit(OrganizationalUnitId=units[1], Name="renamed")
    (only,) = org.list_organizational_units_for_parent(ParentId=founded.root)["OrganizationalUnits"]
    assert (only["Id"], only["Name"]) == (units[1], "renamed")
    children = org.list_children(ParentId=founded.root, ChildType="ORGANIZATIONAL_UNIT")["Children"]
    assert children == [{"Id": units[1], "Type": "ORGANIZATIONAL_UNIT"}]
    with refused("OrganizationalUnitNotEmptyException"):
        org.delete_organizational_unit(OrganizationalUnitId=units[1])
    with refused("OrganizationNotEmptyException"):
        org.delete_organization()
    for unit in reversed(units[1:]):
        org.delete_organizational_unit(OrganizationalUnitId=unit)
    with refused("OrganizationalUnitNotFoundException"):
        org.describe_organizational_unit(OrganizationalUnitId=units[1])
    with refused("ParentNotFoundException"):
        org.list_accounts_for_parent(ParentId=units[1])


def test_a_created_account_is_real(founded: Organized, cloud: LocalCloud, refused: Any) -> None:
    account = founded.account("production", Tags=[{"Key": "stage", "Value": "prod"}])
    org, number = founded.org, account.id
    assert account.client("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{number}:root"
    role = f"arn:aws:iam::{number}:role/OrganizationAccountAccessRole"
    entered = boto3.client(
        "iam", endpoint_url=cloud.endpoint, region_name="us-east-1", **assume(founded.management, role)
    )
    entered.create_user(UserName="made-by-management")
    assert account.client("iam").get_user(UserName="made-by-management")
    with refused("AccessDenied"):
        cloud.account().client("sts").assume_role(RoleArn=role, RoleSessionName="stranger")
    shown = org.describe_account(AccountId=number)["Account"]
    assert (shown["Name"], shown["JoinedMethod"], shown["State"]) == ("production", "CREATED", "ACTIVE")
    assert shown["Paths"] == [f"{founded.id}/{founded.root}/{number}/"]
    assert org.list_tags_for_resource(ResourceId=number)["Tags"] == [{"Key": "stage", "Value": "prod"}]
    described = account.client("organizations").describe_organization()["Organization"]
    assert described["MasterAccountId"] == founded.management.id


def test_a_role_by_another_name_lets_the_management_account_in(founded: Organized) -> None:
    account = founded.account("audited", RoleName="Auditor")
    assert assume(founded.management, f"arn:aws:iam::{account.id}:role/Auditor")
    assert account.client("iam").list_attached_role_policies(RoleName="Auditor")["AttachedPolicies"] == [
        {"PolicyName": "AdministratorAccess", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    ]


def test_an_address_belongs_to_one_account(founded: Organized, cloud: LocalCloud, refused: Any) -> None:
    org = founded.org
    founded.account("first")
    again = org.create_account(AccountName="again", Email=f"FIRST-{founded.management.id}@mail.example")
    cloud.clock.advance(0)
    failed = org.describe_create_account_status(CreateAccountRequestId=again["CreateAccountStatus"]["Id"])
    assert failed["CreateAccountStatus"]["State"] == "FAILED"
    assert failed["CreateAccountStatus"]["FailureReason"] == "EMAIL_ALREADY_EXISTS"
    states = {one["State"] for one in org.list_create_account_status(States=["FAILED"])["CreateAccountStatuses"]}
    assert states == {"FAILED"}
    assert len(org.list_create_account_status()["CreateAccountStatuses"]) == 2
    with refused("CreateAccountStatusNotFoundException"):
        org.describe_create_account_status(CreateAccountRequestId="car-nosuchrequest")
    with refused("InvalidInputException", "does not match the required pattern") as error:
        org.create_account(AccountName="bad", Email="no address")
    assert error.response["Reason"] == "INVALID_PATTERN"


def test_an_account_for_govcloud_has_a_twin_there(founded: Organized, cloud: LocalCloud) -> None:
    org = founded.org
    asked = org.create_gov_cloud_account(AccountName="gov", Email=f"gov-{founded.management.id}@mail.example")
    cloud.clock.advance(0)
    done = org.describe_create_account_status(CreateAccountRequestId=asked["CreateAccountStatus"]["Id"])
    twin = cloud.account(done["CreateAccountStatus"]["GovCloudAccountId"], "us-gov-west-1")
    role = twin.client("iam").get_role(RoleName="OrganizationAccountAccessRole")["Role"]
    assert role["Arn"].startswith("arn:aws-us-gov:iam::")
    assert twin.id not in {account["Id"] for account in org.list_accounts()["Accounts"]}


def test_accounts_move_between_units(founded: Organized, refused: Any) -> None:
    org, account = founded.org, founded.account("mover")
    red, blue = founded.unit("red"), founded.unit("blue")
    move = {"AccountId": account.id, "SourceParentId": founded.root}
    org.move_account(**move, DestinationParentId=red)
    assert [one["Id"] for one in org.list_accounts_for_parent(ParentId=red)["Accounts"]] == [account.id]
    assert org.list_children(ParentId=red, ChildType="ACCOUNT")["Children"] == [{"Id": account.id, "Type": "ACCOUNT"}]
    with refused("AccountNotFoundException"):
        org.move_account(**move, DestinationParentId=blue)
    with refused("DuplicateAccountException"):
        org.move_account(AccountId=account.id, SourceParentId=red, DestinationParentId=red)
    with refused("SourceParentNotFoundException"):
        org.move_account(AccountId=account.id, SourceParentId="ou-none-12345678", DestinationParentId=blue)
    with refused("DestinationParentNotFoundException"):
        org.move_account(AccountId=account.id, SourceParentId=red, DestinationParentId="ou-none-12345678")
    with refused("ChildNotFoundException"):
        org.list_parents(ChildId="123456789012")
    with refused("OrganizationalUnitNotEmptyException"):
        org.delete_organizational_unit(OrganizationalUnitId=red)


def test_members_leave_and_are_removed(founded: Organized, refused: Any) -> None:
    org = founded.org
    leaver, removed = founded.account("leaver"), founded.account("removed")
    leaver.client("organizations").leave_organization()
    with refused("AWSOrganizationsNotInUseException"):
        leaver.client("organizations").describe_organization()
    org.remove_account_from_organization(AccountId=removed.id)
    with refused("AccountNotFoundException"):
        org.describe_account(AccountId=removed.id)
    assert [one["Id"] for one in org.list_accounts()["Accounts"]] == [founded.management.id]
    for attempt in (
        org.leave_organization,
        lambda: org.remove_account_from_organization(AccountId=founded.management.id),
    ):
        with refused("MasterCannotLeaveOrganizationException"):
            attempt()


def test_nobody_does_anything_in_a_closed_account(founded: Organized, clock: Any, refused: Any) -> None:
    org, account = founded.org, founded.account("short-lived")
    role = f"arn:aws:iam::{account.id}:role/OrganizationAccountAccessRole"
    org.close_account(AccountId=account.id)
    assert org.describe_account(AccountId=account.id)["Account"]["Status"] == "PENDING_CLOSURE"
    clock.advance(60)
    shown = org.describe_account(AccountId=account.id)["Account"]
    assert (shown["Status"], shown["State"]) == ("SUSPENDED", "CLOSED")
    with refused("AccountAlreadyClosedException"):
        org.close_account(AccountId=account.id)
    with refused("InvalidClientTokenId"):
        account.client("iam").list_users()
    with refused("AccessDenied"):
        founded.management.client("sts").assume_role(RoleArn=role, RoleSessionName="too-late")
    with refused("ConstraintViolationException") as error:
        org.close_account(AccountId=founded.management.id)
    assert error.response["Reason"] == "CANNOT_CLOSE_MANAGEMENT_ACCOUNT"
    clock.advance(90 * 86400)
    with refused("AccountNotFoundException"):
        org.describe_account(AccountId=account.id)
    org.delete_organization()


@pytest.mark.parametrize(
    ("operation", "members", "reason"),
    [
        ("create_organization", {"FeatureSet": "SOME"}, "INVALID_ENUM"),
        ("list_accounts", {"MaxResults": 21}, "MAX_VALUE_EXCEEDED"),
        ("list_accounts", {"MaxResults": 0}, "MIN_VALUE_EXCEEDED"),
        ("create_organizational_unit", {"ParentId": "r-ab12", "Name": "a" * 129}, "MAX_LENGTH_EXCEEDED"),
        ("create_organizational_unit", {"ParentId": "r-ab12", "Name": ""}, "MIN_LENGTH_EXCEEDED"),
        ("create_organizational_unit", {"ParentId": "r-ab12"}, "INPUT_REQUIRED"),
        ("describe_account", {"AccountId": "twelve"}, "INVALID_PATTERN"),
    ],
)
def test_bad_input_is_refused_with_a_reason(
    aws: Account, refused: Any, operation: str, members: dict[str, Any], reason: str
) -> None:
    org = aws.client("organizations", config=Config(parameter_validation=False))
    with refused("InvalidInputException") as error:
        getattr(org, operation)(**members)
    assert error.response["Reason"] == reason


def test_lists_come_in_pages(founded: Organized, refused: Any) -> None:
    org = founded.org
    for number in range(4):
        founded.unit(f"unit {number}")
    names: list[str] = []
    for page in org.get_paginator("list_organizational_units_for_parent").paginate(
        ParentId=founded.root, PaginationConfig={"PageSize": 3}
    ):
        assert len(page["OrganizationalUnits"]) <= 3
        names += [unit["Name"] for unit in page["OrganizationalUnits"]]
    assert names == [f"unit {number}" for number in range(4)]
    with refused("InvalidInputException") as error:
        org.list_accounts(NextToken="made-up")
    assert error.response["Reason"] == "INVALID_NEXT_TOKEN"


def test_everything_in_the_tree_has_tags(founded: Organized, refused: Any) -> None:
    org = founded.org
    for resource in (founded.root, founded.unit("tagged"), founded.management.id):
        org.tag_resource(ResourceId=resource, Tags=[{"Key": "team", "Value": "red"}, {"Key": "cost", "Value": "1"}])
        org.untag_resource(ResourceId=resource, TagKeys=["cost"])
        assert org.list_tags_for_resource(ResourceId=resource)["Tags"] == [{"Key": "team", "Value": "red"}]
    with refused("TargetNotFoundException"):
        org.list_tags_for_resource(ResourceId="ou-none-12345678")
    for tags, reason in (
        ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}], "DUPLICATE_TAG_KEY"),
        ([{"Key": "aws:a", "Value": "1"}], "INVALID_SYSTEM_TAGS_PARAMETER"),
    ):
        with refused("InvalidInputException") as error:
            org.tag_resource(ResourceId=founded.root, Tags=tags)
        assert error.response["Reason"] == reason
    with refused("ConstraintViolationException") as error:
        org.tag_resource(ResourceId=founded.root, Tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)])
    assert error.response["Reason"] == "MAX_TAG_LIMIT_EXCEEDED"


def test_accounts_in_no_organization_pay_nothing_for_those_that_are(
    founded: Organized, cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The roots of others are let in without an evaluation of policies, however many organizations there are."""
    from pileus.kernel.access import enforcement

    founded.enable("SERVICE_CONTROL_POLICY")
    examined: list[str] = []
    original = enforcement.examined

    def noted(call: Any, *asked: Any) -> Any:
        examined.append(call.account)
        return original(call, *asked)

    monkeypatch.setattr(enforcement, "examined", noted)
    outsider, member = cloud.account(), founded.account("member")
    for account in (outsider, member):
        account.client("sqs").list_queues()
    assert outsider.id not in examined
    assert member.id in examined


def test_timestamps_are_the_cloud_s(founded: Organized, clock: Any) -> None:
    clock.advance(3 * 86400)
    account = founded.account("later")
    joined = founded.org.describe_account(AccountId=account.id)["Account"]["JoinedTimestamp"].timestamp()
    assert joined == pytest.approx(clock.now(), abs=2)
    assert joined > time.time() + 2 * 86400


def test_resetting_the_management_account_frees_its_members(
    founded: Organized, cloud: LocalCloud, refused: Any
) -> None:
    founded.enable("SERVICE_CONTROL_POLICY")
    account, invited = founded.account("freed"), cloud.account()
    founded.org.invite_account_to_organization(Target={"Type": "ACCOUNT", "Id": invited.id})
    founded.attach(account.id, deny("sqs:*"))
    with refused("AccessDenied"):
        account.client("sqs").list_queues()
    reset = Request(f"{cloud.endpoint}/_pileus/reset?account={founded.management.id}", method="POST")
    with urlopen(reset) as answer:
        assert answer.status == 200
    account.client("sqs").list_queues()
    assert invited.client("organizations").list_handshakes_for_account()["Handshakes"] == []
    with refused("AWSOrganizationsNotInUseException"):
        account.client("organizations").describe_organization()


def test_what_becomes_of_accounts_is_announced(founded: Organized, clock: Any) -> None:
    events, sqs = founded.management.client("events"), founded.management.client("sqs")
    queue = sqs.create_queue(QueueName="announcements")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{founded.management.id}:announcements"
    allowed = statements(
        {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:*", "Resource": arn}
    )
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(allowed)})
    events.put_rule(Name="accounts", EventPattern=json.dumps({"source": ["aws.organizations"]}))
    events.put_targets(Rule="accounts", Targets=[{"Id": "queue", "Arn": arn}])
    account = founded.account("announced")
    founded.org.remove_account_from_organization(AccountId=account.id)
    clock.advance(5)
    told: dict[str, Any] = {}
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            detail = json.loads(message["Body"])["detail"]
            if detail["eventType"] == "AwsServiceEvent":
                told[detail["eventName"]] = detail["serviceEventDetails"]
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert told["CreateAccountResult"]["createAccountStatus"]["accountId"] == account.id
    assert told["CreateAccountResult"]["createAccountStatus"]["state"] == "SUCCEEDED"
    assert told["AccountJoinedOrganization"]["joinedMethod"] == "CREATED"
    assert told["AccountDepartedOrganization"]["departureMethod"] == "REMOVED"
