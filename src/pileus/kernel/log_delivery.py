"""Delivery of logs that services write for customers: to log groups, buckets and Firehose streams.

The policies of groups and buckets let the delivery's principal in. Streams have none: a service-linked role writes into
those that are tagged for it. Whoever sets up the logs, and may, has that added (CloudWatch Logs User Guide, "Enabling
logging from AWS services").
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from . import arn, identity, roles
from .errors import Fault

if TYPE_CHECKING:
    from .arn import Arn
    from .call import Call
    from .identity import Principal

PRINCIPAL = "delivery.logs.amazonaws.com"
LINKED_ROLE = "AWSServiceRoleForLogDelivery"
GROUP_POLICY = "AWSLogDeliveryWrite20150319"
TAG = {"Key": "LogDeliveryEnabled", "Value": "true"}
VALUES = ("plain", "w3c", "raw")
"""Output formats that have nothing but the values of fields."""
VARIABLE = re.compile(r"\{([A-Za-z-]+)\}")
HIVE = {"yyyy": "year", "MM": "month", "dd": "day", "HH": "hour"}
MOST_RECORDS, MOST_STREAMED = 500, 4 * 1_048_576
"""Records in a batch for a stream, and their bytes."""
MOST_EVENTS, MOST_WRITTEN, OVERHEAD = 10_000, 1_048_576, 26
"""Events in a batch for a group, their bytes, and what each counts besides its own."""

Members = dict[str, Any]


# Writing


def deliverer(call: Call, source: str) -> Principal:
    """Who writes to groups and buckets, for the logs of which `source` is the ARN."""
    return identity.service(PRINCIPAL, source, call.account)


def to_group(call: Call, source: str, group: str, stream: str, events: list[Members]) -> None:
    """Put events into a stream, which is made where it is not there."""
    logs = call.aws("logs", principal=deliverer(call, source))
    sizes = [len(event["message"].encode()) + OVERHEAD for event in events]
    for some in batches(sizes, MOST_EVENTS, MOST_WRITTEN):
        try:
            logs.put_log_events(log_group_name=group, log_stream_name=stream, log_events=events[some])
        except Fault as fault:
            if fault.code != "ResourceNotFoundException":
                raise
            logs.create_log_stream(log_group_name=group, log_stream_name=stream)
            logs.put_log_events(log_group_name=group, log_stream_name=stream, log_events=events[some])


def batches(sizes: list[int], most: int, octets: int) -> Iterator[slice]:
    """What may go together: at most so many, of at most so many octets."""
    start = held = 0
    for place, size in enumerate(sizes):
        if place > start and (place - start == most or held + size > octets):
            yield slice(start, place)
            start, held = place, 0
        held += size
    if start < len(sizes):
        yield slice(start, len(sizes))


async def to_bucket(call: Call, source: str, bucket: str, key: str, body: bytes, **members: Any) -> None:
    """Put an object, which is the bucket's owner's."""
    s3 = call.aws("s3", principal=deliverer(call, source))
    await s3.put_object(bucket=bucket, key=key, body=body, acl="bucket-owner-full-control", **members)


def to_stream(call: Call, stream: str, lines: list[str]) -> None:
    """Put lines into a stream, each as a record."""
    writer = identity.linked(call, PRINCIPAL, LINKED_ROLE, "AWSServiceRoleForLogDeliveryPolicy")
    firehose = call.aws("firehose", principal=writer)
    records: list[Members] = [{"Data": f"{line}\n".encode()} for line in lines]
    name = stream.rpartition("/")[2]
    for some in batches([len(record["Data"]) for record in records], MOST_RECORDS, MOST_STREAMED):
        firehose.put_record_batch(delivery_stream_name=name, records=records[some])


# Writing as a delivery says


def written(record: Members, fields: list[str], form: str, delimiter: str) -> str:
    """A record with the fields that are wanted, as JSON or as their values."""
    told = {name: record.get(name) for name in fields} if fields else record
    if form not in VALUES:
        return json.dumps(told, separators=(",", ":"))
    values = (one if isinstance(one, str) else json.dumps(one, separators=(",", ":")) for one in told.values())
    return (delimiter.replace("\\t", "\t") or " ").join(values)


def headed(record: Members, fields: list[str], form: str, line: str) -> bytes:
    """A line as a file of its own: W3C's begin with what their fields are."""
    head = f"#Version: 1.0\n#Fields: {' '.join(fields or record)}\n" if form == "w3c" else ""
    return f"{head}{line}\n".encode()


def filled(call: Call, suffix: str, *, hive: bool) -> str:
    """The suffix of a path, with its variables; for Hive each says its name."""
    at = datetime.fromtimestamp(call.now, UTC)
    known = {"account-id": call.account, "region": call.region}
    known |= {"yyyy": f"{at:%Y}", "MM": f"{at:%m}", "dd": f"{at:%d}", "HH": f"{at:%H}"}

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in known:
            return found[0]
        return f"{HIVE.get(name, name)}={known[name]}" if hive else known[name]

    return VARIABLE.sub(value, suffix.strip("/"))


# Letting in


def admit(call: Call, destination: str) -> None:
    """Let delivery write to a destination; where the caller may not say so, all remains as it is."""
    to = arn.parse(destination)
    try:
        {"s3": admit_to_bucket, "logs": admit_to_group, "firehose": admit_to_stream}[to.service](call, to)
    except Fault:
        return


def admit_to_stream(call: Call, stream: Arn) -> None:
    roles.link(call, PRINCIPAL, LINKED_ROLE)
    name = stream.resource.rpartition("/")[2]
    call.aws("firehose").tag_delivery_stream(delivery_stream_name=name, tags=[TAG])


def admit_to_group(call: Call, group: Arn) -> None:
    """One policy of the account has all groups."""
    logs = call.aws("logs")
    policies = logs.describe_resource_policies()["resourcePolicies"]
    held = next((one["policyDocument"] for one in policies if one["policyName"] == GROUP_POLICY), None)
    document: Members = json.loads(held) if held else {"Version": "2012-10-17", "Statement": []}
    statements: list[Members] = document["Statement"]
    streams = f"{group}".removesuffix(":*") + ":log-stream:*"
    wanted: Members = {
        "Sid": "AWSLogDeliveryWrite",
        "Effect": "Allow",
        "Principal": {"Service": PRINCIPAL},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": [streams],
        "Condition": ours(call),
    }
    there = next((one for one in statements if one | {"Resource": []} == wanted | {"Resource": []}), None)
    if there is None:
        statements.append(wanted)
    elif streams in there["Resource"]:
        return
    else:
        there["Resource"].append(streams)
    logs.put_resource_policy(policy_name=GROUP_POLICY, policy_document=json.dumps(document))


def admit_to_bucket(call: Call, place: Arn) -> None:
    bucket, _, folder = place.resource.partition("/")
    document = json.loads(bucket_policy(call, bucket))
    there = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    wanted = [one for one in bucket_statements(call, bucket, folder) if one not in there]
    if wanted:
        policy = json.dumps(document | {"Statement": [*there, *wanted]})
        call.aws("s3").put_bucket_policy(bucket=bucket, policy=policy)


def bucket_policy(call: Call, bucket: str) -> str:
    try:
        found: Any = call.aws("s3").get_bucket_policy(bucket=bucket)
    except Fault as fault:
        if fault.code != "NoSuchBucketPolicy":
            raise
        return json.dumps({"Version": "2012-10-17", "Statement": []})
    return str(found["Policy"])


def bucket_statements(call: Call, bucket: str, folder: str) -> list[Members]:
    place = f"{folder.strip('/')}/" if folder.strip("/") else ""
    whole = f"arn:{call.partition}:s3:::{bucket}"
    own = ours(call)
    written = {"StringEquals": own["StringEquals"] | {"s3:x-amz-acl": "bucket-owner-full-control"}}
    return [
        {
            "Sid": "AWSLogDeliveryWrite",
            "Effect": "Allow",
            "Principal": {"Service": PRINCIPAL},
            "Action": "s3:PutObject",
            "Resource": f"{whole}/{place}AWSLogs/{call.account}/*",
            "Condition": own | written,
        },
        {
            "Sid": "AWSLogDeliveryAclCheck",
            "Effect": "Allow",
            "Principal": {"Service": PRINCIPAL},
            "Action": "s3:GetBucketAcl",
            "Resource": whole,
            "Condition": own,
        },
    ]


def ours(call: Call) -> dict[str, dict[str, str]]:
    """The condition that it is about logs of this account and Region."""
    return {
        "StringEquals": {"aws:SourceAccount": call.account},
        "ArnLike": {"aws:SourceArn": call.arn("*", "logs")},
    }
