"""Subscriptions to measurements of AWS's network, between Regions or the Availability Zones of one.

The measurements themselves are left out: the Regions of a cloud on one machine have no distances.
"""

from __future__ import annotations

from pileus.kernel import Call, Fault, Record, regions
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, selected
from pileus.services.ec2.faults import bad_value, missing

from . import zones

METRIC, STATISTIC, PERIOD = "aggregate-latency", "p50", "five-minutes"


class Subscription(Record, key=("source", "destination", "metric", "statistic"), table="ec2.NetworkSubscription"):
    source: str
    destination: str
    metric: str
    statistic: str


FILTERS = Filters(
    {
        "destination": "Destination",
        "metric": "Metric",
        "period": "Period",
        "source": "Source",
        "statistic": "Statistic",
    },
    tags=None,
)


def check(call: Call, source: str, destination: str) -> None:
    """Raise unless these are two Regions, or two zones of the Region, by their ids."""
    for name, value in (("Source", source), ("Destination", destination)):
        if not value:
            raise missing(name)
    ids = {zone.id for zone in zones.availability_zones(call)}
    if not ({source, destination} <= ids or (regions.is_region(source) and regions.is_region(destination))):
        raise bad_value("Destination", destination, f"There are no measurements from {source} to there.")


@ec2.operation
def enable_aws_network_performance_metric_subscription(
    call: Call, source: str = "", destination: str = "", metric: str = METRIC, statistic: str = STATISTIC
) -> Members:
    """Subscribe to measurements."""
    check(call, source, destination)
    Subscription(source, destination, metric, statistic).put(call)
    return {"Output": True}


@ec2.operation
def disable_aws_network_performance_metric_subscription(
    call: Call, source: str = "", destination: str = "", metric: str = METRIC, statistic: str = STATISTIC
) -> Members:
    """Subscribe to them no longer."""
    check(call, source, destination)
    found = Subscription.get(call, source, destination, metric, statistic)
    if found is None:
        raise Fault("InvalidParameterValue", f"There is no subscription from {source} to {destination}.")
    found.delete(call)
    return {"Output": True}


@ec2.operation
def describe_aws_network_performance_metric_subscriptions(
    call: Call, filters: list[Members] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """What the account has subscribed to in the Region."""
    found = [
        {
            "Source": one.source,
            "Destination": one.destination,
            "Metric": one.metric,
            "Statistic": one.statistic,
            "Period": PERIOD,
        }
        for one in Subscription.scan(call)
    ]
    return selected(call, "Subscriptions", FILTERS, found, filters, max_results, next_token)
