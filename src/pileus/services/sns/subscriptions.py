"""Subscriptions: who wants the messages of a topic, where, and in what form."""

from __future__ import annotations

import json
import re
from typing import Any, Self

from pileus.kernel import Call, Fault, Record, arn, names

from . import archive, confirmations, filters, retries, sns
from .faults import invalid, not_found
from .settings import boolean, object_of, role
from .topics import PER_PAGE, Tally, Topic, parsed

PENDING = "PendingConfirmation"
PHONE = re.compile(r"\+?[0-9][0-9 ()-]{4,24}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
WITH_RAW = ("sqs", "http", "https", "firehose")


class Subscription(Record, key=("topic", "id"), indexes={"endpoint": ("topic", "protocol", "endpoint")}, kw_only=True):
    """A subscription, in the account of its topic."""

    topic: str
    """The topic's id."""
    id: str
    topic_name: str
    owner: str
    """The account that subscribed."""
    protocol: str
    endpoint: str
    attributes: dict[str, str]
    """Those that have been set."""
    confirmed: bool
    created: float
    token: str = ""
    """What confirms it, while it is not confirmed."""
    authenticated: bool = False
    """Whether who confirmed it signed that."""
    locked: bool = False
    """Whether only who signs may end it."""
    principal: str = ""
    """Who subscribed: the ARN of a user, a role, or the account's root."""
    replaying: str = ""
    """Status of the replay, where there is one."""

    @property
    def raw(self) -> bool:
        return self.attributes.get("RawMessageDelivery") == "true"

    @property
    def live(self) -> bool:
        """Whether it is given what is published now."""
        return self.confirmed and not (self.replaying and archive.apart(self.replaying, self.attributes))

    def put(self, call: Call) -> Self:
        self._renew(call)
        return super().put(call)

    def delete(self, call: Call) -> None:
        self._renew(call)
        super().delete(call)

    def _renew(self, call: Call) -> None:
        """Let nobody believe that the topic's subscriptions are what they were."""
        topic = Topic.get(call, self.topic_name)
        if topic and topic.id == self.topic:
            topic.version = names.token(8)
            topic.put(call)

    def arn(self, call: Call) -> str:
        return f"arn:{call.partition}:sns:{call.region}:{call.account}:{self.topic_name}:{self.id}"

    def topic_arn(self, call: Call) -> str:
        return f"arn:{call.partition}:sns:{call.region}:{call.account}:{self.topic_name}"

    @classmethod
    def by_arn(cls, call: Call, subscription_arn: str) -> Self:
        """The subscription of that ARN, in the account that it names."""
        found = parsed(subscription_arn, "SubscriptionArn")
        name, _, identity = found.resource.partition(":")
        if not identity:
            reason = f"An ARN must have at least 7 elements, not {subscription_arn.count(':') + 1}"
            raise invalid("SubscriptionArn", reason)
        here = call.at(account=found.account, region=found.region)
        topic = Topic.get(here, name)
        subscription = cls.get(here, topic.id, identity) if topic else None
        if subscription is None:
            raise not_found("Subscription")
        return subscription

    def wants(self, notice: Any) -> bool:
        policy = self.attributes.get("FilterPolicy")
        if not policy:
            return True
        return filters.accepts(policy, self.attributes.get("FilterPolicyScope", filters.BY_ATTRIBUTES), notice)

    def described(self, call: Call) -> dict[str, str]:
        return {
            "SubscriptionArn": self.arn(call) if self.confirmed else PENDING,
            "Owner": self.owner,
            "Protocol": self.protocol,
            "Endpoint": self.endpoint,
            "TopicArn": self.topic_arn(call),
        }

    def keep(self, call: Call, tally: Tally) -> None:
        """Store it anew, and count it."""
        if self.confirmed:
            tally.confirmed += 1
        else:
            tally.pending += 1
        tally.put(call)
        self.put(call)
        Held(self.topic_arn(call), self.id, self.topic).put(call.at(account=self.owner))

    def forget(self, call: Call) -> None:
        self.delete(call)
        Held(self.topic_arn(call), self.id, self.topic).delete(call.at(account=self.owner))

    def end(self, call: Call, tally: Tally) -> None:
        """Delete it, and count it out."""
        self.forget(call)
        if self.confirmed:
            tally.confirmed -= 1
        else:
            tally.pending -= 1
        tally.deleted += 1
        tally.put(call)


class Held(Record, key=("topic_arn", "id")):
    """In a subscriber's account: that it has a subscription, perhaps to a topic of another's."""

    topic_arn: str
    id: str
    topic: str


def at(call: Call, some_arn: str) -> Call:
    """The call looking at the account and Region that an ARN of SNS names."""
    found = arn.parse(some_arn)
    return call.at(account=found.account, region=found.region)


@sns.operation(on=Topic.by_arn)
def subscribe(
    call: Call,
    topic: Topic,
    protocol: str,
    endpoint: str = "",
    attributes: dict[str, str] = {},
    return_subscription_arn: bool = False,
) -> dict[str, Any]:
    """Subscribe an endpoint; what its owner has not asked for itself, it is asked to confirm."""
    check_endpoint(call, topic, protocol, endpoint)
    given = checked(topic, protocol, attributes)
    present = Subscription.first(call, topic.id, protocol, endpoint, index="endpoint")
    if present:
        if attributes and any(present.attributes.get(name, "") != value for name, value in given.items()):
            raise invalid("Attributes", "Subscription already exists with different attributes")
        if not present.confirmed:
            confirmations.ask(call, topic, present)
        return answered(call, present, return_subscription_arn)
    subscriber = call.principal.account or call.account
    subscription = Subscription(
        topic=topic.id,
        id=names.uuid4(),
        topic_name=topic.name,
        owner=subscriber,
        protocol=protocol,
        endpoint=endpoint,
        attributes={name: value for name, value in given.items() if value},
        confirmed=needs_no_confirmation(protocol, endpoint, subscriber),
        created=call.now,
        principal=call.principal.session.get("issuer") or call.principal.arn,
    )
    if not subscription.confirmed:
        confirmations.begin(call, topic, subscription)
    else:
        subscription.authenticated = True
    subscription.keep(call, Tally.of(call, topic))
    if subscription.attributes.get("ReplayPolicy"):
        archive.begin(call, subscription)
    return answered(call, subscription, return_subscription_arn)


def answered(call: Call, subscription: Subscription, always: bool) -> dict[str, Any]:
    shown = subscription.confirmed or always
    return {"SubscriptionArn": subscription.arn(call) if shown else "pending confirmation"}


def needs_no_confirmation(protocol: str, endpoint: str, subscriber: str) -> bool:
    """People and web servers are always asked, queues when somebody else subscribes them."""
    if protocol == "sqs":
        return arn.parse(endpoint).account == subscriber
    return protocol in ("lambda", "sms", "application", "firehose")


def check_endpoint(call: Call, topic: Topic, protocol: str, endpoint: str) -> None:
    if protocol in ("http", "https"):
        fits = endpoint.startswith(f"{protocol}://") and len(endpoint) > len(protocol) + 3
        fault = invalid("Endpoint must match the specified protocol")
    elif protocol in ("email", "email-json"):
        fits, fault = bool(EMAIL.fullmatch(endpoint)), invalid("Email address")
    elif protocol == "sms":
        fits, fault = bool(PHONE.fullmatch(endpoint)), invalid(f"Invalid SMS endpoint: {endpoint}")
    elif protocol in ENDPOINTS:
        service, words = ENDPOINTS[protocol]
        fits, fault = names_service(endpoint, service), invalid(words)
    else:
        raise invalid(f"Amazon SNS does not support this protocol string: {protocol}")
    if not fits:
        raise fault
    if topic.fifo and protocol != "sqs":
        raise invalid(f"Invalid protocol type: {protocol}")
    if protocol == "sqs" and endpoint.endswith(".fifo") and not topic.fifo:
        raise invalid("Invalid parameter: Endpoint", "FIFO SQS Queues can not be subscribed to standard SNS topics")
    if protocol == "application":
        from .platforms import Endpoint

        Endpoint.by_arn(call, endpoint)


ENDPOINTS = {
    "sqs": ("sqs", "SQS endpoint ARN"),
    "lambda": ("lambda", "Lambda endpoint ARN"),
    "firehose": ("firehose", "Firehose endpoint ARN"),
    "application": ("sns", "Application endpoint arn invalid"),
}


def names_service(endpoint: str, service: str) -> bool:
    try:
        return arn.parse(endpoint).service == service
    except ValueError:
        return False


# Attributes


def checked(topic: Topic, protocol: str, given: dict[str, str]) -> dict[str, str]:
    """Attributes as a subscription keeps them."""
    kept = {}
    scope = given.get("FilterPolicyScope", filters.BY_ATTRIBUTES)
    if protocol == "firehose" and not given.get("SubscriptionRoleArn"):
        raise invalid("Attributes", "SubscriptionRoleArn is required for the firehose protocol")
    for name, value in given.items():
        kept[name] = checked_one(topic, protocol, name, value, scope)
    return kept


def checked_one(topic: Topic, protocol: str, name: str, value: str, scope: str) -> str:
    match name:
        case "FilterPolicy":
            return filters.checked(value, scope) if value else ""
        case "FilterPolicyScope":
            if value not in (filters.BY_ATTRIBUTES, filters.BY_BODY):
                words = (
                    f"FilterPolicyScope: Invalid value [{value}]. Please use either MessageBody or MessageAttributes"
                )
                raise invalid(words)
            return value
        case "RawMessageDelivery":
            value = boolean(name, value)
            if value == "true" and protocol not in WITH_RAW:
                raise invalid("Attributes", f"Delivery protocol [{protocol}] does not support raw message delivery.")
            return value
        case "DeliveryPolicy":
            return retries.checked_for_subscription(object_of(name, value)) if value else ""
        case "RedrivePolicy":
            return redrive(topic, value) if value and value != "{}" else ""
        case "SubscriptionRoleArn":
            return role(name, value)
        case "ReplayPolicy" if topic.fifo:
            return archive.checked(topic, value)
    raise invalid("AttributeName")


def redrive(topic: Topic, value: str) -> str:
    """Where dead letters go: a queue of the topic's own kind."""
    policy = object_of("RedrivePolicy", value)
    target = str(policy.get("deadLetterTargetArn", ""))
    if not names_service(target, "sqs"):
        raise invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn")
    if target.endswith(".fifo") != topic.fifo and not topic.fifo:
        raise invalid("RedrivePolicy: must use a standard queue as DLQ for a standard topic subscription")
    return json.dumps({"deadLetterTargetArn": target}, separators=(",", ":"))


@sns.operation(on=Subscription.by_arn)
def get_subscription_attributes(call: Call, subscription: Subscription, subscription_arn: str) -> dict[str, Any]:
    here = at(call, subscription_arn)
    topic = Topic.get(here, subscription.topic_name)
    attributes = {
        "SubscriptionArn": subscription_arn,
        "TopicArn": subscription.topic_arn(here),
        "Owner": subscription.owner,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "ConfirmationWasAuthenticated": "true" if subscription.authenticated else "false",
        "PendingConfirmation": "false" if subscription.confirmed else "true",
        "RawMessageDelivery": "false",
        "SubscriptionPrincipal": subscription.principal or f"arn:{call.partition}:iam::{subscription.owner}:root",
    }
    if subscription.protocol in ("http", "https") and topic:
        policies = topic.attributes.get("DeliveryPolicy", ""), subscription.attributes.get("DeliveryPolicy", "")
        attributes["EffectiveDeliveryPolicy"] = json.dumps(retries.effective(*policies), separators=(",", ":"))
    if subscription.attributes.get("FilterPolicy"):
        attributes["FilterPolicyScope"] = filters.BY_ATTRIBUTES
    if subscription.replaying:
        attributes["ReplayStatus"] = subscription.replaying
    return {"Attributes": attributes | subscription.attributes}


@sns.operation(on=Subscription.by_arn)
def set_subscription_attributes(
    call: Call, subscription: Subscription, subscription_arn: str, attribute_name: str, attribute_value: str = ""
) -> None:
    """Set an attribute; an empty value takes it away."""
    here = at(call, subscription_arn)
    topic = Topic.get(here, subscription.topic_name)
    assert topic
    scope = subscription.attributes.get("FilterPolicyScope", filters.BY_ATTRIBUTES)
    value = checked_one(topic, subscription.protocol, attribute_name, attribute_value, scope)
    if attribute_name == "FilterPolicyScope" and (policy := subscription.attributes.get("FilterPolicy")):
        filters.checked(policy, value)
    if value:
        subscription.attributes[attribute_name] = value
    else:
        subscription.attributes.pop(attribute_name, None)
    subscription.put(here)
    if attribute_name == "ReplayPolicy":
        archive.begin(here, subscription)


# The end, and lists


@sns.operation(unsigned=True)
def unsubscribe(call: Call, subscription_arn: str) -> None:
    """End a subscription. Whoever knows its ARN may, unless it was confirmed otherwise; the endpoint is then told."""
    parsed(subscription_arn, "SubscriptionArn")
    try:
        subscription = Subscription.by_arn(call, subscription_arn)
    except Fault as fault:
        if fault.code == "NotFoundException":
            return
        raise
    here = at(call, subscription_arn)
    signed = call.principal.type != "Anonymous"
    if subscription.locked and not signed:
        raise Fault("AuthorizationErrorException", "Unsubscribe requires authentication for this subscription")
    if not subscription.confirmed:
        raise invalid("SubscriptionArn", "This subscription is pending confirmation")
    topic = Topic.get(here, subscription.topic_name)
    assert topic
    subscription.end(here, Tally.of(here, topic))
    if not signed or call.principal.account not in ("", subscription.owner):
        confirmations.say_goodbye(here, topic, subscription)


@sns.operation
def list_subscriptions(call: Call, next_token: str = "") -> dict[str, Any]:
    """The subscriptions that the account has, also to topics of others."""
    page = Held.page(call, limit=PER_PAGE, token=next_token, invalid=invalid("NextToken"))
    found = []
    for held in page.items:
        here = at(call, held.topic_arn)
        if (subscription := Subscription.get(here, held.topic, held.id)) and Topic.get(here, subscription.topic_name):
            found.append(subscription.described(here))
    return {"Subscriptions": found, "NextToken": page.token}


@sns.operation(on=Topic.by_arn)
def list_subscriptions_by_topic(call: Call, topic: Topic, next_token: str = "") -> dict[str, Any]:
    page = Subscription.page(call, topic.id, limit=PER_PAGE, token=next_token, invalid=invalid("NextToken"))
    return {"Subscriptions": [one.described(call) for one in page.items], "NextToken": page.token}
