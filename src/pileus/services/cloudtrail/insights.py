"""Insight selectors: who wants unusual rates to be told, and where what was found is told (`detecting` finds it)."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, identity

from . import cloudtrail, stores
from .detecting import Insight
from .lookups import PRINCIPAL
from .rates import scope_of
from .stores import INSIGHT, EventDataStore
from .trails import Trail, at_home, by_name

Members = dict[str, Any]

TYPES = ("ApiCallRateInsight", "ApiErrorRateInsight")
MOST = 50
DIMENSIONS = {"EventId": "eventID", "EventName": "eventName", "EventSource": "eventSource"}


def home_of(call: Call, trail_name: str = "", event_data_store: str = "") -> Trail | EventDataStore:
    check_one(trail_name, event_data_store)
    return at_home(call, trail_name) if trail_name else stores.active(call, event_data_store)


def named(call: Call, trail_name: str = "", event_data_store: str = "") -> Trail | EventDataStore:
    check_one(trail_name, event_data_store)
    return by_name(call, trail_name) if trail_name else stores.active(call, event_data_store)


def check_one(trail_name: str, event_data_store: str) -> None:
    if bool(trail_name) == bool(event_data_store):
        message = "You must specify either TrailName or EventDataStore."
        raise Fault("InvalidParameterCombinationException", message)


@cloudtrail.operation(on=home_of)
def put_insight_selectors(
    call: Call, source: Trail | EventDataStore, insight_selectors: list[Members], insights_destination: str = ""
) -> Members:
    """Have unusual rates told from now on; an empty list ends it."""
    for selector in insight_selectors:
        if selector.get("InsightType") not in TYPES:
            message = f"Invalid insight type: {selector.get('InsightType')}."
            raise Fault("InvalidInsightSelectorsException", message)
    if isinstance(source, EventDataStore):
        put_destination(call, source, insight_selectors, insights_destination)
    elif insights_destination:
        raise Fault("InvalidParameterCombinationException", "InsightsDestination goes with EventDataStore.")
    if not source.insights and insight_selectors:
        source.insights_since = call.now
    source.insights = insight_selectors
    keep_looking(call, source)
    return told(call, source)


def keep_looking(call: Call, source: Trail | EventDataStore) -> None:
    """Keep it. Rates are looked at steadily: what has slept, or would come back late, no longer does."""
    from . import delivery, ingesting

    restarts = isinstance(source, EventDataStore) and source.status == stores.ENABLED
    if restarts:
        source.run += 1
    source.put(call)
    if isinstance(source, Trail):
        delivery.rouse(call, home=source.home, name=source.name, noted=call.now)
    elif restarts:
        ingesting.ingest.later(call, store=source.id, run=source.run, delay=ingesting.pause(source))


def put_destination(call: Call, source: EventDataStore, selectors: list[Members], destination: str) -> None:
    if any({*one.get("EventCategories", ())} - {"Management"} for one in selectors):
        raise Fault("InvalidInsightSelectorsException", "Insights on data events need a trail.")
    if source.from_outside or "Management" not in source.categories:
        raise Fault("InvalidInsightSelectorsException", "The event data store does not log management events.")
    if not selectors:
        source.insights_destination = ""
        return
    if not destination:
        raise Fault("InvalidParameterException", "InsightsDestination is required.", status=400)
    target = stores.active(call, destination)
    if target.categories != {INSIGHT}:
        raise Fault("InvalidInsightSelectorsException", "The destination is not an event data store for Insights.")
    source.insights_destination = target.arn(call)


def told(call: Call, source: Trail | EventDataStore) -> Members:
    if isinstance(source, Trail):
        return {"TrailARN": source.arn(call), "InsightSelectors": source.insights}
    return {
        "EventDataStoreArn": source.arn(call),
        "InsightSelectors": source.insights,
        "InsightsDestination": source.insights_destination or None,
    }


@cloudtrail.operation(on=named)
def get_insight_selectors(call: Call, source: Trail | EventDataStore) -> Members:
    if not source.insights:
        what = f"Trail {source.name}" if isinstance(source, Trail) else f"Event data store {source.name}"
        message = f"{what} does not have Insights enabled. Edit its settings."
        raise Fault("InsightNotEnabledException", message)
    return told(call, source)


# What was found


@cloudtrail.task
async def tell(call: Call, home: str, name: str, account: str, region: str, events: list[Members]) -> None:
    """Deliver insights as a trail delivers events, and tell EventBridge."""
    from .delivery import Delivery

    trail = Trail.get(call, home, name)
    if trail is None:
        return
    await Delivery(call.at(region=home), trail).write(account, region, events, "CloudTrail-Insight")
    entries = [
        {"Source": "aws.cloudtrail", "DetailType": "AWS Insight via CloudTrail", "Detail": json.dumps(event)}
        for event in events
    ]
    bus = call.at(account, region).aws("events", principal=identity.service(PRINCIPAL))
    for start in range(0, len(entries), 10):
        result = bus.put_events(entries=entries[start : start + 10])
        if hasattr(result, "__await__"):
            await result


def shown(insight: Insight) -> Members:
    """An insight as LookupEvents has it."""
    details = insight.event["insightDetails"]
    return {
        "EventId": insight.event["eventID"],
        "EventName": details["eventName"],
        "EventTime": float(int(insight.at)),
        "EventSource": details["eventSource"],
        "CloudTrailEvent": json.dumps(insight.event, separators=(",", ":")),
    }


def matches(insight: Insight, name: str, value: str) -> bool:
    details = insight.event["insightDetails"]
    if not name:
        return True
    return bool(value == (insight.event["eventID"] if name == "EventId" else details.get(DIMENSIONS.get(name, ""))))


def looked_up(call: Call, name: str, value: str, start: float, end: float, most: int, token: str) -> Members:
    """The insights of the account in this Region, the newest first."""
    invalid = Fault("InvalidNextTokenException", "Invalid NextToken. Please check your input and try again.")
    page = Insight.page(
        call,
        limit=most,
        token=token,
        since=(start,),
        before=(end,),
        reverse=True,
        where=lambda one: matches(one, name, value),
        invalid=invalid,
    )
    return {"Events": [shown(one) for one in page.items], "NextToken": page.token}


@cloudtrail.operation
def list_insights_data(
    call: Call,
    insight_source: str,
    data_type: str,
    dimensions: dict[str, str] = {},
    start_time: float | None = None,
    end_time: float | None = None,
    max_results: int = MOST,
    next_token: str = "",
) -> Members:
    """The insights that a trail has led to."""
    trail = by_name(call, insight_source)
    name, value = next(iter(dimensions.items()), ("", ""))
    if name and name not in DIMENSIONS:
        raise Fault("InvalidParameterException", f"The dimension {name} is not valid.", status=400)
    page = Insight.page(
        call,
        scope_of(trail),
        index="by_scope",
        limit=max_results,
        token=next_token,
        since=(0.0 if start_time is None else float(start_time),),
        upto=(call.now if end_time is None else float(end_time),),
        reverse=True,
        where=lambda one: matches(one, name, value),
        invalid=Fault("InvalidParameterException", "The pagination token is not valid.", status=400),
    )
    return {"Events": [shown(one) for one in page.items], "NextToken": page.token}
