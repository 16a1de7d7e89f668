"""Topics: create, configure, list, delete."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Self

from pileus.kernel import Arn, Call, Fault, Record, arn, names
from pileus.kernel.resource_type import resource_type

from . import protection, retries, settings, sns
from .faults import invalid, not_found
from .tags import check_tags

NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,251}\.fifo")
PER_PAGE = 100
PIECE = 500

GRANTED = (
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
)


parse = lru_cache(maxsize=4096)(arn.parse)


def parsed(value: str, parameter: str = "TopicArn") -> Arn:
    """An ARN of SNS."""
    try:
        found = parse(value)
    except ValueError:
        reason = f"An ARN must have at least 6 elements, not {value.count(':') + 1}"
        raise invalid(parameter, reason if value.count(":") < 5 else "") from None
    if found.service != "sns":
        raise invalid(parameter)
    return found


@resource_type(
    sns,
    "TopicArn",
    create="CreateTopic",
    read="GetTopicAttributes",
    update="SetTopicAttributes",
    list="ListTopics",
    delete="DeleteTopic",
    missing="NotFoundException",
)
class Topic(Record, arn="{name}", cfn="AWS::SNS::Topic"):
    """A topic as its owner configured it."""

    name: str
    id: str
    """Where its subscriptions lie: tells it from other topics that have had its name."""
    attributes: dict[str, str]
    """Those that have been set."""
    created: float
    tags: dict[str, str] = {}
    protection: str = ""
    """Its data protection policy."""
    version: str = ""
    """Of its subscriptions: another one after each change of any of them (see `audience`)."""
    archiving: float | None = None
    """Since when it has archived what is published, while it does."""

    @property
    def fifo(self) -> bool:
        return self.name.endswith(".fifo")

    @property
    def signature_version(self) -> str:
        return self.attributes.get("SignatureVersion", "1")

    @property
    def most_bytes(self) -> int:
        return int(self.attributes.get("MaximumMessageSize") or settings.MOST_BYTES)

    @classmethod
    def by_arn(cls, call: Call, topic_arn: str) -> Self:
        """The topic of that ARN, in the account and Region that it names."""
        found = parsed(topic_arn)
        if found.region != call.region:
            raise invalid("TopicArn")
        here = call if found.account == call.account else call.at(account=found.account)
        topic = cls.get(here, found.resource)
        if topic is None:
            raise not_found("Topic")
        return topic

    @classmethod
    def by_resource_arn(cls, call: Call, resource_arn: str) -> Self:
        return cls.by_arn(call, resource_arn)

    def arn(self, call: Call) -> str:
        return call.arn(self.name)

    def policy(self, call: Call) -> str:
        return self.attributes.get("Policy") or default_policy(call, self)

    def resource_policy(self, call: Call) -> str:
        return self.policy(call)


class Tally(Record):
    """How many subscriptions a topic has; apart from it because it changes with each of them."""

    topic: str
    confirmed: int = 0
    pending: int = 0
    deleted: int = 0

    @classmethod
    def of(cls, call: Call, topic: Topic) -> Self:
        return cls.get(call, topic.id) or cls(topic.id)


def default_policy(call: Call, topic: Topic) -> str:
    """Whatever acts for the owner may use the topic."""
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in GRANTED],
        "Resource": topic.arn(call),
        "Condition": {"StringEquals": {"AWS:SourceOwner": call.account}},
    }
    document = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
    return json.dumps(document, separators=(",", ":"))


@sns.operation
def create_topic(
    call: Call,
    name: str,
    attributes: dict[str, str] = {},
    tags: list[dict[str, str]] = [],
    data_protection_policy: str = "",
) -> dict[str, Any]:
    """Create a topic; repeating the call is fine as long as attributes and tags agree."""
    fifo = attributes.get("FifoTopic", "").lower() == "true"
    check_name(name, fifo)
    given = {key: value for key, value in settings.checked(attributes, fifo=fifo).items() if value}
    if not fifo:
        given.pop("FifoTopic", None)
    held = check_tags(tags)
    if topic := Topic.get(call, name):
        if any(topic.attributes.get(key) != value for key, value in given.items()):
            raise invalid("Attributes", "Topic already exists with different attributes")
        if held and held != topic.tags:
            raise invalid("Tags", "Topic already exists with different tags")
        return {"TopicArn": topic.arn(call)}
    topic = Topic(name, names.token(12), given, call.now, held)
    topic.archiving = call.now if "ArchivePolicy" in given else None
    if data_protection_policy:
        topic.protection = protection.checked(call, data_protection_policy)
    topic.put(call)
    return {"TopicArn": topic.arn(call)}


def check_name(name: str, fifo: bool) -> None:
    if fifo and not FIFO_NAME.fullmatch(name):
        raise invalid(
            "Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII letters, "
            "numbers, underscores, and hyphens, and must be between 1 and 256 characters long."
        )
    if not fifo and not NAME.fullmatch(name):
        raise invalid("Topic Name")


@sns.operation
def list_topics(call: Call, next_token: str = "") -> dict[str, Any]:
    """The account's topics in this Region, by name."""
    page = Topic.page(call, limit=PER_PAGE, token=next_token, invalid=invalid("NextToken"))
    return {"Topics": [{"TopicArn": topic.arn(call)} for topic in page.items], "NextToken": page.token}


@sns.operation(on=Topic.by_arn)
def get_topic_attributes(call: Call, topic: Topic) -> dict[str, Any]:
    tally = Tally.of(call, topic)
    effective = {"http": retries.effective_of_topic(topic.attributes.get("DeliveryPolicy", ""))}
    attributes = {
        "TopicArn": topic.arn(call),
        "Owner": call.account,
        "Policy": topic.policy(call),
        "DisplayName": "",
        "EffectiveDeliveryPolicy": json.dumps(effective, separators=(",", ":")),
        "SubscriptionsConfirmed": str(tally.confirmed),
        "SubscriptionsPending": str(tally.pending),
        "SubscriptionsDeleted": str(tally.deleted),
    }
    if topic.fifo:
        attributes |= {"ContentBasedDeduplication": "false"}
    if policy := topic.attributes.get("ArchivePolicy"):
        days = int(json.loads(policy)["MessageRetentionPeriod"])
        attributes["BeginningArchiveTime"] = iso(max(topic.archiving or topic.created, call.now - days * 86400))
    return {"Attributes": attributes | topic.attributes}


@sns.operation(on=Topic.by_arn)
def set_topic_attributes(call: Call, topic: Topic, attribute_name: str, attribute_value: str = "") -> None:
    """Set an attribute; an empty value takes it away."""
    if attribute_name == "FifoTopic":
        raise invalid("AttributeName", "FifoTopic cannot be changed")
    (value,) = settings.checked({attribute_name: attribute_value}, fifo=topic.fifo).values()
    if value:
        topic.attributes[attribute_name] = value
    else:
        topic.attributes.pop(attribute_name, None)
    if attribute_name == "ArchivePolicy":
        switch_archive(call, topic, on=bool(value))
    topic.put(call)


def switch_archive(call: Call, topic: Topic, *, on: bool) -> None:
    """An archive begins when its policy is first set; what is in it goes with the policy."""
    from .archive import empty

    if on:
        topic.archiving = call.now if topic.archiving is None else topic.archiving
    elif topic.archiving is not None:
        topic.archiving = None
        empty.later(call, topic=topic.id, before=call.now)


@sns.operation
def delete_topic(call: Call, topic_arn: str) -> None:
    """Delete a topic with its subscriptions; one that is not there is deleted already.

    A topic that archives cannot be deleted before its policy is taken away (Developer Guide, "Amazon SNS message
    archiving for FIFO topic owners").
    """
    found = parsed(topic_arn)
    topic = Topic.get(call, found.resource)
    if topic and found.account == call.account and found.region == call.region:
        if "ArchivePolicy" in topic.attributes:
            raise Fault("InvalidStateException", "Invalid state: Cannot delete a topic with an ArchivePolicy")
        topic.delete(call)
        Tally.of(call, topic).delete(call)
        clear.later(call, topic=topic.id)


def iso(instant: float) -> str:
    """A time as SNS writes it: `2026-11-27T20:25:02.123Z`."""
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@sns.task
def clear(call: Call, topic: str) -> None:
    """Remove what belonged to a topic that is gone, piece by piece."""
    from .archive import Archived
    from .subscriptions import Subscription

    subscriptions = list(Subscription.scan(call, topic, limit=PIECE))
    for subscription in subscriptions:
        subscription.forget(call)
    if len(subscriptions) + Archived.delete_all(call, topic, limit=PIECE) >= PIECE:
        clear.later(call, topic=topic)


@sns.operation(on=Topic.by_resource_arn)
def put_data_protection_policy(call: Call, topic: Topic, data_protection_policy: str) -> None:
    """Say what data may not pass through the topic; an empty policy lets everything pass."""
    topic.protection = protection.checked(call, data_protection_policy) if data_protection_policy else ""
    topic.put(call)


@sns.operation(on=Topic.by_resource_arn)
def get_data_protection_policy(call: Call, topic: Topic) -> dict[str, Any]:
    return {"DataProtectionPolicy": topic.protection or None}
