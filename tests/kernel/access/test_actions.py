"""From operations to actions and ARNs: AWS's data, and the few exceptions that are typed by hand."""

from __future__ import annotations

from typing import Any

import pytest

from pileus import models
from pileus.kernel import Call, Service
from pileus.kernel.access import actions, exceptions, resources
from pileus.kernel.operation import Bound

ACCOUNT = "111122223333"


def bound(service: str, operation: str) -> Bound:
    """An operation of any API, implemented by nothing."""
    declared = Service(service)
    declared.operation(name=operation)(lambda call, request: {})
    return declared.bound(operation)


def arns(call: Call, service: str, operation: str, **request: Any) -> list[str]:
    at = bound(service, operation)
    return resources.named(call, at, actions.action_of(service, at.model), request)


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("sqs", "SendMessage", "sqs:SendMessage"),
        ("sqs", "SendMessageBatch", "sqs:SendMessage"),
        ("s3", "ListObjectsV2", "s3:ListBucket"),
        ("s3", "HeadObject", "s3:GetObject"),
        ("s3", "PutBucketCors", "s3:PutBucketCORS"),
        ("s3", "GetBucketAcl", "s3:GetBucketAcl"),
        ("lambda", "Invoke", "lambda:InvokeFunction"),
        ("stepfunctions", "StartExecution", "states:StartExecution"),
        ("elbv2", "CreateLoadBalancer", "elasticloadbalancing:CreateLoadBalancer"),
        ("cloudwatch", "PutMetricData", "cloudwatch:PutMetricData"),
        ("sesv2", "SendEmail", "ses:SendEmail"),
        ("dynamodbstreams", "GetRecords", "dynamodb:GetRecords"),
        ("apigateway", "CreateRestApi", "apigateway:POST"),
        ("apigatewayv2", "DeleteApi", "apigateway:DELETE"),
        ("resourcegroupstaggingapi", "GetResources", "tag:GetResources"),
        ("efs", "CreateFileSystem", "elasticfilesystem:CreateFileSystem"),
    ],
)
def test_the_action_of_an_operation(service: str, operation: str, action: str) -> None:
    assert actions.action_of(service, models.load(service).operation(operation)) == action


def test_every_exception_names_an_operation_and_an_action_that_there_are() -> None:
    for service, named in exceptions.ACTIONS.items():
        vendor = actions.prefix_of(service)
        for operation, action in named.items():
            assert operation in models.load(service).operation_names, (service, operation)
            assert actions.lookup(action if ":" in action else f"{vendor}:{action}"), (vendor, action)
    for (service, operation), (_, action) in exceptions.INSTEAD.items():
        assert operation in models.load(service).operation_names
        assert actions.lookup(f"{service}:{action}"), action
    for (service, _), members in exceptions.BESIDE.items():
        assert all(actions.lookup(f"{service}:{action}") for action in members.values())


def test_nearly_all_operations_are_known_to_the_data() -> None:
    known = total = 0
    for service in (
        "sqs",
        "sns",
        "iam",
        "sts",
        "kms",
        "lambda",
        "dynamodb",
        "s3",
        "logs",
        "ssm",
        "secretsmanager",
        "events",
    ):
        for name in models.load(service).operation_names:
            total += 1
            known += actions.lookup(actions.action_of(service, models.load(service).operation(name))) is not None
    assert known / total > 0.93


def test_levels_and_dependents_are_known() -> None:
    send = actions.lookup("SQS:sendmessage")
    assert send
    assert (send.name, send.level, dict(send.kinds)) == ("SendMessage", "Write", {"queue": True})
    create = actions.lookup("lambda:CreateFunction")
    assert create
    assert "iam:PassRole" in create.dependents
    assert actions.lookup("sqs:Nothing") is None
    assert actions.lookup("nothing:Nothing") is None


@pytest.mark.parametrize(
    ("service", "operation", "request_", "expected"),
    [
        ("sqs", "CreateQueue", {"QueueName": "q"}, ["arn:aws:sqs:us-east-1:111122223333:q"]),
        ("sqs", "ListQueues", {}, ["*"]),
        ("s3", "ListObjectsV2", {"Bucket": "b"}, ["arn:aws:s3:::b"]),
        ("s3", "PutObject", {"Bucket": "b", "Key": "a/c"}, ["arn:aws:s3:::b/a/c"]),
        ("s3", "ListBuckets", {}, ["*"]),
        ("iam", "CreateUser", {"UserName": "u", "Path": "/team/"}, ["arn:aws:iam::111122223333:user/team/u"]),
        ("iam", "CreateUser", {"UserName": "u"}, ["arn:aws:iam::111122223333:user/u"]),
        ("iam", "GetPolicy", {"PolicyArn": "arn:aws:iam::aws:policy/P"}, ["arn:aws:iam::aws:policy/P"]),
        (
            "sns",
            "Publish",
            {"TopicArn": "arn:aws:sns:us-east-1:111122223333:t"},
            ["arn:aws:sns:us-east-1:111122223333:t"],
        ),
        ("sns", "CreateTopic", {"Name": "t"}, ["arn:aws:sns:us-east-1:111122223333:t"]),
        ("lambda", "Invoke", {"FunctionName": "f"}, ["arn:aws:lambda:us-east-1:111122223333:function:f"]),
        (
            "lambda",
            "Invoke",
            {"FunctionName": "arn:aws:lambda:eu-west-1:444455556666:function:f"},
            ["arn:aws:lambda:eu-west-1:444455556666:function:f"],
        ),
        ("dynamodb", "GetItem", {"TableName": "t"}, ["arn:aws:dynamodb:us-east-1:111122223333:table/t"]),
        (
            "dynamodb",
            "Query",
            {"TableName": "t", "IndexName": "i"},
            ["arn:aws:dynamodb:us-east-1:111122223333:table/t/index/i"],
        ),
        (
            "logs",
            "PutLogEvents",
            {"logGroupName": "/a/b", "logStreamName": "s"},
            ["arn:aws:logs:us-east-1:111122223333:log-group:/a/b:log-stream:s"],
        ),
        (
            "ec2",
            "TerminateInstances",
            {"InstanceIds": ["i-1", "i-2"]},
            [f"arn:aws:ec2:us-east-1:111122223333:instance/{name}" for name in ("i-1", "i-2")],
        ),
        ("ec2", "DescribeInstances", {}, ["*"]),
        ("kms", "CreateKey", {}, ["*"]),
        (
            "apigateway",
            "GetResource",
            {"restApiId": "a", "resourceId": "r"},
            ["arn:aws:apigateway:us-east-1::/restapis/a/resources/r"],
        ),
        (
            "sts",
            "AssumeRole",
            {"RoleArn": "arn:aws:iam::444455556666:role/a/b"},
            ["arn:aws:iam::444455556666:role/a/b"],
        ),
    ],
)
def test_the_resources_of_a_request(
    call: Call, service: str, operation: str, request_: dict[str, Any], expected: list[str]
) -> None:
    assert arns(call, service, operation, **request_) == expected


def test_what_must_be_allowed_and_has_no_name_yet_is_any(call: Call) -> None:
    assert f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/*" in arns(call, "ec2", "RunInstances", ImageId="ami-1")


def test_every_operation_of_every_service_can_be_asked_about(call: Call) -> None:
    """Whatever the model, there is an action and there are resources: nothing falls over."""
    for service in ("ec2", "iam", "s3", "rds", "glue", "ssm", "apigateway", "cloudfront", "organizations", "events"):
        for name in models.load(service).operation_names:
            found = arns(call, service, name)
            assert found, (service, name)
            assert all(arn == "*" or arn.startswith("arn:") for arn in found), found
