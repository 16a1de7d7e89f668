"""Delivery status: what became of deliveries, as log events, where the topic names a role that may write them.

Developer Guide, "Amazon SNS message delivery status".
"""

from __future__ import annotations

import json
from hashlib import md5
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Fault, identity, names, roles

from . import metrics, sns

if TYPE_CHECKING:
    from .messages import Notice
    from .subscriptions import Subscription
    from .topics import Topic

KINDS = {
    "application": "Application",
    "firehose": "Firehose",
    "http": "HTTP",
    "https": "HTTP",
    "lambda": "Lambda",
    "sqs": "SQS",
}


def note(call: Call, topic: Topic, subscription: Subscription, notice: Notice, error: str = "") -> None:
    """Count how a delivery ended, and log it if the topic wants that."""
    metrics.delivered(call, topic, failed=bool(error))
    kind = KINDS.get(subscription.protocol)
    if kind is None or not topic.attributes:
        return
    role = topic.attributes.get(f"{kind}{'Failure' if error else 'Success'}FeedbackRoleArn")
    if not role:
        return
    rate = int(topic.attributes.get(f"{kind}SuccessFeedbackSampleRate", "100"))
    if not error and int(notice.id[:8], 16) % 100 >= rate:
        return
    group = f"sns/{call.region}/{call.account}/{topic.name}{'/Failure' if error else ''}"
    event = json.dumps(told(call, subscription, notice, error), separators=(",", ":"))
    write.later(call, role=role, group=group, event=event, at=int(call.now * 1000))


def told(call: Call, subscription: Subscription, notice: Notice, error: str) -> dict[str, Any]:
    text = notice.text_for(subscription.protocol)
    return {
        "notification": {
            "messageMD5Sum": md5(text.encode(), usedforsecurity=False).hexdigest(),
            "messageId": notice.id,
            "topicArn": notice.topic_arn,
            "timestamp": at(notice.at),
        },
        "delivery": {
            "deliveryId": names.uuid4(),
            "destination": subscription.endpoint,
            "providerResponse": error or "Message accepted",
            "dwellTimeMs": int((call.now - notice.at) * 1000),
            "attempts": 1,
            "statusCode": 400 if error else 200,
        },
        "status": "FAILURE" if error else "SUCCESS",
    }


def at(instant: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{int(instant * 1000) % 1000:03d}"


@sns.task(retries=2)
def write(call: Call, role: str, group: str, event: str, at: int) -> None:
    """Write a log event as the role may; group and stream are made where they are not there."""
    service = identity.service("sns.amazonaws.com", source_account=call.account)
    logs = call.aws("logs", principal=roles.taken_on(call, role, "sns-delivery-status", service))
    stream = names.uuid4()
    try:
        logs.create_log_stream(log_group_name=group, log_stream_name=stream)
    except Fault as fault:
        if fault.code != "ResourceNotFoundException":
            raise
        logs.create_log_group(log_group_name=group)
        logs.create_log_stream(log_group_name=group, log_stream_name=stream)
    logs.put_log_events(log_group_name=group, log_stream_name=stream, log_events=[{"timestamp": at, "message": event}])
