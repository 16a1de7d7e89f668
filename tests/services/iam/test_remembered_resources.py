"""Decisions are remembered, and rest on what is asked for too: its policy, its tags, its name, its owner, its place."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.request import Request, urlopen

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account
from tests.services.s3control.conftest import names_under_localhost

from .asking import acting, allow, document, trusting, user_with_key
from .test_remembered import Ask, created, deny, everybody, may, remembered


@pytest.fixture
def alice(iam: Any, cloud: LocalCloud) -> Callable[..., Any]:
    """A client of a service as a user who may do what the statements say."""
    key: dict[str, Any] = user_with_key(iam, "alice")

    def client(service: str, *statements: dict[str, Any]) -> Any:
        if statements:
            iam.put_user_policy(UserName="alice", PolicyName="inline", PolicyDocument=document(*statements))
        return acting(cloud, key, service)

    return client


@pytest.fixture
def mallory(other: Account, cloud: LocalCloud) -> Callable[[str], Any]:
    """A client of a service as a user of another account, who may do there whatever others let it do."""
    key = user_with_key(other.client("iam"), "mallory", allow("*"))
    return lambda service: acting(cloud, key, service)


# A queue: found by the operation


def test_a_queues_policy_its_tags_and_its_successor(
    aws: Account, alice: Any, mallory: Callable[[str], Any], other: Account, clock: Any
) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="orders", tags={"team": "red"})["QueueUrl"]
    red = {"StringEquals": {"aws:ResourceTag/team": "red"}}
    mine = alice("sqs", allow("sqs:SendMessage", Condition=red))
    theirs = mallory("sqs")

    def policy(*statements: dict[str, Any]) -> None:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(*statements) if statements else ""})

    own = remembered(lambda: mine.send_message(QueueUrl=url, MessageBody="x"))
    strange: Ask = lambda: theirs.send_message(QueueUrl=url, MessageBody="x")  # noqa: E731
    assert not may(strange)
    policy(everybody(allow("sqs:SendMessage"), {"AWS": other.id}))
    remembered(strange)
    sqs.tag_queue(QueueUrl=url, Tags={"team": "blue"})
    assert (may(own), may(strange)) == (False, True)
    sqs.tag_queue(QueueUrl=url, Tags={"team": "red"})
    remembered(own)
    policy(everybody(allow("sqs:SendMessage"), {"AWS": other.id}), everybody(deny("sqs:SendMessage")))
    assert (may(own), may(strange)) == (False, False)
    policy(everybody(allow("sqs:SendMessage"), {"AWS": other.id}))
    remembered(own)
    remembered(strange)
    policy()
    assert (may(own), may(strange)) == (True, False)
    policy(everybody(allow("sqs:SendMessage"), {"AWS": other.id}))
    remembered(strange)
    sqs.delete_queue(QueueUrl=url)
    clock.advance(61)
    sqs.create_queue(QueueName="orders")
    assert (may(own), may(strange)) == (False, False)


def test_a_service_that_speaks_for_another_topic(aws: Account, clock: Any) -> None:
    sqs, sns = aws.client("sqs"), aws.client("sns")
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{aws.id}:orders"
    good, bad = (sns.create_topic(Name=name)["TopicArn"] for name in ("good", "bad"))
    statement = allow("sqs:SendMessage", arn, Condition={"ArnEquals": {"aws:SourceArn": good}})
    policy = document(everybody(statement, {"Service": "sns.amazonaws.com"}))
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    for topic in (good, bad):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})

    def arrived() -> list[str]:
        clock.advance(1)
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in found]

    for number in range(3):
        sns.publish(TopicArn=good, Message=f"{number}")
        assert arrived() == [f"{number}"]
    sns.publish(TopicArn=bad, Message="no")
    sns.publish(TopicArn=good, Message="yes")
    assert arrived() == ["yes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    sns.publish(TopicArn=good, Message="no more")
    assert arrived() == []


# What is known by more than its name


def test_a_secret_of_the_same_name_is_another(aws: Account, alice: Any) -> None:
    """Secrets Manager User Guide, "Permissions policy examples": the random end of an ARN is there so that whoever
    might read a secret that was deleted may not read its successor."""
    admin = aws.client("secretsmanager")
    arn = admin.create_secret(Name="db", SecretString="old")["ARN"]
    secrets = alice("secretsmanager", allow("secretsmanager:GetSecretValue", arn))
    read = remembered(lambda: secrets.get_secret_value(SecretId="db"))
    admin.delete_secret(SecretId="db", ForceDeleteWithoutRecovery=True)
    assert admin.create_secret(Name="db", SecretString="new")["ARN"] != arn
    assert not may(read)


def test_a_secrets_policy(aws: Account, alice: Any, iam: Any) -> None:
    admin = aws.client("secretsmanager")
    admin.create_secret(Name="db", SecretString="x")
    secrets = alice("secretsmanager")
    read: Ask = lambda: secrets.get_secret_value(SecretId="db")  # noqa: E731
    assert not may(read)
    user = iam.get_user(UserName="alice")["User"]["Arn"]
    policy = document(everybody(allow("secretsmanager:GetSecretValue"), {"AWS": user}))
    admin.put_resource_policy(SecretId="db", ResourcePolicy=policy)
    remembered(read)
    admin.delete_resource_policy(SecretId="db")
    assert not may(read)


def test_an_event_buss_destination_of_the_same_name(aws: Account, alice: Any) -> None:
    events = aws.client("events")
    auth = {"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}}

    def connection() -> str:
        return str(
            events.create_connection(Name="c", AuthorizationType="API_KEY", AuthParameters=auth)["ConnectionArn"]
        )

    arn = connection()
    client = alice("events", allow("events:DescribeConnection", arn))
    read = remembered(lambda: client.describe_connection(Name="c"))
    events.delete_connection(Name="c")
    assert connection() != arn
    assert not may(read)


LAMBDA_TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
CODE = io.BytesIO()
with zipfile.ZipFile(CODE, "w") as archive:
    archive.writestr("index.py", "def handler(event, context): return 1")


def test_a_functions_versions_and_aliases_are_asked_for_one_by_one(
    aws: Account, alice: Any, iam: Any, mallory: Callable[[str], Any], other: Account
) -> None:
    iam.create_role(RoleName="f", AssumeRolePolicyDocument=document(LAMBDA_TRUST))
    admin = aws.client("lambda")
    arn = admin.create_function(
        FunctionName="f",
        Runtime="python3.12",
        Handler="index.handler",
        Role=f"arn:aws:iam::{aws.id}:role/f",
        Code={"ZipFile": CODE.getvalue()},
        Publish=True,
    )["FunctionArn"].removesuffix(":1")
    for name in ("prod", "dev"):
        admin.create_alias(FunctionName="f", Name=name, FunctionVersion="1")
    client = alice("lambda", allow("lambda:GetFunctionConfiguration", f"{arn}:prod"))

    def read(by: Any, qualifier: str, name: str = "f") -> Ask:
        more = {"Qualifier": qualifier} if qualifier else {}
        return lambda: by.get_function_configuration(FunctionName=name, **more)

    prod = remembered(read(client, "prod"))
    assert [may(read(client, one)) for one in ("dev", "1", "", "$LATEST")] == [False] * 4
    assert [may(read(client, "", f"{arn}:{one}")) for one in ("dev", "prod")] == [False, True]
    admin.add_permission(
        FunctionName="f",
        Qualifier="prod",
        StatementId="s",
        Action="lambda:GetFunctionConfiguration",
        Principal=other.id,
    )
    theirs = mallory("lambda")
    remembered(read(theirs, "prod", arn))
    assert [may(read(theirs, one, arn)) for one in ("dev", "")] == [False, False]
    admin.remove_permission(FunctionName="f", Qualifier="prod", StatementId="s")
    assert (may(read(theirs, "prod", arn)), may(prod)) == (False, True)


# Keys


def test_a_keys_policy_and_its_grants(
    aws: Account, alice: Any, iam: Any, mallory: Callable[[str], Any], other: Account
) -> None:
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]
    key_id, arn = key["KeyId"], key["Arn"]
    whole = everybody(allow("kms:*"), {"AWS": f"arn:aws:iam::{aws.id}:root"})
    mine, theirs = alice("kms"), mallory("kms")
    user = iam.get_user(UserName="alice")["User"]["Arn"]
    encrypt: Ask = lambda: mine.encrypt(KeyId=key_id, Plaintext=b"x")  # noqa: E731
    assert not may(encrypt)
    grant = kms.create_grant(KeyId=key_id, GranteePrincipal=user, Operations=["Encrypt"])["GrantId"]
    remembered(encrypt)
    kms.revoke_grant(KeyId=key_id, GrantId=grant)
    assert not may(encrypt)
    kms.create_grant(
        KeyId=key_id,
        GranteePrincipal=user,
        Operations=["Encrypt"],
        Constraints={"EncryptionContextEquals": {"app": "orders"}},
    )
    remembered(lambda: mine.encrypt(KeyId=key_id, Plaintext=b"x", EncryptionContext={"app": "orders"}))
    assert not may(lambda: mine.encrypt(KeyId=key_id, Plaintext=b"x", EncryptionContext={"app": "letters"}))
    assert not may(encrypt)
    strange: Ask = lambda: theirs.encrypt(KeyId=arn, Plaintext=b"x")  # noqa: E731
    assert not may(strange)
    kms.put_key_policy(KeyId=key_id, Policy=document(whole, everybody(allow("kms:Encrypt"), {"AWS": other.id})))
    remembered(strange)
    via = everybody(deny("kms:Encrypt", Condition={"StringNotEquals": {"kms:EncryptionContext:a": "b"}}), {"AWS": "*"})
    kms.put_key_policy(KeyId=key_id, Policy=document(whole, everybody(allow("kms:Encrypt"), {"AWS": other.id}), via))
    assert not may(strange)
    remembered(lambda: theirs.encrypt(KeyId=arn, Plaintext=b"x", EncryptionContext={"a": "b"}))
    assert not may(strange)
    assert not may(lambda: aws.client("kms").encrypt(KeyId=key_id, Plaintext=b"x")), "the root is bound too"
    kms.put_key_policy(KeyId=key_id, Policy=document(whole))
    assert not may(strange)
    remembered(lambda: aws.client("kms").encrypt(KeyId=key_id, Plaintext=b"x"))


def test_an_alias_that_names_another_key(aws: Account, alice: Any) -> None:
    kms = aws.client("kms")
    first, second = (kms.create_key()["KeyMetadata"] for _ in range(2))
    kms.create_alias(AliasName="alias/a", TargetKeyId=first["KeyId"])
    mine = alice("kms", allow("kms:Encrypt", first["Arn"]))
    encrypt = remembered(lambda: mine.encrypt(KeyId="alias/a", Plaintext=b"x"))
    kms.update_alias(AliasName="alias/a", TargetKeyId=second["KeyId"])
    assert not may(encrypt)
    kms.update_alias(AliasName="alias/a", TargetKeyId=first["KeyId"])
    assert may(encrypt)


# Buckets


def test_a_buckets_policy_its_public_access_block_and_its_acl(
    aws: Account, alice: Any, mallory: Callable[[str], Any], other: Account
) -> None:
    s3, name = aws.client("s3"), f"remembered-{aws.id}"
    s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerPreferred")
    s3.delete_public_access_block(Bucket=name)
    mine, theirs = alice("s3", allow("s3:ListBucket")), mallory("s3")
    own = remembered(lambda: mine.list_objects_v2(Bucket=name))
    strange: Ask = lambda: theirs.list_objects_v2(Bucket=name)  # noqa: E731
    assert not may(strange)
    listing = allow("s3:ListBucket", f"arn:aws:s3:::{name}")
    s3.put_bucket_policy(Bucket=name, Policy=document(everybody(listing)))
    remembered(strange)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert (may(own), may(strange)) == (True, False)
    s3.delete_public_access_block(Bucket=name)
    remembered(strange)
    s3.put_bucket_policy(Bucket=name, Policy=document(everybody(listing | {"Effect": "Deny"}, {"AWS": "*"})))
    assert (may(own), may(strange)) == (False, False)
    s3.delete_bucket_policy(Bucket=name)
    assert (may(own), may(strange)) == (True, False)
    s3.put_bucket_acl(Bucket=name, ACL="public-read")
    remembered(strange)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    assert not may(strange)
    s3.delete_public_access_block(Bucket=name)
    remembered(strange)
    s3.put_bucket_acl(Bucket=name, ACL="private")
    assert not may(strange)
    in_home = {"StringLike": {"s3:prefix": "home/*"}}
    alice("s3", allow("s3:ListBucket", Condition=in_home))
    remembered(lambda: mine.list_objects_v2(Bucket=name, Prefix="home/alice"))
    assert not may(lambda: mine.list_objects_v2(Bucket=name, Prefix="away"))


def test_a_bucket_that_is_another_accounts_now(
    aws: Account, alice: Any, mallory: Callable[[str], Any], other: Account
) -> None:
    name = f"moving-{aws.id}"
    aws.client("s3").create_bucket(Bucket=name)
    mine = alice("s3", allow("s3:*"))
    own = remembered(lambda: mine.list_objects_v2(Bucket=name))
    put = remembered(lambda: mine.put_object(Bucket=name, Key="k", Body=b"x"))
    mine.delete_object(Bucket=name, Key="k")
    aws.client("s3").delete_bucket(Bucket=name)
    other.client("s3").create_bucket(Bucket=name)
    assert (may(own), may(put)) == (False, False)
    theirs = mallory("s3")
    remembered(lambda: theirs.list_objects_v2(Bucket=name))


@pytest.mark.usefixtures(names_under_localhost.__name__)
def test_an_access_points_policy(aws: Account, alice: Any) -> None:
    s3, name = aws.client("s3"), f"pointed-{aws.id}"
    control = aws.client("s3control")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    point = control.create_access_point(AccountId=aws.id, Name="point", Bucket=name)
    arn, alias = point["AccessPointArn"], point["Alias"]
    mine = alice("s3", allow("s3:GetObject", [f"{arn}/object/*", f"arn:aws:s3:::{name}/*"]))
    get = remembered(lambda: mine.get_object(Bucket=alias, Key="k"))
    policy = document(everybody(deny("s3:GetObject", f"{arn}/object/*"), {"AWS": "*"}))
    control.put_access_point_policy(AccountId=aws.id, Name="point", Policy=policy)
    assert not may(get)
    control.delete_access_point_policy(AccountId=aws.id, Name="point")
    remembered(get)
    s3.put_bucket_policy(
        Bucket=name, Policy=document(everybody(deny("s3:GetObject", f"arn:aws:s3:::{name}/*"), {"AWS": "*"}))
    )
    assert not may(get)


# Tables


def test_a_tables_policy_its_indexes_and_the_keys_that_are_asked_for(
    aws: Account, alice: Any, mallory: Callable[[str], Any], other: Account
) -> None:
    dynamodb = aws.client("dynamodb")
    arn = dynamodb.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )["TableDescription"]["TableArn"]
    mine, theirs = alice("dynamodb", allow("dynamodb:GetItem", arn)), mallory("dynamodb")

    def get(by: Any, key: str = "a", table: str = arn) -> Ask:
        return lambda: by.get_item(TableName=table, Key={"k": {"S": key}})

    remembered(get(mine))
    assert not may(get(theirs))
    letting = document(everybody(allow("dynamodb:GetItem", arn), {"AWS": other.id}))
    dynamodb.put_resource_policy(ResourceArn=arn, Policy=letting)
    remembered(get(theirs))
    dynamodb.delete_resource_policy(ResourceArn=arn)
    assert (may(get(mine)), may(get(theirs))) == (True, False)
    leading = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["a"]}}
    alice("dynamodb", allow("dynamodb:GetItem", arn, Condition=leading))
    remembered(get(mine, "a"))
    assert not may(get(mine, "b"))
    batch = {"RequestItems": {"orders": {"Keys": [{"k": {"S": "a"}}]}}}
    alice("dynamodb", allow("dynamodb:BatchGetItem", arn))
    dynamodb.create_table(
        TableName="other",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    remembered(lambda: mine.batch_get_item(**batch))
    batch["RequestItems"]["other"] = batch["RequestItems"]["orders"]
    assert not may(lambda: mine.batch_get_item(**batch))


# Streams, logs, buses


def test_policies_of_streams_groups_and_buses(
    aws: Account, mallory: Callable[[str], Any], other: Account, clock: Any
) -> None:
    kinesis, events = aws.client("kinesis"), aws.client("events")
    kinesis.create_stream(StreamName="orders", ShardCount=1)
    clock.advance(30)
    arn = kinesis.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]["StreamARN"]
    theirs = mallory("kinesis")
    put: Ask = lambda: theirs.put_record(StreamARN=arn, Data=b"x", PartitionKey="k")  # noqa: E731
    assert not may(put)
    kinesis.put_resource_policy(
        ResourceARN=arn, Policy=document(everybody(allow("kinesis:PutRecord", arn), {"AWS": other.id}))
    )
    remembered(put)
    kinesis.delete_resource_policy(ResourceARN=arn)
    assert not may(put)
    bus = f"arn:aws:events:us-east-1:{aws.id}:event-bus/default"
    at_bus = mallory("events")
    entry = {"Source": "own", "DetailType": "t", "Detail": "{}", "EventBusName": bus}

    def tell() -> bool:
        answer: Any = {}

        def ask() -> None:
            answer.update(at_bus.put_events(Entries=[entry]))

        return may(ask) and not answer["FailedEntryCount"]

    assert not tell()
    events.put_permission(Action="events:PutEvents", Principal=other.id, StatementId="s")
    assert [tell() for _ in range(3)] == [True] * 3
    events.remove_permission(StatementId="s")
    assert not tell()


def test_a_parameter_that_is_shared_and_then_no_more(
    aws: Account, mallory: Callable[[str], Any], other: Account
) -> None:
    ssm, ram = aws.client("ssm"), aws.client("ram")
    ssm.put_parameter(Name="/shared", Value="x", Type="String", Tier="Advanced")
    arn = f"arn:aws:ssm:us-east-1:{aws.id}:parameter/shared"
    theirs = mallory("ssm")
    read: Ask = lambda: theirs.get_parameter(Name=arn)  # noqa: E731

    def readable() -> bool:
        try:
            return may(read)
        except theirs.exceptions.ParameterNotFound:
            return False

    assert not readable()
    share = ram.create_resource_share(name="s", resourceArns=[arn], principals=[other.id])["resourceShare"]
    for asked in other.client("ram").get_resource_share_invitations()["resourceShareInvitations"]:
        other.client("ram").accept_resource_share_invitation(
            resourceShareInvitationArn=asked["resourceShareInvitationArn"]
        )
    assert [readable() for _ in range(3)] == [True] * 3
    ram.disassociate_resource_share(resourceShareArn=share["resourceShareArn"], resourceArns=[arn])
    assert not readable()


# IAM itself


def test_a_role_that_comes_to_be_bounded(iam: Any, aws: Account, alice: Any) -> None:
    """What a request is about may have other condition keys the next time."""
    boundary = created(iam, "boundary", allow("sqs:*"))
    policy = created(iam, "policy", allow("sqs:*"))
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting(aws.id), PermissionsBoundary=boundary)
    bounded = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    client = alice("iam", allow("iam:AttachRolePolicy", Condition=bounded))
    attach = remembered(lambda: client.attach_role_policy(RoleName="r", PolicyArn=policy))
    iam.delete_role_permissions_boundary(RoleName="r")
    assert not may(attach)


def test_an_account_that_is_reset(aws: Account, cloud: LocalCloud, alice: Any) -> None:
    mine = alice("sqs", allow("sqs:*"))
    url = aws.client("sqs").create_queue(QueueName="orders")["QueueUrl"]
    send = remembered(lambda: mine.send_message(QueueUrl=url, MessageBody="x"))
    urlopen(Request(f"{cloud.endpoint}/_pileus/reset?account={aws.id}", method="POST")).read()
    aws.client("sqs").create_queue(QueueName="orders")
    assert not may(send), "nobody knows the key any more, which is as good as one of the default account"
