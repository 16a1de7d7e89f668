"""Creating tables, and everything that their definitions are checked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pileus.kernel import Call, Fault, names, tags

from . import dynamodb, faults, vectors
from .describing import description
from .tables import Index, Members, Table, new_box
from .tables import short as short_name

NAME = re.compile(r"[a-zA-Z0-9_.-]+")
MOST_GLOBAL = 20
MOST_LOCAL = 5
MOST_PROJECTED = 100
MOST_PARTS = 4
"""Attributes that the partition key of a global secondary index may have, and as many its sort key."""


@dynamodb.operation
def create_table(
    call: Call,
    table_name: str,
    attribute_definitions: list[Members] = [],
    key_schema: list[dict[str, str]] = [],
    local_secondary_indexes: list[Members] | None = None,
    global_secondary_indexes: list[Members] | None = None,
    billing_mode: str = "PROVISIONED",
    provisioned_throughput: Members | None = None,
    stream_specification: Members = {},
    sse_specification: Members = {},
    tags: list[dict[str, str]] = [],
    table_class: str = "",
    deletion_protection_enabled: bool = False,
    warm_throughput: dict[str, int] = {},
    resource_policy: str = "",
    vector_indexes: list[Members] = [],
    on_demand_throughput: dict[str, int] = {},
    global_table_source_arn: str = "",
    global_table_settings_replication_mode: str = "",
) -> dict[str, Any]:
    """Create a table, which is there to be used a moment later; perhaps as the replica of another account's."""
    check_name(table_name)
    name = short_name(table_name)
    if resource_policy:
        from .policies import check_text

        check_text(resource_policy)
    if global_table_source_arn or global_table_settings_replication_mode:
        own = (attribute_definitions, key_schema, local_secondary_indexes, global_secondary_indexes, vector_indexes)
        from .accounts import associate

        replica = associate(
            call, name, global_table_source_arn, global_table_settings_replication_mode, defined=any(own)
        )
        replica.tags, replica.protected = checked_tags(tags), deletion_protection_enabled
        replica.table_class = table_class or replica.table_class
        if resource_policy:
            replica.policy, replica.policy_revision = resource_policy, revision(call)
        replica.put(call)
        return {"TableDescription": description(call, replica)}
    table = Table(
        name=name,
        id=names.uuid4(),
        account=call.account,
        region=call.region,
        box=new_box(),
        created=call.now,
        attributes=attributes_of(attribute_definitions),
        keys=key_schema,
        billing=billing_mode,
        billed_since=call.now if billing_mode == "PAY_PER_REQUEST" else 0.0,
        table_class=table_class,
        protected=deletion_protection_enabled,
        warm=warm_throughput,
        on_demand=on_demand_throughput,
    )
    check_keys(table.keys, table.attributes)
    check_throughput(billing_mode, provisioned_throughput, "")
    table.throughput = provisioned_throughput or table.throughput
    table.indexes = indexes_of(table, local_secondary_indexes, global_secondary_indexes)
    vectors.keep(table, [vectors.of(given) for given in vector_indexes])
    vectors.check(table)
    check_definitions(table)
    if Table.get(call, name):
        raise faults.in_use(f"Table already exists: {name}")
    table.tags = checked_tags(tags)
    table.encryption = encryption(call, sse_specification)
    if resource_policy:
        table.policy, table.policy_revision = resource_policy, revision(call)
    stream(call, table, stream_specification)
    table.put(call)
    activate.later(call, name=name)
    return {"TableDescription": description(call, table)}


@dynamodb.task
def activate(call: Call, name: str) -> None:
    """The table is created, or changed."""
    table = Table.get(call, name)
    if table and table.status in ("CREATING", "UPDATING") and not table.filling:
        table.status = "ACTIVE"
        table.put(call)


def revision(call: Call) -> str:
    return str(int(call.now * 1000))


def stream(call: Call, table: Table, specification: Members) -> None:
    """Switch a table's stream on or off."""
    if not specification:
        return
    if specification["StreamEnabled"]:
        if "StreamViewType" not in specification:
            raise faults.bad_parameter("StreamViewType is required when StreamEnabled is true")
        if table.view:
            raise faults.invalid(f"Table already has an enabled stream: TableName: {table.name}")
        from .streams import opened

        table.view = specification["StreamViewType"]
        table.label = opened(call, table)
        return
    if "StreamViewType" in specification:
        raise faults.bad_parameter("StreamViewType cannot be specified when StreamEnabled is false")
    if table.group:
        raise faults.invalid(f"Streams cannot be disabled for a table that is a replica: TableName: {table.name}")
    if table.label and table.view:
        from .streams import closed

        closed(call, table)
        table.view = ""


def encryption(call: Call, specification: Members) -> Members:
    """What is told of encryption with a key of KMS; the key that DynamoDB owns is not mentioned."""
    if not specification.get("Enabled"):
        return {}
    key = specification.get("KMSMasterKeyId", "alias/aws/dynamodb")
    if key.startswith("alias/"):
        key = named_by(call, key)
    elif not key.startswith("arn:"):
        key = call.arn(f"key/{key}", "kms")
    return {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}


def named_by(call: Call, alias: str) -> str:
    """The key that an alias of KMS names; the AWS managed one comes into being by it."""
    try:
        arn: str = call.aws("kms").describe_key(key_id=alias)["KeyMetadata"]["Arn"]
    except Fault as fault:
        if fault.code != "NotFoundException":
            raise
        raise faults.invalid(fault.message) from None
    return arn


def checked_tags(given: list[dict[str, str]]) -> dict[str, str]:
    held = tags.as_map(given)
    if len(held) < len(given):
        raise faults.bad_parameter("Duplicate tag keys are not allowed")
    tags.check(held)
    return held


# Checks


def check_name(name: str) -> None:
    if name.startswith("arn:"):
        return
    if not 3 <= len(name) <= 255:
        raise faults.invalid("TableName must be at least 3 characters long and at most 255 characters long")
    if not NAME.fullmatch(name):
        raise faults.invalid(
            f"1 validation error detected: Value '{name}' at 'tableName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
        )


def attributes_of(definitions: list[Members]) -> dict[str, str]:
    found: dict[str, str] = {}
    for definition in definitions:
        name = definition["AttributeName"]
        if name in found:
            raise faults.bad_parameter(f"Duplicate AttributeName in AttributeDefinitions: {name}")
        found[name] = definition["AttributeType"]
    return found


def check_keys(schema: list[dict[str, str]], attributes: dict[str, str], index: bool = False) -> None:
    names = [part["AttributeName"] for part in schema]
    kinds = [part["KeyType"] for part in schema]
    if not schema:
        raise faults.bad_parameter("KeySchema must be specified")
    if kinds[0] != "HASH":
        raise faults.invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if index:
        check_parts(kinds)
    elif len(schema) > 2:
        shown = ", ".join(
            f"KeySchemaElement(attributeName={part['AttributeName']}, keyType={part['KeyType']})" for part in schema
        )
        raise faults.invalid(
            f"1 validation error detected: Value '[{shown}]' at 'keySchema' failed to satisfy constraint: "
            "Member must have length less than or equal to 2"
        )
    elif kinds[1:] and kinds[1] != "RANGE":
        raise faults.invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
    if len({*names}) < len(names):
        raise faults.invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name")
    if any(name not in attributes for name in names):
        raise faults.bad_parameter(
            "Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: {listed(names)}, AttributeDefinitions: {listed(attributes)}"
        )


def check_parts(kinds: list[str]) -> None:
    """The attributes of an index's partition key come first; there are four at most, and as many in the sort key."""
    hashes = kinds.count("HASH")
    if kinds != ["HASH"] * hashes + ["RANGE"] * (len(kinds) - hashes):
        raise faults.invalid("Invalid KeySchema: The HASH key elements must precede the RANGE key elements")
    if hashes > MOST_PARTS or len(kinds) - hashes > MOST_PARTS:
        raise faults.invalid(f"Invalid KeySchema: There may be at most {MOST_PARTS} elements of each key type")


def check_definitions(table: Table) -> None:
    """All definitions must be of use."""
    used = {part["AttributeName"] for part in table.keys}
    searched = {part["AttributeName"] for one in table.vectors for part in one["schema"]}
    used |= searched & table.attributes.keys()
    if not table.indexes and used != table.attributes.keys():
        raise faults.bad_parameter(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in "
            "AttributeDefinitions"
        )
    used |= {part["AttributeName"] for index in table.indexes for part in index.keys}
    if used != table.attributes.keys():
        raise faults.bad_parameter(
            "Some AttributeDefinitions are not used. "
            f"AttributeDefinitions: {listed(table.attributes)}, keys used: {listed(used)}"
        )


def check_throughput(billing: str, throughput: Members | None, index: str) -> None:
    of = f" for index: {index}" if index else ""
    if billing == "PAY_PER_REQUEST" and throughput:
        raise faults.bad_parameter(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
        )
    if billing == "PROVISIONED" and not throughput:
        raise faults.bad_parameter(
            f"ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED{of}"
        )


def listed(names: Iterable[str]) -> str:
    return f"[{', '.join(names)}]"


def indexes_of(table: Table, local: list[Members] | None, others: list[Members] | None) -> list[Index]:
    """A new table's indexes."""
    for kind, given, most in (("Local", local, MOST_LOCAL), ("Global", others, MOST_GLOBAL)):
        if given is not None and not given:
            raise faults.bad_parameter(f"List of {kind}SecondaryIndexes is empty")
        if given and len(given) > most:
            raise faults.bad_parameter(f"Number of {kind}SecondaryIndexes exceeds per-table limit of {most}")
    if local and len(table.keys) < 2:
        raise faults.bad_parameter(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"
        )
    found = [local_index(table, given) for given in local or ()]
    found += [global_index(table, given) for given in others or ()]
    seen: set[str] = set()
    for index in found:
        if index.name in seen:
            raise faults.bad_parameter(f"Duplicate index name: {index.name}")
        seen.add(index.name)
    check_projected(found)
    return found


def local_index(table: Table, given: Members) -> Index:
    name, keys = given["IndexName"], given["KeySchema"]
    check_keys(keys, table.attributes, index=True)
    if len(keys) < 2:
        raise faults.bad_parameter(f"Index KeySchema does not have a range key for index: {name}")
    if keys[0] != table.keys[0] or len(keys) > 2 or keys[1]["KeyType"] != "RANGE":
        raise faults.bad_parameter(
            f"Index KeySchema does not have the same leading hash key as table KeySchema for index: {name}. "
            f"index hash key: {keys[0]['AttributeName']}, table hash key: {table.keys[0]['AttributeName']}"
        )
    return Index(name=name, keys=keys, projection=projection(given["Projection"]), local=True, box=new_box())


def global_index(table: Table, given: Members) -> Index:
    check_keys(given["KeySchema"], table.attributes, index=True)
    check_throughput(table.billing, given.get("ProvisionedThroughput"), given["IndexName"])
    return Index(
        name=given["IndexName"],
        keys=given["KeySchema"],
        projection=projection(given["Projection"]),
        throughput=given.get("ProvisionedThroughput", {}),
        on_demand=given.get("OnDemandThroughput", {}),
        warm=given.get("WarmThroughput", {}),
        box=new_box(),
    )


def projection(given: Members) -> Members:
    kind, others = given.get("ProjectionType"), given.get("NonKeyAttributes")
    if kind is None:
        raise faults.bad_parameter("Unknown ProjectionType: null")
    if kind != "INCLUDE" and others is not None:
        raise faults.bad_parameter(f"ProjectionType is {kind}, but NonKeyAttributes is specified")
    if kind == "INCLUDE" and not others:
        raise faults.bad_parameter("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    return given


def check_projected(indexes: list[Index]) -> None:
    """A name that two indexes include counts twice (Developer Guide, "Service quotas", projected attributes)."""
    if sum(len(index.projection.get("NonKeyAttributes", ())) for index in indexes) > MOST_PROJECTED:
        raise faults.bad_parameter(
            f"Number of attributes that are projected into all secondary indexes exceeds the limit of {MOST_PROJECTED}"
        )


def limit_exceeded(message: str) -> Fault:
    return Fault("LimitExceededException", message)
