"""Rules of AWS's evaluation logic that neither an operator nor a kind of policy stands for, each by its own name.

IAM User Guide, "Policy evaluation logic", "IAM JSON policy elements reference", "Creating a condition with multiple
keys or values"; Organizations User Guide, "SCP evaluation" and "RCP evaluation".
"""

from __future__ import annotations

from typing import Any

import pytest

from pileus import LocalCloud
from pileus.kernel import names
from pileus.kernel.access.attached import ControlPolicy, Grants, Membership
from pileus.testing.account import Account
from tests.services.conftest import Refused as refused

from .asking import ACTION, HERE, RESOURCE, ask, policies, query
from .people import User, allow, at, deny, document, put, role, session

ELSEWHERE = f"arn:aws:sqs:us-east-1:{HERE}:others"


def test_not_action_is_every_other_action() -> None:
    """Of all services: an Allow with NotAction grants what nobody had in mind."""
    statement = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    assert ask(identity=policies(statement)).allowed
    assert not ask(identity=policies(statement | {"NotAction": ["iam:*", "sqs:Send*"]})).allowed


def test_a_deny_with_not_action_spares_those_actions_alone() -> None:
    denying = {"Effect": "Deny", "NotAction": "sqs:SendMessage", "Resource": "*"}
    assert ask(identity=policies(allow("*"), denying)).allowed
    assert ask(identity=policies(allow("*"), denying | {"NotAction": "sqs:ReceiveMessage"})).explicit


def test_not_resource_is_every_other_resource() -> None:
    statement = {"Effect": "Allow", "Action": ACTION, "NotResource": ELSEWHERE}
    assert ask(identity=policies(statement)).allowed
    assert not ask(identity=policies(statement | {"NotResource": [RESOURCE, ELSEWHERE]})).allowed


def test_a_deny_with_not_resource_spares_those_resources_alone() -> None:
    denying = {"Effect": "Deny", "Action": "*", "NotResource": f"arn:aws:sqs:*:{HERE}:ord*"}
    assert ask(identity=policies(allow("*"), denying)).allowed
    assert ask(identity=policies(allow("*"), denying | {"NotResource": ELSEWHERE})).explicit


def holds(condition: dict[str, Any], **keys: Any) -> bool:
    asked = query(**keys)
    return policies(allow(ACTION, Condition=condition)).allowing(asked) is not None


def test_of_several_values_one_must_match() -> None:
    assert holds({"StringEquals": {"aws:a": ["x", "y"]}}, aws__a="y")
    assert not holds({"StringEquals": {"aws:a": ["x", "y"]}}, aws__a="z")


def test_of_several_values_of_a_negated_operator_none_must_match() -> None:
    assert holds({"StringNotEquals": {"aws:a": ["x", "y"]}}, aws__a="z")
    assert not holds({"StringNotEquals": {"aws:a": ["x", "y"]}}, aws__a="y")


def test_several_keys_of_one_operator_must_all_match() -> None:
    condition = {"StringEquals": {"aws:a": "x", "aws:b": "y"}}
    assert holds(condition, aws__a="x", aws__b="y")
    assert not holds(condition, aws__a="x", aws__b="z")


def test_several_operators_must_all_hold() -> None:
    condition = {"StringEquals": {"aws:a": "x"}, "StringLike": {"aws:b": "y*"}}
    assert holds(condition, aws__a="x", aws__b="yes")
    assert not holds(condition, aws__a="x", aws__b="no")


def test_a_key_that_is_missing_does_not_match() -> None:
    assert not holds({"StringEquals": {"aws:a": "x"}})
    assert not holds({"StringLike": {"aws:a": "*"}})


def test_a_key_that_is_missing_matches_a_negated_operator() -> None:
    assert holds({"StringNotEquals": {"aws:a": "x"}})
    assert holds({"ArnNotLike": {"aws:a": "arn:aws:sns:*:*:*"}})


def test_for_any_value_does_not_match_a_missing_key_and_for_all_values_does() -> None:
    assert not holds({"ForAnyValue:StringEquals": {"aws:a": "x"}})
    assert holds({"ForAllValues:StringEquals": {"aws:a": "x"}})


def test_an_explicit_deny_holds_whatever_the_order_of_policies_and_statements() -> None:
    yes, no = allow("*"), deny(ACTION)
    for order in ((yes, no), (no, yes), (yes, no, yes)):
        assert ask(identity=policies(*order)).explicit


def test_a_deny_that_does_not_apply_denies_nothing() -> None:
    elsewhere = deny("*", Condition={"StringEquals": {"aws:a": "x"}})
    assert ask(identity=policies(allow("*"), elsewhere)).allowed


# Organizations


@pytest.fixture
def limited(cloud: LocalCloud, aws: Account) -> str:
    """An account whose organization lets nobody do anything with queues."""
    denying = f"p-{names.token(8, names.LOWER)}"
    member = Membership(
        account=aws.id,
        organization="o-exampleorgid",
        path="o-exampleorgid/r-ab12/ou-ab12-11111111/",
        management_account="999988887777",
        scps=[["p-FullAWSAccess"], ["p-FullAWSAccess", denying]],
        rcps=[["p-RCPFullAWSAccess"], ["p-RCPFullAWSAccess", denying]],
    )
    put(cloud, aws.id, member, ControlPolicy(denying, document({**deny("sqs:*"), "Principal": "*"})))
    return denying


def test_the_management_account_is_limited_by_no_control_policy(cloud: LocalCloud, aws: Account, limited: str) -> None:
    with refused("AccessDenied"):
        aws.client("sqs").list_queues()

    def manage() -> None:
        call = at(cloud, aws.id)
        member = Membership.get(call, aws.id)
        assert member
        member.management = True
        member.put(call)

    cloud.do(manage)
    aws.client("sqs").list_queues()


def linked(cloud: LocalCloud, account: str) -> Any:
    """SQS as a service-linked role of the account."""
    name = f"AWSServiceRoleFor{names.token(6)}"
    arn = f"arn:aws:iam::{account}:role/aws-service-role/sqs.amazonaws.com/{name}"
    trust = document({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    grants = Grants(id=f"AROA{names.token(17).upper()}", owner=arn, trust=trust, inline={"all": document(allow("*"))})
    put(cloud, account, grants)
    answer = cloud.account(account).client("sts").assume_role(RoleArn=arn, RoleSessionName="linked")
    return session(cloud, answer, "sqs")


def test_service_linked_roles_are_limited_by_no_control_policy(cloud: LocalCloud, aws: Account, limited: str) -> None:
    linked(cloud, aws.id).list_queues()
    linked(cloud, aws.id).create_queue(QueueName="made-by-the-service")


def test_control_policies_allow_nothing_by_themselves(cloud: LocalCloud, aws: Account) -> None:
    member = Membership(account=aws.id, organization="o-exampleorgid", scps=[["p-FullAWSAccess"]])
    put(cloud, aws.id, member)
    with refused("AccessDenied", "because no identity-based policy allows"):
        User(cloud, aws.id).client("sqs").list_queues()


def test_a_control_policy_limits_the_accounts_principals_abroad(cloud: LocalCloud, aws: Account, limited: str) -> None:
    other = cloud.account()
    queue = other.client("sqs").create_queue(QueueName="open")["QueueUrl"]
    policy = document({**allow("sqs:*"), "Principal": "*"})
    other.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    with refused("AccessDenied", "service control policy"):
        aws.client("sqs").send_message(QueueUrl=queue, MessageBody="x")


# Where a principal and a resource are in an organization


ORG = {"organization": "o-exampleorgid", "path": "o-exampleorgid/r-ab12/ou-ab12-11111111/"}


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}},
        {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-exampleorgid/r-ab12/*"}},
        {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}},
        {
            "ForAnyValue:StringLike": {"aws:ResourceOrgPaths": "o-exampleorgid/r-ab12/ou-ab12-11111111/*"},
            "Null": {"aws:PrincipalOrgID": "false"},
        },
        {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}},
    ],
)
def test_conditions_know_the_organization(cloud: LocalCloud, aws: Account, condition: dict[str, Any]) -> None:
    stranger = cloud.account()
    queue = aws.client("sqs").create_queue(QueueName="ours")["QueueUrl"]
    policy = document({**allow("sqs:SendMessage", Condition=condition), "Principal": "*"})
    aws.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    put(cloud, aws.id, Membership(account=aws.id, **ORG))
    User(cloud, aws.id).client("sqs").send_message(QueueUrl=queue, MessageBody="x")
    with refused("AccessDenied"):
        stranger.client("sqs").send_message(QueueUrl=queue, MessageBody="x")


def test_a_session_s_tags_count_over_its_role_s(cloud: LocalCloud, aws: Account) -> None:
    blue = {"StringEquals": {"aws:PrincipalTag/team": "blue"}}
    arn = role(cloud, aws.id, "worker", allow("sqs:*", Condition=blue), tags={"team": "red"})
    sts = aws.client("sts")
    plain = sts.assume_role(RoleArn=arn, RoleSessionName="plain")
    with refused("AccessDenied"):
        session(cloud, plain, "sqs").list_queues()
    tagged = sts.assume_role(RoleArn=arn, RoleSessionName="tagged", Tags=[{"Key": "team", "Value": "blue"}])
    session(cloud, tagged, "sqs").list_queues()
