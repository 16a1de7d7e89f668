"""When a delivery that failed is tried again: AWS's own phases, and the policies of topics and HTTP subscribers.

Developer Guide, "Amazon SNS message delivery retries".
"""

from __future__ import annotations

import json
from typing import Any

from .faults import invalid

Policy = dict[str, Any]

HEALTHY: Policy = {
    "minDelayTarget": 20,
    "maxDelayTarget": 20,
    "numRetries": 3,
    "numMaxDelayRetries": 0,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 0,
    "backoffFunction": "linear",
}
REQUEST: Policy = {"headerContentType": "text/plain; charset=UTF-8"}
BACKOFFS = ("linear", "arithmetic", "geometric", "exponential")
LONGEST = 3600
MOST_RETRIES = 100
CONTENT_TYPES = ("application/", "text/")

# Those who read what they are given at once; and those beyond AWS, over six hours.
TO_AWS = HEALTHY | {
    "minDelayTarget": 1,
    "maxDelayTarget": 20,
    "numRetries": 100_015,
    "numNoDelayRetries": 3,
    "numMinDelayRetries": 2,
    "numMaxDelayRetries": 100_000,
    "backoffFunction": "exponential",
}
TO_PEOPLE = HEALTHY | {
    "minDelayTarget": 10,
    "maxDelayTarget": 600,
    "numRetries": 50,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 2,
    "numMaxDelayRetries": 38,
    "backoffFunction": "exponential",
}


def delay(policy: Policy, retry: int) -> float | None:
    """Seconds before the retry of that number, the first being 1; None when there is none any more."""
    if retry > policy["numRetries"]:
        return None
    at_once, slow, late = (policy[f"num{kind}Retries"] for kind in ("NoDelay", "MinDelay", "MaxDelay"))
    least, most = float(policy["minDelayTarget"]), float(policy["maxDelayTarget"])
    if retry <= at_once:
        return 0.0
    if retry <= at_once + slow:
        return least
    between = policy["numRetries"] - at_once - slow - late
    step = retry - at_once - slow
    if step > between:
        return most
    return growing(policy["backoffFunction"], least, most, (step - 1) / (between - 1) if between > 1 else 0.0)


def growing(function: str, least: float, most: float, part: float) -> float:
    """From the least delay to the greatest, by the function's curve."""
    if function in ("exponential", "geometric"):
        return float(least * (most / least) ** part)
    return least + (most - least) * (part if function == "linear" else part * (1 + part) / 2)


# Policies as customers write them


def checked_for_topic(given: Policy) -> str:
    """A topic's policy as it is kept."""
    http = given.get("http")
    if not isinstance(http, dict) or given.keys() - {"http"}:
        raise invalid("DeliveryPolicy: Unexpected JSON member" if given.keys() - {"http"} else "DeliveryPolicy: http")
    known = {
        "defaultHealthyRetryPolicy",
        "disableSubscriptionOverrides",
        "defaultThrottlePolicy",
        "defaultRequestPolicy",
    }
    if unknown := http.keys() - known:
        raise invalid(f"DeliveryPolicy: Unexpected JSON member: http.{min(unknown)}")
    check_retries("http.defaultHealthyRetryPolicy", http.get("defaultHealthyRetryPolicy", {}))
    check_request("http.defaultRequestPolicy", http.get("defaultRequestPolicy", {}))
    check_throttle("http.defaultThrottlePolicy", http.get("defaultThrottlePolicy", {}))
    return json.dumps(given, separators=(",", ":"))


def checked_for_subscription(given: Policy) -> str:
    if unknown := given.keys() - {
        "healthyRetryPolicy",
        "throttlePolicy",
        "requestPolicy",
        "sicklyRetryPolicy",
        "guaranteed",
    }:
        raise invalid(f"DeliveryPolicy: Unexpected JSON member: {min(unknown)}")
    check_retries("healthyRetryPolicy", given.get("healthyRetryPolicy") or {})
    check_request("requestPolicy", given.get("requestPolicy") or {})
    check_throttle("throttlePolicy", given.get("throttlePolicy") or {})
    return json.dumps(given, separators=(",", ":"))


def check_retries(where: str, given: Policy) -> None:
    if unknown := given.keys() - HEALTHY.keys():
        raise invalid(f"DeliveryPolicy: Unexpected JSON member: {where}.{min(unknown)}")
    for name, value in given.items():
        if name == "backoffFunction":
            if value not in BACKOFFS:
                raise invalid(f"DeliveryPolicy: {where}.backoffFunction must be one of {', '.join(BACKOFFS)}")
        elif not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise invalid(f"DeliveryPolicy: {where}.{name} must be a non-negative integer")
    policy = HEALTHY | given
    if "maxDelayTarget" not in given:
        policy["maxDelayTarget"] = max(policy["maxDelayTarget"], policy["minDelayTarget"])
    if not 1 <= policy["minDelayTarget"] <= policy["maxDelayTarget"]:
        raise invalid(f"DeliveryPolicy: {where}.minDelayTarget must be between 1 and maxDelayTarget")
    if policy["maxDelayTarget"] > LONGEST:
        raise invalid(f"DeliveryPolicy: {where}.maxDelayTarget must be less than or equal to {LONGEST}")
    if policy["numRetries"] > MOST_RETRIES:
        raise invalid(f"DeliveryPolicy: {where}.numRetries must be less than or equal to {MOST_RETRIES}")
    if sum(policy[f"num{kind}Retries"] for kind in ("NoDelay", "MinDelay", "MaxDelay")) > policy["numRetries"]:
        raise invalid(
            f"DeliveryPolicy: {where}.numRetries must be greater than or equal to the sum of numNoDelayRetries, "
            "numMinDelayRetries and numMaxDelayRetries"
        )


def check_request(where: str, given: Policy) -> None:
    kind = given.get("headerContentType", "text/plain")
    if given.keys() - {"headerContentType"} or not str(kind).startswith(CONTENT_TYPES):
        raise invalid(f"DeliveryPolicy: {where}.headerContentType is not a supported content type")


def check_throttle(where: str, given: Policy) -> None:
    most = given.get("maxReceivesPerSecond", 1)
    if given.keys() - {"maxReceivesPerSecond"} or not isinstance(most, int | None) or (most is not None and most < 1):
        raise invalid(f"DeliveryPolicy: {where}.maxReceivesPerSecond must be a positive integer")


def effective_of_topic(policy: str) -> Policy:
    """A topic's policy with AWS's defaults below it."""
    http = json.loads(policy)["http"] if policy else {}
    return {
        "defaultHealthyRetryPolicy": HEALTHY | http.get("defaultHealthyRetryPolicy", {}),
        "disableSubscriptionOverrides": http.get("disableSubscriptionOverrides", False),
        "defaultRequestPolicy": REQUEST | http.get("defaultRequestPolicy", {}),
    } | ({"defaultThrottlePolicy": http["defaultThrottlePolicy"]} if "defaultThrottlePolicy" in http else {})


def effective(topic_policy: str, policy: str) -> Policy:
    """A subscription's policy, with its topic's and AWS's below it."""
    topic = effective_of_topic(topic_policy)
    own = json.loads(policy) if policy and not topic["disableSubscriptionOverrides"] else {}
    return {
        "healthyRetryPolicy": topic["defaultHealthyRetryPolicy"] | (own.get("healthyRetryPolicy") or {}),
        "sicklyRetryPolicy": None,
        "throttlePolicy": own.get("throttlePolicy") or topic.get("defaultThrottlePolicy"),
        "requestPolicy": topic["defaultRequestPolicy"] | (own.get("requestPolicy") or {}),
        "guaranteed": False,
    }
