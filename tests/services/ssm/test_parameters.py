from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

import pileus


def put(ssm: Any, name: str, value: str = "v", **options: Any) -> int:
    return int(ssm.put_parameter(Name=name, Value=value, **{"Type": "String"} | options)["Version"])


def value(ssm: Any, name: str, **options: Any) -> str:
    return str(ssm.get_parameter(Name=name, **options)["Parameter"]["Value"])


def test_a_parameter_is_put_and_got(ssm: Any, aws: Any, refused: Any) -> None:
    answer = ssm.put_parameter(Name="/my-cat-app/dbstring", Value="db.allthecats.com:3306", Type="String")
    assert (answer["Version"], answer["Tier"]) == (1, "Standard")
    got = ssm.get_parameter(Name="/my-cat-app/dbstring")["Parameter"]
    assert got.pop("LastModifiedDate")
    arn = f"arn:aws:ssm:us-east-1:{aws.id}:parameter/my-cat-app/dbstring"
    assert got == {
        "Name": "/my-cat-app/dbstring",
        "Type": "String",
        "Value": "db.allthecats.com:3306",
        "Version": 1,
        "ARN": arn,
        "DataType": "text",
    }
    assert value(ssm, arn) == "db.allthecats.com:3306"
    with refused("ParameterNotFound"):
        ssm.get_parameter(Name="/nobody")


def test_overwriting_makes_versions(ssm: Any, refused: Any) -> None:
    """Notes: "There are hierarchies and Versioning of parameters"."""
    put(ssm, "/a", "one", Description="first")
    with refused("ParameterAlreadyExists", "To overwrite this value, set the overwrite option in the request to true."):
        put(ssm, "/a", "two")
    assert ssm.put_parameter(Name="/a", Value="two", Overwrite=True)["Version"] == 2
    assert [value(ssm, name) for name in ("/a", "/a:1", "/a:2")] == ["two", "one", "two"]
    assert ssm.get_parameter(Name="/a:1")["Parameter"]["Selector"] == ":1"
    with refused("ParameterVersionNotFound", "could not find version 3 of /a"):
        ssm.get_parameter(Name="/a:3")
    history = ssm.get_parameter_history(Name="/a")["Parameters"]
    assert [(one["Version"], one["Value"], one["Description"]) for one in history] == [
        (1, "one", "first"),
        (2, "two", "first"),
    ]
    first = ssm.get_parameter_history(Name="/a", MaxResults=1)
    assert ssm.get_parameter_history(Name="/a", NextToken=first["NextToken"])["Parameters"] == history[1:]


def test_a_hundred_versions_are_kept_and_the_oldest_not_dropped_with_a_label(ssm: Any, refused: Any) -> None:
    for number in range(101):
        put(ssm, "/a", str(number), Overwrite=True)
    with refused("ParameterVersionNotFound"):
        ssm.get_parameter(Name="/a:1")
    ssm.label_parameter_version(Name="/a", ParameterVersion=2, Labels=["keep"])
    with refused("ParameterMaxVersionLimitExceeded", "has a label associated with it"):
        put(ssm, "/a", "more", Overwrite=True)


def test_labels_move_between_versions(ssm: Any, refused: Any) -> None:
    put(ssm, "/a", "one")
    put(ssm, "/a", "two", Overwrite=True)
    answer = ssm.label_parameter_version(Name="/a", ParameterVersion=1, Labels=["prod", "1st", "aws-x"])
    assert (answer["InvalidLabels"], answer["ParameterVersion"]) == (["1st", "aws-x"], 1)
    assert value(ssm, "/a:prod") == "one"
    assert ssm.label_parameter_version(Name="/a", Labels=["prod"])["ParameterVersion"] == 2
    assert value(ssm, "/a:prod") == "two"
    with refused("ParameterVersionLabelLimitExceeded"):
        ssm.label_parameter_version(Name="/a", Labels=[f"l{n}" for n in range(10)])
    answer = ssm.unlabel_parameter_version(Name="/a", ParameterVersion=2, Labels=["prod", "nobody"])
    assert (answer["RemovedLabels"], answer["InvalidLabels"]) == (["prod"], ["nobody"])
    with refused("ParameterVersionNotFound", "could not find label prod"):
        ssm.get_parameter(Name="/a:prod")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("/aws/mine", "AccessDeniedException"),
        ("awsome", "ValidationException"),
        ("ssm-mine", "ValidationException"),
        ("a b", "ValidationException"),
        ("no/slash", "ValidationException"),
        ("/end/", "ValidationException"),
        ("/" + "/".join("x" * 16), "HierarchyLevelLimitExceededException"),
    ],
)
def test_names_that_cannot_be(ssm: Any, name: str, code: str, refused: Any) -> None:
    with refused(code):
        put(ssm, name)


def test_tiers_and_sizes(ssm: Any, refused: Any) -> None:
    with refused("ValidationException", "Standard tier parameters support a maximum parameter value of 4096"):
        put(ssm, "/a", "x" * 4097)
    answer = ssm.put_parameter(Name="/a", Value="x" * 4097, Type="String", Tier="Intelligent-Tiering")
    assert answer["Tier"] == "Advanced"
    with refused("ValidationException", "You can't downgrade a parameter"):
        put(ssm, "/a", "x", Overwrite=True, Tier="Standard")
    with refused("ValidationException", "Advanced tier parameters support a maximum parameter value of 8192"):
        put(ssm, "/b", "x" * 8193, Tier="Advanced")
    assert ssm.put_parameter(Name="/c", Value="x", Type="String", Tier="Intelligent-Tiering")["Tier"] == "Standard"


def test_values_are_checked(ssm: Any, refused: Any) -> None:
    with refused("ParameterPatternMismatchException", r"cannot be validated against allowedPattern: ^\d+$"):
        put(ssm, "/a", "x", AllowedPattern=r"^\d+$")
    with refused("InvalidAllowedPatternException"):
        put(ssm, "/a", "x", AllowedPattern="(")
    with refused("ValidationException"):
        put(ssm, "/a", "not an image", DataType="aws:ec2:image")
    put(ssm, "/a", "ami-0123456789abcdef0", DataType="aws:ec2:image")
    with refused("ValidationException", "A parameter type is required when you create a parameter."):
        ssm.put_parameter(Name="/b", Value="x")
    with refused("ValidationException"):
        put(ssm, "/b", "{{ssm:x}}")


def test_several_at_once(ssm: Any) -> None:
    put(ssm, "/a")
    put(ssm, "/b")
    got = ssm.get_parameters(Names=["/b", "/nobody", "/a:1"])
    assert [one["Name"] for one in got["Parameters"]] == ["/a", "/b"]
    assert got["InvalidParameters"] == ["/nobody"]
    gone = ssm.delete_parameters(Names=["/a", "/nobody"])
    assert (gone["DeletedParameters"], gone["InvalidParameters"]) == (["/a"], ["/nobody"])


def test_a_deleted_parameter_is_gone(ssm: Any, refused: Any) -> None:
    put(ssm, "/a")
    ssm.delete_parameter(Name="/a")
    with refused("ParameterNotFound"):
        ssm.delete_parameter(Name="/a")
    assert put(ssm, "/a") == 1


def test_tags(ssm: Any, refused: Any) -> None:
    put(ssm, "/a", Tags=[{"Key": "team", "Value": "red"}])
    what = {"ResourceType": "Parameter", "ResourceId": "/a"}
    ssm.add_tags_to_resource(**what, Tags=[{"Key": "env", "Value": "test"}])
    ssm.remove_tags_from_resource(**what, TagKeys=["team"])
    assert ssm.list_tags_for_resource(**what)["TagList"] == [{"Key": "env", "Value": "test"}]
    with refused("InvalidResourceId"):
        ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/nobody")
    with refused("ValidationException", "tags and overwrite can't be used together"):
        put(ssm, "/a", Overwrite=True, Tags=[{"Key": "a", "Value": "b"}])


# Secrets


@pytest.mark.parametrize(("size", "tier"), [(25, "Standard"), (8000, "Advanced")])
def test_a_secure_string_is_encrypted_by_kms(ssm: Any, aws: Any, size: int, tier: str, refused: Any) -> None:
    secret = "s" * size
    put(ssm, "/secret", secret, Type="SecureString", Tier=tier)
    assert value(ssm, "/secret", WithDecryption=True) == secret
    cipher = base64.b64decode(value(ssm, "/secret"))
    assert secret.encode() not in cipher
    (told,) = ssm.describe_parameters()["Parameters"]
    assert told["KeyId"] == "alias/aws/ssm"
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    put(ssm, "/mine", secret, Type="SecureString", Tier=tier, KeyId=key)
    if tier == "Standard":
        arn = f"arn:aws:ssm:us-east-1:{aws.id}:parameter/mine"
        opened = kms.decrypt(
            CiphertextBlob=base64.b64decode(value(ssm, "/mine")), EncryptionContext={"PARAMETER_ARN": arn}
        )
        assert opened["Plaintext"].decode() == secret
    kms.disable_key(KeyId=key)
    with refused("InvalidKeyId", "is disabled."):
        ssm.get_parameter(Name="/mine", WithDecryption=True)
    with refused("InvalidKeyId"):
        put(ssm, "/other", secret, Type="SecureString", KeyId="alias/nobody", Tier=tier)


def test_no_value_can_be_found_in_the_data_directory(tmp_path: Path) -> None:
    with pileus.cloud(data=tmp_path) as cloud:
        ssm = cloud.account("111122223333").client("ssm")
        put(ssm, "/plain", "a plain value that tells")
        put(ssm, "/secret", "a secret value that tells", Type="SecureString")
        put(ssm, "/long", "a long value that tells" * 200, Type="SecureString", Tier="Advanced")
        value(ssm, "/secret", WithDecryption=True)
    seen = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"/secret" in seen
    assert b"that tells" not in seen
    assert base64.b64encode(b"a secret value that")[:-4] not in seen
    with pileus.cloud(data=tmp_path) as cloud:
        ssm = cloud.account("111122223333").client("ssm")
        assert value(ssm, "/secret", WithDecryption=True) == "a secret value that tells"
        assert value(ssm, "/plain") == "a plain value that tells"
