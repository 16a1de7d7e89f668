"""What hangs on a container: its access policy, CORS rules, life cycle and metrics."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.resource import Row

from . import mediastore
from .containers import active

MOST_METRIC_RULES = 5
"""Unless a customer asks for more (API reference, PutMetricPolicy)."""
LONGEST_CORS_POLICY = 398_000


def held(container: Row, name: str, missing: str = "PolicyNotFoundException") -> dict[str, Any]:
    """A policy as an answer, or the error that there is none."""
    if name not in container:
        raise Fault(missing, f"The container {container['Name']} has no such policy.")
    return {name: container[name]}


def keep(call: Call, container: Row, name: str, policy: Any) -> dict[str, Any]:
    container[name] = policy
    container.put(call)
    return {}


def drop(call: Call, container: Row, name: str, missing: str = "PolicyNotFoundException") -> dict[str, Any]:
    held(container, name, missing)
    del container.members[name]
    container.put(call)
    return {}


def document(text: str, *parts: str) -> None:
    """Raise the validation error for a text that is no JSON object with these parts."""
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict) or not all(part in parsed for part in parts):
        raise Fault("ValidationException", f"The policy must be a JSON object with {' and '.join(parts)}.", status=400)


@mediastore.operation(on=active)
def put_container_policy(call: Call, container: Row, policy: str) -> dict[str, Any]:
    document(policy, "Version", "Statement")
    return keep(call, container, "Policy", policy)


@mediastore.operation(on=active)
def get_container_policy(call: Call, container: Row) -> dict[str, Any]:
    return held(container, "Policy")


@mediastore.operation(on=active)
def delete_container_policy(call: Call, container: Row) -> dict[str, Any]:
    return drop(call, container, "Policy")


@mediastore.operation(on=active)
def put_cors_policy(call: Call, container: Row, cors_policy: list[dict[str, Any]]) -> dict[str, Any]:
    """One wildcard at most in an origin or a header (API reference, CorsRule)."""
    for rule in cors_policy:
        for pattern in [*rule["AllowedOrigins"], *rule["AllowedHeaders"]]:
            if pattern.count("*") > 1:
                raise Fault("ValidationException", f"{pattern} can contain only one wildcard character.", status=400)
    if len(json.dumps(cors_policy)) > LONGEST_CORS_POLICY:
        raise Fault("ValidationException", f"The policy has more than {LONGEST_CORS_POLICY} characters.", status=400)
    return keep(call, container, "CorsPolicy", cors_policy)


@mediastore.operation(on=active)
def get_cors_policy(call: Call, container: Row) -> dict[str, Any]:
    return held(container, "CorsPolicy", "CorsPolicyNotFoundException")


@mediastore.operation(on=active)
def delete_cors_policy(call: Call, container: Row) -> dict[str, Any]:
    return drop(call, container, "CorsPolicy", "CorsPolicyNotFoundException")


@mediastore.operation(on=active)
def put_lifecycle_policy(call: Call, container: Row, lifecycle_policy: str) -> dict[str, Any]:
    document(lifecycle_policy, "rules")
    return keep(call, container, "LifecyclePolicy", lifecycle_policy)


@mediastore.operation(on=active)
def get_lifecycle_policy(call: Call, container: Row) -> dict[str, Any]:
    return held(container, "LifecyclePolicy")


@mediastore.operation(on=active)
def delete_lifecycle_policy(call: Call, container: Row) -> dict[str, Any]:
    return drop(call, container, "LifecyclePolicy")


@mediastore.operation(on=active)
def put_metric_policy(call: Call, container: Row, metric_policy: dict[str, Any]) -> dict[str, Any]:
    if len(metric_policy.get("MetricPolicyRules", ())) > MOST_METRIC_RULES:
        raise Fault("LimitExceededException", f"A metric policy can have up to {MOST_METRIC_RULES} rules.")
    return keep(call, container, "MetricPolicy", metric_policy)


@mediastore.operation(on=active)
def get_metric_policy(call: Call, container: Row) -> dict[str, Any]:
    return held(container, "MetricPolicy")


@mediastore.operation(on=active)
def delete_metric_policy(call: Call, container: Row) -> dict[str, Any]:
    return drop(call, container, "MetricPolicy")
