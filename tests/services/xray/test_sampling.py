"""Sampling rules and quotas, groups, policies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus.testing.account import Account
from pileus.testing.local import CloudClock

RULE: dict[str, Any] = {
    "RuleName": "books",
    "ResourceARN": "*",
    "Priority": 100,
    "FixedRate": 0.1,
    "ReservoirSize": 5,
    "ServiceName": "*",
    "ServiceType": "*",
    "Host": "*",
    "HTTPMethod": "GET",
    "URLPath": "/books/*",
    "Version": 1,
}


@pytest.fixture
def xray(aws: Account) -> Any:
    return aws.client("xray")


def test_the_default_rule_takes_one_request_a_second_and_five_per_cent_of_the_rest(xray: Any) -> None:
    (record,) = xray.get_sampling_rules()["SamplingRuleRecords"]
    rule = record["SamplingRule"]
    assert (rule["RuleName"], rule["ReservoirSize"], rule["FixedRate"], rule["Priority"]) == ("Default", 1, 0.05, 10000)


def test_a_rule_is_made_changed_and_deleted(aws: Account, xray: Any, refused: Any) -> None:
    made = xray.create_sampling_rule(SamplingRule=RULE)["SamplingRuleRecord"]["SamplingRule"]
    assert made["RuleARN"] == f"arn:aws:xray:us-east-1:{aws.id}:sampling-rule/books"
    with refused("InvalidRequestException", "already exists"):
        xray.create_sampling_rule(SamplingRule=RULE)
    xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "books", "FixedRate": 0.5})
    names = [one["SamplingRule"]["RuleName"] for one in xray.get_sampling_rules()["SamplingRuleRecords"]]
    assert names == ["books", "Default"]
    assert xray.get_sampling_rules()["SamplingRuleRecords"][0]["SamplingRule"]["FixedRate"] == 0.5
    xray.delete_sampling_rule(RuleARN=made["RuleARN"])
    with refused("InvalidRequestException", "does not exist"):
        xray.delete_sampling_rule(RuleName="books")


def test_the_default_rule_stays_and_changes_only_its_rate_and_reservoir(xray: Any, refused: Any) -> None:
    with refused("InvalidRequestException"):
        xray.delete_sampling_rule(RuleName="Default")
    with refused("InvalidRequestException"):
        xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "Default", "Host": "front"})
    changed = xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "Default", "FixedRate": 1.0})
    assert changed["SamplingRuleRecord"]["SamplingRule"]["FixedRate"] == 1.0


def test_no_more_than_twenty_five_rules(xray: Any, refused: Any) -> None:
    for number in range(25):
        xray.create_sampling_rule(SamplingRule=RULE | {"RuleName": f"r{number}"})
    with refused("RuleLimitExceededException"):
        xray.create_sampling_rule(SamplingRule=RULE)


def statistics(client: str, rule: str = "books") -> dict[str, Any]:
    counts = {"RequestCount": 10, "SampledCount": 2, "BorrowCount": 1}
    return {"RuleName": rule, "ClientID": client * 24, "Timestamp": 0, **counts}


def test_clients_share_a_reservoir_while_they_ask(xray: Any, clock: CloudClock) -> None:
    xray.create_sampling_rule(SamplingRule=RULE)
    (target,) = xray.get_sampling_targets(SamplingStatisticsDocuments=[statistics("a")])["SamplingTargetDocuments"]
    assert (target["ReservoirQuota"], target["FixedRate"], target["Interval"]) == (5, 0.1, 10)
    quotas = [
        xray.get_sampling_targets(SamplingStatisticsDocuments=[statistics(client)])["SamplingTargetDocuments"][0][
            "ReservoirQuota"
        ]
        for client in ("a", "b")
    ]
    assert quotas[1] in (2, 3)
    clock.advance(60)
    (target,) = xray.get_sampling_targets(SamplingStatisticsDocuments=[statistics("b")])["SamplingTargetDocuments"]
    assert target["ReservoirQuota"] == 5
    unknown = xray.get_sampling_targets(SamplingStatisticsDocuments=[statistics("a", "nothing")])
    assert [one["RuleName"] for one in unknown["UnprocessedStatistics"]] == ["nothing"]
    summaries = xray.get_sampling_statistic_summaries()["SamplingStatisticSummaries"]
    assert sum(one["RequestCount"] for one in summaries) == 40


def test_groups(aws: Account, xray: Any, refused: Any) -> None:
    made = xray.create_group(GroupName="faults", FilterExpression="fault", Tags=[{"Key": "team", "Value": "red"}])
    arn = made["Group"]["GroupARN"]
    assert arn.startswith(f"arn:aws:xray:us-east-1:{aws.id}:group/faults/")
    with refused("InvalidRequestException"):
        xray.create_group(GroupName="faults")
    with refused("InvalidRequestException"):
        xray.create_group(GroupName="odd", FilterExpression="fault AND")
    xray.update_group(GroupName="faults", FilterExpression="error")
    assert xray.get_group(GroupARN=arn)["Group"]["FilterExpression"] == "error"
    assert [one["GroupName"] for one in xray.get_groups()["Groups"]] == ["Default", "faults"]
    xray.tag_resource(ResourceARN=arn, Tags=[{"Key": "floor", "Value": "2"}])
    tags = xray.list_tags_for_resource(ResourceARN=arn)["Tags"]
    assert {one["Key"]: one["Value"] for one in tags} == {"team": "red", "floor": "2"}
    xray.delete_group(GroupName="faults")
    with refused("InvalidRequestException"):
        xray.get_group(GroupName="faults")


def test_resource_policies_have_revisions(xray: Any, refused: Any) -> None:
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "xray:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = xray.put_resource_policy(PolicyName="sns", PolicyDocument=document)["ResourcePolicy"]
    assert made["PolicyRevisionId"] == "1"
    with refused("InvalidPolicyRevisionIdException"):
        xray.put_resource_policy(PolicyName="sns", PolicyDocument=document, PolicyRevisionId="0")
    with refused("MalformedPolicyDocumentException"):
        xray.put_resource_policy(PolicyName="sns", PolicyDocument="{}")
    assert xray.list_resource_policies()["ResourcePolicies"][0]["PolicyDocument"] == document
    locked = {"Effect": "Deny", "Principal": "*", "Action": "xray:PutResourcePolicy", "Resource": "*"}
    shut = json.dumps({"Version": "2012-10-17", "Statement": [locked]})
    with refused("LockoutPreventionException"):
        xray.put_resource_policy(PolicyName="shut", PolicyDocument=shut)
    xray.put_resource_policy(PolicyName="shut", PolicyDocument=shut, BypassPolicyLockoutCheck=True)
    xray.delete_resource_policy(PolicyName="shut")
    xray.delete_resource_policy(PolicyName="sns", PolicyRevisionId="1")
    assert xray.list_resource_policies()["ResourcePolicies"] == []


def test_encryption_by_a_key_that_is_there(aws: Account, xray: Any, refused: Any) -> None:
    assert xray.get_encryption_config()["EncryptionConfig"]["Type"] == "NONE"
    key = aws.client("kms").create_key()["KeyMetadata"]
    told = xray.put_encryption_config(Type="KMS", KeyId=key["KeyId"])["EncryptionConfig"]
    assert (told["Type"], told["KeyId"]) == ("KMS", key["Arn"])
    with refused("InvalidRequestException"):
        xray.put_encryption_config(Type="KMS")
    with refused("InvalidRequestException", "KMS key"):
        xray.put_encryption_config(Type="KMS", KeyId="alias/nowhere")


def test_anomalies_that_were_missed_boost_a_rule_for_a_minute(xray: Any, clock: CloudClock) -> None:
    """Adaptive sampling: up to the greatest rate, and not again before the rule has cooled down."""
    rule = {
        "RuleName": "b",
        "ResourceARN": "*",
        "Priority": 5,
        "FixedRate": 0.05,
        "ReservoirSize": 1,
        "Host": "*",
        "HTTPMethod": "*",
        "ServiceName": "*",
        "ServiceType": "*",
        "URLPath": "*",
        "Version": 1,
        "SamplingRateBoost": {"MaxRate": 0.25, "CooldownWindowMinutes": 5},
    }
    xray.create_sampling_rule(SamplingRule=rule)

    def asked(anomalies: int, sampled: int, name: str = "b") -> Any:
        seen = {"RuleName": "b", "ClientID": "1" * 24, "Timestamp": clock.now(), "RequestCount": 9, "SampledCount": 1}
        met = {"RuleName": name, "ServiceName": "s", "Timestamp": clock.now(), "TotalCount": 100}
        met |= {"AnomalyCount": anomalies, "SampledAnomalyCount": sampled}
        return xray.get_sampling_targets(SamplingStatisticsDocuments=[seen], SamplingBoostStatisticsDocuments=[met])

    assert "SamplingBoost" not in asked(3, 3)["SamplingTargetDocuments"][0]
    assert asked(60, 3)["SamplingTargetDocuments"][0]["SamplingBoost"]["BoostRate"] == 0.25
    clock.advance(61)
    assert "SamplingBoost" not in asked(60, 3)["SamplingTargetDocuments"][0]
    clock.advance(240)
    assert asked(2, 1)["SamplingTargetDocuments"][0]["SamplingBoost"]["BoostRate"] == 0.1
    assert [one["RuleName"] for one in asked(2, 1, "x")["UnprocessedBoostStatistics"]] == ["x"]
