"""Management policies: how those of the root, of units and of an account add up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus.services.organizations.merging import merged

from .founding import Organized

ASSIGN, APPEND, REMOVE = "@@assign", "@@append", "@@remove"
ALLOWED = "@@operators_allowed_for_child_policies"


def test_an_account_has_what_it_inherits_with_its_own(founded: Organized, refused: Any) -> None:
    unit = founded.unit("unit")
    account = founded.account("account", unit)
    founded.enable("TAG_POLICY")
    named = {"tags": {"CostCenter": {"tag_key": {ASSIGN: "CostCenter"}, "tag_value": {ASSIGN: ["100", "200"]}}}}
    founded.attach(founded.root, named, "TAG_POLICY", "root")
    founded.attach(unit, {"tags": {"costcenter": {"tag_value": {APPEND: ["300"]}}}}, "TAG_POLICY", "unit")
    founded.attach(account.id, {"tags": {"costcenter": {"tag_value": {REMOVE: ["100"]}}}}, "TAG_POLICY", "account")
    expected = {"tags": {"CostCenter": {"tag_key": "CostCenter", "tag_value": ["200", "300"]}}}
    as_management = founded.org.describe_effective_policy(PolicyType="TAG_POLICY", TargetId=account.id)
    as_account = account.client("organizations").describe_effective_policy(PolicyType="TAG_POLICY")
    for answer in (as_management, as_account):
        assert json.loads(answer["EffectivePolicy"]["PolicyContent"]) == expected
        assert answer["EffectivePolicy"]["TargetId"] == account.id
    with refused("EffectivePolicyNotFoundException"):
        founded.org.describe_effective_policy(PolicyType="BACKUP_POLICY", TargetId=account.id)
    with refused("InvalidInputException") as error:
        founded.org.describe_effective_policy(PolicyType="TAG_POLICY", TargetId=unit)
    assert error.response["Reason"] == "TARGET_NOT_SUPPORTED"
    with refused("AccessDeniedException"):
        account.client("organizations").describe_effective_policy(
            PolicyType="TAG_POLICY", TargetId=founded.management.id
        )


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("AISERVICES_OPT_OUT_POLICY", {"services": {"default": {"opt_out_policy": {ASSIGN: "optOut"}}}}),
        ("BACKUP_POLICY", {"plans": {"daily": {"regions": {ASSIGN: ["eu-west-1"]}}}}),
        ("CHATBOT_POLICY", {"chatbot": {"platforms": {"slack": {"client": {ASSIGN: "disabled"}}}}}),
        (
            "DECLARATIVE_POLICY_EC2",
            {"ec2_attributes": {"serial_console_access": {"status": {ASSIGN: "disabled"}}}},
        ),
    ],
)
def test_every_type_of_management_policy_is_inherited(founded: Organized, kind: str, content: Any) -> None:
    founded.enable(kind)
    founded.attach(founded.root, content, kind)
    account = founded.account("account")
    answer = founded.org.describe_effective_policy(PolicyType=kind, TargetId=account.id)["EffectivePolicy"]
    assert json.loads(answer["PolicyContent"]) == plain(content)


def plain(content: Any) -> Any:
    """A policy that only assigns, without the operators."""
    return content[ASSIGN] if ASSIGN in content else {name: plain(part) for name, part in content.items()}


def test_assign_overwrites_what_was_inherited() -> None:
    assert merged([[{"a": {ASSIGN: "1"}}], [{"a": {ASSIGN: "2"}}]]) == {"a": "2"}


def test_append_adds_what_is_not_there_yet() -> None:
    assert merged([[{"a": {ASSIGN: ["1", "2"]}}], [{"a": {APPEND: ["2", "3"]}}]]) == {"a": ["1", "2", "3"]}


def test_a_single_value_is_not_appended_to() -> None:
    assert merged([[{"a": {ASSIGN: "1"}}], [{"a": {APPEND: "2"}}]]) == {"a": "1"}


def test_remove_takes_away_what_is_there() -> None:
    assert merged([[{"a": {ASSIGN: ["1", "2"]}}], [{"a": {REMOVE: ["2", "3"]}}]]) == {"a": ["1"]}


def test_policies_of_one_level_are_merged() -> None:
    assert merged([[{"a": {ASSIGN: ["1"]}}, {"a": {APPEND: ["2"]}}]]) == {"a": ["1", "2"]}


def test_children_do_only_what_their_parents_let_them() -> None:
    parent = {"a": {ASSIGN: ["1"], ALLOWED: ["@@append"]}}
    assert merged([[parent], [{"a": {ASSIGN: ["2"]}}]]) == {"a": ["1"]}
    assert merged([[parent], [{"a": {APPEND: ["2"]}}]]) == {"a": ["1", "2"]}


def test_a_rule_for_children_does_not_bind_its_own_level() -> None:
    parent = {"a": {ASSIGN: ["1"], ALLOWED: ["@@none"]}}
    assert merged([[parent, {"a": {APPEND: ["2"]}}], [{"a": {APPEND: ["3"]}}]]) == {"a": ["1", "2"]}


def test_a_child_does_not_loosen_its_parent_s_rule() -> None:
    levels = [[{"a": {ASSIGN: "1", ALLOWED: ["@@none"]}}], [{"a": {ALLOWED: ["@@all"]}}], [{"a": {ASSIGN: "2"}}]]
    assert merged(levels) == {"a": "1"}


def test_nobody_adds_parts_to_what_is_closed() -> None:
    parent = {"services": {ALLOWED: ["@@none"], "default": {"opt_out_policy": {ASSIGN: "optOut"}}}}
    child = {
        "services": {"lex": {"opt_out_policy": {ASSIGN: "optIn"}}, "default": {"opt_out_policy": {ASSIGN: "optIn"}}}
    }
    # `default` has rules of its own, and none was made for it.
    assert merged([[parent], [child]]) == {"services": {"default": {"opt_out_policy": "optIn"}}}
