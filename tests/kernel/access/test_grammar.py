"""Policy documents that AWS takes, and the reasons it gives for those that it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus.kernel.access.grammar import LEGACY, SYNTAX, Kind, Malformed, check

from .people import allow, deny, document

VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."


def reason(text: str, kind: Kind = "identity") -> str:
    with pytest.raises(Malformed) as raised:
        check(text, kind)
    return raised.value.reason


def changed(**elements: Any) -> str:
    """A good statement with some elements changed; those that are None are left out."""
    statement = allow("s3:ListBucket", "arn:aws:s3:::bucket") | elements
    return document({name: value for name, value in statement.items() if value is not None})


@pytest.mark.parametrize(
    "text",
    [
        document(allow("*")),
        document(allow(["s3:Get*", "s3:List*"], ["arn:aws:s3:::a", "arn:aws:s3:::a/*"]), deny("iam:*")),
        json.dumps({"Statement": allow("*")}),
        json.dumps({"Version": "2008-10-17", "Id": "x", "Statement": allow("*")}),
        changed(Sid="One2", Condition={"StringLikeIfExists": {"s3:prefix": ["a/*", "${aws:username}/*"]}}),
        changed(Condition={"ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}, "Null": {"aws:TokenIssueTime": "true"}}),
        changed(Resource="arn:aws:sqs"),
        changed(Resource="arn:*:s3:::bucket"),
        changed(Resource="arn:${aws:partition}:s3:::bucket"),
        changed(Resource="arn:aws:iam::111122223333:role/*"),
        changed(Resource="arn:aws:iam::*:*"),
        changed(Resource=None, NotResource="arn:aws:s3:::bucket"),
        changed(Action=None, NotAction="iam:*"),
        changed(Condition={"NumericLessThan": {"s3:max-keys": 10}, "Bool": {"aws:SecureTransport": True}}),
    ],
)
def test_good_documents(text: str) -> None:
    assert check(text, "identity") == json.loads(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no json", SYNTAX),
        ("[]", SYNTAX),
        ("{}", SYNTAX),
        ('{"Version": "2012-10-17"}', SYNTAX),
        ('{"Version": "2012-10-17", "Statement": []}', SYNTAX),
        ('{"Version": "2012-10-17", "Statement": ["x"]}', SYNTAX),
        ('{"Version": "2013-10-17", "Statement": []}', SYNTAX),
        (json.dumps({"Version": "2012-10-17", "Statement": [allow("*")], "Extra": 1}), SYNTAX),
        (json.dumps({"Version": "2012-10-17", "Id": ["x"], "Statement": [allow("*")]}), SYNTAX),
        ('{"Statement": [{"Effect": "Allow", "Effect": "Deny", "Action": "*", "Resource": "*"}]}', SYNTAX),
        (changed(Effect="Perhaps"), SYNTAX),
        (changed(Effect=None), SYNTAX),
        (changed(Extra=1), SYNTAX),
        (changed(NotAction="s3:*"), SYNTAX),
        (changed(NotResource="*"), SYNTAX),
        (changed(Action=1), SYNTAX),
        (changed(Condition=[]), SYNTAX),
        (changed(Condition={"StringIs": {"a:b": "c"}}), SYNTAX),
        (changed(Condition={"NullIfExists": {"a:b": "true"}}), SYNTAX),
        (changed(Condition={"StringEquals": {"a:b": {"c": "d"}}}), SYNTAX),
        (changed(Resource=[["*"]]), LEGACY),
        (changed(Condition={"DateGreaterThan": {"a:b": "soon"}}), LEGACY),
        (changed(Condition={"IpAddress": {"aws:SourceIp": "300.0.0.1"}}), LEGACY),
        (changed(Condition={"StringEquals": {"key": "c"}}), VENDOR),
        (changed(Action="ListBucket"), VENDOR),
        (changed(Action=""), VENDOR),
        (changed(Action="a a:ListBucket"), "Vendor a a is not valid"),
        (changed(Action="s3:ListBucket:x"), "Actions/Conditions can contain only one colon."),
        (changed(Action=None), "Policy statement must contain actions."),
        (changed(Action=[]), "Policy statement must contain actions."),
        (changed(Resource=None), "Policy statement must contain resources."),
        (changed(Resource=[]), "Policy statement must contain resources."),
        (changed(Resource="bucket"), 'Resource bucket must be in ARN format or "*".'),
        (
            changed(Resource="arn:nowhere:s3:::bucket"),
            'Partition "nowhere" is not valid for resource "arn:nowhere:s3:::bucket".',
        ),
        (changed(Resource="arn:aws"), "Resource vendor must be fully qualified and cannot contain regexes."),
        (changed(Resource="arn:aws:s?:::x"), "Resource vendor must be fully qualified and cannot contain regexes."),
        (
            changed(Resource="arn:aws:s3:us-east-1::bucket"),
            "Resource arn:aws:s3:us-east-1::bucket can not contain region information.",
        ),
        (
            changed(Resource="arn:aws:iam:us-east-1:111122223333:user/x"),
            "IAM resource arn:aws:iam:us-east-1:111122223333:user/x cannot contain region information.",
        ),
        (changed(Sid="not good"), "Statement IDs (SID) must be alpha-numeric. "),
        (
            document(allow("*", Sid="One"), allow("*", Sid="One")),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (changed(Principal="*"), "Policy document should not specify a principal."),
    ],
)
def test_bad_documents_and_aws_reasons(text: str, why: str) -> None:
    found = reason(text)
    assert found == why or (why.endswith(" ") and found.startswith(why))


def test_an_iam_resource_has_one_of_iams_paths() -> None:
    found = reason(changed(Resource="arn:aws:iam::111122223333:robot/x"))
    assert found.startswith('IAM resource path must either be "*" or start with user/, federated-user/, role/, group/')


def test_a_managed_policy_is_of_todays_version() -> None:
    for text in (json.dumps({"Version": "2008-10-17", "Statement": allow("*")}), json.dumps({"Statement": allow("*")})):
        assert reason(text, "managed") == "Policy document must be version 2012-10-17 or greater."


TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


def test_a_trust_policy_names_whom_it_trusts_and_no_resource() -> None:
    check(document(TRUST), "trust")
    check(document(TRUST | {"Principal": {"AWS": ["111122223333", "arn:aws:iam::111122223333:user/a/b"]}}), "trust")
    check(document(TRUST | {"Principal": {"Federated": "accounts.google.com"}, "Action": ["sts:AssumeRole*"]}), "trust")
    assert reason(document(TRUST | {"Resource": "*"}), "trust") == "Has prohibited field Resource"
    assert reason(document({k: v for k, v in TRUST.items() if k != "Principal"}), "trust").startswith(
        "Missing required"
    )
    assert reason(document(TRUST | {"Principal": {}}), "trust") == "Missing required field Principal cannot be empty!"
    assert (
        reason(document(TRUST | {"Action": "s3:GetObject"}), "trust")
        == "AssumeRole policy may only specify STS AssumeRole actions."
    )


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("AWS", "alice"),
        ("AWS", "arn:aws:iam::111122223333:user/*"),
        ("AWS", "arn:aws:iam::111122223333:group/x"),
        ("AWS", "1234"),
        ("Service", "ec2"),
        ("Service", "*"),
    ],
)
def test_a_principal_that_cannot_be(kind: str, name: str) -> None:
    assert reason(document(TRUST | {"Principal": {kind: name}}), "trust") == (
        f'Invalid principal in policy: "{kind}":"{name}"'
    )


def test_a_resource_policy_needs_a_principal() -> None:
    statement = {**allow("sqs:*"), "Principal": {"AWS": "111122223333"}, "Sid": "any text-will do"}
    check(document(statement), "resource")
    del statement["Principal"]
    reason(document(statement), "resource")
