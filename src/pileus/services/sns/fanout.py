"""From one message to every subscriber that wants it.

Queues are in the cloud: they get their copy in the transaction of the publisher, each undone by itself where it fails.
To everybody else it goes by a task.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from pileus.kernel import Arn, Call, Fault

from . import audience, delivering, metrics, protection, retries, sns, status
from .audience import Hearer
from .envelopes import Envelope
from .messages import NOTIFICATION, Notice, unpacked
from .subscriptions import Subscription
from .topics import Topic, parse
from .tracing import Span

log = logging.getLogger("pileus.sns")

MOST_RAW_ATTRIBUTES = 10


class Fanout:
    """One message of one topic, being delivered."""

    def __init__(
        self, call: Call, topic: Topic, notice: Notice, envelope: Envelope | None = None, span: Span | None = None
    ) -> None:
        self.call = call
        self.topic = topic
        self.notice = notice
        self.envelope = envelope or Envelope(call, notice, topic)
        self.audience = audience.of(call, topic)
        self.send_message = call.aws("sqs", principal=self.audience.principal).send_message
        self.span = span or Span.of(call, topic, notice)

    def give(self, hearer: Hearer) -> None:
        """Deliver to one subscriber, or see to it, as far as it may see the message."""
        if self.topic.protection and self.notice.kind == NOTIFICATION:
            notice = protection.outbound(self.topic, hearer.subscription, self.notice)
            if notice is not self.notice:
                if notice is not None:
                    Fanout(self.call, self.topic, notice, span=self.span).hand(hearer)
                return
        self.hand(hearer)

    def hand(self, hearer: Hearer) -> None:
        here = self.span.delivering(self.call, hearer.subscription) if self.span else self.call
        if hearer.queue:
            self.enqueue(here, hearer, hearer.queue)
        else:
            delivering.deliver.later(
                here, topic=self.topic.id, subscription=hearer.subscription.id, notice=self.notice.packed()
            )

    def enqueue(self, call: Call, hearer: Hearer, queue: Arn) -> None:
        """Put the message into a queue. What a queue refuses, it would always refuse: that is a dead letter."""
        entry = self.entry(hearer)
        try:
            if len(entry.get("message_attributes", ())) > MOST_RAW_ATTRIBUTES:
                raise Fault("InvalidParameterValue", "Too many message attributes for raw delivery.")
            self.send_to(call, queue, entry)
        except Fault as fault:
            self.bury(hearer, entry, fault)
        else:
            status.note(self.call, self.topic, hearer.subscription, self.notice)

    def entry(self, hearer: Hearer) -> dict[str, Any]:
        notice = self.notice
        if not hearer.raw or notice.kind != NOTIFICATION:
            return {"message_body": self.envelope.text(hearer.protocol, hearer.arn)}
        entry: dict[str, Any] = {"message_body": notice.text_for(hearer.protocol)}
        if notice.attributes:
            entry["message_attributes"] = notice.attributes
        return entry

    def send_to(self, call: Call, queue: Arn, entry: dict[str, Any]) -> None:
        send_message, notice = self.send_message, self.notice
        if call is not self.call or queue.region != call.region:
            there = call.at(region=queue.region)
            send_message = there.aws("sqs", principal=self.audience.principal).send_message
        if queue.resource.endswith(".fifo"):
            # What has no group of its own, such as a request for confirmation, must be in one too.
            entry = entry | {
                "message_group_id": notice.group or notice.topic_arn.rpartition(":")[2],
                "message_deduplication_id": notice.deduplication_id or notice.id,
            }
        elif notice.group and not self.topic.fifo:
            entry = entry | {"message_group_id": notice.group}
        send_message(queue_url=f"{self.call.endpoint}/{queue.account}/{queue.resource}", **entry)

    def bury(self, hearer: Hearer, entry: dict[str, Any], fault: Fault) -> None:
        """Put what cannot be delivered into the subscription's dead-letter queue, if it has one."""
        status.note(self.call, self.topic, hearer.subscription, self.notice, fault.message or fault.code)
        policy = hearer.subscription.attributes.get("RedrivePolicy")
        if not policy or self.notice.kind != NOTIFICATION:
            return
        try:
            self.send_to(self.call, parse(json.loads(policy)["deadLetterTargetArn"]), entry)
        except Fault as again:
            log.warning("%s: neither delivered (%s) nor kept (%s)", hearer.arn, fault, again)


def publish(call: Call, topic: Topic, notice: Notice, envelope: Envelope | None = None) -> None:
    """Deliver to all subscribers of the topic."""
    fanout = Fanout(call, topic, notice, envelope)
    for hearer in fanout.audience.hearers:
        if not hearer.selective or hearer.subscription.wants(notice):
            fanout.give(hearer)
        else:
            metrics.filtered(call, topic)
    last = fanout.audience.last
    if last and Subscription.first(call, topic.id, above=(last,)):
        go_on.later(call, topic=topic.name, notice=notice.packed(), after=last)
    if fanout.span:
        fanout.span.send(call)


@sns.task
def go_on(call: Call, topic: str, notice: bytes, after: str) -> None:
    """Deliver to the next subscribers of a topic that has many."""
    found = Topic.get(call, topic)
    if found is None:
        return
    fanout = Fanout(call, found, unpacked(notice))
    subscriptions = list(Subscription.scan(call, found.id, above=(after,), limit=audience.FIRST))
    for subscription in subscriptions:
        if subscription.live and subscription.wants(fanout.notice):
            fanout.give(Hearer(call, subscription))
    if len(subscriptions) == audience.FIRST:
        go_on.later(call, topic=topic, notice=notice, after=subscriptions[-1].id)


def send(call: Call, topic: Topic, subscription: Subscription, notice: Notice) -> None:
    """Deliver to one subscriber."""
    if subscription.protocol == "sqs" or notice.kind == NOTIFICATION:
        Fanout(call, topic, notice).give(Hearer(call, subscription))
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
