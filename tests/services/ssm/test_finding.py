from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

DAY = 86400


@pytest.fixture
def tree(ssm: Any) -> Any:
    for name in ("/app/a", "/app/b", "/app/deep/c", "/app/deep/er/d", "/apple", "plain"):
        ssm.put_parameter(Name=name, Value=name, Type="StringList" if name == "/app/b" else "String")
    ssm.put_parameter(Name="/app/secret", Value="s", Type="SecureString", Tags=[{"Key": "team", "Value": "red"}])
    return ssm


def by_path(ssm: Any, path: str, **options: Any) -> list[str]:
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=path, **options)
    return [one["Name"] for page in pages for one in page["Parameters"]]


def test_a_hierarchy_is_got_level_by_level_or_whole(tree: Any, refused: Any) -> None:
    """Notes: "the fwd slashes create hierarchy in Parameter Store"."""
    assert by_path(tree, "/app") == by_path(tree, "/app/") == ["/app/a", "/app/b", "/app/secret"]
    everything = ["/app/a", "/app/b", "/app/deep/c", "/app/deep/er/d", "/app/secret"]
    assert by_path(tree, "/app", Recursive=True) == everything
    assert by_path(tree, "/app", Recursive=True, PaginationConfig={"PageSize": 2}) == everything
    assert by_path(tree, "/") == ["/apple"]
    assert by_path(tree, "/nobody") == []
    with refused("ValidationException", "must begin with a forward slash"):
        tree.get_parameters_by_path(Path="app")


def test_filters_of_a_path(tree: Any, refused: Any) -> None:
    def filtered(key: str, *values: str, **option: str) -> list[str]:
        return by_path(tree, "/app", Recursive=True, ParameterFilters=[{"Key": key, "Values": list(values), **option}])

    assert filtered("Type", "StringList", "SecureString") == ["/app/b", "/app/secret"]
    assert filtered("KeyId", "alias/aws", Option="BeginsWith") == ["/app/secret"]
    tree.put_parameter(Name="/app/a", Value="second", Overwrite=True)
    tree.label_parameter_version(Name="/app/a", ParameterVersion=1, Labels=["prod"])
    (got,) = tree.get_parameters_by_path(Path="/app", ParameterFilters=[{"Key": "Label", "Values": ["prod"]}])[
        "Parameters"
    ]
    assert (got["Name"], got["Value"]) == ("/app/a", "/app/a")
    with refused("InvalidFilterKey"):
        filtered("Name", "x")
    with refused("InvalidNextToken"):
        tree.get_parameters_by_path(Path="/app", NextToken="nonsense")


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ({"Key": "Name", "Values": ["plain", "/apple"]}, ["/apple", "plain"]),
        ({"Key": "Name", "Option": "BeginsWith", "Values": ["/app/d"]}, ["/app/deep/c", "/app/deep/er/d"]),
        ({"Key": "Name", "Option": "Contains", "Values": ["lai"]}, ["plain"]),
        ({"Key": "Path", "Values": ["/app"]}, ["/app/a", "/app/b", "/app/secret"]),
        ({"Key": "Path", "Option": "Recursive", "Values": ["/app/deep"]}, ["/app/deep/c", "/app/deep/er/d"]),
        ({"Key": "Type", "Values": ["SecureString"]}, ["/app/secret"]),
        ({"Key": "tag:team", "Values": ["red"]}, ["/app/secret"]),
        ({"Key": "Tier", "Values": ["Advanced"]}, []),
    ],
)
def test_parameters_are_described_by_filters(tree: Any, condition: Any, names: list[str]) -> None:
    found = tree.describe_parameters(ParameterFilters=[condition])["Parameters"]
    assert [one["Name"] for one in found] == names
    assert all("Value" not in one for one in found)


def test_filters_that_cannot_be(tree: Any, refused: Any) -> None:
    with refused("InvalidFilterOption"):
        tree.describe_parameters(ParameterFilters=[{"Key": "Type", "Option": "Contains", "Values": ["x"]}])
    with refused("ValidationException"):
        tree.describe_parameters(ParameterFilters=[{"Key": "Nonsense", "Values": ["x"]}])
    assert len(tree.describe_parameters(Filters=[{"Key": "Name", "Values": ["/app/"]}])["Parameters"]) == 5
    pages = tree.get_paginator("describe_parameters").paginate(PaginationConfig={"PageSize": 3})
    assert [len(page["Parameters"]) for page in pages] == [3, 3, 1]


# Policies


def stamp(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def expiring(instant: float) -> str:
    return json.dumps([{"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": stamp(instant)}}])


def test_a_parameter_expires(ssm: Any, clock: Any, refused: Any) -> None:
    policies = expiring(clock.now() + DAY)
    with refused("ValidationException", "advanced-parameter tier"):
        ssm.put_parameter(Name="/a", Value="x", Type="String", Policies=policies)
    ssm.put_parameter(Name="/a", Value="x", Type="String", Tier="Advanced", Policies=policies)
    ssm.put_parameter(Name="/a", Value="y", Overwrite=True)  # does not put the end off
    (told,) = ssm.describe_parameters()["Parameters"]
    assert told["Policies"][0]["PolicyType"] == "Expiration"
    clock.advance(DAY - 10)
    assert ssm.get_parameter(Name="/a")
    clock.advance(20)
    with refused("ParameterNotFound"):
        ssm.get_parameter(Name="/a")


def test_an_expiration_is_put_off(ssm: Any, clock: Any) -> None:
    asked = {"Name": "/a", "Value": "x", "Type": "String", "Tier": "Advanced", "Overwrite": True}
    ssm.put_parameter(**asked, Policies=expiring(clock.now() + DAY))
    ssm.put_parameter(**asked, Policies=expiring(clock.now() + 3 * DAY))
    clock.advance(2 * DAY)
    assert ssm.get_parameter(Name="/a")["Parameter"]["Version"] == 2


@pytest.mark.parametrize(
    ("policies", "code"),
    [
        ("nonsense", "ValidationException"),
        ('[{"Type": "Nonsense", "Version": "1.0", "Attributes": {}}]', "InvalidPolicyTypeException"),
        (
            '[{"Type": "NoChangeNotification", "Version": "1.0", "Attributes": {"After": "x", "Unit": "Days"}}]',
            "InvalidPolicyAttributeException",
        ),
        (
            '[{"Type": "ExpirationNotification", "Version": "1.0", "Attributes": {"Before": "1", "Unit": "Days"}}]',
            "IncompatiblePolicyException",
        ),
    ],
)
def test_policies_that_cannot_be(ssm: Any, policies: str, code: str, refused: Any) -> None:
    with refused(code):
        ssm.put_parameter(Name="/a", Value="x", Type="String", Tier="Advanced", Policies=policies)


# Public parameters


def test_the_latest_images_are_published_with_stable_ids(ssm: Any, aws: Any) -> None:
    """Notes: "Public Parameters are available, like the latest AMIs per region"."""
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    here = ssm.get_parameter(Name=name)["Parameter"]
    assert here["Value"].startswith("ami-0")
    assert (len(here["Value"]), here["DataType"]) == (21, "aws:ec2:image")
    assert ssm.get_parameters(Names=[name])["Parameters"][0]["Value"] == here["Value"]
    assert aws.client("ssm", "eu-west-1").get_parameter(Name=name)["Parameter"]["Value"] != here["Value"]
    listed = by_path(ssm, "/aws/service/ami-amazon-linux-latest")
    assert name in listed
    assert listed == sorted(listed)
    assert "/aws/service/global-infrastructure/regions/eu-west-1" in by_path(
        ssm, "/aws/service/global-infrastructure/regions"
    )
