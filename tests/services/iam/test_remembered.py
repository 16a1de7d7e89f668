"""Decisions are remembered; whatever they rest on may change, and the next call is decided anew.

Each test asks for the same thing several times, so that whatever is remembered has been, and then changes one thing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pileus import LocalCloud
from pileus.testing.account import Account
from tests.services.organizations.founding import Organized

from .asking import acting, allow, document, trusting, user_with_key

Ask = Callable[[], object]

REFUSALS = {
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
}


def may(ask: Ask) -> bool:
    """Whether it is allowed."""
    try:
        ask()
    except ClientError as error:
        if error.response["Error"]["Code"] in REFUSALS:
            return False
        raise
    return True


def remembered(ask: Ask) -> Ask:
    """The same, once it has been allowed several times."""
    assert [may(ask) for _ in range(3)] == [True] * 3
    return ask


def deny(action: Any, resource: Any = "*", **others: Any) -> dict[str, Any]:
    return allow(action, resource, **others) | {"Effect": "Deny"}


def everybody(statement: dict[str, Any], principal: Any = "*") -> dict[str, Any]:
    return statement | {"Principal": principal}


SEND = allow("sqs:SendMessage")


@pytest.fixture
def queue(aws: Account) -> str:
    return str(aws.client("sqs").create_queue(QueueName="orders")["QueueUrl"])


@pytest.fixture
def arn(aws: Account) -> str:
    return f"arn:aws:sqs:us-east-1:{aws.id}:orders"


@pytest.fixture
def sending(cloud: LocalCloud, queue: str) -> Callable[[dict[str, Any]], Ask]:
    """What sends a message with an access key."""

    def by(key: dict[str, Any]) -> Ask:
        sqs = acting(cloud, key, "sqs")
        return lambda: sqs.send_message(QueueUrl=queue, MessageBody="x")

    return by


Sending = Callable[[dict[str, Any]], Ask]


def created(iam: Any, name: str, *statements: dict[str, Any]) -> str:
    """A managed policy's ARN."""
    return str(iam.create_policy(PolicyName=name, PolicyDocument=document(*statements))["Policy"]["Arn"])


# What a user was granted


def test_an_inline_policy_that_is_removed_or_replaced(iam: Any, sending: Sending) -> None:
    send = remembered(sending(user_with_key(iam, "alice", SEND)))
    iam.put_user_policy(UserName="alice", PolicyName="inline", PolicyDocument=document(allow("sqs:ReceiveMessage")))
    assert not may(send)
    iam.put_user_policy(UserName="alice", PolicyName="inline", PolicyDocument=document(SEND))
    remembered(send)
    iam.put_user_policy(UserName="alice", PolicyName="no", PolicyDocument=document(deny("sqs:*")))
    assert not may(send)
    iam.delete_user_policy(UserName="alice", PolicyName="no")
    remembered(send)
    iam.delete_user_policy(UserName="alice", PolicyName="inline")
    assert not may(send)


def test_a_managed_policy_and_its_default_version(iam: Any, sending: Sending) -> None:
    policy = created(iam, "senders", SEND)
    send = sending(user_with_key(iam, "alice"))
    assert not may(send)
    iam.attach_user_policy(UserName="alice", PolicyArn=policy)
    remembered(send)
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=document(allow("sqs:Get*")), SetAsDefault=True)
    assert not may(send)
    iam.set_default_policy_version(PolicyArn=policy, VersionId="v1")
    remembered(send)
    iam.set_default_policy_version(PolicyArn=policy, VersionId="v2")
    assert not may(send)
    iam.set_default_policy_version(PolicyArn=policy, VersionId="v1")
    remembered(send)
    iam.detach_user_policy(UserName="alice", PolicyArn=policy)
    assert not may(send)


def test_a_group_its_policies_and_its_members(iam: Any, sending: Sending) -> None:
    policy = created(iam, "senders", SEND)
    send = sending(user_with_key(iam, "alice"))
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="alice")
    assert not may(send)
    iam.attach_group_policy(GroupName="g", PolicyArn=policy)
    remembered(send)
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=document(deny("sqs:*")), SetAsDefault=True)
    assert not may(send)
    iam.detach_group_policy(GroupName="g", PolicyArn=policy)
    iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=document(SEND))
    remembered(send)
    iam.remove_user_from_group(GroupName="g", UserName="alice")
    assert not may(send)
    iam.add_user_to_group(GroupName="g", UserName="alice")
    remembered(send)
    iam.delete_group_policy(GroupName="g", PolicyName="p")
    assert not may(send)


def test_a_boundary_that_is_set_narrowed_and_removed(iam: Any, sending: Sending) -> None:
    boundary = created(iam, "boundary", allow("sqs:*"))
    send = remembered(sending(user_with_key(iam, "alice", allow("*"))))
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=created(iam, "other", allow("s3:*")))
    assert not may(send)
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=boundary)
    remembered(send)
    iam.create_policy_version(PolicyArn=boundary, PolicyDocument=document(allow("sqs:Get*")), SetAsDefault=True)
    assert not may(send)
    iam.delete_user_permissions_boundary(UserName="alice")
    assert may(send)


def test_the_tags_of_a_user(iam: Any, sending: Sending) -> None:
    red = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    key = user_with_key(iam, "alice", allow("sqs:SendMessage", Condition=red))
    iam.tag_user(UserName="alice", Tags=[{"Key": "team", "Value": "red"}])
    send = remembered(sending(key))
    iam.tag_user(UserName="alice", Tags=[{"Key": "team", "Value": "blue"}])
    assert not may(send)


def test_a_user_that_is_renamed(iam: Any, aws: Account, sending: Sending) -> None:
    named = f"arn:aws:sqs:us-east-1:{aws.id}:${{aws:username}}"
    send = remembered(sending(user_with_key(iam, "orders", allow("sqs:SendMessage", named))))
    iam.update_user(UserName="orders", NewUserName="letters")
    assert not may(send)
    iam.update_user(UserName="letters", NewUserName="orders")
    assert may(send)


# Who holds a credential


def test_a_key_that_is_taken_out_of_use_or_deleted(iam: Any, sending: Sending) -> None:
    key = user_with_key(iam, "alice", SEND)
    other = iam.create_access_key(UserName="alice")["AccessKey"]
    send, beside = remembered(sending(key)), remembered(sending(other))
    iam.update_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert (may(send), may(beside)) == (False, True)
    iam.update_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"], Status="Active")
    remembered(send)
    iam.delete_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"])
    assert (may(send), may(beside)) == (False, True)


def deleted(iam: Any, name: str, key: dict[str, Any]) -> None:
    iam.delete_user_policy(UserName=name, PolicyName="inline")
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=name)


def test_a_user_of_the_same_name_is_another(iam: Any, cloud: LocalCloud, sending: Sending) -> None:
    key = user_with_key(iam, "alice", SEND)
    temporary = acting(cloud, key, "sts").get_session_token()["Credentials"]
    send, in_session = remembered(sending(key)), remembered(sending(temporary))
    deleted(iam, "alice", key)
    assert not may(send)
    assert not may(in_session)
    fresh = user_with_key(iam, "alice")
    assert not may(sending(fresh))
    iam.put_user_policy(UserName="alice", PolicyName="inline", PolicyDocument=document(SEND))
    remembered(sending(fresh))
    assert not may(send)
    assert not may(in_session), "a session of the one who is gone is not the new one's"


def test_what_is_gone_is_nobody_to_a_resources_policy(
    iam: Any, cloud: LocalCloud, aws: Account, queue: str, arn: str, sending: Sending
) -> None:
    """Sessions end with the user or role that they are of, though a queue's policy names those."""
    key = user_with_key(iam, "alice", allow("sts:*"))
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trusting(f"arn:aws:iam::{aws.id}:user/alice"))
    sts = acting(cloud, key, "sts")
    role = f"arn:aws:iam::{aws.id}:role/worker"
    federated = f"arn:aws:sts::{aws.id}:federated-user/bob"
    names = [f"arn:aws:iam::{aws.id}:user/alice", role, federated]
    policy = document(everybody(allow("sqs:SendMessage", arn), {"AWS": names}))
    aws.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    of_user = remembered(sending(sts.get_session_token()["Credentials"]))
    of_role = remembered(sending(sts.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]))
    bob = remembered(sending(sts.get_federation_token(Name="bob")["Credentials"]))
    iam.delete_role(RoleName="worker")
    deleted(iam, "alice", key)
    assert (may(of_user), may(of_role), may(bob)) == (False, False, False)


# Sessions of roles


@pytest.fixture
def worker(iam: Any, aws: Account) -> str:
    """A role that may send and that the account's users may take on."""
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trusting(aws.id))
    iam.put_role_policy(RoleName="worker", PolicyName="inline", PolicyDocument=document(SEND))
    return f"arn:aws:iam::{aws.id}:role/worker"


@pytest.fixture
def sts(iam: Any, cloud: LocalCloud) -> Any:
    """STS as a user who may take on any role."""
    return acting(cloud, user_with_key(iam, "actor", allow("sts:*")), "sts")


def assumed(sts: Any, role: str, name: str = "session", **more: Any) -> dict[str, Any]:
    return dict(sts.assume_role(RoleArn=role, RoleSessionName=name, **more)["Credentials"])


def test_a_roles_policy_and_its_deletion(iam: Any, sts: Any, worker: str, sending: Sending, aws: Account) -> None:
    send = remembered(sending(assumed(sts, worker)))
    iam.put_role_policy(RoleName="worker", PolicyName="no", PolicyDocument=document(deny("sqs:SendMessage")))
    assert not may(send)
    iam.delete_role_policy(RoleName="worker", PolicyName="no")
    remembered(send)
    iam.delete_role_policy(RoleName="worker", PolicyName="inline")
    iam.delete_role(RoleName="worker")
    assert not may(send)
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trusting(aws.id))
    iam.put_role_policy(RoleName="worker", PolicyName="inline", PolicyDocument=document(SEND))
    assert not may(send), "the role of that name is another one now"
    assert may(sending(assumed(sts, worker)))


def test_sessions_that_are_revoked(iam: Any, sts: Any, worker: str, cloud: LocalCloud, sending: Sending) -> None:
    """What the console's "Revoke active sessions" does."""
    send = remembered(sending(assumed(sts, worker)))
    cloud.clock.advance(10)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(cloud.clock.now()))
    older = {"DateLessThan": {"aws:TokenIssueTime": now}}
    iam.put_role_policy(
        RoleName="worker", PolicyName="AWSRevokeOlderSessions", PolicyDocument=document(deny("*", Condition=older))
    )
    assert not may(send)
    cloud.clock.advance(10)
    remembered(sending(assumed(sts, worker)))
    assert not may(send)


def test_a_session_that_expires(sts: Any, worker: str, cloud: LocalCloud, sending: Sending) -> None:
    send = remembered(sending(assumed(sts, worker, DurationSeconds=900)))
    cloud.clock.advance(890)
    assert may(send)
    cloud.clock.advance(20)
    assert not may(send)


def test_sessions_of_the_same_name_are_several(iam: Any, sts: Any, worker: str, sending: Sending) -> None:
    """One with a session policy or other tags may not what its namesake may."""
    remembered(sending(assumed(sts, worker)))
    assert not may(sending(assumed(sts, worker, Policy=document(allow("sqs:ReceiveMessage")))))
    arns = [{"arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}]
    assert not may(sending(assumed(sts, worker, PolicyArns=arns)))
    red = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    iam.put_role_policy(
        RoleName="worker", PolicyName="inline", PolicyDocument=document(allow("sqs:SendMessage", Condition=red))
    )
    trust = document({**allow(["sts:AssumeRole", "sts:TagSession"]), "Principal": "*"}).replace(', "Resource": "*"', "")
    iam.update_assume_role_policy(RoleName="worker", PolicyDocument=trust)
    remembered(sending(assumed(sts, worker, Tags=[{"Key": "team", "Value": "red"}])))
    assert not may(sending(assumed(sts, worker, Tags=[{"Key": "team", "Value": "blue"}])))
    assert not may(sending(assumed(sts, worker)))


def test_a_trust_policy_that_changes(iam: Any, sts: Any, worker: str, aws: Account) -> None:
    assume = remembered(lambda: assumed(sts, worker))
    iam.create_user(UserName="somebody-else")
    trust = trusting(f"arn:aws:iam::{aws.id}:user/somebody-else")
    iam.update_assume_role_policy(RoleName="worker", PolicyDocument=trust)
    assert not may(assume)
    condition = {"StringEquals": {"sts:ExternalId": "right"}}
    trust = document({**allow("sts:AssumeRole", Condition=condition), "Principal": {"AWS": aws.id}})
    iam.update_assume_role_policy(RoleName="worker", PolicyDocument=trust.replace('"Resource": "*", ', ""))
    remembered(lambda: assumed(sts, worker, ExternalId="right"))
    assert not may(lambda: assumed(sts, worker, ExternalId="wrong"))
    assert not may(assume)


def test_a_federated_user_whose_user_loses_what_it_had(iam: Any, cloud: LocalCloud, sending: Sending) -> None:
    key = user_with_key(iam, "alice", allow(["sqs:SendMessage", "sts:GetFederationToken"]))
    federated = acting(cloud, key, "sts").get_federation_token(Name="bob", Policy=document(allow("sqs:*")))
    send = remembered(sending(federated["Credentials"]))
    iam.put_user_policy(UserName="alice", PolicyName="inline", PolicyDocument=document(allow("s3:*")))
    assert not may(send)
    iam.put_user_policy(UserName="alice", PolicyName="inline", PolicyDocument=document(SEND))
    remembered(send)
    iam.update_user(UserName="alice", NewUserName="alicia")
    remembered(send)
    deleted(iam, "alicia", key)
    assert not may(send)
    user_with_key(iam, "alice", SEND)
    user_with_key(iam, "alicia", SEND)
    assert not may(send), "those are others"


# Circumstances


def test_what_time_it_is(iam: Any, cloud: LocalCloud, sending: Sending) -> None:
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(cloud.clock.now() + 60))
    before = {"DateLessThan": {"aws:CurrentTime": until}}
    send = remembered(sending(user_with_key(iam, "alice", allow("sqs:SendMessage", Condition=before))))
    cloud.clock.advance(120)
    assert not may(send)


@pytest.mark.parametrize("effect", [allow, deny])
def test_how_and_from_where_it_is_asked(iam: Any, cloud: LocalCloud, queue: str, effect: Any) -> None:
    """A deny under a condition that did not hold is as much of a condition as an allow's that did."""
    wanted = {"StringLike": {"aws:UserAgent": "*good*"}}
    if effect is deny:
        wanted = {"StringNotLike": wanted["StringLike"]}
    statements = [effect("sqs:SendMessage", Condition=wanted), *([SEND] if effect is deny else [])]
    key = user_with_key(iam, "alice", *statements)

    def send(agent: str) -> Ask:
        sqs = boto3.client(
            "sqs",
            endpoint_url=cloud.endpoint,
            region_name="us-east-1",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            config=Config(user_agent=agent),
        )
        return lambda: sqs.send_message(QueueUrl=queue, MessageBody="x")

    remembered(send("good"))
    assert not may(send("bad"))
    remembered(send("good"))


def test_in_which_region_it_is_asked(iam: Any, aws: Account, cloud: LocalCloud, queue: str) -> None:
    here = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
    key = user_with_key(iam, "alice", allow("sqs:SendMessage", Condition=here))
    there = aws.client("sqs", "eu-west-1").create_queue(QueueName="orders")["QueueUrl"]

    def send(region: str, url: str) -> Ask:
        sqs = boto3.client(
            "sqs",
            endpoint_url=cloud.endpoint,
            region_name=region,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )
        return lambda: sqs.send_message(QueueUrl=url, MessageBody="x")

    remembered(send("us-east-1", queue))
    assert not may(send("eu-west-1", there))


def test_a_key_that_is_another_accounts_user_of_the_same_name(
    iam: Any, other: Account, queue: str, cloud: LocalCloud, sending: Sending
) -> None:
    remembered(sending(user_with_key(iam, "alice", SEND)))
    assert not may(sending(user_with_key(other.client("iam"), "alice", SEND)))


# Organizations


def test_a_control_policy_and_an_accounts_place(cloud: LocalCloud, aws: Account) -> None:
    founded = Organized(aws, cloud)
    org, root = founded.org, founded.root
    org.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    member = founded.account("member")
    iam, sqs = member.client("iam"), member.client("sqs")
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    client = acting(cloud, user_with_key(iam, "alice", allow("*")), "sqs")
    asks = [
        remembered(lambda: client.send_message(QueueUrl=url, MessageBody="x")),
        remembered(lambda: sqs.send_message(QueueUrl=url, MessageBody="x")),
    ]

    def all_may() -> list[bool]:
        return [may(ask) for ask in asks for _ in range(2)]

    yes, no = [True] * 4, [False] * 4
    content = document(deny("sqs:SendMessage"))
    policy = org.create_policy(Content=content, Description="", Name="no", Type="SERVICE_CONTROL_POLICY")
    id_ = policy["Policy"]["PolicySummary"]["Id"]
    assert all_may() == yes
    org.attach_policy(PolicyId=id_, TargetId=member.id)
    assert all_may() == no
    org.update_policy(PolicyId=id_, Content=document(deny("sqs:PurgeQueue")))
    assert all_may() == yes
    org.update_policy(PolicyId=id_, Content=content)
    assert all_may() == no
    org.detach_policy(PolicyId=id_, TargetId=member.id)
    assert all_may() == yes
    unit = org.create_organizational_unit(ParentId=root, Name="closed")["OrganizationalUnit"]["Id"]
    org.attach_policy(PolicyId=id_, TargetId=unit)
    assert all_may() == yes
    org.move_account(AccountId=member.id, SourceParentId=root, DestinationParentId=unit)
    assert all_may() == no
    org.disable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    assert all_may() == yes
    org.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    org.attach_policy(PolicyId=id_, TargetId=unit)
    assert all_may() == no
    member.client("organizations").leave_organization()
    assert all_may() == yes


def test_a_resource_control_policy_and_an_account_that_leaves(cloud: LocalCloud, aws: Account) -> None:
    founded = Organized(aws, cloud)
    org = founded.org
    member = founded.account("member")
    url = aws.client("sqs").create_queue(QueueName="orders")["QueueUrl"]
    id_ = org.describe_organization()["Organization"]["Id"]
    within = {"StringEquals": {"aws:PrincipalOrgID": id_}}
    policy = document(everybody(allow("sqs:SendMessage", Condition=within)))
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    client = acting(cloud, user_with_key(member.client("iam"), "alice", allow("*")), "sqs")
    send = remembered(lambda: client.send_message(QueueUrl=url, MessageBody="x"))
    own = member.client("sqs").create_queue(QueueName="own")["QueueUrl"]
    to_own = remembered(lambda: client.send_message(QueueUrl=own, MessageBody="x"))
    org.enable_policy_type(RootId=founded.root, PolicyType="RESOURCE_CONTROL_POLICY")
    content = document(everybody(deny("sqs:SendMessage")))
    made = org.create_policy(Content=content, Description="", Name="no", Type="RESOURCE_CONTROL_POLICY")
    org.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=member.id)
    assert (may(send), may(to_own)) == (True, False), "the queue of the management account is not limited"
    org.detach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=member.id)
    assert (may(remembered(send)), may(remembered(to_own))) == (True, True)
    org.remove_account_from_organization(AccountId=member.id)
    assert (may(send), may(to_own)) == (False, True)


def test_an_account_that_is_closed(cloud: LocalCloud, aws: Account) -> None:
    founded = Organized(aws, cloud)
    member = founded.account("member")
    url = member.client("sqs").create_queue(QueueName="orders")["QueueUrl"]
    key_id = member.client("kms").create_key()["KeyMetadata"]["KeyId"]
    client = acting(cloud, user_with_key(member.client("iam"), "alice", allow("*")), "sqs")
    asks = [
        remembered(lambda: client.send_message(QueueUrl=url, MessageBody="x")),
        remembered(lambda: member.client("sqs").send_message(QueueUrl=url, MessageBody="x")),
        remembered(lambda: member.client("kms").encrypt(KeyId=key_id, Plaintext=b"x")),
    ]
    founded.org.close_account(AccountId=member.id)
    cloud.clock.advance(60)
    assert [may(ask) for ask in asks] == [False] * 3
