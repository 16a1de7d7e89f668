"""Active tracing: a segment of each message that belongs to a trace which is sampled ("Active tracing in Amazon SNS").

Each delivery to another service is a subsegment, and what is called is below that.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pileus.kernel import Call, arn, traces

from .messages import Notice
from .subscriptions import Subscription
from .topics import Topic


class Span:
    """The segment of one message at one topic."""

    def __init__(self, call: Call, topic: Topic, notice: Notice) -> None:
        resource = {"resource_arn": notice.topic_arn, "aws": {"operation": "Publish", "message_id": notice.id}}
        self.document = traces.segment(call.trace, topic.name, "AWS::SNS", call.now, call.now, **resource)
        self.calls: list[dict[str, Any]] = []

    @classmethod
    def of(cls, call: Call, topic: Topic, notice: Notice) -> Span | None:
        """None where the message is in no trace, or the topic tells nothing."""
        if not call.trace or topic.attributes.get("TracingConfig") != "Active" or not traces.sampled(call.trace):
            return None
        return cls(call, topic, notice)

    def delivering(self, call: Call, subscription: Subscription) -> Call:
        """The call by which one subscriber gets the message."""
        about = called(call, subscription)
        if about is None:
            return call
        inner = {"id": traces.new_id(), **about, "start_time": call.now, "end_time": call.now}
        self.calls.append(inner)
        return call.at(trace=traces.under(call.trace, inner["id"]))

    def send(self, call: Call) -> None:
        """The message has been delivered, or each subscriber seen to."""
        self.document["end_time"] = max(call.now, call.cloud.clock.now())
        traces.send(call, self.document | ({"subsegments": self.calls} if self.calls else {}))


def called(call: Call, subscription: Subscription) -> dict[str, Any] | None:
    """What is called to deliver to a subscriber, if it is anything that has traces."""
    if subscription.protocol in ("http", "https"):
        return {"name": urlsplit(subscription.endpoint).netloc, "namespace": "remote"}
    if subscription.protocol not in ("sqs", "lambda", "firehose"):
        return None
    to = arn.parse(subscription.endpoint)
    if subscription.protocol == "sqs":
        about = {"operation": "SendMessage", "queue_url": f"{call.endpoint}/{to.account}/{to.resource}"}
        return {"name": "SQS", "namespace": "aws", "aws": about}
    if subscription.protocol == "lambda":
        about = {"operation": "Invoke", "function_name": to.resource.removeprefix("function:").partition(":")[0]}
        return {"name": "Lambda", "namespace": "aws", "aws": about}
    return {"name": "Firehose", "namespace": "aws", "aws": {"operation": "PutRecord"}}
