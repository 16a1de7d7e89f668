"""Configuration templates: what deliveries of logs may say, for the logs of services that are delivered here."""

from __future__ import annotations

from typing import Any, NamedTuple

from pileus.kernel import Call, paging

from . import faults, logs

Members = dict[str, Any]


class Kind(NamedTuple):
    """Logs that a service writes of a type of resources."""

    service: str
    resource: str
    types: tuple[str, ...]
    fields: tuple[str, ...]
    optional: tuple[str, ...]
    action: str


KINDS = (
    Kind(
        "events",
        "event-bus",
        ("ERROR_LOGS", "INFO_LOGS", "TRACE_LOGS"),
        (
            "resource_arn",
            "message_timestamp_ms",
            "event_bus_name",
            "request_id",
            "event_id",
            "message_type",
            "log_level",
        ),
        ("details",),
        "events:AllowVendedLogDeliveryForResource",
    ),
)
FORMATS = {"S3": ["json", "plain", "w3c"], "CWL": ["json", "plain"], "FH": ["json", "plain"]}
DELIMITERS = [" ", "\\t", ",", ";", "|"]
VARIABLES = ["account-id", "region", "yyyy", "MM", "dd", "HH"]


def template(kind: Kind, log_type: str, destination: str) -> Members:
    fields = [{"name": name, "mandatory": True} for name in kind.fields]
    fields += [{"name": name, "mandatory": False} for name in kind.optional]
    defaults: Members = {"recordFields": [one["name"] for one in fields], "fieldDelimiter": " "}
    told: Members = {
        "service": kind.service,
        "logType": log_type,
        "resourceType": kind.resource,
        "deliveryDestinationType": destination,
        "defaultDeliveryConfigValues": defaults,
        "allowedFields": fields,
        "allowedOutputFormats": FORMATS[destination],
        "allowedActionForAllowVendedLogsDeliveryForResource": kind.action,
        "allowedFieldDelimiters": DELIMITERS,
    }
    if destination == "S3":
        defaults["s3DeliveryConfiguration"] = {"suffixPath": "", "enableHiveCompatiblePath": False}
        told["allowedSuffixPathFields"] = VARIABLES
    return told


@logs.operation
def describe_configuration_templates(
    call: Call,
    service: str = "",
    log_types: list[str] = [],
    resource_types: list[str] = [],
    delivery_destination_types: list[str] = [],
    next_token: str = "",
    limit: int = 50,
) -> Members:
    """What deliveries of some logs may say, and what holds where they say nothing."""
    if service and service not in {kind.service for kind in KINDS}:
        raise faults.missing(f"There are no configuration templates for the service {service}.")
    found = [
        template(kind, log_type, destination)
        for kind in KINDS
        for log_type in kind.types
        for destination in FORMATS
        if service in ("", kind.service)
        and (not log_types or log_type in log_types)
        and (not resource_types or kind.resource in resource_types)
        and (not delivery_destination_types or destination in delivery_destination_types)
    ]
    start = int(paging.opened(call, next_token)) if next_token else 0
    following = paging.sealed(call, start + limit) if len(found) > start + limit else None
    return {"configurationTemplates": found[start : start + limit], "nextToken": following}
