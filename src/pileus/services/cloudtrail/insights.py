"""Insight selectors, which are kept: no insights are found."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault

from . import cloudtrail
from .trails import Trail, at_home, by_name

TYPES = ("ApiCallRateInsight", "ApiErrorRateInsight")


def home_of(call: Call, trail_name: str = "") -> Trail:
    return at_home(call, wanted(trail_name))


def named(call: Call, trail_name: str = "") -> Trail:
    return by_name(call, wanted(trail_name))


def wanted(trail_name: str) -> str:
    if not trail_name:
        raise Fault("InvalidParameterCombinationException", "You must specify either TrailName or EventDataStore.")
    return trail_name


@cloudtrail.operation(on=home_of)
def put_insight_selectors(call: Call, trail: Trail, insight_selectors: list[dict[str, Any]]) -> dict[str, Any]:
    for selector in insight_selectors:
        if selector.get("InsightType") not in TYPES:
            raise Fault("InvalidInsightSelectorsException", f"Invalid insight type: {selector.get('InsightType')}.")
    trail.insights = insight_selectors
    trail.put(call)
    return {"TrailARN": trail.arn(call), "InsightSelectors": trail.insights}


@cloudtrail.operation(on=named)
def get_insight_selectors(call: Call, trail: Trail) -> dict[str, Any]:
    if not trail.insights:
        raise Fault(
            "InsightNotEnabledException", f"Trail {trail.name} does not have Insights enabled. Edit the trail settings."
        )
    return {"TrailARN": trail.arn(call), "InsightSelectors": trail.insights}
