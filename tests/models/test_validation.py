"""What the model says of a request, in the words of AWS's services."""

from __future__ import annotations

from typing import Any

import pytest

from pileus.models import Model, load
from pileus.models.validation import checker, constraints_of, message, violations

NAME = "[a-zA-Z0-9_.-]+"


def model(shapes: dict[str, Any]) -> Model:
    return Model("sample", {"protocol": "json"}, {}, shapes)


def of(traits: dict[str, Any], value: Any) -> list[str]:
    """The violations of one member `Thing` of a type."""
    root = {"type": "structure", "members": {"Thing": {"shape": "Thing"}}}
    return violations(model({"Root": root, "Thing": traits}).shape("Root"), {"Thing": value})


def says(value: str, constraint: str) -> list[str]:
    return [f"Value {value}at 'thing' failed to satisfy constraint: Member must {constraint}"]


TOO_SHORT = "have length greater than or equal to 3"
TOO_LONG = "have length less than or equal to 1"


@pytest.mark.parametrize(
    ("traits", "value", "found"),
    [
        ({"type": "string", "min": 3}, "ab", says("'ab' ", TOO_SHORT)),
        ({"type": "string", "max": 1}, "ab", says("'ab' ", TOO_LONG)),
        ({"type": "string", "max": 2}, "ab", []),
        ({"type": "string", "max": 1}, "\U0001f600", says("'\U0001f600' ", TOO_LONG)),
        ({"type": "string", "pattern": NAME}, "a b", says("'a b' ", f"satisfy regular expression pattern: {NAME}")),
        ({"type": "string", "pattern": NAME}, "a\n", says("'a\n' ", f"satisfy regular expression pattern: {NAME}")),
        ({"type": "string", "enum": ["A", "B"]}, "C", says("'C' ", "satisfy enum value set: [A, B]")),
        ({"type": "integer", "min": 1}, 0, says("'0' ", "have value greater than or equal to 1")),
        ({"type": "long", "max": 10}, 11, says("'11' ", "have value less than or equal to 10")),
        ({"type": "double", "max": 0.5}, 0.75, says("'0.75' ", "have value less than or equal to 0.5")),
        ({"type": "blob", "max": 1}, b"ab", says("'java.nio.HeapByteBuffer[pos=0 lim=2 cap=2]' ", TOO_LONG)),
        ({"type": "string", "min": 3, "sensitive": True}, "ab", says("", TOO_SHORT)),
        ({"type": "string", "max": 0, "pattern": r"\p{Nonsense}"}, "", []),
    ],
)  # fmt: skip
def test_scalars(traits: dict[str, Any], value: Any, found: list[str]) -> None:
    assert of(traits, value) == found


def test_one_and_several() -> None:
    table = load("dynamodb").operation("DescribeTable").input
    assert message(violations(table, {})) == (
        "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null"
    )
    keys = load("dynamodb").operation("CreateTable").input
    wrong = {"KeySchema": [{"AttributeName": "a", "KeyType": "FOO"}, {"AttributeName": "b"}], "TableName": "abc"}
    assert message(violations(keys, wrong)) == (
        "2 validation errors detected: "
        "Value 'FOO' at 'keySchema.1.member.keyType' failed to satisfy constraint: "
        "Member must satisfy enum value set: [HASH, RANGE]; "
        "Value null at 'keySchema.2.member.keyType' failed to satisfy constraint: Member must not be null"
    )


def test_elements_are_told_together() -> None:
    shape = load("kinesis").operation("EnableEnhancedMonitoring").input
    (found,) = violations(shape, {"ShardLevelMetrics": ["foo", "ALL"]})
    assert found.startswith(
        "Value '[foo, ALL]' at 'shardLevelMetrics' failed to satisfy constraint: "
        "Member must satisfy constraint: [Member must satisfy enum value set: [IncomingBytes, "
    )


def test_maps() -> None:
    tags = {"type": "map", "key": {"shape": "Key"}, "value": {"shape": "Values"}, "max": 2}
    shapes = {
        "Root": {"type": "structure", "members": {"Tags": {"shape": "Tags"}}},
        "Tags": tags,
        "Key": {"type": "string", "max": 2, "min": 1},
        "Values": {"type": "list", "member": {"shape": "Part"}, "min": 1},
        "Part": {"type": "structure", "members": {"Id": {"shape": "Key"}}, "required": ["Id"]},
    }
    root = model(shapes).shape("Root")
    assert violations(root, {"Tags": {"abc": [{"Id": "x"}]}}) == [
        "Value '{abc=[Part(id=x)]}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: "
        "[Member must have length less than or equal to 2, Member must have length greater than or equal to 1]"
    ]
    assert violations(root, {"Tags": {"a": []}}) == [
        "Value '{a=[]}' at 'tags' failed to satisfy constraint: Map value must satisfy constraint: "
        "[Member must have length greater than or equal to 1]"
    ]
    assert violations(root, {"Tags": {"a": [{"Id": "x"}, {}]}}) == [
        "Value null at 'tags.a.member.2.member.id' failed to satisfy constraint: Member must not be null"
    ]
    assert violations(root, {"Tags": {key: [{"Id": "x"}] for key in "abc"}})[0].endswith(
        "at 'tags' failed to satisfy constraint: Member must have length less than or equal to 2"
    )


def test_secrets_within_what_is_shown() -> None:
    shapes = {
        "Root": {"type": "structure", "members": {"Users": {"shape": "Users"}}},
        "Users": {"type": "list", "member": {"shape": "User"}, "max": 0},
        "User": {"type": "structure", "members": {"Name": {"shape": "Name"}, "Password": {"shape": "Password"}}},
        "Name": {"type": "string"},
        "Password": {"type": "string", "sensitive": True},
    }
    (found,) = violations(model(shapes).shape("Root"), {"Users": [{"Name": "a", "Password": "hunter2"}]})
    assert "hunter2" not in found
    assert "User(name=a, password=***Sensitive Data Redacted***)" in found


def test_shapes_without_constraints_cost_nothing() -> None:
    tree = {
        "type": "structure",
        "members": {"Name": {"shape": "Name"}, "Child": {"shape": "Tree"}, "All": {"shape": "Trees"}},
    }
    free = model({"Tree": tree, "Name": {"type": "string"}, "Trees": {"type": "list", "member": {"shape": "Tree"}}})
    assert checker(free.shape("Tree")) is None
    bound = model(
        {"Tree": tree, "Name": {"type": "string", "max": 1}, "Trees": {"type": "list", "member": {"shape": "Tree"}}}
    )
    assert violations(bound.shape("Tree"), {"Child": {"All": [{"Name": "a"}, {"Child": {"Name": "ab"}}]}}) == [
        "Value 'ab' at 'child.all.2.member.child.name' failed to satisfy constraint: "
        "Member must have length less than or equal to 1"
    ]
    assert violations(None, {}) == []


def test_ten_are_told() -> None:
    shape = load("dynamodb").operation("CreateTable").input
    many = {"TableName": "abc", "KeySchema": [{}] * 100}
    assert len(violations(shape, many)) == 10


def test_streams_are_not_measured() -> None:
    assert violations(load("mediastore-data").operation("PutObject").input, {"Path": "a", "Body": object()}) == []


@pytest.mark.parametrize("service", ["dynamodb", "ecs", "lambda", "iam", "s3", "ec2", "cognito-idp"])
def test_every_operation_compiles(service: str) -> None:
    described = load(service)
    for name in described.operation_names[:150]:
        shape = described.operation(name).input
        required = set(shape.required) if shape else set()
        assert len(violations(shape, {})) == min(len(required), 10)
        for member in shape.members.values() if shape else ():
            constraints_of(member)
