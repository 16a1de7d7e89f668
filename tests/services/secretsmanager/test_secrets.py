from __future__ import annotations

import base64
import json
import string
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import pileus

DAY = 86400


def value(secrets: Any, name: str = "app/db", **options: Any) -> str:
    return str(secrets.get_secret_value(SecretId=name, **options)["SecretString"])


@pytest.fixture
def secret(secrets: Any) -> str:
    """The first version of a secret named app/db."""
    return str(secrets.create_secret(Name="app/db", SecretString="one")["VersionId"])


def test_a_secret_is_created_and_read(secrets: Any, aws: Any, refused: Any) -> None:
    made = secrets.create_secret(Name="app/db", SecretString='{"user": "a"}', Description="the database")
    arn = made["ARN"]
    assert arn.startswith(f"arn:aws:secretsmanager:us-east-1:{aws.id}:secret:app/db-")
    assert len(arn.rpartition("-")[2]) == 6
    for name in ("app/db", arn, arn[:-7]):
        got = secrets.get_secret_value(SecretId=name)
        assert (got["SecretString"], got["VersionStages"]) == ('{"user": "a"}', ["AWSCURRENT"])
    told = secrets.describe_secret(SecretId="app/db")
    assert (told["Description"], told["VersionIdsToStages"]) == ("the database", {made["VersionId"]: ["AWSCURRENT"]})
    assert isinstance(told["LastAccessedDate"], datetime)
    with refused("ResourceExistsException", "The operation failed because the secret app/db already exists."):
        secrets.create_secret(Name="app/db", SecretString="x")
    with refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret."):
        secrets.get_secret_value(SecretId="nobody")
    with refused("ValidationException", "Invalid name."):
        secrets.create_secret(Name="a b")


def test_a_secret_without_a_value(secrets: Any, refused: Any) -> None:
    secrets.create_secret(Name="empty")
    with refused("ResourceNotFoundException", "secret value for staging label: AWSCURRENT"):
        secrets.get_secret_value(SecretId="empty")
    secrets.put_secret_value(SecretId="empty", SecretBinary=b"\x00\xff")
    assert secrets.get_secret_value(SecretId="empty")["SecretBinary"] == b"\x00\xff"
    with refused("InvalidParameterException", "both a binary secret value and a string secret value"):
        secrets.put_secret_value(SecretId="empty", SecretBinary=b"x", SecretString="x")


def test_a_new_value_is_current_and_the_last_one_previous(secrets: Any, secret: str, refused: Any) -> None:
    second = secrets.put_secret_value(SecretId="app/db", SecretString="two")["VersionId"]
    assert value(secrets) == "two"
    assert value(secrets, VersionStage="AWSPREVIOUS") == value(secrets, VersionId=secret) == "one"
    third = secrets.update_secret(SecretId="app/db", SecretString="three")["VersionId"]
    stages = secrets.describe_secret(SecretId="app/db")["VersionIdsToStages"]
    assert stages == {second: ["AWSPREVIOUS"], third: ["AWSCURRENT"]}
    listed = secrets.list_secret_version_ids(SecretId="app/db")["Versions"]
    assert {one["VersionId"] for one in listed} == {second, third}
    every = secrets.list_secret_version_ids(SecretId="app/db", IncludeDeprecated=True)["Versions"]
    assert len(every) == 3
    with refused("InvalidRequestException", "VersionStage that is not associated to the provided VersionId"):
        value(secrets, VersionId=third, VersionStage="AWSPREVIOUS")


def test_a_token_makes_a_version_only_once(secrets: Any, refused: Any) -> None:
    token = str(uuid.uuid4())
    asked = {"Name": "once", "SecretString": "x", "ClientRequestToken": token}
    one, again = secrets.create_secret(**asked), secrets.create_secret(**asked)
    assert one["VersionId"] == again["VersionId"] == token
    with refused("ResourceExistsException"):
        secrets.create_secret(**asked | {"SecretString": "y"})
    put = {"SecretId": "once", "SecretString": "z", "ClientRequestToken": str(uuid.uuid4())}
    assert secrets.put_secret_value(**put)["VersionId"] == secrets.put_secret_value(**put)["VersionId"]
    with refused("ResourceExistsException", "You can't use ClientRequestToken"):
        secrets.put_secret_value(**put | {"SecretString": "other"})


def test_stages_are_moved(secrets: Any, secret: str, refused: Any) -> None:
    pending = secrets.put_secret_value(SecretId="app/db", SecretString="two", VersionStages=["AWSPENDING"])["VersionId"]
    assert value(secrets) == "one"
    assert value(secrets, VersionStage="AWSPENDING") == "two"
    move = {"SecretId": "app/db", "VersionStage": "AWSCURRENT", "MoveToVersionId": pending}
    with refused("InvalidParameterException", "The parameter RemoveFromVersionId can't be empty."):
        secrets.update_secret_version_stage(**move)
    secrets.update_secret_version_stage(**move, RemoveFromVersionId=secret)
    assert value(secrets) == "two"
    assert value(secrets, VersionStage="AWSPREVIOUS") == "one"
    with refused("InvalidParameterException", "It can't be completely removed."):
        secrets.update_secret_version_stage(SecretId="app/db", VersionStage="AWSCURRENT", RemoveFromVersionId=pending)
    secrets.update_secret_version_stage(SecretId="app/db", VersionStage="mine", MoveToVersionId=secret)
    assert value(secrets, VersionStage="mine") == "one"


def test_another_key_encrypts_what_is_there_anew(secrets: Any, secret: str, aws: Any, refused: Any) -> None:
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    secrets.update_secret(SecretId="app/db", KmsKeyId=key)
    assert value(secrets) == "one"
    kms.disable_key(KeyId=key)
    with refused("DecryptionFailure", "is disabled."):
        value(secrets)
    with refused("EncryptionFailure"):
        secrets.create_secret(Name="other", SecretString="x", KmsKeyId="alias/nobody")


# Deletion


def test_a_deleted_secret_can_be_restored_for_a_while(secrets: Any, secret: str, clock: Any, refused: Any) -> None:
    answer = secrets.delete_secret(SecretId="app/db", RecoveryWindowInDays=7)
    assert answer["DeletionDate"].timestamp() == pytest.approx(clock.now() + 7 * DAY, abs=1)
    with refused("InvalidRequestException", "because it was marked for deletion."):
        value(secrets)
    with refused("InvalidRequestException", "a secret with this name is already scheduled for deletion."):
        secrets.create_secret(Name="app/db", SecretString="x")
    assert secrets.list_secrets()["SecretList"] == []
    assert len(secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]) == 1
    clock.advance(6 * DAY)
    secrets.restore_secret(SecretId="app/db")
    clock.advance(30 * DAY)
    assert value(secrets) == "one"
    secrets.delete_secret(SecretId="app/db")
    clock.advance(30 * DAY + 1)
    with refused("ResourceNotFoundException"):
        secrets.describe_secret(SecretId="app/db")


def test_a_secret_is_deleted_by_force(secrets: Any, secret: str, refused: Any) -> None:
    with refused("InvalidParameterException", "must be between 7 and 30 days (inclusive)."):
        secrets.delete_secret(SecretId="app/db", RecoveryWindowInDays=6)
    with refused("InvalidParameterException", "in conjunction with RecoveryWindowInDays"):
        secrets.delete_secret(SecretId="app/db", RecoveryWindowInDays=7, ForceDeleteWithoutRecovery=True)
    secrets.delete_secret(SecretId="app/db", ForceDeleteWithoutRecovery=True)
    with refused("ResourceNotFoundException"):
        secrets.delete_secret(SecretId="app/db")
    assert secrets.delete_secret(SecretId="app/db", ForceDeleteWithoutRecovery=True)["Name"] == "app/db"
    assert secrets.create_secret(Name="app/db", SecretString="again")


# Replicas


def test_a_secret_is_replicated_and_a_replica_becomes_its_own(
    secrets: Any, secret: str, aws: Any, refused: Any
) -> None:
    there = aws.client("secretsmanager", "eu-west-1")
    answer = secrets.replicate_secret_to_regions(SecretId="app/db", AddReplicaRegions=[{"Region": "eu-west-1"}])
    assert [(one["Region"], one["Status"]) for one in answer["ReplicationStatus"]] == [("eu-west-1", "InSync")]
    assert value(there) == "one"
    with refused("InvalidParameterException"):
        secrets.replicate_secret_to_regions(SecretId="app/db", AddReplicaRegions=[{}])
    secrets.put_secret_value(SecretId="app/db", SecretString="two")
    assert value(there) == "two"
    assert value(there, VersionStage="AWSPREVIOUS") == "one"
    with refused("InvalidRequestException", "Operation not permitted on a replica secret."):
        there.put_secret_value(SecretId="app/db", SecretString="x")
    with refused("InvalidRequestException", "that still has replica regions"):
        secrets.delete_secret(SecretId="app/db")
    there.stop_replication_to_replica(SecretId="app/db")
    there.put_secret_value(SecretId="app/db", SecretString="mine")
    assert value(secrets) == "two"
    again = secrets.replicate_secret_to_regions(SecretId="app/db", AddReplicaRegions=[{"Region": "eu-west-1"}])
    assert again["ReplicationStatus"][0]["Status"] == "Failed"
    secrets.remove_regions_from_replication(SecretId="app/db", RemoveReplicaRegions=["eu-west-1"])
    assert value(there) == "mine"


# Policies


def test_resource_policies(secrets: Any, secret: str, cloud: Any, refused: Any) -> None:
    guest = cloud.account()
    theirs = guest.client("secretsmanager")
    arn = secrets.describe_secret(SecretId="app/db")["ARN"]
    with refused("AccessDeniedException"):
        theirs.describe_secret(SecretId=arn)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{guest.id}:root"},
        "Action": "secretsmanager:DescribeSecret",
        "Resource": "*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    secrets.put_resource_policy(SecretId="app/db", ResourcePolicy=policy, BlockPublicPolicy=True)
    assert secrets.get_resource_policy(SecretId="app/db")["ResourcePolicy"] == policy
    assert theirs.describe_secret(SecretId=arn)["Name"] == "app/db"
    with refused("AccessDeniedException"):
        theirs.get_secret_value(SecretId=arn)
    secrets.delete_resource_policy(SecretId="app/db")
    assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId="app/db")
    public = policy.replace(f"arn:aws:iam::{guest.id}:root", "*")
    with refused("PublicPolicyException"):
        secrets.put_resource_policy(SecretId="app/db", ResourcePolicy=public, BlockPublicPolicy=True)
    with refused("MalformedPolicyDocumentException"):
        secrets.put_resource_policy(SecretId="app/db", ResourcePolicy="{}")
    assert secrets.validate_resource_policy(ResourcePolicy=policy)["PolicyValidationPassed"] is True
    assert secrets.validate_resource_policy(ResourcePolicy=public)["PolicyValidationPassed"] is False


# Passwords


def test_random_passwords(secrets: Any, refused: Any) -> None:
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation)
    made = secrets.get_random_password()["RandomPassword"]
    assert len(made) == 32
    assert all(set(made) & set(kind) for kind in kinds)
    made = secrets.get_random_password(
        PasswordLength=200, ExcludePunctuation=True, ExcludeNumbers=True, ExcludeCharacters="abc", IncludeSpace=True
    )["RandomPassword"]
    assert set(made) <= {*string.ascii_letters, " "} - {*"abc"}
    for asked in ({"PasswordLength": 3}, {"ExcludeCharacters": string.printable}):
        with refused("InvalidParameterException"):
            secrets.get_random_password(**asked)
    with refused("InvalidParameterException", "Password length is too short based on the required types."):
        secrets.get_random_password(PasswordLength=3)


# Lists


def test_secrets_are_listed_by_filters_and_in_pages(secrets: Any, clock: Any, refused: Any) -> None:
    for name, tags in (("app/one", {"team": "red"}), ("app/two", {}), ("Other", {"team": "blue"})):
        clock.advance(1)
        listed = [{"Key": key, "Value": text} for key, text in tags.items()]
        secrets.create_secret(Name=name, Description=f"The {name} secret", SecretString=name, Tags=listed)

    def names(*filters: tuple[str, list[str]], **options: Any) -> list[str]:
        given = [{"Key": key, "Values": values} for key, values in filters]
        return [one["Name"] for one in secrets.list_secrets(Filters=given, **options)["SecretList"]]

    assert names() == ["Other", "app/two", "app/one"]
    assert names(SortBy="name", SortOrder="asc") == ["Other", "app/one", "app/two"]
    assert names(("name", ["app/"])) == ["app/two", "app/one"]
    assert names(("name", ["!app/"])) == ["Other"]
    assert names(("tag-key", ["team"]), ("tag-value", ["red"])) == ["app/one"]
    assert names(("description", ["the other"])) == ["Other"]
    assert names(("all", ["BLUE"])) == ["Other"]
    pages = secrets.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 2})
    assert [len(page["SecretList"]) for page in pages] == [2, 1]
    with refused("InvalidNextTokenException"):
        secrets.list_secrets(NextToken="nonsense")
    got = secrets.batch_get_secret_value(SecretIdList=["app/one", "nobody", "Other"])
    assert [one["SecretString"] for one in got["SecretValues"]] == ["app/one", "Other"]
    assert [(one["SecretId"], one["ErrorCode"]) for one in got["Errors"]] == [("nobody", "ResourceNotFoundException")]
    page = secrets.batch_get_secret_value(Filters=[{"Key": "name", "Values": ["app/"]}], MaxResults=1)
    assert len(page["SecretValues"]) == 1
    assert page["NextToken"]
    with refused("InvalidParameterException"):
        secrets.batch_get_secret_value()


def test_tags(secrets: Any, secret: str, refused: Any) -> None:
    secrets.tag_resource(SecretId="app/db", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    secrets.untag_resource(SecretId="app/db", TagKeys=["b"])
    assert secrets.describe_secret(SecretId="app/db")["Tags"] == [{"Key": "a", "Value": "1"}]
    with refused("InvalidParameterException"):
        secrets.tag_resource(SecretId="app/db", Tags=[{"Key": "aws:x", "Value": ""}])
    with refused("InvalidParameterException"):
        secrets.tag_resource(SecretId="app/db", Tags=[{"Value": "of nothing"}])


def test_parameter_store_passes_secrets_through(secrets: Any, secret: str, aws: Any, refused: Any) -> None:
    ssm = aws.client("ssm")
    name = "/aws/reference/secretsmanager/app/db"
    got = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (got["Name"], got["Value"], got["Type"], got["Version"]) == (name, "one", "SecureString", 0)
    assert json.loads(got["SourceResult"])["VersionId"] == secret
    with refused("ValidationException", "WithDecryption flag must be True"):
        ssm.get_parameter(Name=name)
    with refused("ParameterNotFound"):
        ssm.get_parameter(Name=f"{name}x", WithDecryption=True)


def test_no_secret_can_be_found_in_the_data_directory(tmp_path: Path) -> None:
    with pileus.cloud(data=tmp_path) as cloud:
        secrets = cloud.account("111122223333").client("secretsmanager")
        secrets.create_secret(
            Name="app/db", SecretString="a secret that tells", AddReplicaRegions=[{"Region": "eu-west-1"}]
        )
        secrets.put_secret_value(SecretId="app/db", SecretBinary=b"bytes that tell")
        secrets.get_secret_value(SecretId="app/db")
    seen = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"app/db" in seen
    for hidden in (b"a secret that tells", b"bytes that tell", base64.b64encode(b"bytes that tell")):
        assert hidden not in seen
    with pileus.cloud(data=tmp_path) as cloud:
        secrets = cloud.account("111122223333").client("secretsmanager")
        assert value(secrets, VersionStage="AWSPREVIOUS") == "a secret that tells"
