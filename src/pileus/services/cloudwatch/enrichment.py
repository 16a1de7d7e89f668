"""OTel enrichment: whether the metrics that services publish may be asked for in PromQL, with labels about them.

PromQL is what alarms' EvaluationCriteria are written in (`promql`). Left out: labels of resources' tags, and that
resource tags on telemetry must be enabled before.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record

from . import cloudwatch
from .metrics import Metric

MOST_FILTERS = 100

Filters = list[dict[str, Any]]


class Enrichment(Record, key=("id",)):
    """Is there while enrichment is running; an account has one in a Region."""

    id: str
    included: Filters
    excluded: Filters
    created: float
    updated: float

    def covers(self, metric: Metric) -> bool:
        """Whether a metric is enriched: exclusion comes after inclusion."""
        if not metric.namespace.startswith("AWS/"):
            return False
        if self.included and not any(selects(one, metric) for one in self.included):
            return False
        return not any(selects(one, metric) for one in self.excluded)

    def shown(self) -> dict[str, Any]:
        return {
            "IncludeFilters": self.included or None,
            "ExcludeFilters": self.excluded or None,
            "CreatedAt": self.created,
            "UpdatedAt": self.updated,
        }


def selects(choice: dict[str, Any], metric: Metric) -> bool:
    names = choice.get("MetricNames")
    return bool(choice["Namespace"] == metric.namespace and (not names or metric.name in names))


def running(call: Call) -> Enrichment | None:
    return Enrichment.get(call, "default")


def check(included: Filters, excluded: Filters) -> None:
    if len(included) + len(excluded) > MOST_FILTERS:
        raise Fault(
            "ValidationException",
            f"A maximum of {MOST_FILTERS} filters is allowed across IncludeFilters and ExcludeFilters combined.",
        )


@cloudwatch.operation(name="StartOTelEnrichment")
def start_otel_enrichment(call: Call, include_filters: Filters = [], exclude_filters: Filters = []) -> dict[str, Any]:
    """Start, unless it is running already; then nothing changes."""
    check(include_filters, exclude_filters)
    found = running(call)
    if found is None:
        found = Enrichment("default", include_filters, exclude_filters, call.now, call.now).put(call)
        begun(call)
    return found.shown()


@cloudwatch.operation(name="UpdateOTelEnrichment")
def update_otel_enrichment(call: Call, include_filters: Filters = [], exclude_filters: Filters = []) -> dict[str, Any]:
    """Replace both lists of filters."""
    check(include_filters, exclude_filters)
    found = running(call)
    if found is None:
        raise Fault("ResourceNotFoundException", "OTel enrichment is not running for the account.")
    found.included, found.excluded, found.updated = include_filters, exclude_filters, call.now
    found.put(call)
    begun(call)
    return found.shown()


def begun(call: Call) -> None:
    """Alarms may see more now."""
    from .prom_alarms import wake

    wake(call)


@cloudwatch.operation(name="StopOTelEnrichment")
def stop_otel_enrichment(call: Call) -> None:
    if found := running(call):
        found.delete(call)


@cloudwatch.operation(name="GetOTelEnrichment")
def get_otel_enrichment(call: Call) -> dict[str, Any]:
    found = running(call)
    return {"Status": "Running", **found.shown()} if found else {"Status": "Stopped"}
