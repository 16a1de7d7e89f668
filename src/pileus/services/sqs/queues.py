"""Queues: create, find, list."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Self

from pileus.kernel import Call, Fault, Record, names, tags
from pileus.kernel.resource_type import resource_type

from . import faults, settings, sqs
from .depths import Depth

NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,75}\.fifo")
DELETED_RECENTLY = 60.0
MOST_LISTED = 1000
OWNERS_ONLY = {
    "AddPermission",
    "CancelMessageMoveTask",
    "DeleteQueue",
    "ListQueueTags",
    "RemovePermission",
    "SetQueueAttributes",
    "TagQueue",
    "UntagQueue",
}
"""Cross-account permissions do not apply to these (Developer Guide, "Basic examples of Amazon SQS policies")."""


@resource_type(
    sqs,
    "QueueUrl",
    create="CreateQueue",
    read="GetQueueAttributes",
    update="SetQueueAttributes",
    list="ListQueues",
    delete="DeleteQueue",
    missing="QueueDoesNotExist",
)
class Queue(
    Record, arn="{name}", cfn="AWS::SQS::Queue", indexes={"dead_letter_queue": ("dead_letter_queue",)}, kw_only=True
):
    """A queue as its owner configured it. How many messages it holds is in its `Depth`."""

    name: str
    id: str
    """Tells it from other queues that have had its name."""
    attributes: dict[str, str]
    created: float
    modified: float
    tags: dict[str, str] = {}
    dead_letter_queue: str = ""
    """The name of the queue to which its RedrivePolicy leads."""

    @property
    def fifo(self) -> bool:
        return self.name.endswith(".fifo")

    @property
    def retention(self) -> int:
        """Milliseconds."""
        return int(self.attributes["MessageRetentionPeriod"]) * 1000

    def number(self, attribute: str) -> int:
        return int(self.attributes[attribute])

    @classmethod
    def by_name(cls, call: Call, queue_name: str, queue_owner_aws_account_id: str = "") -> Self:
        """The queue of that name in the account the call looks at: the owner's, if its policy let the caller in."""
        queue = cls.get(call, queue_name) if (queue_owner_aws_account_id or call.account) == call.account else None
        if queue is None:
            raise faults.no_queue()
        return queue

    @classmethod
    def by_url(cls, call: Call, queue_url: str) -> Self:
        """The queue that a URL means, of whatever host and form: its last two elements are account and name."""
        account, name = place(queue_url)
        if not name:
            raise Fault("InvalidAddress", f"The address {queue_url} is not valid for this endpoint.")
        return cls.by_name(call, name, account)

    def arn(self, call: Call) -> str:
        return call.arn(self.name, "sqs")

    def resource_policy(self, call: Call) -> str:
        shared = call.operation not in OWNERS_ONLY or call.principal.account == call.account
        return self.attributes.get("Policy", "") if shared else ""

    def url(self, call: Call) -> str:
        return call.url(f"{call.account}/{self.name}")

    def configure(self, call: Call, changes: dict[str, str]) -> None:
        """Take over checked attributes, if they agree with each other and with the dead-letter queue they name."""
        self.attributes = settings.laid_over(self.attributes, changes)
        self.modified = call.now
        if "RedrivePolicy" in changes:
            self.dead_letter_queue = target(call, self, value) if (value := changes["RedrivePolicy"]) else ""


@lru_cache(maxsize=4096)
def place(queue_url: str) -> tuple[str, str]:
    """Account and name in a queue's URL; what is shorter has no name."""
    parts = queue_url.rstrip("/").rsplit("/", 2)
    return (parts[1], parts[2]) if len(parts) == 3 else (parts[-2:][0], "")


@sqs.owner
def owner(call: Call, request: dict[str, Any]) -> str:
    """The account whose queue a request names, by its URL or beside its name."""
    if url := request.get("QueueUrl"):
        account, _ = place(url)
        return account if len(account) == 12 and account.isdigit() else ""
    return str(request.get("QueueOwnerAWSAccountId", ""))


class Deleted(Record):
    """A queue that was there a moment ago."""

    name: str
    at: float


@sqs.operation
def create_queue(
    call: Call, queue_name: str, attributes: dict[str, str] = {}, tags: dict[str, str] = {}
) -> dict[str, Any]:
    """Create a queue; repeating the call is fine as long as the attributes it names agree."""
    check_name(queue_name, attributes)
    fifo = queue_name.endswith(".fifo")
    given = settings.checked(attributes, fifo=fifo)
    if queue := Queue.get(call, queue_name):
        check_same(queue, given)
        return {"QueueUrl": queue.url(call)}
    check_not_deleted_recently(call, queue_name)
    check_tags(tags)
    queue = Queue(
        name=queue_name,
        id=names.token(8),
        attributes=settings.FIFO_DEFAULTS if fifo else settings.DEFAULTS,
        created=call.now,
        modified=call.now,
        tags=tags,
    )
    queue.configure(call, given)
    queue.put(call)
    Depth(queue_name, box=names.token(8)).put(call)
    return {"QueueUrl": queue.url(call)}


@sqs.operation(on=Queue.by_name)
def get_queue_url(call: Call, queue: Queue) -> dict[str, Any]:
    """The URL of a queue, at the address by which the caller reached the cloud."""
    return {"QueueUrl": queue.url(call)}


@sqs.operation
def list_queues(
    call: Call, queue_name_prefix: str = "", next_token: str = "", max_results: int | None = None
) -> dict[str, Any]:
    """The URLs of the account's queues in this Region, by name."""
    found = Queue.page(
        call,
        limit=page_size(max_results),
        token=next_token,
        invalid=Fault("InvalidParameterValue", "Invalid or expired next token."),
        since=(queue_name_prefix,),
        before=(queue_name_prefix + "~",),
    )
    urls = [queue.url(call) for queue in found.items]
    return ({"QueueUrls": urls} if urls else {}) | next_page(found.token, max_results)


def page_size(max_results: int | None) -> int:
    return MOST_LISTED if max_results is None else faults.within("MaxResults", max_results, 1, MOST_LISTED)


def next_page(token: str | None, max_results: int | None) -> dict[str, str]:
    """SQS tells that there is more only to those who asked for pages."""
    return {"NextToken": token} if token and max_results is not None else {}


def check_name(name: str, attributes: dict[str, str]) -> None:
    if attributes.get("FifoQueue") == "true":
        if not FIFO_NAME.fullmatch(name):
            raise Fault(
                "InvalidParameterValue",
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
                "must end with .fifo suffix and be 1 to 80 in length.",
            )
    elif not NAME.fullmatch(name):
        raise Fault(
            "InvalidParameterValue",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )


def check_same(queue: Queue, given: dict[str, str]) -> None:
    for name, value in given.items():
        if queue.attributes.get(name, "") != value:
            message = f"A queue already exists with the same name and a different value for attribute {name}"
            raise Fault("QueueNameExists", message)


def check_not_deleted_recently(call: Call, name: str) -> None:
    deleted = Deleted.get(call, name)
    if deleted and call.now - deleted.at < DELETED_RECENTLY:
        raise Fault(
            "QueueDeletedRecently",
            "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        )


def check_tags(given: dict[str, str]) -> None:
    tags.check(given, code="InvalidParameterValue")


def target(call: Call, queue: Queue, value: str) -> str:
    """The name of a RedrivePolicy's dead-letter queue, which must exist, be of the same kind, and allow its use."""
    arn = settings.redrive(value).target

    def refused(reason: str) -> Fault:
        return faults.invalid("RedrivePolicy", value, reason)

    if arn.service != "sqs":
        raise refused("Invalid value for deadLetterTargetArn.")
    if arn.account != call.account:
        raise refused("Dead letter target owner should be same as the source.")
    if arn.region != call.region:
        raise refused("Dead-letter target must be in same region as the source.")
    found = Queue.get(call, arn.resource)
    if found is None:
        raise refused("Dead letter target does not exist.")
    if found.fifo != queue.fifo:
        raise refused("Dead-letter queue must be same type of queue as the source.")
    if found.name == queue.name:
        raise refused("Dead-letter queue must be another queue than the source.")
    allow = found.attributes.get("RedriveAllowPolicy")
    if allow and not settings.allowed(allow).allows(queue.arn(call)):
        raise refused("The dead-letter queue's redrive allow policy does not permit this source queue.")
    return found.name
