"""What is said of functions: resource policies as a whole, code signing, capacity providers."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from .conftest import Functions, package

ECHO = "def handler(event, context): return event"


def test_a_policy_is_put_read_and_deleted_as_a_whole(functions: Functions, cloud, refused) -> None:
    client = functions.client
    arn = functions.create(ECHO)["FunctionArn"]
    client.add_permission(
        FunctionName="function", StatementId="one", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    other = cloud.account()
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{other.id}:root"},
        "Action": ["lambda:InvokeFunction"],
        "Resource": arn,
    }
    put = client.put_resource_policy(
        ResourceArn=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": statement})
    )
    found = client.get_resource_policy(ResourceArn=arn)
    assert found["RevisionId"] == put["RevisionId"]
    (kept,) = json.loads(found["Policy"])["Statement"]
    assert kept["Principal"] == statement["Principal"]
    assert client.get_policy(FunctionName="function")["Policy"] == found["Policy"]
    assert other.client("lambda").invoke(FunctionName=arn, Payload="1")["Payload"].read() == b"1"
    with refused("PreconditionFailedException", "Revision"):
        client.delete_resource_policy(ResourceArn=arn, RevisionId="0" * 8 + "-0000-0000-0000-" + "0" * 12)
    for wrong, code in (
        ("{", "InvalidParameterValueException"),
        (json.dumps({"Statement": statement | {"Action": "s3:GetObject"}}), "InvalidParameterValueException"),
        (json.dumps({"Statement": statement | {"Resource": "*"}}), "InvalidParameterValueException"),
        (json.dumps({"Statement": statement | {"Principal": "*"}}), "PublicPolicyException"),
    ):
        with refused(code, ""):
            client.put_resource_policy(ResourceArn=arn, Policy=wrong)
    client.delete_resource_policy(ResourceArn=arn, RevisionId=found["RevisionId"])
    with refused("ResourceNotFoundException", "does not exist"):
        client.get_resource_policy(ResourceArn=arn)
    with pytest.raises(ClientError, match="AccessDenied"):
        other.client("lambda").invoke(FunctionName=arn)


def test_where_signatures_are_enforced_nothing_unsigned_is_deployed(functions: Functions, refused) -> None:
    client = functions.client
    profile = f"arn:aws:signer:us-east-1:{functions.account.id}:/signing-profiles/own/abcdefgh"
    publishers = {"SigningProfileVersionArns": [profile]}
    made = client.create_code_signing_config(AllowedPublishers=publishers)["CodeSigningConfig"]["CodeSigningConfigArn"]
    functions.create(ECHO, CodeSigningConfigArn=made)
    assert functions.invoke(1).json == 1
    enforced = {"UntrustedArtifactOnDeployment": "Enforce"}
    client.update_code_signing_config(CodeSigningConfigArn=made, CodeSigningPolicies=enforced)
    assert functions.invoke(1).json == 1
    with refused("CodeVerificationFailedException", "cannot deploy"):
        client.update_function_code(FunctionName="function", ZipFile=package({"app.py": ECHO}))
    with refused("CodeVerificationFailedException", "cannot deploy"):
        functions.create(ECHO, name="other", CodeSigningConfigArn=made)
    with refused("CodeSigningConfigNotFoundException", "not found"):
        functions.create(ECHO, name="other", CodeSigningConfigArn=made[:-1] + "x")
    client.delete_function_code_signing_config(FunctionName="function")
    client.update_function_code(FunctionName="function", ZipFile=package({"app.py": ECHO}))


def test_a_capacity_provider_stays_as_long_as_a_function_has_it(functions: Functions, refused) -> None:
    client = functions.client
    given = {
        "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": functions.role},
    }
    made = client.create_capacity_provider(CapacityProviderName="fleet", **given)["CapacityProvider"]
    arn = made["CapacityProviderArn"]
    assert (made["State"], made["CapacityProviderScalingConfig"]["ScalingMode"]) == ("Active", "Auto")
    with refused("ResourceConflictException", "already exists"):
        client.create_capacity_provider(CapacityProviderName="fleet", **given)
    with refused("InvalidParameterValueException", "Manual"):
        client.update_capacity_provider(
            CapacityProviderName="fleet", CapacityProviderScalingConfig={"ScalingMode": "Manual"}
        )
    config = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": arn}}
    function = functions.create(ECHO, CapacityProviderConfig=config)
    assert function["CapacityProviderConfig"] == config
    with refused("ResourceConflictException", "is used"):
        client.delete_capacity_provider(CapacityProviderName="fleet")
    versions = client.list_function_versions_by_capacity_provider(CapacityProviderName="fleet")["FunctionVersions"]
    assert [each["FunctionArn"] for each in versions] == [function["FunctionArn"]]
    client.put_function_scaling_config(
        FunctionName="function", Qualifier="$LATEST.PUBLISHED", FunctionScalingConfig={"MaxExecutionEnvironments": 3}
    )
    found = client.get_function_scaling_config(FunctionName="function", Qualifier="$LATEST.PUBLISHED")
    assert found["RequestedFunctionScalingConfig"] == {"MaxExecutionEnvironments": 3}
    client.tag_resource(Resource=arn, Tags={"a": "b"})
    assert client.list_tags(Resource=arn)["Tags"] == {"a": "b"}
    client.delete_function(FunctionName="function")
    client.delete_capacity_provider(CapacityProviderName="fleet")
    assert client.list_capacity_providers()["CapacityProviders"] == []
