"""Service control policies and resource control policies: attached, inherited, and held against everybody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus import LocalCloud

from .founding import RCP, SCP, Organized, allow, deny, statements


def test_a_control_policy_limits_even_the_root_of_an_account(founded: Organized, refused: Any) -> None:
    account = founded.account("limited")
    founded.enable(SCP)
    policy = founded.attach(account.id, deny("sqs:CreateQueue"))
    sqs = account.client("sqs")
    with refused("AccessDenied", "with an explicit deny in a service control policy"):
        sqs.create_queue(QueueName="letters")
    sqs.list_queues()
    founded.management.client("sqs").create_queue(QueueName="letters")
    changed = json.dumps(deny("sqs:ListQueues"))
    founded.org.update_policy(PolicyId=policy, Content=changed)
    sqs.create_queue(QueueName="letters")
    with refused("AccessDenied"):
        sqs.list_queues()
    founded.org.detach_policy(PolicyId=policy, TargetId=account.id)
    sqs.list_queues()


def test_every_level_must_allow(founded: Organized, refused: Any) -> None:
    founded.enable(SCP)
    unit = founded.unit("allowing sqs only")
    account = founded.account("below", unit)
    founded.attach(unit, allow("sqs:*"))
    founded.org.detach_policy(PolicyId="p-FullAWSAccess", TargetId=unit)
    account.client("sqs").list_queues()
    with refused("AccessDenied", "because no service control policy allows the iam:ListUsers action"):
        account.client("iam").list_users()
    founded.org.move_account(AccountId=account.id, SourceParentId=unit, DestinationParentId=founded.root)
    account.client("iam").list_users()


def test_a_policy_on_the_root_spares_the_management_account_alone(founded: Organized, refused: Any) -> None:
    founded.enable(SCP)
    founded.attach(founded.root, deny("iam:CreateUser"))
    account = founded.account("new", founded.unit("anywhere"))
    with refused("AccessDenied"):
        account.client("iam").create_user(UserName="nobody")
    founded.management.client("iam").create_user(UserName="somebody")
    account.client("organizations").leave_organization()
    account.client("iam").create_user(UserName="free")


def test_conditions_know_the_organization(founded: Organized, refused: Any) -> None:
    founded.enable(SCP)
    account = founded.account("conditional")
    outside = {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}
    founded.attach(founded.root, deny("sqs:*", Condition=outside))
    account.client("sqs", "eu-west-1").list_queues()
    with refused("AccessDenied"):
        account.client("sqs", "us-east-1").list_queues()


def test_a_resource_control_policy_keeps_strangers_from_resources(
    founded: Organized, cloud: LocalCloud, refused: Any
) -> None:
    account, stranger = founded.account("owner"), cloud.account()
    queue = account.client("sqs").create_queue(QueueName="open")["QueueUrl"]
    everybody = statements(
        {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"},
    )
    account.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(everybody)})
    stranger.client("sqs").send_message(QueueUrl=queue, MessageBody="before")
    founded.enable(RCP)
    stranger.client("sqs").send_message(QueueUrl=queue, MessageBody="still")
    founded.attach(
        founded.root,
        statements(
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": "*",
                "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": founded.id}},
            }
        ),
        RCP,
    )
    with refused("AccessDenied", "with an explicit deny in a resource control policy"):
        stranger.client("sqs").send_message(QueueUrl=queue, MessageBody="after")
    account.client("sqs").send_message(QueueUrl=queue, MessageBody="own")


def test_full_access_hangs_everywhere_and_something_always_does(founded: Organized, refused: Any) -> None:
    org, unit = founded.org, founded.unit("unit")
    with refused("PolicyTypeNotEnabledException"):
        org.attach_policy(PolicyId="p-FullAWSAccess", TargetId=unit)
    founded.enable(SCP)
    with refused("PolicyTypeAlreadyEnabledException"):
        founded.enable(SCP)
    account = founded.account("account")
    for target in (founded.root, unit, account.id):
        (full,) = org.list_policies_for_target(TargetId=target, Filter=SCP)["Policies"]
        assert full["Arn"] == "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess"
        assert full["AwsManaged"]
        with refused("ConstraintViolationException") as error:
            org.detach_policy(PolicyId="p-FullAWSAccess", TargetId=target)
        assert error.response["Reason"] == "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
    targets = org.list_targets_for_policy(PolicyId="p-FullAWSAccess")["Targets"]
    assert {(target["TargetId"], target["Type"]) for target in targets} == {
        (founded.root, "ROOT"),
        (unit, "ORGANIZATIONAL_UNIT"),
        (account.id, "ACCOUNT"),
        (founded.management.id, "ACCOUNT"),
    }
    founded.enable(RCP)
    with refused("InvalidInputException") as error:
        org.detach_policy(PolicyId="p-RCPFullAWSAccess", TargetId=unit)
    assert error.response["Reason"] == "NON_DETACHABLE_POLICY"


def test_five_policies_hang_on_one_target_at_most(founded: Organized, refused: Any) -> None:
    founded.enable(SCP)
    for number in range(4):
        founded.attach(founded.root, deny("sqs:PurgeQueue"), name=f"policy {number}")
    with refused("ConstraintViolationException") as error:
        founded.attach(founded.root, deny("sqs:PurgeQueue"), name="one too many")
    assert error.response["Reason"] == "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"


def test_disabling_a_type_takes_its_policies_off(founded: Organized) -> None:
    founded.enable(SCP)
    account = founded.account("freed")
    policy = founded.attach(founded.root, deny("sqs:*"))
    root = founded.org.disable_policy_type(RootId=founded.root, PolicyType=SCP)["Root"]
    assert root["PolicyTypes"] == []
    account.client("sqs").list_queues()
    assert founded.org.list_targets_for_policy(PolicyId=policy)["Targets"] == []
    founded.enable(SCP)
    account.client("sqs").list_queues()


def test_policies_live_under_names_of_their_own(founded: Organized, refused: Any) -> None:
    org = founded.org
    policy = founded.policy(deny("sqs:*"), name="no queues")
    with refused("DuplicatePolicyException"):
        founded.policy(deny("sqs:*"), name="no queues")
    described = org.describe_policy(PolicyId=policy)["Policy"]
    assert json.loads(described["Content"]) == deny("sqs:*")
    place = f"arn:aws:organizations::{founded.management.id}:policy/{founded.id}"
    assert described["PolicySummary"]["Arn"] == f"{place}/service_control_policy/{policy}"
    changed = org.update_policy(PolicyId=policy, Name="none", Description="no queues at all")["Policy"]
    assert changed["PolicySummary"]["Description"] == "no queues at all"
    names = [one["Name"] for one in org.list_policies(Filter=SCP)["Policies"]]
    assert names == ["FullAWSAccess", "none"]
    founded.enable(SCP)
    org.attach_policy(PolicyId=policy, TargetId=founded.root)
    with refused("DuplicatePolicyAttachmentException"):
        org.attach_policy(PolicyId=policy, TargetId=founded.root)
    with refused("PolicyInUseException"):
        org.delete_policy(PolicyId=policy)
    org.detach_policy(PolicyId=policy, TargetId=founded.root)
    with refused("PolicyNotAttachedException"):
        org.detach_policy(PolicyId=policy, TargetId=founded.root)
    org.delete_policy(PolicyId=policy)
    with refused("PolicyNotFoundException"):
        org.describe_policy(PolicyId=policy)
    for change in (org.delete_policy, org.update_policy):
        with refused("InvalidInputException") as error:
            change(PolicyId="p-FullAWSAccess")
        assert error.response["Reason"] == "IMMUTABLE_POLICY"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (SCP, "no policy"),
        (SCP, '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sqs:*"}]}'),
        (SCP, '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}'),
        (
            RCP,
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}',
        ),
        (RCP, '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}'),
        ("TAG_POLICY", '{"plans":{}}'),
        ("TAG_POLICY", '{"tags":{"a":{"tag_key":"not an operator"}}}'),
        ("TAG_POLICY", '{"tags":{"team":{"tag_key":{"@@assign":"Squad"}}}}'),
        ("TAG_POLICY", '{"tags":{"team":{"tag_colour":{"@@assign":"red"}}}}'),
        ("AISERVICES_OPT_OUT_POLICY", '{"services":{"lex":{"opt_out_policy":{"@@assign":"maybe"}}}}'),
        ("BACKUP_POLICY", '{"plans":{"a":{"regions":{"@@set":["eu-west-1"]}}}}'),
    ],
)
def test_what_is_no_policy_of_its_type_is_refused(founded: Organized, refused: Any, kind: str, content: str) -> None:
    with refused("MalformedPolicyDocumentException"):
        founded.org.create_policy(Name="bad", Description="", Type=kind, Content=content)


def test_a_policy_may_be_only_so_large(founded: Organized, refused: Any) -> None:
    content = deny("sqs:*")
    content["Statement"][0]["Sid"] = "a" * 5120
    with refused("ConstraintViolationException") as error:
        founded.policy(content)
    assert error.response["Reason"] == "POLICY_CONTENT_LIMIT_EXCEEDED"
