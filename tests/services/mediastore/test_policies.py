from __future__ import annotations

import json
from typing import Any

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account

from .test_containers import code

POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "mediastore:*"}]})
LIFECYCLE = json.dumps({"rules": [{"definition": {"path": [{"prefix": "a/"}]}, "action": "EXPIRE"}]})
CORS = [{"AllowedOrigins": ["http://*.example.com"], "AllowedHeaders": ["*"], "AllowedMethods": ["GET"]}]
METRICS = {"ContainerLevelMetrics": "ENABLED", "MetricPolicyRules": [{"ObjectGroup": "a/*", "ObjectGroupName": "a"}]}

POLICIES = [
    ("container_policy", "Policy", POLICY, "PolicyNotFoundException"),
    ("lifecycle_policy", "LifecyclePolicy", LIFECYCLE, "PolicyNotFoundException"),
    ("cors_policy", "CorsPolicy", CORS, "CorsPolicyNotFoundException"),
    ("metric_policy", "MetricPolicy", METRICS, "PolicyNotFoundException"),
]


@pytest.fixture
def mediastore(aws: Account, cloud: LocalCloud) -> Any:
    """A client of an account that has an active container, `films`."""
    client = aws.client("mediastore")
    client.create_container(ContainerName="films")
    cloud.clock.advance(2)
    return client


@pytest.mark.parametrize(("kind", "member", "policy", "missing"), POLICIES)
def test_a_policy_is_put_read_replaced_and_deleted(
    mediastore: Any, kind: str, member: str, policy: Any, missing: str
) -> None:
    get, put, delete = [getattr(mediastore, f"{verb}_{kind}") for verb in ("get", "put", "delete")]
    assert code(get, ContainerName="films") == missing
    assert code(delete, ContainerName="films") == missing
    put(ContainerName="films", **{member: policy})
    put(ContainerName="films", **{member: policy})
    assert get(ContainerName="films")[member] == policy
    delete(ContainerName="films")
    assert code(get, ContainerName="films") == missing


@pytest.mark.parametrize(("kind", "member", "policy", "missing"), POLICIES)
def test_a_policy_needs_a_container(mediastore: Any, kind: str, member: str, policy: Any, missing: str) -> None:
    put = getattr(mediastore, f"put_{kind}")
    assert code(put, ContainerName="none", **{member: policy}) == "ContainerNotFoundException"


def test_policies_do_not_show_in_the_container(mediastore: Any) -> None:
    before = mediastore.describe_container(ContainerName="films")["Container"]
    mediastore.put_container_policy(ContainerName="films", Policy=POLICY)
    assert mediastore.describe_container(ContainerName="films")["Container"] == before


@pytest.mark.parametrize("policy", ["nonsense", "[]", '{"Version": "2012-10-17"}'])
def test_a_policy_is_a_document_with_its_parts(mediastore: Any, policy: str) -> None:
    assert code(mediastore.put_container_policy, ContainerName="films", Policy=policy) == "ValidationException"
    assert code(mediastore.put_lifecycle_policy, ContainerName="films", LifecyclePolicy=policy) == "ValidationException"


def test_a_cors_rule_has_one_wildcard_in_a_pattern(mediastore: Any) -> None:
    rule = CORS[0] | {"AllowedOrigins": ["http://*.example.*"]}
    assert code(mediastore.put_cors_policy, ContainerName="films", CorsPolicy=[rule]) == "ValidationException"


def test_a_metric_policy_has_up_to_five_rules(mediastore: Any) -> None:
    rules = [{"ObjectGroup": "a/*", "ObjectGroupName": f"g{number}"} for number in range(6)]
    policy = {"ContainerLevelMetrics": "ENABLED", "MetricPolicyRules": rules}
    assert code(mediastore.put_metric_policy, ContainerName="films", MetricPolicy=policy) == "LimitExceededException"
    mediastore.put_metric_policy(ContainerName="films", MetricPolicy=policy | {"MetricPolicyRules": rules[:5]})
