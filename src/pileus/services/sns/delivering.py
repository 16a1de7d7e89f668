"""Deliveries beyond the store: to functions, web servers, people, phones. Each is a task, tried again as AWS does."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Fault, Record, Unfinished, arn, identity, outbox, web

from . import messages, retries, sns, status
from .envelopes import Envelope, confirmation_url, unsubscribe_url
from .messages import NOTIFICATION, Notice, unpacked
from .topics import Topic

if TYPE_CHECKING:
    from .subscriptions import Subscription

AGENT = "Amazon Simple Notification Service Agent"
SECONDS = 15.0
TEXT = "text/plain; charset=UTF-8"
THROTTLED = 429
SIGNED = ("lambda", "http", "https", "firehose", "email-json")
"""By these protocols messages come in envelopes."""


class Turn(Record):
    """When a web server may be called next, whose policy says how often."""

    subscription: str
    next: float


class Failed(Exception):
    """A delivery was not taken. One that is `final` would not be, however often it was tried."""

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


@sns.task
async def deliver(call: Call, topic: str, subscription: str, notice: bytes, tries: int = 0) -> None:
    """Deliver a message to one subscriber, if it is still there."""
    from .subscriptions import Subscription

    found = Subscription.get(call, topic, subscription)
    target = Topic.get(call, found.topic_name) if found else None
    if found is None or target is None or target.id != topic:
        return
    content = unpacked(notice)
    if found.protocol in ("http", "https"):
        with call.transaction():
            if wait := too_early(call, target, found):
                deliver.later(call, topic=topic, subscription=subscription, notice=notice, tries=tries, delay=wait)
                return
    try:
        await to_subscriber(call, target, found, content)
    except Failed as failed:
        with call.transaction():
            again_or_bury(call, target, found, content, tries, failed)
    else:
        with call.transaction():
            status.note(call, target, found, content)


def too_early(call: Call, topic: Topic, subscription: Subscription) -> float:
    """Seconds until a web server may be called, whose policy says how often; it is then somebody's turn."""
    policies = topic.attributes.get("DeliveryPolicy", ""), subscription.attributes.get("DeliveryPolicy", "")
    most = (retries.effective(*policies)["throttlePolicy"] or {}).get("maxReceivesPerSecond")
    if not most:
        return 0.0
    turn = Turn.get(call, subscription.id) or Turn(subscription.id, 0.0)
    if turn.next > call.now + 1e-6:
        return turn.next - call.now
    turn.next = call.now + 1.0 / most
    turn.put(call)
    return 0.0


def again_or_bury(
    call: Call, topic: Topic, subscription: Subscription, notice: Notice, tries: int, failed: Failed
) -> None:
    from . import fanout
    from .audience import Hearer

    policy = fanout.policy_for(topic, subscription)
    delay = None if failed.final else retries.delay(policy, tries + 1)
    if delay is None:
        dead = fanout.Fanout(call, topic, notice)
        hearer = Hearer(call, subscription)
        dead.bury(hearer, dead.entry(hearer), Fault("DeliveryFailed", str(failed)))
    else:
        packed = notice.packed()
        deliver.later(call, topic=topic.id, subscription=subscription.id, notice=packed, tries=tries + 1, delay=delay)


@sns.task
async def tell(
    call: Call, topic: str, endpoint: str, protocol: str, subscription_arn: str, notice: bytes, tries: int = 0
) -> None:
    """Ask for a confirmation, or take leave. Who cannot be reached is asked again as by AWS's own policy."""
    found = Topic.get(call, topic)
    if found is None:
        return
    envelope = Envelope(call, unpacked(notice), found)
    if protocol in SIGNED:
        await envelope.sign(protocol)
    if protocol in ("email", "email-json"):
        with call.transaction():
            write(call, found, endpoint, envelope, subscription_arn, protocol)
        return
    try:
        await post(call, endpoint, envelope, subscription_arn, protocol, raw=False, kind=TEXT)
    except Failed:
        delay = retries.delay(retries.HEALTHY, tries + 1)
        if delay is not None:
            given = {"topic": topic, "endpoint": endpoint, "protocol": protocol, "subscription_arn": subscription_arn}
            with call.transaction():
                tell.later(call, **given, notice=notice, tries=tries + 1, delay=delay)


async def to_subscriber(call: Call, topic: Topic, subscription: Subscription, notice: Notice) -> None:
    envelope = Envelope(call, notice, topic)
    if subscription.protocol in SIGNED and not subscription.raw:
        await envelope.sign(subscription.protocol)
    subscription_arn = subscription.arn(call)
    match subscription.protocol:
        case "lambda":
            await invoke(call, subscription.endpoint, record(envelope, subscription_arn))
        case "http" | "https":
            policies = topic.attributes.get("DeliveryPolicy", ""), subscription.attributes.get("DeliveryPolicy", "")
            kind = retries.effective(*policies)["requestPolicy"]["headerContentType"]
            protocol = subscription.protocol
            await post(call, subscription.endpoint, envelope, subscription_arn, protocol, subscription.raw, kind)
        case "firehose":
            await stream(call, subscription, envelope)
        case "email" | "email-json":
            with call.transaction():
                write(call, topic, subscription.endpoint, envelope, subscription_arn, subscription.protocol)
        case "sms":
            from . import texting

            with call.transaction():
                texting.send(call, subscription.endpoint, notice.text_for("sms"), notice.attributes, notice.id, topic)
        case "application":
            from . import platforms

            with call.transaction():
                push(call, subscription.endpoint, notice, platforms)


# Functions and streams


def record(envelope: Envelope, subscription_arn: str) -> dict[str, Any]:
    """What a function is invoked with (Lambda Developer Guide, "Using Lambda with Amazon SNS")."""
    members = envelope.members("lambda")
    renamed = {"SigningCertURL": "SigningCertUrl"}
    sns = {renamed.get(name, name): value for name, value in members.items()}
    sns.setdefault("Subject", None)
    sns["UnsubscribeUrl"] = unsubscribe_url(envelope.call, subscription_arn)
    sns["MessageAttributes"] = messages.shown(envelope.notice.attributes)
    return {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": subscription_arn, "Sns": sns}


async def invoke(call: Call, function: str, record: dict[str, Any]) -> None:
    topic_arn = record["Sns"]["TopicArn"]
    principal = identity.service("sns.amazonaws.com", topic_arn, call.account)
    payload = json.dumps({"Records": [record]}).encode()
    here = call.at(region=arn.parse(function).region)
    await at_aws(
        here.aws("lambda", principal=principal).invoke, function_name=function, invocation_type="Event", payload=payload
    )


async def stream(call: Call, subscription: Subscription, envelope: Envelope) -> None:
    text = (
        envelope.notice.text_for("firehose") if subscription.raw else envelope.text("firehose", subscription.arn(call))
    )
    target = arn.parse(subscription.endpoint)
    principal = identity.service("sns.amazonaws.com", envelope.notice.topic_arn, call.account)
    here = call.at(account=target.account, region=target.region)
    name = target.resource.partition("/")[2]
    await at_aws(
        here.aws("firehose", principal=principal).put_record,
        delivery_stream_name=name,
        record={"Data": text.encode() + b"\n"},
    )


async def at_aws(operation: Any, **members: Any) -> None:
    """Call another service; what it refuses for good is final, what it cannot do now is not."""
    try:
        result = operation(**members)
        if hasattr(result, "__await__"):
            await result
    except Unfinished as fault:
        raise Failed(str(fault), final=True) from fault
    except Fault as fault:
        passing = (fault.status or 400) >= 500 or "Throttl" in fault.code or fault.code == "TooManyRequestsException"
        raise Failed(str(fault), final=not passing) from fault


# Web servers


async def post(
    call: Call, url: str, envelope: Envelope, subscription_arn: str, protocol: str, raw: bool, kind: str
) -> None:
    notice = envelope.notice
    headers = {
        "x-amz-sns-message-type": notice.kind,
        "x-amz-sns-message-id": notice.id,
        "x-amz-sns-topic-arn": notice.topic_arn,
        "User-Agent": AGENT,
        "Content-Type": kind,
    }
    if notice.kind != "SubscriptionConfirmation":
        headers["x-amz-sns-subscription-arn"] = subscription_arn
    if raw:
        headers["x-amz-sns-rawdelivery"] = "true"
    text = notice.text_for(protocol) if raw else envelope.text(protocol, subscription_arn)
    try:
        answer = await web.request(
            "POST", without_user(url, headers), headers=headers, body=text.encode(), seconds=SECONDS
        )
    except web.Unreachable as error:
        raise Failed(str(error), final=False) from error
    if not 200 <= answer.status < 300:
        final = 400 <= answer.status < 500 and answer.status != THROTTLED
        raise Failed(f"the endpoint answered {answer.status}", final=final)


def without_user(url: str, headers: dict[str, str]) -> str:
    """The address without the name and password in it, which become a header (Developer Guide, step 2)."""
    from urllib.parse import unquote, urlsplit, urlunsplit

    parts = urlsplit(url)
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


# People


def write(call: Call, topic: Topic, to: str, envelope: Envelope, subscription_arn: str, protocol: str) -> None:
    """Send a letter."""
    notice = envelope.notice
    name = topic.attributes.get("DisplayName") if notice.kind == NOTIFICATION else ""
    sender = f"{name or 'AWS Notifications'} <no-reply@sns.amazonaws.com>"
    if protocol == "email-json":
        text = envelope.text(protocol, subscription_arn)
    else:
        text = notice.text_for(protocol) + footer(call, notice, subscription_arn)
    subjects = {NOTIFICATION: notice.subject or "AWS Notification Message"}
    subject = subjects.get(notice.kind, "AWS Notification - Subscription Confirmation")
    if notice.kind == "UnsubscribeConfirmation":
        subject = "AWS Notification - Unsubscribe Confirmation"
    outbox.send(call, "mail", to, text, sender=sender, subject=subject, more={"topic": notice.topic_arn})


def footer(call: Call, notice: Notice, subscription_arn: str) -> str:
    if notice.kind != NOTIFICATION:
        return f"\n\n{confirmation_url(call, notice.topic_arn, notice.token)}\n"
    link = unsubscribe_url(call, subscription_arn)
    return f"\n\n--\nIf you wish to stop receiving notifications from this topic, please visit:\n{link}\n"


def push(call: Call, endpoint_arn: str, notice: Notice, platforms: Any) -> None:
    try:
        platforms.push(call, platforms.Endpoint.by_arn(call, endpoint_arn), notice)
    except Fault as fault:
        raise Failed(str(fault), final=True) from fault
