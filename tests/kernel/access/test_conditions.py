"""Every condition operator, one test each; then IfExists, sets of values, and policy variables.

IAM User Guide, "Condition operators", "Multivalued context keys" and "Variables and tags".
"""

from __future__ import annotations

from typing import Any

import pytest

from pileus.kernel.access import conditions

KEY = "aws:Key"


def holds(operator: str, wanted: Any, *given: str, key: str = KEY, version: bool = True, **others: str) -> bool:
    known = {"aws:key": given, **{name.replace("__", ":").lower(): (value,) for name, value in others.items()}}
    tests = conditions.compiled({operator: {key: wanted}}, variables=version)
    return all(test(lambda name: known.get(name, ())) for test in tests)


# Strings


def test_string_equals_is_exact_and_knows_case() -> None:
    assert holds("StringEquals", "red", "red")
    assert holds("StringEquals", ["blue", "red"], "red")
    assert not holds("StringEquals", "red", "Red")
    assert not holds("StringEquals", "r*", "red"), "no wildcards"
    assert not holds("StringEquals", "red")


def test_string_not_equals_is_the_contrary() -> None:
    assert holds("StringNotEquals", "red", "blue")
    assert not holds("StringNotEquals", ["red", "blue"], "blue")
    assert holds("StringNotEquals", "red"), "a key that is missing equals nothing"


def test_string_equals_ignore_case() -> None:
    assert holds("StringEqualsIgnoreCase", "ReD", "rEd")
    assert not holds("StringEqualsIgnoreCase", "red", "reds")


def test_string_not_equals_ignore_case() -> None:
    assert not holds("StringNotEqualsIgnoreCase", "ReD", "rEd")
    assert holds("StringNotEqualsIgnoreCase", "red", "reds")
    assert holds("StringNotEqualsIgnoreCase", "red")


def test_string_like_has_wildcards() -> None:
    assert holds("StringLike", "home/*", "home/alice/x")
    assert holds("StringLike", "a?c", "abc")
    assert not holds("StringLike", "a?c", "ac")
    assert holds("StringLike", "*b*b*", "abcb")
    assert not holds("StringLike", "*b*b*", "abc")
    assert not holds("StringLike", "HOME/*", "home/alice")
    assert holds("StringLike", "a.c", "a.c")
    assert not holds("StringLike", "a.c", "abc"), "other signs stand for themselves"


def test_string_not_like() -> None:
    assert not holds("StringNotLike", "home/*", "home/alice")
    assert holds("StringNotLike", "home/*", "away")
    assert holds("StringNotLike", "home/*")


# Numbers


def test_numeric_equals() -> None:
    assert holds("NumericEquals", "10", "10")
    assert holds("NumericEquals", 10, "10.0")
    assert not holds("NumericEquals", "10", "11")
    assert not holds("NumericEquals", "10", "ten"), "what is no number equals none"


def test_numeric_not_equals() -> None:
    assert holds("NumericNotEquals", "10", "11")
    assert not holds("NumericNotEquals", ["10", "11"], "11")
    assert holds("NumericNotEquals", "10")


def test_numeric_less_than() -> None:
    assert holds("NumericLessThan", "10", "9")
    assert not holds("NumericLessThan", "10", "10")


def test_numeric_less_than_equals() -> None:
    assert holds("NumericLessThanEquals", "10", "10")
    assert not holds("NumericLessThanEquals", "10", "10.5")


def test_numeric_greater_than() -> None:
    assert holds("NumericGreaterThan", "9", "10"), "as numbers, not as texts"
    assert not holds("NumericGreaterThan", "10", "10")


def test_numeric_greater_than_equals() -> None:
    assert holds("NumericGreaterThanEquals", "10", "10")
    assert not holds("NumericGreaterThanEquals", "10", "9")


# Dates: ISO 8601 or seconds since the epoch

NOON, EPOCH = "2026-07-01T12:00:00Z", "1782907200"


def test_date_equals() -> None:
    assert holds("DateEquals", NOON, NOON)
    assert holds("DateEquals", NOON, EPOCH)
    assert holds("DateEquals", NOON, "2026-07-01T14:00:00+02:00")
    assert not holds("DateEquals", NOON, "2026-07-01T12:00:01Z")


def test_date_not_equals() -> None:
    assert holds("DateNotEquals", NOON, "2026-07-02")
    assert not holds("DateNotEquals", NOON, EPOCH)
    assert holds("DateNotEquals", NOON)


def test_date_less_than() -> None:
    assert holds("DateLessThan", NOON, "2026-07-01")
    assert not holds("DateLessThan", NOON, NOON)


def test_date_less_than_equals() -> None:
    assert holds("DateLessThanEquals", NOON, NOON)
    assert not holds("DateLessThanEquals", NOON, "2026-07-02")


def test_date_greater_than() -> None:
    assert holds("DateGreaterThan", NOON, "2026-07-02")
    assert not holds("DateGreaterThan", NOON, NOON)


def test_date_greater_than_equals() -> None:
    assert holds("DateGreaterThanEquals", EPOCH, NOON)
    assert not holds("DateGreaterThanEquals", EPOCH, "2026-06-30")


# The others


def test_bool() -> None:
    assert holds("Bool", "true", "true")
    assert holds("Bool", True, "True")
    assert not holds("Bool", "true", "false")
    assert not holds("Bool", "false"), "a key that is missing is not false"


def test_binary_equals() -> None:
    assert holds("BinaryEquals", "QmluYXJ5VmFsdWU=", "QmluYXJ5VmFsdWU=")
    assert not holds("BinaryEquals", "QmluYXJ5VmFsdWU=", "QmluYXJ5")


def test_ip_address() -> None:
    assert holds("IpAddress", "203.0.113.0/24", "203.0.113.7")
    assert holds("IpAddress", "203.0.113.7", "203.0.113.7")
    assert not holds("IpAddress", "203.0.113.0/24", "203.0.114.7")
    assert holds("IpAddress", ["203.0.113.0/24", "2001:DB8:1234:5678::/64"], "2001:db8:1234:5678::1")
    assert not holds("IpAddress", "::/0", "203.0.113.7")


def test_not_ip_address() -> None:
    assert holds("NotIpAddress", "203.0.113.0/24", "203.0.114.7")
    assert not holds("NotIpAddress", ["192.0.2.0/24", "203.0.113.0/24"], "203.0.113.7")
    assert holds("NotIpAddress", "203.0.113.0/24")


@pytest.mark.parametrize("operator", ["ArnEquals", "ArnLike"])
def test_arn_equals_and_arn_like_are_one(operator: str) -> None:
    assert holds(operator, "arn:aws:sns:us-east-1:1:topic", "arn:aws:sns:us-east-1:1:topic")
    assert holds(operator, "arn:aws:sns:*:1:t*", "arn:aws:sns:eu-west-1:1:topic")
    assert not holds(operator, "arn:aws:sns:*:topic", "arn:aws:sns:us-east-1:1:topic"), "each segment by itself"
    assert holds(operator, "arn:aws:lambda:*:*:function:*", "arn:aws:lambda:us-east-1:1:function:f:live")


@pytest.mark.parametrize("operator", ["ArnNotEquals", "ArnNotLike"])
def test_arn_not_equals_and_arn_not_like(operator: str) -> None:
    assert not holds(operator, "arn:aws:sns:*:1:t*", "arn:aws:sns:eu-west-1:1:topic")
    assert holds(operator, "arn:aws:sns:*:2:t*", "arn:aws:sns:eu-west-1:1:topic")
    assert holds(operator, "arn:aws:sns:*:1:t*")


def test_null_asks_whether_a_key_is_there() -> None:
    assert holds("Null", "true")
    assert holds("Null", "false", "x")
    assert not holds("Null", "true", "x")
    assert not holds("Null", False)


# IfExists, keys, sets


@pytest.mark.parametrize("name", [name for name in conditions.names() if name != "Null"])
def test_if_exists_holds_for_a_key_that_is_missing(name: str) -> None:
    wanted = {"Bool": "true", "Date": NOON, "IpAd": "192.0.2.1", "NotI": "192.0.2.1", "Nume": "1", "Bina": "QQ=="}
    assert holds(f"{name}IfExists", wanted.get(name[:4], "x"))


def test_if_exists_asks_the_same_of_a_key_that_is_there() -> None:
    assert holds("StringEqualsIfExists", "red", "red")
    assert not holds("StringEqualsIfExists", "red", "blue")


def test_the_case_of_keys_does_not_matter() -> None:
    assert holds("StringEquals", "red", "red", key="AWS:kEY")


def test_for_all_values_wants_every_value_and_none_will_do() -> None:
    assert holds("ForAllValues:StringEquals", ["a", "b"], "a", "b")
    assert not holds("ForAllValues:StringEquals", ["a", "b"], "a", "c")
    assert holds("ForAllValues:StringEquals", ["a", "b"])
    assert holds("ForAllValues:StringNotEquals", ["a", "b"], "c")
    assert not holds("ForAllValues:StringNotEquals", ["a", "b"], "c", "a")


def test_for_any_value_wants_one() -> None:
    assert holds("ForAnyValue:StringLike", ["a*"], "b", "ab")
    assert not holds("ForAnyValue:StringLike", ["a*"], "b", "c")
    assert not holds("ForAnyValue:StringEquals", ["a"])
    assert holds("ForAnyValue:StringEqualsIfExists", ["a"])
    assert holds("ForAnyValue:StringNotEquals", ["a"], "a", "b"), "one that is none of them is enough"
    assert not holds("ForAnyValue:StringNotEquals", ["a"], "a")


# Variables


def test_a_variable_stands_for_the_requests_value() -> None:
    assert holds("StringEquals", "${aws:username}", "alice", aws__username="alice")
    assert not holds("StringEquals", "${aws:username}", "bob", aws__username="alice")
    assert holds("StringLike", "home/${AWS:UserName}/*", "home/alice/x", aws__username="alice")


def test_a_variable_without_a_value_matches_nothing_unless_it_has_a_default() -> None:
    assert not holds("StringLike", "home/${aws:username}/*", "home//x")
    assert holds("StringEquals", "${aws:username, 'guest'}", "guest")
    assert holds("StringEquals", "${aws:username, 'guest'}", "alice", aws__username="alice")


def test_wildcards_in_a_variables_value_stand_for_themselves() -> None:
    assert not holds("StringLike", "home/${aws:username}/x", "home/alice/x", aws__username="*")
    assert holds("StringLike", "home/${aws:username}/x", "home/*/x", aws__username="*")


def test_signs_may_be_written_as_variables() -> None:
    assert holds("StringLike", "a${*}b", "a*b")
    assert not holds("StringLike", "a${*}b", "axb")
    assert holds("StringLike", "a${?}${$}", "a?$")


def test_there_are_no_variables_in_policies_of_2008() -> None:
    assert holds("StringEquals", "${aws:username}", "${aws:username}", version=False, aws__username="alice")


def test_what_is_no_operator_or_value_is_refused() -> None:
    for operator, value in (("StringIs", "x"), ("Bool", "maybe"), ("DateEquals", "noon"), ("IpAddress", "x")):
        with pytest.raises(ValueError):
            conditions.compiled({operator: {KEY: value}}, variables=True)


def test_many_wildcards_cost_little() -> None:
    assert not holds("StringLike", "*a" * 40 + "b", "a" * 5000)
