"""The life of functions: their configuration, code, versions, aliases, layers and permissions."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from typing import Any

import pytest

from pileus.kernel import Fault
from pileus.kernel.clock import Clock
from pileus.kernel.cloud import Cloud
from pileus.kernel.store import open_store
from pileus.services.lambda_.archives import fetched

from .conftest import Functions, package

VERSION = """
    import os

    def handler(event, context):
        return os.environ["AWS_LAMBDA_FUNCTION_VERSION"] + "-" + os.environ.get("STAGE", "none")
"""


def returning(value: Any) -> bytes:
    return package({"app.py": f"def handler(event, context): return {value!r}"})


def test_a_function_is_pending_at_first_and_then_active(functions: Functions) -> None:
    created = functions.create("def handler(e, c): return 1")
    assert created["State"] == "Pending"
    assert created["StateReasonCode"] == "Creating"
    functions.client.get_waiter("function_active_v2").wait(FunctionName="function")
    code = package({"app.py": "def handler(e, c): return 1"})
    found = functions.client.get_function(FunctionName="function")["Configuration"]
    assert found["State"] == "Active"
    assert found["CodeSize"] == len(code)
    assert found["CodeSha256"] == base64.b64encode(hashlib.sha256(code).digest()).decode()
    assert found["FunctionArn"] == f"arn:aws:lambda:us-east-1:{functions.account.id}:function:function"
    defaults = {"Timeout": 3, "MemorySize": 128, "Version": "$LATEST", "PackageType": "Zip", "Description": ""}
    assert {name: found[name] for name in defaults} == defaults
    assert found["Architectures"] == ["x86_64"]
    assert found["EphemeralStorage"] == {"Size": 512}
    assert found["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/aws/lambda/function"}


def test_a_name_is_given_once(functions: Functions, refused) -> None:
    functions.create("")
    with refused("ResourceConflictException", "Function already exist: function"):
        functions.create("")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"Code": {"ZipFile": b"no zip"}}, "Could not unzip uploaded file."),
        ({"Runtime": "python2.7"}, "is no longer supported for creating or updating AWS Lambda functions"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "reserved keys"),
        ({"Environment": {"Variables": {"LONG": "x" * 4096}}}, "exceeded the 4KB limit"),
        ({"VpcConfig": {"SubnetIds": ["subnet-1"]}}, "SubnetIds and SecurityIds must coexist"),
        ({"DeadLetterConfig": {"TargetArn": "arn:aws:s3:::x"}}, "must be an SNS topic or an SQS queue"),
        ({"Layers": ["arn:aws:lambda:us-east-1:111122223333:layer:nowhere:1"]}, "does not exist"),
        ({"LoggingConfig": {"LogFormat": "Text", "ApplicationLogLevel": "INFO"}}, "must be JSON"),
    ],
)
def test_what_cannot_be_configured_is_refused_and_leaves_nothing(
    functions: Functions, refused, members: dict[str, Any], message: str
) -> None:
    with refused("InvalidParameterValueException", message):
        functions.create("", **members)
    assert functions.client.list_functions()["Functions"] == []


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"Timeout": 901}, "Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than"),
        ({"MemorySize": 10241}, "at 'memorySize' failed to satisfy constraint: Member must have value less than"),
    ],
)
def test_a_function_is_neither_larger_nor_slower_than_allowed(
    functions: Functions, refused, members: dict[str, Any], message: str
) -> None:
    with refused("ValidationException", message):
        functions.create("", **members)
    functions.create("")
    functions.client.get_waiter("function_active_v2").wait(FunctionName="function")
    with refused("ValidationException", message):
        functions.client.update_function_configuration(FunctionName="function", **members)


def test_a_package_that_is_sent_along_is_not_large() -> None:
    """Sending one takes its time, so it does not go through HTTP here."""
    call = Cloud(open_store(None), Clock(time.time)).call("lambda")
    call.operation = "CreateFunction"
    largest = bytes(52_625_408)
    assert len(asyncio.run(fetched(call, {"ZipFile": largest}))) == len(largest)
    with pytest.raises(Fault, match="must be smaller than 70167211 bytes for the CreateFunction operation") as refused:
        asyncio.run(fetched(call, {"ZipFile": largest + b"0"}))
    assert (refused.value.code, refused.value.status) == ("RequestEntityTooLargeException", 413)


def test_an_unknown_runtime_is_refused_in_words_of_its_own(functions: Functions, refused) -> None:
    message = "Value perl5 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: ["
    with refused("InvalidParameterValueException", message) as refusal:
        functions.create("", Runtime="perl5")
    assert refusal.response["Error"]["Message"].endswith("] or be a valid ARN")


def test_a_key_that_is_not_there_is_refused(functions: Functions, refused) -> None:
    key = f"arn:aws:kms:us-east-1:{functions.account.id}:key/12345678-1234-1234-1234-123456789012"
    with refused("InvalidParameterValueException", "KMS Exception: NotFoundException KMS Message: "):
        functions.create("", KMSKeyArn=key, Environment={"Variables": {"NAME": "x"}})
    assert functions.client.list_functions()["Functions"] == []


def test_tags_that_aws_keeps_for_itself_are_refused(functions: Functions, refused) -> None:
    with refused("InvalidParameterValueException", "aws: prefixed"):
        functions.create("", Tags={"aws:owner": "x"})
    assert functions.client.list_functions()["Functions"] == []


def test_a_function_is_in_the_network_of_its_subnets(functions: Functions, refused) -> None:
    ec2 = functions.account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="functions", Description="x", VpcId=vpc)["GroupId"]
    inside = {"SubnetIds": [subnet], "SecurityGroupIds": [group]}
    found = functions.create("", VpcConfig=inside)["VpcConfig"]
    assert found == {**inside, "VpcId": vpc, "Ipv6AllowedForDualStack": False}
    message = "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: "
    with refused("InvalidParameterValueException", message):
        functions.create("", name="other", VpcConfig={**inside, "SubnetIds": ["subnet-0123456789abcdef0"]})
    message = "Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound."
    with refused("InvalidParameterValueException", message):
        functions.create("", name="other", VpcConfig={**inside, "SecurityGroupIds": ["sg-0123456789abcdef0"]})


def test_a_new_description_is_a_change_to_be_published(functions: Functions) -> None:
    client = functions.client
    functions.create("")
    active = client.get_waiter("function_active_v2")
    active.wait(FunctionName="function")
    publish = lambda text: client.publish_version(FunctionName="function", Description=text)  # noqa: E731
    assert publish("first")["Version"] == "1"
    assert publish("the same, told otherwise")["Version"] == "1"
    client.update_function_configuration(FunctionName="function", Description="changed")
    client.get_waiter("function_updated_v2").wait(FunctionName="function")
    found = publish("second")
    assert (found["Version"], found["Description"]) == ("2", "second")
    assert publish("")["Version"] == "2"


def test_a_role_that_does_not_trust_lambda_is_refused(functions: Functions, refused) -> None:
    iam = functions.account.client("iam")
    trusts = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trusts]}
    iam.create_role(RoleName="functions", AssumeRolePolicyDocument=json.dumps(document))
    with refused("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."):
        functions.create("")
    trusts["Principal"] = {"Service": "lambda.amazonaws.com"}
    iam.update_assume_role_policy(RoleName="functions", PolicyDocument=json.dumps(document))
    functions.create("""
        import boto3

        def handler(event, context):
            try:
                boto3.client("sqs").list_queues()
            except Exception as error:
                return str(error)
    """)
    assert "is not authorized to perform: sqs:listqueues" in functions.invoke({}).json.lower()


def test_new_code_and_configuration_take_effect_with_the_next_invocation(functions: Functions) -> None:
    functions.create("", Code={"ZipFile": returning("old")})
    client = functions.client
    assert functions.invoke().json == "old"
    before = client.get_function_configuration(FunctionName="function")
    answer = client.update_function_code(FunctionName="function", ZipFile=returning("new"))
    assert answer["LastUpdateStatus"] == "InProgress"
    assert answer["RevisionId"] != before["RevisionId"]
    client.get_waiter("function_updated_v2").wait(FunctionName="function")
    assert functions.invoke().json == "new"
    client.update_function_configuration(
        FunctionName="function", Timeout=9, Environment={"Variables": {"COLOUR": "red"}}
    )
    client.get_waiter("function_updated_v2").wait(FunctionName="function")
    found = client.get_function_configuration(FunctionName="function")
    assert found["Timeout"] == 9
    assert found["Environment"] == {"Variables": {"COLOUR": "red"}}


def test_a_change_meant_for_another_revision_is_refused(functions: Functions, refused) -> None:
    functions.create("")
    functions.client.get_waiter("function_active_v2").wait(FunctionName="function")
    with refused("PreconditionFailedException", "The Revision Id provided does not match the latest Revision Id"):
        functions.client.update_function_configuration(FunctionName="function", Timeout=9, RevisionId="other")


def test_code_can_come_from_a_bucket(functions: Functions, refused) -> None:
    s3 = functions.account.client("s3")
    bucket = f"code-{functions.account.id}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="app.zip", Body=returning("from a bucket"))
    functions.create("", Code={"S3Bucket": bucket, "S3Key": "app.zip"})
    assert functions.invoke().json == "from a bucket"
    with refused("InvalidParameterValueException", "S3 Error Code: NoSuchKey"):
        functions.create("", name="other", Code={"S3Bucket": bucket, "S3Key": "nowhere.zip"})


def test_versions_stay_as_they_were_published(functions: Functions, refused) -> None:
    client = functions.client
    functions.create(VERSION, Environment={"Variables": {"STAGE": "one"}})
    wait = client.get_waiter("function_updated_v2").wait
    client.get_waiter("function_active_v2").wait(FunctionName="function")
    first = client.publish_version(FunctionName="function", Description="the first")
    assert (first["Version"], first["Description"]) == ("1", "the first")
    assert first["FunctionArn"].endswith(":function:function:1")
    assert client.publish_version(FunctionName="function")["Version"] == "1", "nothing has changed"
    client.update_function_configuration(FunctionName="function", Environment={"Variables": {"STAGE": "two"}})
    wait(FunctionName="function")
    assert client.publish_version(FunctionName="function")["Version"] == "2"
    assert [functions.invoke(Qualifier=each).json for each in ("1", "2", "$LATEST")] == [
        "1-one",
        "2-two",
        "$LATEST-two",
    ]
    listed = client.list_versions_by_function(FunctionName="function")["Versions"]
    assert [each["Version"] for each in listed] == ["$LATEST", "1", "2"]
    client.delete_function(FunctionName="function", Qualifier="1")
    with refused("ResourceNotFoundException", ":function:function:1"):
        functions.invoke(Qualifier="1")
    client.update_function_code(FunctionName="function", ZipFile=returning(3))
    wait(FunctionName="function")
    assert client.publish_version(FunctionName="function")["Version"] == "3"


def test_an_alias_leads_to_a_version_or_to_two(functions: Functions, refused) -> None:
    client = functions.client
    functions.create("", Code={"ZipFile": returning(1)}, Publish=True)
    client.get_waiter("function_active_v2").wait(FunctionName="function")
    client.update_function_code(FunctionName="function", ZipFile=returning(2), Publish=True)
    made = client.create_alias(FunctionName="function", Name="live", FunctionVersion="1", Description="now")
    assert made["AliasArn"].endswith(":function:function:live")
    answer = functions.invoke(Qualifier="live")
    assert (answer.json, answer.version) == (1, "1")
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    client.update_alias(FunctionName="function", Name="live", RoutingConfig=weights)
    assert {functions.invoke(Qualifier="live").version for _ in range(60)} == {"1", "2"}
    client.update_alias(FunctionName="function", Name="live", FunctionVersion="2", RoutingConfig={})
    assert functions.invoke(Qualifier="live").json == 2
    with refused("InvalidParameterValueException", "$LATEST is not supported"):
        client.create_alias(FunctionName="function", Name="odd", FunctionVersion="$LATEST", RoutingConfig=weights)
    with refused("ResourceConflictException", "Unable to delete version because the following aliases reference it"):
        client.delete_function(FunctionName="function", Qualifier="2")
    assert [each["Name"] for each in client.list_aliases(FunctionName="function")["Aliases"]] == ["live"]
    client.delete_alias(FunctionName="function", Name="live")
    with refused("ResourceNotFoundException", "Cannot find alias arn"):
        client.get_alias(FunctionName="function", Name="live")


def test_a_deleted_function_takes_everything_along(functions: Functions, refused) -> None:
    client = functions.client
    functions.create("", Code={"ZipFile": returning(1)}, Publish=True)
    client.get_waiter("function_active_v2").wait(FunctionName="function")
    client.create_alias(FunctionName="function", Name="live", FunctionVersion="1")
    client.put_function_concurrency(FunctionName="function", ReservedConcurrentExecutions=5)
    client.delete_function(FunctionName="function")
    with refused("ResourceNotFoundException"):
        client.get_function(FunctionName="function")
    assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 1000
    functions.create("", Code={"ZipFile": returning(2)})
    assert client.list_aliases(FunctionName="function")["Aliases"] == []
    assert functions.invoke().json == 2


def test_layers_are_merged_into_opt_the_later_ones_over_the_earlier(functions: Functions) -> None:
    client = functions.client
    arns = []
    for name, files in (
        ("one", {"python/shared.py": "value = 'one'", "python/only.py": "value = 'only in one'"}),
        ("two", {"python/shared.py": "value = 'two'", "data.txt": "text"}),
    ):
        answer = client.publish_layer_version(
            LayerName=name, Content={"ZipFile": package(files)}, CompatibleRuntimes=["python3.11"]
        )
        arns.append(answer["LayerVersionArn"])
    functions.create(
        """
        import only, shared

        def handler(event, context):
            return [shared.value, only.value, open("/opt/data.txt").read()]
        """,
        Layers=arns,
    )
    assert functions.invoke().json == ["two", "only in one", "text"]
    listed = client.list_layers(CompatibleRuntime="python3.11")["Layers"]
    assert [(each["LayerName"], each["LatestMatchingVersion"]["Version"]) for each in listed] == [
        ("one", 1),
        ("two", 1),
    ]
    client.delete_layer_version(LayerName="one", VersionNumber=1)
    again = client.publish_layer_version(LayerName="one", Content={"ZipFile": package({"x": "y"})})
    assert again["Version"] == 2, "a number is never given twice"
    client.update_function_configuration(FunctionName="function", Description="still has its layers")
    client.get_waiter("function_updated_v2").wait(FunctionName="function")
    assert functions.invoke().json[0] == "two"


def test_a_policy_lets_others_in(functions: Functions, cloud, refused) -> None:
    functions.create("", Code={"ZipFile": returning("hello")})
    client = functions.client
    arn = f"arn:aws:lambda:us-east-1:{functions.account.id}:function:function"
    other = Functions(cloud.account())
    with refused("AccessDeniedException"):
        other.invoke(name=arn)
    answer = client.add_permission(
        FunctionName="function", StatementId="them", Action="lambda:InvokeFunction", Principal=other.account.id
    )
    assert json.loads(answer["Statement"]) == {
        "Sid": "them",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{other.account.id}:root"},
        "Action": "lambda:InvokeFunction",
        "Resource": arn,
    }
    assert other.invoke(name=arn).json == "hello"
    with refused("ResourceConflictException", "The statement id (them) provided already exists."):
        client.add_permission(
            FunctionName="function", StatementId="them", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
        )
    client.add_permission(
        FunctionName="function",
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::pictures",
        SourceAccount=functions.account.id,
    )
    policy = json.loads(client.get_policy(FunctionName="function")["Policy"])
    assert policy["Statement"][1]["Condition"] == {
        "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::pictures"},
        "StringEquals": {"AWS:SourceAccount": functions.account.id},
    }
    client.remove_permission(FunctionName="function", StatementId="them")
    with refused("AccessDeniedException"):
        other.invoke(name=arn)
    client.remove_permission(FunctionName="function", StatementId="s3")
    with refused("ResourceNotFoundException"):
        client.get_policy(FunctionName="function")


def test_reserved_concurrency_is_a_limit(functions: Functions, refused) -> None:
    functions.create("def handler(e, c): return 1")
    client = functions.client
    client.put_function_concurrency(FunctionName="function", ReservedConcurrentExecutions=0)
    with refused("TooManyRequestsException", "Rate Exceeded.") as refusal:
        client.meta.events.register("needs-retry.lambda.Invoke", lambda **_: None)
        functions.invoke()
    assert refusal.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    with refused("InvalidParameterValueException", "below its minimum value of [100]"):
        client.put_function_concurrency(FunctionName="function", ReservedConcurrentExecutions=950)
    client.delete_function_concurrency(FunctionName="function")
    assert functions.invoke().json == 1


def test_tags(functions: Functions) -> None:
    arn = functions.create("", Tags={"a": "1"})["FunctionArn"]
    client = functions.client
    client.tag_resource(Resource=arn, Tags={"b": "2"})
    client.untag_resource(Resource=arn, TagKeys=["a"])
    assert client.list_tags(Resource=arn)["Tags"] == {"b": "2"}
    assert client.get_function(FunctionName=arn)["Tags"] == {"b": "2"}


def test_lists_come_in_pages(functions: Functions) -> None:
    for number in range(5):
        functions.create("", name=f"f{number}", Publish=number == 0)
    pages = functions.client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2})
    assert [each["FunctionName"] for page in pages for each in page["Functions"]] == [f"f{n}" for n in range(5)]
    every = functions.client.list_functions(FunctionVersion="ALL")["Functions"]
    assert [each["Version"] for each in every][:3] == ["$LATEST", "1", "$LATEST"]


def test_variables_under_a_key_are_for_those_who_may_use_it(functions: Functions, refused) -> None:
    kms = functions.account.client("kms")
    key = kms.create_key()["KeyMetadata"]
    client = functions.client
    source = "import os\ndef handler(event, context): return os.environ['SECRET']"
    variables = {"Variables": {"SECRET": "hidden"}}
    made = functions.create(source, KMSKeyArn=key["Arn"], Environment=variables)
    assert made["Environment"] == variables
    assert functions.invoke().json == "hidden"
    kms.disable_key(KeyId=key["KeyId"])
    found = client.get_function_configuration(FunctionName="function")["Environment"]
    assert "Variables" not in found
    assert found["Error"]["ErrorCode"] == "DisabledException"
    kms.enable_key(KeyId=key["KeyId"])
    client.get_waiter("function_active_v2").wait(FunctionName="function")
    client.update_function_configuration(FunctionName="function", KMSKeyArn="")
    kms.disable_key(KeyId=key["KeyId"])
    assert client.get_function_configuration(FunctionName="function")["Environment"] == variables
    assert functions.invoke().json == "hidden"
