from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pileus.services.secretsmanager.schedules import next_after
from pileus.services.secretsmanager.secrets import Secret

DAY = 86400
FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:rotate"


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("expression", "now", "then"),
    [
        ("rate(10 days)", "2026-01-01T12:00", "2026-01-11T12:00"),
        ("rate(4 hours)", "2026-01-01T12:00", "2026-01-01T16:00"),
        ("cron(0 16 1,15 * ? *)", "2026-01-01T16:00", "2026-01-15T16:00"),
        ("cron(0 8 L * ? *)", "2026-02-01T00:00", "2026-02-28T08:00"),
        ("cron(0 16 ? * SUNL *)", "2026-01-01T00:00", "2026-01-25T16:00"),
        ("cron(0 10 ? * 6#2 *)", "2026-01-01T00:00", "2026-01-09T10:00"),
        ("cron(0 /8 ? * MON-FRI *)", "2026-01-02T16:00", "2026-01-05T00:00"),
        ("cron(30 9 29 FEB ? *)", "2026-03-01T00:00", "2028-02-29T09:30"),
    ],
)
def test_schedules(expression: str, now: str, then: str) -> None:
    if "/8" in expression:
        expression = expression.replace("/8", "*/8")
    assert next_after(expression, at(now)) == at(then)


@pytest.mark.parametrize("expression", ["rate(1 hour)", "cron(0 8 * * * *)", "cron(99 8 * * ? *)", "nonsense"])
def test_schedules_that_cannot_be(expression: str) -> None:
    with pytest.raises(ValueError):
        next_after(expression, 0.0)


@pytest.fixture
def secret(secrets: Any) -> str:
    return str(secrets.create_secret(Name="db", SecretString="one")["VersionId"])


def test_a_rotation_begins_a_version_and_says_in_the_secret_why_it_goes_no_further(
    secrets: Any, secret: str, aws: Any, cloud: Any, clock: Any
) -> None:
    answer = secrets.rotate_secret(
        SecretId="db", RotationLambdaARN=FUNCTION, RotationRules={"AutomaticallyAfterDays": 30}
    )
    told = secrets.describe_secret(SecretId="db")
    assert (told["RotationEnabled"], told["RotationRules"]) == (True, {"AutomaticallyAfterDays": 30})
    assert told["NextRotationDate"].timestamp() == pytest.approx(clock.now() + 30 * DAY, abs=1)
    assert told["VersionIdsToStages"] == {secret: ["AWSCURRENT"], answer["VersionId"]: ["AWSPENDING"]}
    clock.advance(1)
    assert "LastRotatedDate" not in secrets.describe_secret(SecretId="db")

    def record() -> Any:
        return Secret.get(cloud.server.cloud.call("secretsmanager", account=aws.id), "db")

    assert cloud.do(record).rotation_error.startswith("createSecret: ")


def test_a_function_can_do_the_steps_by_itself(secrets: Any, secret: str, refused: Any) -> None:
    """What AWS's own rotation functions do in their four steps."""
    token = secrets.rotate_secret(
        SecretId="db", RotationLambdaARN=FUNCTION, RotationRules={"AutomaticallyAfterDays": 30}
    )["VersionId"]
    with refused("ResourceNotFoundException"):
        secrets.get_secret_value(SecretId="db", VersionId=token, VersionStage="AWSPENDING")
    with refused("InvalidRequestException", "A previous rotation isn't complete."):
        secrets.rotate_secret(SecretId="db")
    secrets.put_secret_value(SecretId="db", ClientRequestToken=token, SecretString="two", VersionStages=["AWSPENDING"])
    secrets.update_secret_version_stage(
        SecretId="db", VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=secret
    )
    assert secrets.get_secret_value(SecretId="db")["SecretString"] == "two"
    assert secrets.rotate_secret(SecretId="db")["VersionId"] != token


def test_the_schedule_begins_rotations(secrets: Any, secret: str, clock: Any, refused: Any) -> None:
    with refused("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret."):
        secrets.rotate_secret(SecretId="db")
    for rules in ({"ScheduleExpression": "rate(1 hour)"}, {"ScheduleExpression": "cron(x)"}):
        with refused("InvalidParameterException"):
            secrets.rotate_secret(SecretId="db", RotationLambdaARN=FUNCTION, RotationRules=rules)
    secrets.rotate_secret(
        SecretId="db",
        RotationLambdaARN=FUNCTION,
        RotationRules={"ScheduleExpression": "rate(10 days)"},
        RotateImmediately=False,
    )
    assert len(secrets.describe_secret(SecretId="db")["VersionIdsToStages"]) == 1
    clock.advance(10 * DAY + 1)
    told = secrets.describe_secret(SecretId="db")
    assert ["AWSPENDING"] in told["VersionIdsToStages"].values()
    assert told["NextRotationDate"].timestamp() == pytest.approx(clock.now() + 10 * DAY, abs=5)
    cancelled = secrets.cancel_rotate_secret(SecretId="db")
    assert cancelled["VersionId"] in told["VersionIdsToStages"]
    assert secrets.describe_secret(SecretId="db")["RotationEnabled"] is False


def test_a_new_value_with_the_token_of_another_rotation_is_refused(secrets: Any, secret: str, refused: Any) -> None:
    with refused("InvalidParameterException", "RotationToken"):
        secrets.put_secret_value(SecretId="db", SecretString="two", RotationToken="0" * 36)
