"""What a function's role must be able to do before Lambda takes on a setting: reach the queue or topic in it."""

from __future__ import annotations

from pileus.kernel import Call, Fault, Principal, arn, identity, roles
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target

from . import faults

SENDING = {"sqs": "SendMessage", "sns": "Publish"}


def check_sending(call: Call, role: str, target: str) -> None:
    """Refuse a dead-letter target that is there, and to which the role may not send."""
    named = arn.parse(target)
    there = call.at(account=named.account, region=named.region)
    owner = identity.root(named.account)
    try:
        if named.service == "sqs":
            queue = there.aws("sqs", principal=owner)
            url = queue.get_queue_url(queue_name=named.resource)["QueueUrl"]
            found = queue.get_queue_attributes(queue_url=url, attribute_names=["Policy"])
        else:
            found = there.aws("sns", principal=owner).get_topic_attributes(topic_arn=target)
    except Fault:
        return  # what is not there yet may come
    lambda_itself = identity.service("lambda.amazonaws.com", source_account=call.account)
    principal = roles.taken_on(call, role, "lambda", lambda_itself)
    check(there, principal, SENDING[named.service], target, found.get("Attributes", {}).get("Policy", ""), "provided")


def check(call: Call, principal: Principal, action: str, resource: str, policy: str, kind: str = "function") -> None:
    """Refuse a role that may not do that to a resource of that policy; `kind` is what AWS calls such a role."""
    named = arn.parse(resource)
    try:
        authorize(call.at(principal=principal), f"{named.service}:{action}", Target(resource, named.account, policy))
    except Fault:
        words = f"The {kind} execution role does not have permissions to call {action} on {named.service.upper()}"
        raise faults.invalid(words) from None
