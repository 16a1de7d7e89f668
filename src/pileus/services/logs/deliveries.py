"""Deliveries of logs that AWS services write: sources, destinations, and what connects them. They are kept."""

from __future__ import annotations

from typing import Any, Self

from pileus.kernel import Call, Fault, Record, log_delivery, names
from pileus.kernel.access import grammar

from . import faults, logs
from .groups import check_tags

Members = dict[str, Any]
KINDS = {"s3": "S3", "logs": "CWL", "firehose": "FH"}


class DeliverySource(Record, arn="delivery-source:{name}", cfn="AWS::Logs::DeliverySource", kw_only=True):
    name: str
    resource: str
    kind: str
    configuration: dict[str, str] = {}
    tags: dict[str, str] = {}

    @classmethod
    def named(cls, call: Call, name: str) -> Self:
        if found := cls.get(call, name):
            return found
        raise faults.missing(f"The specified delivery source {name} does not exist.")


class DeliveryDestination(
    Record, arn="delivery-destination:{name}", cfn="AWS::Logs::DeliveryDestination", kw_only=True
):
    name: str
    target: str
    kind: str
    format: str = ""
    policy: str = ""
    role: str = ""
    tags: dict[str, str] = {}

    @classmethod
    def named(cls, call: Call, name: str) -> Self:
        if found := cls.get(call, name):
            return found
        raise faults.missing(f"The specified delivery destination {name} does not exist.")


class Delivery(Record, arn="delivery:{id}", cfn="AWS::Logs::Delivery", kw_only=True):
    id: str
    source: str
    destination: str
    """Its ARN."""
    kind: str
    fields: list[str] = []
    delimiter: str = ""
    s3: Members = {}
    tags: dict[str, str] = {}

    @classmethod
    def named(cls, call: Call, id: str) -> Self:  # noqa: A002
        if found := cls.get(call, id):
            return found
        raise faults.missing(f"The specified delivery {id} does not exist.")


# Sources


@logs.operation
def put_delivery_source(
    call: Call,
    name: str,
    resource_arn: str,
    log_type: str,
    delivery_source_configuration: dict[str, str] | None = None,
    tags: dict[str, str] = {},
) -> Members:
    check_tags(tags)
    old = DeliverySource.get(call, name)
    if old and old.resource != resource_arn:
        raise Fault("ConflictException", f"The delivery source {name} is for another resource.")
    held = old.configuration if old else {}
    found = DeliverySource(
        name=name,
        resource=resource_arn,
        kind=log_type,
        configuration=held if delivery_source_configuration is None else delivery_source_configuration,
        tags=old.tags if old else tags,
    ).put(call)
    return {"deliverySource": source(call, found)}


@logs.operation(on=DeliverySource.named)
def get_delivery_source(call: Call, found: DeliverySource) -> Members:
    return {"deliverySource": source(call, found)}


@logs.operation
def describe_delivery_sources(
    call: Call, resource_arns: list[str] = [], limit: int = 50, next_token: str = ""
) -> Members:
    page = DeliverySource.page(
        call, limit=limit, token=next_token, where=lambda one: not resource_arns or one.resource in resource_arns
    )
    return {"deliverySources": [source(call, one) for one in page.items], "nextToken": page.token}


@logs.operation(on=DeliverySource.named)
def delete_delivery_source(call: Call, found: DeliverySource) -> None:
    check_unused(any(one.source == found.name for one in Delivery.scan(call)))
    found.delete(call)


def source(call: Call, one: DeliverySource) -> Members:
    return {
        "name": one.name,
        "arn": one.arn(call),
        "resourceArns": [one.resource],
        "service": one.resource.split(":")[2] if one.resource.count(":") > 2 else None,
        "logType": one.kind,
        "deliverySourceConfiguration": one.configuration or None,
        "tags": one.tags or None,
    }


def check_unused(used: bool) -> None:
    if used:
        raise Fault("ConflictException", "It is used by a delivery, which must be deleted first.")


# Destinations


@logs.operation
def put_delivery_destination(
    call: Call,
    name: str,
    output_format: str = "",
    delivery_destination_configuration: Members = {},
    delivery_destination_type: str = "",
    role_arn: str = "",
    tags: dict[str, str] = {},
) -> Members:
    check_tags(tags)
    target = delivery_destination_configuration.get("destinationResourceArn", "")
    kind = delivery_destination_type or KINDS.get((target.split(":") + [""] * 3)[2], "")
    if not kind:
        raise Fault("ValidationException", f"{target} is no destination for logs.", status=400)
    old = DeliveryDestination.get(call, name)
    found = DeliveryDestination(
        name=name,
        target=target,
        kind=kind,
        format=output_format,
        policy=old.policy if old else "",
        role=role_arn,
        tags=old.tags if old else tags,
    ).put(call)
    return {"deliveryDestination": destination(call, found)}


@logs.operation(on=DeliveryDestination.named)
def get_delivery_destination(call: Call, found: DeliveryDestination) -> Members:
    return {"deliveryDestination": destination(call, found)}


@logs.operation
def describe_delivery_destinations(call: Call, names: list[str] = [], limit: int = 50, next_token: str = "") -> Members:
    page = DeliveryDestination.page(
        call, limit=limit, token=next_token, where=lambda one: not names or one.name in names
    )
    return {"deliveryDestinations": [destination(call, one) for one in page.items], "nextToken": page.token}


@logs.operation(on=DeliveryDestination.named)
def delete_delivery_destination(call: Call, found: DeliveryDestination) -> None:
    check_unused(any(one.destination == found.arn(call) for one in Delivery.scan(call)))
    found.delete(call)


def destination(call: Call, one: DeliveryDestination) -> Members:
    return {
        "name": one.name,
        "arn": one.arn(call),
        "deliveryDestinationType": one.kind,
        "outputFormat": one.format or None,
        "roleArn": one.role or None,
        "deliveryDestinationConfiguration": {"destinationResourceArn": one.target} if one.target else None,
        "tags": one.tags or None,
    }


def by_destination(call: Call, delivery_destination_name: str) -> DeliveryDestination:
    return DeliveryDestination.named(call, delivery_destination_name)


@logs.operation(on=by_destination)
def put_delivery_destination_policy(
    call: Call, found: DeliveryDestination, delivery_destination_policy: str
) -> Members:
    try:
        grammar.check(delivery_destination_policy, "resource")
    except grammar.Malformed as error:
        raise Fault("ValidationException", f"Invalid policy document: {error}", status=400) from None
    found.policy = delivery_destination_policy
    found.put(call)
    return {"policy": {"deliveryDestinationPolicy": found.policy}}


@logs.operation(on=by_destination)
def get_delivery_destination_policy(call: Call, found: DeliveryDestination) -> Members:
    return {"policy": {"deliveryDestinationPolicy": found.policy} if found.policy else {}}


@logs.operation(on=by_destination)
def delete_delivery_destination_policy(call: Call, found: DeliveryDestination) -> None:
    found.policy = ""
    found.put(call)


# Deliveries


@logs.operation
def create_delivery(
    call: Call,
    delivery_source_name: str,
    delivery_destination_arn: str,
    record_fields: list[str] = [],
    field_delimiter: str = "",
    s3_delivery_configuration: Members = {},
    tags: dict[str, str] = {},
) -> Members:
    DeliverySource.named(call, delivery_source_name)
    found = DeliveryDestination.named(call, delivery_destination_arn.rpartition(":")[2])
    if any(
        (one.source, one.destination) == (delivery_source_name, delivery_destination_arn) for one in Delivery.scan(call)
    ):
        raise Fault("ConflictException", "Delivery already exists.")
    check_tags(tags)
    made = Delivery(
        id=names.token(16),
        source=delivery_source_name,
        destination=delivery_destination_arn,
        kind=found.kind,
        fields=record_fields,
        delimiter=field_delimiter,
        s3=s3_delivery_configuration,
        tags=tags,
    ).put(call)
    if found.target:
        log_delivery.admit(call, found.target)
    return {"delivery": delivery(call, made)}


@logs.operation(on=Delivery.named)
def get_delivery(call: Call, found: Delivery) -> Members:
    return {"delivery": delivery(call, found)}


@logs.operation(on=Delivery.named)
def update_delivery_configuration(
    call: Call,
    found: Delivery,
    record_fields: list[str] | None = None,
    field_delimiter: str | None = None,
    s3_delivery_configuration: Members | None = None,
) -> None:
    found.fields = found.fields if record_fields is None else record_fields
    found.delimiter = found.delimiter if field_delimiter is None else field_delimiter
    found.s3 = found.s3 if s3_delivery_configuration is None else s3_delivery_configuration
    found.put(call)


@logs.operation
def describe_deliveries(
    call: Call, delivery_source_names: list[str] = [], limit: int = 50, next_token: str = ""
) -> Members:
    page = Delivery.page(
        call,
        limit=limit,
        token=next_token,
        where=lambda one: not delivery_source_names or one.source in delivery_source_names,
    )
    return {"deliveries": [delivery(call, one) for one in page.items], "nextToken": page.token}


@logs.operation(on=Delivery.named)
def delete_delivery(call: Call, found: Delivery) -> None:
    found.delete(call)


def delivery(call: Call, one: Delivery) -> Members:
    return {
        "id": one.id,
        "arn": one.arn(call),
        "deliverySourceName": one.source,
        "deliveryDestinationArn": one.destination,
        "deliveryDestinationType": one.kind,
        "recordFields": one.fields or None,
        "fieldDelimiter": one.delimiter or None,
        "s3DeliveryConfiguration": one.s3 or None,
        "tags": one.tags or None,
    }
