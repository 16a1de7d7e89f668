"""Rotation by a real function, which does what AWS's own templates do in their four steps."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.lambda_.conftest import Functions

DAY = 86400

SOURCE = """
import boto3

def handler(event, context):
    secrets = boto3.client("secretsmanager")
    arn, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    described = secrets.describe_secret(SecretId=arn)
    stages = described["VersionIdsToStages"]
    assert "AWSPENDING" in stages[token]
    if step == described.get("Description"):
        raise RuntimeError("no")
    if step == "createSecret":
        current = secrets.get_secret_value(SecretId=arn, VersionStage="AWSCURRENT")["SecretString"]
        secrets.put_secret_value(SecretId=arn, ClientRequestToken=token, SecretString=current + "+",
                                 VersionStages=["AWSPENDING"], RotationToken=event["RotationToken"])
    if step == "testSecret":
        assert secrets.get_secret_value(SecretId=arn, VersionId=token, VersionStage="AWSPENDING")
    if step == "finishSecret":
        current = next(one for one, held in stages.items() if "AWSCURRENT" in held)
        secrets.update_secret_version_stage(SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token,
                                            RemoveFromVersionId=current)
"""


class Rotation:
    def __init__(self, aws: Any, cloud: Any) -> None:
        self.cloud = cloud
        self.account = aws
        self.secrets = aws.client("secretsmanager")
        self.functions = Functions(aws)
        made = self.functions.create(SOURCE, "rotate", Timeout=30)
        self.arn = made["FunctionArn"]
        aws.client("lambda").get_waiter("function_active_v2").wait(FunctionName="rotate", WaiterConfig={"Delay": 1})
        self.secrets.create_secret(Name="db", SecretString="one")
        self.unfinished = "AddPermission" not in cloud.server.cloud.service("lambda").operations

    def permit(self) -> None:
        """Let the service invoke the function, as its policy must."""
        if self.unfinished:
            pytest.skip("Lambda has no permissions yet")
        self.account.client("lambda").add_permission(
            FunctionName="rotate", StatementId="secrets", Action="lambda:InvokeFunction",
            Principal="secretsmanager.amazonaws.com", SourceAccount=self.account.id,
        )  # fmt: skip

    def value(self) -> str:
        return str(self.secrets.get_secret_value(SecretId="db")["SecretString"])

    def stages(self) -> list[list[str]]:
        held = self.secrets.describe_secret(SecretId="db")["VersionIdsToStages"].values()
        return sorted(sorted(stages) for stages in held)


@pytest.fixture
def rotation(aws: Any, cloud: Any, clock: Any) -> Rotation:
    return Rotation(aws, cloud)


def test_a_function_rotates_a_secret_at_once_and_by_its_schedule(rotation: Rotation) -> None:
    rotation.permit()
    rotation.secrets.rotate_secret(
        SecretId="db", RotationLambdaARN=rotation.arn, RotationRules={"AutomaticallyAfterDays": 10}
    )
    rotation.cloud.clock.advance(60)
    assert rotation.value() == "one+"
    assert rotation.stages() == [["AWSCURRENT", "AWSPENDING"], ["AWSPREVIOUS"]]
    assert "LastRotatedDate" in rotation.secrets.describe_secret(SecretId="db")
    rotation.cloud.clock.advance(10 * DAY)
    assert rotation.value() == "one++"


def test_a_function_that_does_not_let_the_service_in_does_not_rotate(rotation: Rotation, refused: Any) -> None:
    with refused("AccessDeniedException", "Secrets Manager cannot invoke the specified Lambda function."):
        rotation.secrets.rotate_secret(
            SecretId="db", RotationLambdaARN=rotation.arn, RotationRules={"AutomaticallyAfterDays": 10}
        )
    rotation.cloud.clock.advance(60)
    assert rotation.value() == "one" and rotation.stages() == [["AWSCURRENT"]]
    assert "RotationEnabled" not in rotation.secrets.describe_secret(SecretId="db")


def test_a_rotation_that_failed_is_taken_up_again_by_the_schedule(rotation: Rotation) -> None:
    rotation.permit()
    rotation.secrets.update_secret(SecretId="db", Description="testSecret")
    rotation.secrets.rotate_secret(
        SecretId="db", RotationLambdaARN=rotation.arn, RotationRules={"AutomaticallyAfterDays": 10}
    )
    rotation.cloud.clock.advance(60)
    assert rotation.value() == "one"
    rotation.secrets.update_secret(SecretId="db", Description="none of the steps")
    rotation.cloud.clock.advance(10 * DAY)
    assert rotation.value() == "one+"
