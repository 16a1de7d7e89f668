"""The decision as callers meet it: users, roles, services and nobody at a queue, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from pileus import LocalCloud
from pileus.kernel import identity
from pileus.kernel.access.attached import ControlPolicy, ManagedDocument, Membership
from pileus.testing.account import Account

from .people import User, allow, deny, document, put, role, session


@contextmanager
def denied(message: str = "", code: str = "AccessDenied") -> Iterator[None]:
    with pytest.raises(ClientError) as raised:
        yield
    error = raised.value.response["Error"]
    assert (error["Code"], raised.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)) == (code, True)
    if message:
        assert error["Message"] == message


@pytest.fixture
def queue(aws: Account) -> str:
    return str(aws.client("sqs").create_queue(QueueName="orders")["QueueUrl"])


@pytest.fixture
def arn(aws: Account) -> str:
    return f"arn:aws:sqs:us-east-1:{aws.id}:orders"


def set_policy(aws: Account, queue: str, *statements: dict[str, Any]) -> None:
    aws.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": document(*statements)})


# Identity policies


def test_a_user_without_policies_may_do_nothing(cloud: LocalCloud, aws: Account, queue: str, arn: str) -> None:
    user = User(cloud, aws.id)
    with denied(
        f"User: {user.arn} is not authorized to perform: sqs:SendMessage on resource: {arn} "
        "because no identity-based policy allows the sqs:SendMessage action"
    ):
        user.client("sqs").send_message(QueueUrl=queue, MessageBody="x")


def test_a_user_may_do_what_its_policy_allows_and_no_more(
    cloud: LocalCloud, aws: Account, queue: str, arn: str
) -> None:
    user = User(cloud, aws.id, allow(["sqs:Send*", "sqs:GetQueueUrl"], arn))
    sqs = user.client("sqs")
    assert sqs.get_queue_url(QueueName="orders")["QueueUrl"] == queue
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    with denied():
        sqs.receive_message(QueueUrl=queue)
    with denied():
        sqs.list_queues()


def test_a_batch_wants_the_single_action(cloud: LocalCloud, aws: Account, queue: str, arn: str) -> None:
    sqs = User(cloud, aws.id, allow("sqs:SendMessage", arn)).client("sqs")
    assert sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": "1", "MessageBody": "x"}])["Successful"]
    with denied():
        sqs.delete_message_batch(QueueUrl=queue, Entries=[{"Id": "1", "ReceiptHandle": "x"}])


def test_an_explicit_deny_is_told_as_such(cloud: LocalCloud, aws: Account, queue: str, arn: str) -> None:
    user = User(cloud, aws.id, allow("sqs:*"), deny("sqs:PurgeQueue", arn))
    with denied(
        f"User: {user.arn} is not authorized to perform: sqs:PurgeQueue on resource: {arn} "
        "with an explicit deny in an identity-based policy"
    ):
        user.client("sqs").purge_queue(QueueUrl=queue)


def test_a_changed_policy_takes_effect_with_the_next_call(cloud: LocalCloud, aws: Account, queue: str) -> None:
    user = User(cloud, aws.id, allow("sqs:*"))
    sqs = user.client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    user.grant(allow("sqs:ReceiveMessage"))
    with denied():
        sqs.send_message(QueueUrl=queue, MessageBody="x")
    user.grant(allow("sqs:SendMessage"))
    sqs.send_message(QueueUrl=queue, MessageBody="x")


def test_managed_and_group_policies_count_too(cloud: LocalCloud, aws: Account, queue: str) -> None:
    from pileus.kernel.access.attached import Grants

    policy = f"arn:aws:iam::{aws.id}:policy/senders"
    put(
        cloud,
        aws.id,
        ManagedDocument(policy, document(allow("sqs:SendMessage"))),
        Grants(
            id="AGPAGROUP",
            owner=f"arn:aws:iam::{aws.id}:group/g",
            inline={"g": document(allow("sqs:ReceiveMessage"))},
        ),
    )
    sqs = User(cloud, aws.id, attached=[policy], groups=["AGPAGROUP"]).client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    assert sqs.receive_message(QueueUrl=queue)["Messages"]
    with denied():
        sqs.purge_queue(QueueUrl=queue)


def test_a_boundary_limits(cloud: LocalCloud, aws: Account, queue: str, arn: str) -> None:
    boundary = f"arn:aws:iam::{aws.id}:policy/boundary"
    put(cloud, aws.id, ManagedDocument(boundary, document(allow("sqs:ReceiveMessage"))))
    user = User(cloud, aws.id, allow("*"), boundary=boundary)
    user.client("sqs").receive_message(QueueUrl=queue)
    with denied(
        f"User: {user.arn} is not authorized to perform: sqs:SendMessage on resource: {arn} "
        "because no permissions boundary allows the sqs:SendMessage action"
    ):
        user.client("sqs").send_message(QueueUrl=queue, MessageBody="x")


def test_tags_of_principal_resource_and_request_are_keys(cloud: LocalCloud, aws: Account, queue: str) -> None:
    aws.client("sqs").tag_queue(QueueUrl=queue, Tags={"team": "red"})
    own = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    creating = {"StringEquals": {"aws:RequestTag/team": "red"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    policies = [allow("sqs:SendMessage", Condition=own), allow("sqs:CreateQueue", Condition=creating)]
    red = User(cloud, aws.id, *policies, tags={"team": "red"}).client("sqs")
    red.send_message(QueueUrl=queue, MessageBody="x")
    red.create_queue(QueueName="new", tags={"team": "red"})
    with denied():
        red.create_queue(QueueName="other", tags={"team": "red", "cost": "1"})
    with denied():
        User(cloud, aws.id, *policies, tags={"team": "blue"}).client("sqs").send_message(
            QueueUrl=queue, MessageBody="x"
        )


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, False),
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, True),
        ({"StringLike": {"aws:UserAgent": "Boto3*"}}, True),
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
        ({"NumericLessThan": {"aws:EpochTime": "1000"}}, False),
        ({"StringLike": {"aws:userid": "AIDA*"}}, True),
        ({"StringLike": {"aws:username": "user-*"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/user-*"}}, True),
        ({"StringEquals": {"aws:PrincipalType": "User"}}, True),
        ({"Bool": {"aws:MultiFactorAuthPresent": "false"}}, False),
        ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}, True),
        ({"Bool": {"aws:ViaAWSService": "false"}}, True),
        ({"Null": {"aws:SourceArn": "true"}}, True),
        ({"Bool": {"aws:PrincipalIsAWSService": "false"}}, True),
    ],
)
def test_global_condition_keys(
    cloud: LocalCloud, aws: Account, queue: str, condition: dict[str, Any], allowed: bool
) -> None:
    sqs = User(cloud, aws.id, allow("sqs:*", Condition=condition)).client("sqs")
    if allowed:
        sqs.get_queue_url(QueueName="orders")
    else:
        with denied():
            sqs.get_queue_url(QueueName="orders")


def test_who_may_not_see_a_queue_does_not_learn_whether_it_is_there(cloud: LocalCloud, aws: Account) -> None:
    with denied():
        User(cloud, aws.id).client("sqs").get_queue_url(QueueName="none")
    with denied(code="AWS.SimpleQueueService.NonExistentQueue"):
        User(cloud, aws.id, allow("sqs:*")).client("sqs").get_queue_url(QueueName="none")


def test_everybody_may_ask_who_they_are(cloud: LocalCloud, aws: Account) -> None:
    user = User(cloud, aws.id, deny("*"))
    assert user.client("sts").get_caller_identity()["Arn"] == user.arn


# Resource policies


def test_a_queue_policy_alone_lets_a_user_of_the_account_in(
    cloud: LocalCloud, aws: Account, queue: str, arn: str
) -> None:
    user = User(cloud, aws.id)
    set_policy(aws, queue, {**allow("sqs:SendMessage", arn), "Principal": {"AWS": user.arn}})
    user.client("sqs").send_message(QueueUrl=queue, MessageBody="x")


def test_a_queue_policy_for_the_account_leaves_it_to_the_accounts_own_policies(
    cloud: LocalCloud, aws: Account, queue: str, arn: str
) -> None:
    set_policy(aws, queue, {**allow("sqs:SendMessage", arn), "Principal": {"AWS": aws.id}})
    with denied():
        User(cloud, aws.id).client("sqs").send_message(QueueUrl=queue, MessageBody="x")


def test_across_accounts_both_sides_must_allow(cloud: LocalCloud, aws: Account, queue: str, arn: str) -> None:
    user = User(cloud, cloud.account().id)
    with denied():
        user.client("sqs").send_message(QueueUrl=queue, MessageBody="x")
    set_policy(aws, queue, {**allow("sqs:SendMessage", arn), "Principal": {"AWS": user.arn}})
    with denied(
        f"User: {user.arn} is not authorized to perform: sqs:SendMessage on resource: {arn} "
        "because no identity-based policy allows the sqs:SendMessage action"
    ):
        user.client("sqs").send_message(QueueUrl=queue, MessageBody="x")
    user.grant(allow("sqs:*"))
    user.client("sqs").send_message(QueueUrl=queue, MessageBody="x")
    assert aws.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "x"
    with denied(
        f"User: {user.arn} is not authorized to perform: sqs:ReceiveMessage on resource: {arn} "
        "because no resource-based policy allows the sqs:ReceiveMessage action"
    ):
        user.client("sqs").receive_message(QueueUrl=queue)


def test_add_permission_lets_another_accounts_root_in(cloud: LocalCloud, aws: Account, queue: str) -> None:
    other = cloud.account()
    with denied():
        other.client("sqs").send_message(QueueUrl=queue, MessageBody="x")
    aws.client("sqs").add_permission(QueueUrl=queue, Label="l", AWSAccountIds=[other.id], Actions=["SendMessage"])
    other.client("sqs").send_message(QueueUrl=queue, MessageBody="x")


def test_some_actions_are_never_anothers(cloud: LocalCloud, aws: Account, queue: str, arn: str) -> None:
    other = cloud.account()
    set_policy(aws, queue, {**allow("sqs:*", arn), "Principal": {"AWS": other.id}})
    with denied():
        other.client("sqs").tag_queue(QueueUrl=queue, Tags={"a": "b"})


def unsigned(cloud: LocalCloud) -> Any:
    config = Config(signature_version=UNSIGNED, retries={"max_attempts": 0})
    return boto3.client("sqs", endpoint_url=cloud.endpoint, region_name="us-east-1", config=config)


def test_nobody_knows_nothing_of_a_queue_until_its_policy_lets_everybody_in(
    cloud: LocalCloud, aws: Account, queue: str, arn: str
) -> None:
    with denied():
        unsigned(cloud).send_message(QueueUrl=queue, MessageBody="x")
    set_policy(aws, queue, {**allow("sqs:SendMessage", arn), "Principal": "*"})
    unsigned(cloud).send_message(QueueUrl=queue, MessageBody="x")
    with denied():
        unsigned(cloud).receive_message(QueueUrl=queue)
    with denied(code="MissingAuthenticationToken"):
        unsigned(cloud).list_queues()


def test_a_deny_in_the_queue_policy_wins(cloud: LocalCloud, aws: Account, queue: str, arn: str) -> None:
    user = User(cloud, aws.id, allow("*"))
    set_policy(aws, queue, {**deny("sqs:SendMessage", arn), "Principal": "*"})
    with denied(
        f"User: {user.arn} is not authorized to perform: sqs:SendMessage on resource: {arn} "
        "with an explicit deny in a resource-based policy"
    ):
        user.client("sqs").send_message(QueueUrl=queue, MessageBody="x")


# Sessions


def test_a_roles_session_has_its_policies_and_a_session_policy_limits_them(
    cloud: LocalCloud, aws: Account, queue: str, arn: str
) -> None:
    worker = role(cloud, aws.id, "worker", allow("sqs:*"))
    sts = aws.client("sts")
    whole = session(cloud, sts.assume_role(RoleArn=worker, RoleSessionName="session"), "sqs")
    whole.send_message(QueueUrl=queue, MessageBody="x")
    less = document(allow("sqs:ReceiveMessage"))
    answer = sts.assume_role(RoleArn=worker, RoleSessionName="session", Policy=less)
    limited = session(cloud, answer, "sqs")
    limited.receive_message(QueueUrl=queue)
    with denied(
        f"User: {answer['AssumedRoleUser']['Arn']} is not authorized to perform: sqs:SendMessage on resource: {arn} "
        "because no session policy allows the sqs:SendMessage action"
    ):
        limited.send_message(QueueUrl=queue, MessageBody="x")


def test_a_role_is_assumed_by_those_whom_it_trusts(cloud: LocalCloud, aws: Account) -> None:
    user = User(cloud, aws.id)
    trusting = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    by_user = role(cloud, aws.id, "by-user", trust=[trusting | {"Principal": {"AWS": user.arn}}])
    by_account = role(cloud, aws.id, "by-account", trust=[trusting | {"Principal": {"AWS": aws.id}}])
    nobody = role(cloud, aws.id, "nobody", trust=[trusting | {"Principal": {"Service": "ec2.amazonaws.com"}}])
    sts = user.client("sts")
    sts.assume_role(RoleArn=by_user, RoleSessionName="session")
    with denied():
        sts.assume_role(RoleArn=by_account, RoleSessionName="session")
    user.grant(allow("sts:AssumeRole"))
    sts.assume_role(RoleArn=by_account, RoleSessionName="session")
    with denied(
        f"User: {user.arn} is not authorized to perform: sts:AssumeRole on resource: {nobody} "
        "because no role trust policy allows the sts:AssumeRole action"
    ):
        sts.assume_role(RoleArn=nobody, RoleSessionName="session")
    with denied():
        aws.client("sts").assume_role(RoleArn=nobody, RoleSessionName="session")


def test_an_external_id_keeps_a_deputy_from_being_confused(cloud: LocalCloud, aws: Account) -> None:
    vendor = User(cloud, cloud.account().id, allow("sts:AssumeRole"))
    condition = {"StringEquals": {"sts:ExternalId": "12345"}}
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": vendor.arn},
        "Action": "sts:AssumeRole",
        "Condition": condition,
    }
    arn = role(cloud, aws.id, "for-vendor", trust=[statement])
    sts = vendor.client("sts")
    with denied():
        sts.assume_role(RoleArn=arn, RoleSessionName="session")
    with denied():
        sts.assume_role(RoleArn=arn, RoleSessionName="session", ExternalId="54321")
    sts.assume_role(RoleArn=arn, RoleSessionName="session", ExternalId="12345")


def test_tagging_a_session_is_an_action_of_its_own(cloud: LocalCloud, aws: Account) -> None:
    user = User(cloud, aws.id, allow("sts:AssumeRole"))
    statement = {"Effect": "Allow", "Principal": {"AWS": user.arn}, "Action": "sts:AssumeRole"}
    arn = role(cloud, aws.id, "untagged", trust=[statement])
    with denied():
        user.client("sts").assume_role(RoleArn=arn, RoleSessionName="session", Tags=[{"Key": "a", "Value": "b"}])


def test_a_federated_user_has_what_its_user_and_its_session_policy_both_allow(
    cloud: LocalCloud, aws: Account, queue: str
) -> None:
    user = User(cloud, aws.id, allow(["sqs:SendMessage", "sts:GetFederationToken"]))
    sts = user.client("sts")
    federated = sts.get_federation_token(Name="bob", Policy=document(allow(["sqs:SendMessage", "sqs:PurgeQueue"])))
    sqs = session(cloud, federated, "sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    with denied():
        sqs.purge_queue(QueueUrl=queue)
    with denied():
        session(cloud, sts.get_federation_token(Name="bob"), "sqs").send_message(QueueUrl=queue, MessageBody="x")


# Organizations


def test_a_service_control_policy_limits_even_the_root(cloud: LocalCloud, aws: Account, queue: str, arn: str) -> None:
    full = ["p-FullAWSAccess"]
    put(
        cloud,
        aws.id,
        ControlPolicy("p-nopurge", document(deny("sqs:PurgeQueue"))),
        Membership(aws.id, "o-1", "o-1/r-1/", scps=[full, [*full, "p-nopurge"]], rcps=[["p-RCPFullAWSAccess"]]),
    )
    sqs = aws.client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    with denied(
        f"User: arn:aws:iam::{aws.id}:root is not authorized to perform: sqs:PurgeQueue on resource: {arn} "
        "with an explicit deny in a service control policy"
    ):
        sqs.purge_queue(QueueUrl=queue)
    put(cloud, aws.id, Membership(aws.id, "o-1", "o-1/r-1/", scps=[full, []]))
    with denied(
        f"User: arn:aws:iam::{aws.id}:root is not authorized to perform: sqs:SendMessage on resource: {arn} "
        "because no service control policy allows the sqs:SendMessage action"
    ):
        sqs.send_message(QueueUrl=queue, MessageBody="x")
    put(cloud, aws.id, Membership(aws.id, "o-1", "o-1/r-1/", management=True, scps=[full, []]))
    sqs.send_message(QueueUrl=queue, MessageBody="x")


def test_a_resource_control_policy_keeps_strangers_out(cloud: LocalCloud, aws: Account, queue: str, arn: str) -> None:
    other = cloud.account()
    own = {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}
    put(
        cloud,
        aws.id,
        ControlPolicy("p-own", document({**deny("sqs:*", Condition=own), "Principal": "*"})),
        Membership(aws.id, "o-1", "o-1/r-1/", rcps=[["p-RCPFullAWSAccess", "p-own"]]),
    )
    set_policy(aws, queue, {**allow("sqs:*", arn), "Principal": "*"})
    with denied(
        f"User: arn:aws:iam::{other.id}:root is not authorized to perform: sqs:SendMessage on resource: {arn} "
        "with an explicit deny in a resource control policy"
    ):
        other.client("sqs").send_message(QueueUrl=queue, MessageBody="x")
    put(cloud, aws.id, Membership(other.id, "o-1", "o-1/r-1/"))
    other.client("sqs").send_message(QueueUrl=queue, MessageBody="x")


# Services


def calling(cloud: LocalCloud, account: str, principal: Any, queue: str) -> str:
    """The code of the error that a call within the cloud raised, or an empty text."""

    def send() -> str:
        from pileus.kernel import Fault

        call = cloud.server.cloud.call("sns", account=account)
        try:
            call.aws("sqs", principal=principal).send_message(queue_url=queue, message_body="x")
        except Fault as fault:
            return fault.code
        return ""

    return cloud.do(send)


def test_a_service_needs_the_resources_policy_and_may_not_be_a_confused_deputy(
    cloud: LocalCloud, aws: Account, queue: str, arn: str
) -> None:
    topic = f"arn:aws:sns:us-east-1:{aws.id}:topic"
    sns = identity.service("sns.amazonaws.com", topic, aws.id)
    assert calling(cloud, aws.id, sns, queue) == "AccessDenied"
    condition = {"ArnEquals": {"aws:SourceArn": topic}, "StringEquals": {"aws:SourceAccount": aws.id}}
    statement = {**allow("sqs:SendMessage", arn, Condition=condition), "Principal": {"Service": "sns.amazonaws.com"}}
    set_policy(aws, queue, statement)
    assert calling(cloud, aws.id, sns, queue) == ""
    other = identity.service("sns.amazonaws.com", topic.replace(":topic", ":other"), aws.id)
    assert calling(cloud, aws.id, other, queue) == "AccessDenied"
    assert calling(cloud, aws.id, identity.service("s3.amazonaws.com", topic, aws.id), queue) == "AccessDenied"


def test_a_call_on_a_users_behalf_says_so(cloud: LocalCloud, aws: Account, queue: str) -> None:
    condition = {"Bool": {"aws:ViaAWSService": "true"}, "StringEquals": {"aws:CalledViaFirst": "sns.amazonaws.com"}}
    user = User(cloud, aws.id, allow("sqs:SendMessage", Condition=condition))
    with denied():
        user.client("sqs").send_message(QueueUrl=queue, MessageBody="x")

    def send() -> Any:
        from pileus.kernel.identity import Principal

        principal = Principal("IAMUser", aws.id, user.arn, user.id, user.key)
        call = cloud.server.cloud.call("sns", account=aws.id, principal=principal)
        return call.aws("sqs").send_message(queue_url=queue, message_body="x")

    assert cloud.do(send)["MessageId"]


def test_what_is_undone_is_not_remembered(cloud: LocalCloud, aws: Account, queue: str) -> None:
    user = User(cloud, aws.id)

    def attempt() -> None:
        from pileus.kernel import Call
        from pileus.kernel.access.attached import Grants
        from pileus.kernel.identity import Principal

        kernel = cloud.server.cloud
        call: Call = kernel.call(
            "sqs", account=aws.id, principal=Principal("IAMUser", aws.id, user.arn, user.id, user.key)
        )
        with pytest.raises(ZeroDivisionError), kernel.store.attempt():
            Grants(id=user.id, owner=user.arn, inline={"p": document(allow("*"))}).put(call)
            call.aws("sqs").send_message(queue_url=queue, message_body="x")
            raise ZeroDivisionError

    cloud.do(attempt)
    with denied():
        user.client("sqs").send_message(QueueUrl=queue, MessageBody="x")


def test_a_denied_policy_document_is_refused_by_the_queue(aws: Account, queue: str) -> None:
    policy = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Maybe", "Action": "sqs:*", "Resource": "*"}]}
    )
    with denied(code="InvalidAttributeValue"):
        aws.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})


def test_a_reset_forgets_what_was_decided(cloud: LocalCloud, aws: Account, queue: str) -> None:
    from urllib.request import Request, urlopen

    put(cloud, aws.id, Membership(aws.id, "o-1", scps=[[]]))
    with denied():
        aws.client("sqs").send_message(QueueUrl=queue, MessageBody="x")
    user = User(cloud, aws.id, allow("*"))
    cloud.do(lambda: Membership(aws.id, "").delete(cloud.server.cloud.system))
    user.client("sqs").send_message(QueueUrl=queue, MessageBody="x")
    urlopen(Request(f"{cloud.endpoint}/_pileus/reset?account={aws.id}", method="POST")).read()
    with denied(code="InvalidClientTokenId"):
        session(
            cloud,
            {"Credentials": {"AccessKeyId": "ASIA" + user.key[4:], "SecretAccessKey": "x", "SessionToken": "y"}},
            "sqs",
        ).list_queues()
    aws.client("sqs").create_queue(QueueName="orders")
