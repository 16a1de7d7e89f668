"""The archive of a FIFO topic, and replays of it to a subscriber.

What a replay has not reached, the subscriber gets from the archive alone: so the order holds, and nothing comes twice.
Developer Guide, "Amazon SNS message archiving and replay for FIFO topics".
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Record

from . import sns
from .faults import invalid
from .fifo import Line
from .messages import Notice, unpacked

if TYPE_CHECKING:
    from .subscriptions import Subscription
    from .topics import Topic

PIECE = 100
DAY = 86_400.0
PENDING, UNDERWAY, COMPLETED, FAILED = "Pending", "In progress", "Completed", "Failed"
HOLDING = (PENDING, UNDERWAY)
"""While a replay is there, the subscriber gets nothing but it."""


def apart(replaying: str, attributes: dict[str, str]) -> bool:
    """Whether a subscriber with a replay gets nothing of what is published now.

    So it is while the replay goes on; and afterwards, where the replay was to end at some time.
    """
    return replaying in HOLDING or "EndingPoint" in attributes.get("ReplayPolicy", "")


class Archived(Record, key=("topic", "at", "number")):
    """A message that was published."""

    topic: str
    at: float
    number: str
    notice: bytes


def days(topic: Topic) -> int:
    policy = topic.attributes.get("ArchivePolicy")
    return int(json.loads(policy)["MessageRetentionPeriod"]) if policy else 0


def keep(call: Call, topic: Topic, notice: Notice) -> None:
    """Archive a message, if the topic has an archive, until it is past its retention."""
    if not days(topic):
        return
    Archived(topic.id, notice.at, notice.sequence_number, notice.packed()).put(call)
    line = Line.get(call, topic.id)
    if line and not line.sweeping:
        await_oldest(call, topic, line)
        line.put(call)


def await_oldest(call: Call, topic: Topic, line: Line) -> None:
    """See to it that the oldest message goes in its time."""
    oldest = Archived.first(call, topic.id)
    line.sweeping = oldest is not None
    if oldest:
        sweep.later(call, name=topic.name, topic=topic.id, due=oldest.at + days(topic) * DAY)


@sns.task
def sweep(call: Call, name: str, topic: str) -> None:
    """Remove what is past its retention."""
    from .topics import Topic

    found, line = Topic.get(call, name), Line.get(call, topic)
    if found is None or line is None or found.id != topic:
        return
    line.sweeping = False
    if retention := days(found):
        for archived in Archived.scan(call, topic, upto=(call.now - retention * DAY,), limit=PIECE):
            archived.delete(call)
        await_oldest(call, found, line)
    line.put(call)


@sns.task
def empty(call: Call, topic: str, before: float) -> None:
    """Remove what was archived up to the end of an archive, piece by piece."""
    pieces = list(Archived.scan(call, topic, upto=(before,), limit=PIECE))
    for archived in pieces:
        archived.delete(call)
    if len(pieces) == PIECE:
        empty.later(call, topic=topic, before=before)


def checked(topic: Topic, value: str) -> str:
    """A replay policy as it is kept."""
    if not value or value == "{}":
        return ""
    try:
        policy: Any = json.loads(value)
    except ValueError:
        policy = None
    if not isinstance(policy, dict) or policy.get("PointType") != "Timestamp" or "StartingPoint" not in policy:
        raise invalid("ReplayPolicy", "PointType must be Timestamp, and StartingPoint is required.")
    if policy.keys() - {"PointType", "StartingPoint", "EndingPoint"}:
        raise invalid("ReplayPolicy", "Unexpected JSON member")
    if not days(topic):
        raise invalid("ReplayPolicy", "The topic does not have an archive policy.")
    start, end = moment(policy["StartingPoint"]), moment(policy.get("EndingPoint", "9999-01-01T00:00:00Z"))
    if start >= end:
        raise invalid("ReplayPolicy", "StartingPoint must be before EndingPoint.")
    return json.dumps(policy, separators=(",", ":"))


def moment(text: Any) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        raise invalid("ReplayPolicy", f"Invalid timestamp [{text}]") from None


def begin(call: Call, subscription: Subscription) -> None:
    """Start the replay that the subscription's policy asks for, or break it off where there is none any more."""
    policy = subscription.attributes.get("ReplayPolicy")
    if not policy:
        subscription.replaying = ""
        subscription.put(call)
        return
    subscription.replaying = PENDING
    subscription.put(call)
    start = moment(json.loads(policy)["StartingPoint"])
    replay.later(call, topic=subscription.topic, subscription=subscription.id, policy=policy, at=start, number="")


@sns.task
def replay(call: Call, topic: str, subscription: str, policy: str, at: float, number: str) -> None:
    """Send some more of the archive; the last piece and the change to what is published now are one transaction."""
    from . import fanout
    from .subscriptions import Subscription
    from .topics import Topic

    found = Subscription.get(call, topic, subscription)
    target = Topic.get(call, found.topic_name) if found else None
    if not found or not target or found.attributes.get("ReplayPolicy") != policy or found.replaying not in HOLDING:
        return
    ending = json.loads(policy).get("EndingPoint")
    until = moment(ending) if ending else call.now
    at = max(at, call.now - days(target) * DAY)
    pieces = list(Archived.scan(call, topic, above=(at, number), upto=(until,), limit=PIECE))
    for archived in pieces:
        notice = unpacked(archived.notice)
        notice.replayed = True
        if found.wants(notice):
            fanout.send(call, target, found, notice)
    found.replaying = UNDERWAY if len(pieces) == PIECE else COMPLETED
    found.put(call)
    if len(pieces) == PIECE:
        last = pieces[-1]
        replay.later(call, topic=topic, subscription=subscription, policy=policy, at=last.at, number=last.number)
