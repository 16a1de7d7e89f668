"""Roles that nobody has created: a root may take one on, unless the cloud is strict."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

import pileus
from pileus import LocalCloud
from pileus.testing.account import Account
from tests.kernel.access.people import User, allow, client, role, session


def assume(sts: Any, arn: str) -> Any:
    return sts.assume_role(RoleArn=arn, RoleSessionName="job")


def refused(sts: Any, arn: str) -> str:
    with pytest.raises(ClientError) as raised:
        assume(sts, arn)
    return str(raised.value.response["Error"]["Code"])


def test_a_root_takes_on_a_role_that_nobody_has_created_and_may_do_everything(cloud: LocalCloud, aws: Account) -> None:
    answer = assume(aws.client("sts"), f"arn:aws:iam::{aws.id}:role/ci")
    session(cloud, answer, "sqs").create_queue(QueueName="q")
    other = cloud.account()
    across = assume(session(cloud, answer, "sts"), f"arn:aws:iam::{other.id}:role/deployer")
    assert session(cloud, across, "sts").get_caller_identity()["Account"] == other.id


def test_once_the_role_is_there_it_may_do_what_its_policies_say(cloud: LocalCloud, aws: Account) -> None:
    answer = assume(aws.client("sts"), f"arn:aws:iam::{aws.id}:role/ci")
    sqs = session(cloud, answer, "sqs")
    sqs.list_queues()
    role(cloud, aws.id, "ci", allow("sqs:SendMessage"))
    fresh = session(cloud, assume(aws.client("sts"), f"arn:aws:iam::{aws.id}:role/ci"), "sqs")
    with pytest.raises(ClientError):
        fresh.list_queues()


def test_a_user_takes_on_no_role_that_is_not_there(cloud: LocalCloud, aws: Account) -> None:
    user = User(cloud, aws.id, allow("sts:*"))
    assert refused(user.client("sts"), f"arn:aws:iam::{aws.id}:role/ci") == "AccessDenied"


def test_where_the_cloud_is_strict_nobody_does() -> None:
    with pileus.cloud(strict=True, sockets=True) as strict:
        root = User(strict, "111122223333", allow("sts:*"))
        assert refused(root.client("sts"), "arn:aws:iam::111122223333:role/ci") == "AccessDenied"
        from pileus.kernel import identity
        from tests.kernel.access.people import put

        put(
            strict, "111122223333", identity.Credential("AKIAROOTROOTROOTROOT", "secret", identity.root("111122223333"))
        )
        sts = client(strict, "sts", "AKIAROOTROOTROOTROOT", "secret")
        assert refused(sts, "arn:aws:iam::111122223333:role/ci") == "AccessDenied"
