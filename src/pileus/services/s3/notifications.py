"""Event notifications: which destinations hear of what happens in a bucket, checked when they are named, told by tasks.

"Amazon S3 Event Notifications", S3 User Guide. Deliveries are made as `s3.amazonaws.com` on behalf of the bucket; so it
is the destination's own policy that lets them in, when it is configured and each time again.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from itertools import combinations
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, Record, Unfinished, arn, identity, names
from pileus.kernel.identity import Principal

from . import documents, events, faults, s3
from .buckets import Bucket, by_name
from .events import Event, Subject

KIND = "notificationconfiguration"
ACTION = "s3:PutBucketNotification"
INTEGRITY = ("ContentMD5", "ChecksumAlgorithm")
Members = dict[str, Any]


class Sort(NamedTuple):
    """One of the sorts of destinations."""

    member: str
    """The member of an entry that has the ARN."""
    service: str
    noun: str


SORTS = {
    "TopicConfigurations": Sort("TopicArn", "sns", "topic"),
    "QueueConfigurations": Sort("QueueArn", "sqs", "queue"),
    "LambdaFunctionConfigurations": Sort("LambdaFunctionArn", "lambda", "Lambda"),
}


class Count(Record, scope="cloud"):
    """How many events a bucket has had: what `sequencer` tells of their order."""

    room: str
    events: int = 0


def called(call: Call, bucket: Bucket) -> Principal:
    """S3, on behalf of a bucket."""
    return identity.service(events.S3_ITSELF, bucket.arn(call), bucket.owner)


# Configuration


@s3.operation(on=by_name, action="s3:GetBucketNotification")
def get_bucket_notification_configuration(call: Call, bucket: Bucket) -> Members:
    """Who is told of what; nothing where nobody is told anything."""
    return dict(documents.load(call, bucket.room, KIND) or {})


@s3.operation(on=by_name, action=ACTION)
async def put_bucket_notification_configuration(
    call: Call, bucket: Bucket, notification_configuration: Members, skip_destination_validation: bool = False
) -> None:
    """Say who is told of what. Queues and topics get a test event; what cannot be reached is refused."""
    check(bucket, notification_configuration)
    if not skip_destination_validation:
        await validate(call, bucket, notification_configuration)
    with call.transaction():
        found = Bucket.named(call, bucket.name)
        found.notifies = any(notification_configuration.values()) or "EventBridgeConfiguration" in (
            notification_configuration
        )
        found.put(call)
        documents.save(call, found.room, KIND, notification_configuration)


LEGACY = (
    ("TopicConfiguration", "TopicConfigurations", "Topic", "TopicArn"),
    ("QueueConfiguration", "QueueConfigurations", "Queue", "QueueArn"),
    ("CloudFunctionConfiguration", "LambdaFunctionConfigurations", "CloudFunction", "LambdaFunctionArn"),
)


@s3.operation(on=by_name, action="s3:GetBucketNotification")
def get_bucket_notification(call: Call, bucket: Bucket) -> Members:
    """The same in the form of old, which has one destination of each sort."""
    found = documents.load(call, bucket.room, KIND) or {}
    told = {}
    for old, new, short, long in LEGACY:
        for each in found.get(new, [])[:1]:
            told[old] = {"Id": each["Id"], "Events": each["Events"], "Event": each["Events"][0], short: each[long]}
    return told


@s3.operation(on=by_name, action=ACTION, honours=INTEGRITY)
async def put_bucket_notification(call: Call, bucket: Bucket, notification_configuration: Members) -> None:
    """The same in the form of old."""
    content: Members = {}
    for old, new, short, long in LEGACY:
        if each := notification_configuration.get(old):
            told = each.get("Events") or [each[name] for name in ("Event",) if name in each]
            entry = {long: each.get(short, ""), "Events": told}
            content[new] = [entry | ({"Id": each["Id"]} if "Id" in each else {})]
    await put_bucket_notification_configuration(call, bucket, content)


def entries(content: Members) -> Iterator[tuple[Sort, Members]]:
    for name, sort in SORTS.items():
        for each in content.get(name, []):
            yield sort, each


def check(bucket: Bucket, content: Members) -> None:
    """Refuse what S3 refuses without asking anybody; entries without an id get one."""
    for sort, each in entries(content):
        target = each.get(sort.member, "")
        if f":{sort.service}:" not in target or target.count(":") < 5:
            raise faults.invalid_argument("The ARN could not be parsed", sort.member, target)
        if arn.parse(target).region != bucket.region:
            words = "The notification destination service region is not valid for the bucket location constraint"
            raise faults.invalid_argument(words, sort.member, target)
        if not each.get("Events"):
            raise faults.malformed()
        if not each.get("Id"):
            each["Id"] = names.token(48)
        check_filter(each)
    ids = [each["Id"] for _, each in entries(content)]
    if len(ids) != len(set(ids)):
        raise faults.invalid_argument("Notification configuration IDs must be unique", "Id")
    check_overlaps(content)


def check_filter(each: Members) -> None:
    rules = each.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    given = [rule.get("Name", "").lower() for rule in rules]
    for name, rule in zip(given, rules, strict=True):
        if name not in ("prefix", "suffix"):
            words = "filter rule name must be either prefix or suffix"
            raise faults.invalid_argument(words, "FilterRule.Name", rule.get("Name"))
        if given.count(name) > 1:
            raise faults.invalid_argument(f"Cannot specify more than one {name} rule in a filter.", "FilterRule.Name")
        if len(rule.get("Value", "").encode()) > 1024:
            raise faults.invalid_argument("Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation")


def filters(each: Members) -> tuple[str, str]:
    """The prefix and the suffix that an entry wants."""
    rules = each.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    wanted = {rule["Name"].lower(): rule.get("Value", "") for rule in rules}
    return wanted.get("prefix", ""), wanted.get("suffix", "")


def check_overlaps(content: Members) -> None:
    """No event may be meant for two entries."""
    for (_, one), (_, other) in combinations(entries(content), 2):
        if not any(covers(a, b) or covers(b, a) for a in one["Events"] for b in other["Events"]):
            continue
        (prefix, suffix), (prefix2, suffix2) = filters(one), filters(other)
        near = prefix.startswith(prefix2) or prefix2.startswith(prefix)
        if near and (suffix.endswith(suffix2) or suffix2.endswith(suffix)):
            raise faults.invalid_argument(
                "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes "
                "are overlapping for the same event type."
            )


def covers(wanted: str, event: str) -> bool:
    """`s3:ObjectCreated:*` covers `s3:ObjectCreated:Put`."""
    return event == wanted or (wanted.endswith(":*") and event.startswith(wanted[:-1]))


async def validate(call: Call, bucket: Bucket, content: Members) -> None:
    """Try all destinations: queues and topics with a test event, functions without running them."""
    wrong: list[tuple[str, str]] = []
    message = json.dumps(events.test_event(call, bucket))
    for sort, each in entries(content):
        target = each[sort.member]
        try:
            if target.endswith(".fifo"):
                wrong.append((target, f"A FIFO {sort.noun} is not supported"))
                continue
            await send(call, bucket, target, message, test=True)
        except Unfinished:
            raise
        except Fault as fault:
            wrong.append((target, told(sort, target, fault)))
    if wrong:
        members: Members = {}
        for number, (target, words) in enumerate(wrong, 1):
            members |= {f"ArgumentName{number}": target, f"ArgumentValue{number}": words}
        raise faults.fault(
            "InvalidArgument", "Unable to validate the following destination configurations", 400, **members
        )


def told(sort: Sort, target: str, fault: Fault) -> str:
    """Why a destination will not do, in S3's words."""
    if "AccessDenied" in fault.code or fault.code in ("AuthorizationError", "KMSAccessDeniedException"):
        if sort.service == "lambda":
            return f"Not authorized to invoke function [{target}]"
        return f"Permissions on the destination {sort.noun} do not allow S3 to publish notifications from this bucket"
    return f"The destination {sort.noun} does not exist"


# What happens


def announce(
    call: Call, bucket: Bucket, name: str, subject: Subject, more: Members | None = None, detail: Members | None = None
) -> None:
    """Tell all who want to hear of it. Ask `bucket.notifies` first: most buckets have nothing to tell."""
    if not bucket.notifies:
        return
    content = documents.load(call, bucket.room, KIND) or {}
    wanted = [(sort, each) for sort, each in entries(content) if is_wanted(each, f"s3:{name}", subject.name)]
    bridged = "EventBridgeConfiguration" in content and name in events.BRIDGED
    if not wanted and not bridged:
        return
    event = Event(name, subject, sequencer(call, bucket), more or {}, detail or {})
    at = call.at(account=bucket.owner, region=bucket.region, principal=called(call, bucket))
    for sort, each in wanted:
        body = json.dumps({"Records": [events.record(call, bucket, event, each["Id"])]})
        deliver.later(at, bucket=bucket.name, target=each[sort.member], message=body)
    if bridged:
        bridge.later(at, entry=events.entry(call, bucket, event))


def is_wanted(each: Members, event: str, key: str) -> bool:
    prefix, suffix = filters(each)
    return key.startswith(prefix) and key.endswith(suffix) and any(covers(one, event) for one in each["Events"])


def sequencer(call: Call, bucket: Bucket) -> str:
    """Greater for what happened later, as text of one length."""
    count = Count.get(call, bucket.room) or Count(bucket.room, int(bucket.created * 1000) << 20)
    count.events += 1
    count.put(call)
    return f"{count.events:018X}"


# Deliveries


@s3.task
async def deliver(call: Call, bucket: str, target: str, message: str) -> None:
    """Bring a message to a queue, a topic or a function."""
    found = Bucket.get(call, call.partition, bucket)
    if found is not None:
        await send(call, found, target, message)


async def send(call: Call, bucket: Bucket, target: str, message: str, *, test: bool = False) -> None:
    to = arn.parse(target)
    at = call.at(account=to.account, region=to.region)
    service = at.aws(to.service, principal=called(call, bucket))
    if to.service == "sqs":
        done = service.send_message(queue_url=call.url(f"{to.account}/{to.resource}"), message_body=message)
    elif to.service == "sns":
        done = service.publish(topic_arn=target, message=message, subject="Amazon S3 Notification")
    else:
        kind = "DryRun" if test else "Event"
        done = service.invoke(function_name=target, invocation_type=kind, payload=message.encode())
    if inspect.isawaitable(done):
        await done


@s3.task
async def bridge(call: Call, entry: Members) -> None:
    """Hand an event to the default bus of the bucket's account."""
    entry = entry | {"Detail": json.dumps(entry["Detail"])}
    done = call.aws("events", principal=identity.service(events.S3_ITSELF)).put_events(entries=[entry])
    if inspect.isawaitable(done):
        await done
