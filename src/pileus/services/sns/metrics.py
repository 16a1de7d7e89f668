"""Metrics of topics ("Monitoring Amazon SNS topics using CloudWatch").

Left out: those of SMS, and the reasons for which filters left something out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, arn
from pileus.kernel.meters import Dimensions, Tally

from . import messages, sns

if TYPE_CHECKING:
    from .topics import Topic

NAMESPACE = "AWS/SNS"


@lru_cache(maxsize=4096)
def place(topic_arn: str) -> tuple[str, str, Dimensions]:
    parsed = arn.parse(topic_arn)
    return parsed.account, parsed.region, (("TopicName", parsed.resource),)


def count(held: Tally, message: dict[str, Any]) -> None:
    held.add("NumberOfMessagesPublished")
    held.add("PublishSize", messages.size(message["Message"], message.get("MessageAttributes", {})), "Bytes")


def tally_of(call: Call, topic_arn: str) -> Tally:
    account, region, dimensions = place(topic_arn)
    return call.cloud.meters.tally(account, region, NAMESPACE, dimensions)


@sns.meter("Publish")
def published(call: Call, request: dict[str, Any], result: dict[str, Any]) -> None:
    to = request.get("TopicArn") or request.get("TargetArn", "")
    if to.count(":") == 5 and "/" not in to:
        count(tally_of(call, to), request)


@sns.meter("PublishBatch")
def published_some(call: Call, request: dict[str, Any], result: dict[str, Any]) -> None:
    taken = {one["Id"] for one in result["Successful"]}
    for entry in request["PublishBatchRequestEntries"]:
        if entry["Id"] in taken:
            count(tally_of(call, request["TopicArn"]), entry)


def delivered(call: Call, topic: Topic, *, failed: bool) -> None:
    tally = call.cloud.meters.tally(call.account, call.region, NAMESPACE, (("TopicName", topic.name),))
    tally.add("NumberOfNotificationsFailed" if failed else "NumberOfNotificationsDelivered")


def filtered(call: Call, topic: Topic) -> None:
    tally = call.cloud.meters.tally(call.account, call.region, NAMESPACE, (("TopicName", topic.name),))
    tally.add("NumberOfNotificationsFilteredOut")
