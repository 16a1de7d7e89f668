"""The userIdentity of each kind of caller."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.services.cloudtrail.test_history import named

EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def role(aws: Any, principal: dict[str, str]) -> str:
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = iam.create_role(RoleName="crew", AssumeRolePolicyDocument=document)["Role"]
    iam.put_role_policy(RoleName="crew", PolicyName="all", PolicyDocument=EVERYTHING)
    return str(made["Arn"])


def keys(credentials: dict[str, Any]) -> dict[str, str]:
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def test_a_roles_session_names_its_issuer(aws: Any) -> None:
    arn = role(aws, {"AWS": aws.id})
    issued = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="ahoy")["Credentials"]
    aws.client("sqs", **keys(issued)).create_queue(QueueName="letters")
    (record,) = named(aws, "CreateQueue")
    who = record["userIdentity"]
    assert who["type"] == "AssumedRole"
    assert who["arn"] == f"arn:aws:sts::{aws.id}:assumed-role/crew/ahoy"
    assert who["accessKeyId"] == issued["AccessKeyId"]
    context = who["sessionContext"]
    assert context["sessionIssuer"] == {
        "type": "Role",
        "principalId": who["principalId"].split(":")[0],
        "arn": arn,
        "accountId": aws.id,
        "userName": "crew",
    }
    assert context["attributes"]["mfaAuthenticated"] == "false"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", context["attributes"]["creationDate"])
    (assumed,) = named(aws, "AssumeRole")
    assert assumed["readOnly"] is True
    assert assumed["responseElements"]["credentials"]["accessKeyId"] == issued["AccessKeyId"]
    assert issued["SecretAccessKey"] not in json.dumps(assumed)
    assert issued["SessionToken"] not in json.dumps(assumed)


def test_a_federated_user_names_the_user_under_whom_it_is(aws: Any) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="bob")
    iam.put_user_policy(UserName="bob", PolicyName="all", PolicyDocument=EVERYTHING)
    key = iam.create_access_key(UserName="bob")["AccessKey"]
    bob = aws.client("sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    issued = bob.get_federation_token(Name="guest", Policy=EVERYTHING)["Credentials"]
    aws.client("sqs", **keys(issued)).create_queue(QueueName="letters")
    (record,) = named(aws, "CreateQueue")
    assert record["userIdentity"]["type"] == "FederatedUser"
    assert record["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == "bob"


def test_a_service_that_calls_for_somebody_is_named(aws: Any) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["KeyId"]
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=f"sealed-{aws.id}")
    s3.put_object(Bucket=f"sealed-{aws.id}", Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    (record,) = named(aws, "GenerateDataKey")
    assert record["userIdentity"]["type"] == "Root"
    assert record["userIdentity"]["invokedBy"] == "s3.amazonaws.com"
    assert (record["sourceIPAddress"], record["userAgent"]) == ("s3.amazonaws.com", "s3.amazonaws.com")


def test_a_call_across_accounts_is_an_event_in_both(aws: Any) -> None:
    other = aws.cloud.account()
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="letters")["QueueUrl"]
    with pytest.raises(ClientError):
        other.client("sqs").purge_queue(QueueUrl=url)
    (refused,) = named(other, "PurgeQueue")
    assert refused["errorCode"]
    assert named(aws, "PurgeQueue") == []
    allow = {"Effect": "Allow", "Principal": {"AWS": other.id}, "Action": "sqs:PurgeQueue", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    other.client("sqs").purge_queue(QueueUrl=url)
    theirs, _ = named(other, "PurgeQueue")
    (ours,) = named(aws, "PurgeQueue")
    assert theirs["userIdentity"]["type"] == "Root"
    assert ours["userIdentity"] == {"type": "AWSAccount", "principalId": other.id, "accountId": other.id}
    assert (ours["recipientAccountId"], theirs["recipientAccountId"]) == (aws.id, other.id)
    assert ours["sharedEventID"] == theirs["sharedEventID"]
    assert ours["eventID"] != theirs["eventID"]


def test_a_role_of_another_account_is_told_of_in_both(aws: Any) -> None:
    other = aws.cloud.account()
    arn = role(aws, {"AWS": other.id})
    other.client("sts").assume_role(RoleArn=arn, RoleSessionName="ahoy")
    assert len(named(aws, "AssumeRole")) == len(named(other, "AssumeRole")) == 1
    assert named(aws, "AssumeRole")[0]["userIdentity"]["type"] == "AWSAccount"
