"""Event configurations: what the events of an event data store tell beside the call itself, and how large they may be.

User Guide, "Enrich CloudTrail events by adding resource tag keys and IAM global condition keys". Left out: aggregated
events of trails. Whatever is said of their size, events have at most 100 KB of a request and its response.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Unfinished
from pileus.kernel.access.context import GLOBAL
from pileus.kernel.trail.enriching import REQUEST

from . import cloudtrail, stores
from .insights import home_of, named
from .stores import EventDataStore
from .trails import Trail

Members = dict[str, Any]

LARGE = "Large"


@cloudtrail.operation(on=home_of)
def put_event_configuration(
    call: Call,
    source: Trail | EventDataStore,
    max_event_size: str = "",
    context_key_selectors: list[Members] | None = None,
    aggregation_configurations: list[Members] | None = None,
) -> Members:
    """Change what is named; an empty list takes away."""
    if isinstance(source, Trail):
        if max_event_size or context_key_selectors is not None:
            raise combined("MaxEventSize and ContextKeySelectors go with EventDataStore.")
        if aggregation_configurations:
            raise Unfinished("Pileus does not aggregate the events of trails yet.")
        return told(call, source)
    if aggregation_configurations is not None:
        raise combined("AggregationConfigurations goes with TrailName.")
    check_category(source)
    source.largest = max_event_size or source.largest
    if context_key_selectors is not None:
        source.context = checked(context_key_selectors)
    if source.context and source.largest != LARGE:
        raise combined("MaxEventSize must be set to Large when using ContextKeySelectors.")
    source.updated = call.now
    source.put(call)
    return told(call, source)


@cloudtrail.operation(on=named)
def get_event_configuration(call: Call, source: Trail | EventDataStore) -> Members:
    if isinstance(source, EventDataStore):
        check_category(source)
    return told(call, source)


def combined(message: str) -> Fault:
    return Fault("InvalidParameterCombinationException", message)


def check_category(store: EventDataStore) -> None:
    """Only what CloudTrail itself has noted can be told more of."""
    if store.from_outside:
        message = "The event data store does not have events that could be enriched."
        raise Fault("InvalidEventDataStoreCategoryException", message)
    if store.status == stores.PENDING:
        raise stores.wrong_status(store)


def checked(selectors: list[Members]) -> dict[str, list[str]]:
    """The keys by the type of their selector."""
    found = {one["Type"]: one["Equals"] for one in selectors}
    if len(found) < len(selectors):
        raise invalid("There can be one context key selector of each type.")
    for kind, keys in found.items():
        if len(set(keys)) < len(keys):
            raise invalid(f"The keys of {kind} must be unique.")
        for key in keys if kind == REQUEST else ():
            if not key.lower().startswith("aws:") or key.lower() not in GLOBAL:
                raise invalid(f"{key} is not a supported IAM global condition key.")
    return found


def invalid(message: str) -> Fault:
    return Fault("InvalidParameterException", message, status=400)


def told(call: Call, source: Trail | EventDataStore) -> Members:
    if isinstance(source, Trail):
        return {"TrailARN": source.arn(call), "AggregationConfigurations": []}
    return {
        "EventDataStoreArn": source.arn(call),
        "MaxEventSize": source.largest,
        "ContextKeySelectors": [{"Type": kind, "Equals": keys} for kind, keys in source.context.items()],
    }
