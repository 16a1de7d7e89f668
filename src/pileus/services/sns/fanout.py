"""From one message to every subscriber that wants it.

Queues are in the cloud: they get their copy in the transaction of the publisher, each undone by itself where it fails.
To everybody else it goes by a task.
"""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from typing import Any

from pileus.kernel import Arn, Call, Fault, arn, identity

from . import delivering, metrics, protection, retries, sns, status
from .envelopes import Envelope
from .messages import NOTIFICATION, Notice, unpacked
from .subscriptions import Subscription
from .topics import Topic
from .tracing import Span

log = logging.getLogger("pileus.sns")

AT_ONCE = 200
"""Subscriptions that a publisher waits for; a task goes on with the others."""
MOST_RAW_ATTRIBUTES = 10

parse = lru_cache(maxsize=4096)(arn.parse)


class Fanout:
    """One message of one topic, being delivered."""

    def __init__(self, call: Call, topic: Topic, notice: Notice, span: Span | None = None) -> None:
        self.call = call
        self.topic = topic
        self.notice = notice
        self.envelope = Envelope(call, notice, topic.attributes.get("SignatureVersion", "1"), topic.fifo)
        self.principal = identity.service("sns.amazonaws.com", notice.topic_arn, call.account)
        self.span = span or Span.of(call, topic, notice)

    def give(self, subscription: Subscription) -> None:
        """Deliver to one subscriber, or see to it, as far as it may see the message."""
        if self.topic.protection and self.notice.kind == NOTIFICATION:
            notice = protection.outbound(self.topic, subscription, self.notice)
            if notice is not self.notice:
                if notice is not None:
                    Fanout(self.call, self.topic, notice, self.span).hand(subscription)
                return
        self.hand(subscription)

    def hand(self, subscription: Subscription) -> None:
        here = self.span.delivering(self.call, subscription) if self.span else self.call
        if subscription.protocol == "sqs":
            self.enqueue(here, subscription)
        else:
            delivering.deliver.later(
                here, topic=self.topic.id, subscription=subscription.id, notice=self.notice.packed()
            )

    def enqueue(self, call: Call, subscription: Subscription) -> None:
        """Put the message into a queue. What a queue refuses, it would always refuse: that is a dead letter."""
        entry = self.entry(subscription)
        try:
            if len(entry.get("message_attributes", ())) > MOST_RAW_ATTRIBUTES:
                raise Fault("InvalidParameterValue", "Too many message attributes for raw delivery.")
            self.send_to(call, parse(subscription.endpoint), entry)
        except Fault as fault:
            self.bury(subscription, entry, fault)
        else:
            status.note(self.call, self.topic, subscription, self.notice)

    def entry(self, subscription: Subscription) -> dict[str, Any]:
        notice = self.notice
        if subscription.raw and notice.kind == NOTIFICATION:
            entry: dict[str, Any] = {"message_body": notice.text_for(subscription.protocol)}
            if notice.attributes:
                entry["message_attributes"] = notice.attributes
            return entry
        return {"message_body": self.envelope.text(subscription.protocol, subscription.arn(self.call))}

    def send_to(self, call: Call, queue: Arn, entry: dict[str, Any]) -> None:
        here = call if queue.region == call.region else call.at(region=queue.region)
        notice = self.notice
        if queue.resource.endswith(".fifo"):
            # What has no group of its own, such as a request for confirmation, must be in one too.
            entry = entry | {
                "message_group_id": notice.group or notice.topic_arn.rpartition(":")[2],
                "message_deduplication_id": notice.deduplication_id or notice.id,
            }
        elif notice.group and not self.topic.fifo:
            entry = entry | {"message_group_id": notice.group}
        url = f"{self.call.endpoint}/{queue.account}/{queue.resource}"
        here.aws("sqs", principal=self.principal).send_message(queue_url=url, **entry)

    def bury(self, subscription: Subscription, entry: dict[str, Any], fault: Fault) -> None:
        """Put what cannot be delivered into the subscription's dead-letter queue, if it has one."""
        status.note(self.call, self.topic, subscription, self.notice, fault.message or fault.code)
        policy = subscription.attributes.get("RedrivePolicy")
        if not policy or self.notice.kind != NOTIFICATION:
            return
        try:
            self.send_to(self.call, parse(json.loads(policy)["deadLetterTargetArn"]), entry)
        except Fault as again:
            log.warning("%s: neither delivered (%s) nor kept (%s)", subscription.arn(self.call), fault, again)


def publish(call: Call, topic: Topic, notice: Notice) -> None:
    """Deliver to all subscribers of the topic."""
    fanout = Fanout(call, topic, notice)
    last = None
    for subscription in Subscription.scan(call, topic.id, limit=AT_ONCE):
        last = subscription
        if subscription.live and subscription.wants(notice):
            fanout.give(subscription)
        elif subscription.live:
            metrics.filtered(call, topic)
    if last is not None and Subscription.first(call, topic.id, above=(last.id,)):
        go_on.later(call, topic=topic.name, notice=notice.packed(), after=last.id)
    if fanout.span:
        fanout.span.send(call)


@sns.task
def go_on(call: Call, topic: str, notice: bytes, after: str) -> None:
    """Deliver to the next subscribers of a topic that has many."""
    found = Topic.get(call, topic)
    if found is None:
        return
    fanout = Fanout(call, found, unpacked(notice))
    subscriptions = list(Subscription.scan(call, found.id, above=(after,), limit=AT_ONCE))
    for subscription in subscriptions:
        if subscription.live and subscription.wants(fanout.notice):
            fanout.give(subscription)
    if len(subscriptions) == AT_ONCE:
        go_on.later(call, topic=topic, notice=notice, after=subscriptions[-1].id)


def send(call: Call, topic: Topic, subscription: Subscription, notice: Notice) -> None:
    """Deliver to one subscriber."""
    if subscription.protocol == "sqs" or notice.kind == NOTIFICATION:
        Fanout(call, topic, notice).give(subscription)
    else:
        delivering.tell.later(
            call,
            topic=topic.name,
            endpoint=subscription.endpoint,
            protocol=subscription.protocol,
            subscription_arn=subscription.arn(call),
            notice=notice.packed(),
        )


def policy_for(topic: Topic, subscription: Subscription) -> retries.Policy:
    """When deliveries to the subscriber are tried again."""
    if subscription.protocol in ("lambda", "firehose", "sqs"):
        return retries.TO_AWS
    if subscription.protocol in ("http", "https"):
        policies = topic.attributes.get("DeliveryPolicy", ""), subscription.attributes.get("DeliveryPolicy", "")
        return dict(retries.effective(*policies)["healthyRetryPolicy"])
    return retries.TO_PEOPLE
