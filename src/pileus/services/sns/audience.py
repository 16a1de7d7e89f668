"""Who hears a topic: its first subscriptions, read once and kept in memory until one of them changes.

An audience belongs to one version of the topic's subscriptions, and versions are random: so one that is out of date, or
whose subscriptions were undone or replaced by a snapshot, is never asked again.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from pileus.kernel import Call, identity

from .subscriptions import Subscription
from .topics import Topic, parse

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

FIRST = 200
"""Subscriptions that a publisher waits for; a task goes on with the others."""
MOST = 100
"""Audiences in memory."""


class Hearer:
    """A subscription, with what every delivery to it needs to know."""

    __slots__ = ("arn", "protocol", "queue", "raw", "selective", "subscription")

    def __init__(self, call: Call, subscription: Subscription) -> None:
        self.subscription = subscription
        self.arn = subscription.arn(call)
        self.protocol = subscription.protocol
        self.queue = parse(subscription.endpoint) if subscription.protocol == "sqs" else None
        self.raw = subscription.raw
        self.selective = bool(subscription.attributes.get("FilterPolicy"))


class Audience:
    """Whom a publisher delivers to."""

    def __init__(self, call: Call, topic: Topic) -> None:
        subscriptions = list(Subscription.scan(call, topic.id, limit=FIRST))
        self.hearers = [Hearer(call, one) for one in subscriptions if one.live]
        self.wrapped = [one for one in self.hearers if one.queue and not one.raw]
        """Queues that are sent envelopes."""
        self.last = subscriptions[-1].id if len(subscriptions) == FIRST else ""
        """After which a task goes on, if there may be more."""
        self.principal = identity.service("sns.amazonaws.com", topic.arn(call), call.account)


class Audiences:
    """The audiences of the cloud's topics. A cache."""

    def __init__(self, cloud: Cloud) -> None:
        self._kept: OrderedDict[tuple[str, str, str, str], Audience] = OrderedDict()

    async def close(self) -> None:
        self._kept.clear()

    def of(self, call: Call, topic: Topic) -> Audience:
        key = call.account, call.region, topic.id, topic.version
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = Audience(call, topic)
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return found


def of(call: Call, topic: Topic) -> Audience:
    return call.cloud.engine(Audiences).of(call, topic)
