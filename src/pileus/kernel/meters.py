"""Metrics that services publish of themselves, in namespaces such as `AWS/SQS`: counted in memory, told every minute.

    tally = call.cloud.meters.tally(call.account, call.region, "AWS/SQS", (("QueueName", name),))
    tally.add("NumberOfMessagesSent")

Counting costs less than a microsecond, and no write. What a minute counted is put into CloudWatch when it is over, and
when the cloud stops; a cloud that is killed has not told its last minute. What is a state and no event, such as how
many messages wait, is read when a minute is over in which there was something to count, and for some minutes after.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import identity
from .errors import Fault

if TYPE_CHECKING:
    from .call import Call
    from .clock import Timer
    from .cloud import Cloud

log = logging.getLogger("pileus.meters")

MINUTE = 60.0
OBSERVED = 5 * MINUTE
"""For so long after it last had something to count, a thing's state is told every minute."""
AT_ONCE = 1000
"""Values that one PutMetricData takes."""

Dimensions = tuple[tuple[str, str], ...]
Place = tuple[str, str, str, Dimensions]
"""Account, Region, namespace and dimensions."""
Reading = Callable[["Call", Dimensions], list[tuple[str, float, str]]]
"""What tells a thing's state: metrics, their values and units. Nothing, once the thing is gone."""


class Tally:
    """What one thing has had in this minute."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: dict[str, tuple[list[float], str]] = {}
        """How often, the sum, the least and the greatest; and the unit."""

    def add(self, metric: str, value: float = 1.0, unit: str = "Count") -> None:
        found = self.values.get(metric)
        if found is None:
            self.values[metric] = ([1, value, value, value], unit)
            return
        held = found[0]
        held[0] += 1
        held[1] += value
        if value < held[2]:
            held[2] = value
        elif value > held[3]:
            held[3] = value


class Meters:
    """What is counted in this minute."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._tallies: dict[Place, Tally] = {}
        self._observed: dict[Place, tuple[float, Reading]] = {}
        """Until when whose state is told."""
        self._timer: Timer | None = None

    def tally(
        self, account: str, region: str, namespace: str, dimensions: Dimensions, reading: Reading | None = None
    ) -> Tally:
        """The tally of one thing. `reading` tells its state."""
        place = (account, region, namespace, dimensions)
        found = self._tallies.get(place)
        if found is None:
            self._begin()
            found = self._tallies[place] = Tally()
            if reading:
                self._observed[place] = (self._due + OBSERVED, reading)
        return found

    @property
    def _due(self) -> float:
        return self._timer.due if self._timer else 0.0

    def _begin(self) -> None:
        if self._timer is None:
            clock = self._cloud.clock
            self._timer = clock.call_at((clock.now() // MINUTE + 1) * MINUTE, self.tell)

    def tell(self) -> None:
        """Hand what was counted to CloudWatch; the next thing that happens is of another minute."""
        at = (self._due or self._cloud.clock.now()) - MINUTE
        if self._timer:
            self._timer.cancel()
        self._timer = None
        tallies, self._tallies = self._tallies, {}
        told: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        for (account, region, namespace, dimensions), tally in tallies.items():
            for metric, ((count, total, least, most), unit) in tally.values.items():
                summary = {"SampleCount": count, "Sum": total, "Minimum": least, "Maximum": most}
                datum = {"MetricName": metric, "Timestamp": at, "StatisticValues": summary, "Unit": unit}
                told.setdefault((account, region, namespace), []).append(datum | listed(dimensions))
        self._read(at, told)
        for (account, region, namespace), data in told.items():
            for start in range(0, len(data), AT_ONCE):
                self._put(account, region, namespace, data[start : start + AT_ONCE])

    def _read(self, at: float, told: dict[tuple[str, str, str], list[dict[str, Any]]]) -> None:
        """Add the states of what is observed; come back for those that still are."""
        for key, (until, reading) in list(self._observed.items()):
            account, region, namespace, dimensions = key
            call = self._cloud.call("cloudwatch", account=account, region=region)
            readings = reading(call, dimensions)
            data = [
                {"MetricName": metric, "Timestamp": at, "Value": value, "Unit": unit} | listed(dimensions)
                for metric, value, unit in readings
            ]
            if data:
                told.setdefault((account, region, namespace), []).extend(data)
            if until <= at + MINUTE or not data:
                del self._observed[key]
        if self._observed:
            self._begin()

    def _put(self, account: str, region: str, namespace: str, data: list[dict[str, Any]]) -> None:
        itself = identity.service("cloudwatch.amazonaws.com")  # services need no leave to tell of themselves
        call = self._cloud.call("cloudwatch", account=account, region=region, principal=itself)
        try:
            with self._cloud.store.attempt():
                call.aws("cloudwatch").put_metric_data(namespace=namespace, metric_data=data)
        except Fault as fault:
            log.warning("metrics of %s were not taken: %s", namespace, fault)

    def forget(self, account: str = "") -> None:
        """Forget what was counted, of an account or of all."""
        for held in (self._tallies, self._observed):
            for key in [key for key in held if not account or key[0] == account]:
                del held[key]


def listed(dimensions: Dimensions) -> dict[str, Any]:
    return {"Dimensions": [{"Name": name, "Value": value} for name, value in dimensions]}
