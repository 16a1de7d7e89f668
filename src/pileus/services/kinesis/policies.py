"""Resource policies of streams and consumers."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.access import grammar

from . import channels, faults, kinesis, queues
from .channels import Channel
from .consumers import Consumer, named
from .queues import Queue
from .streams import Stream

LONGEST = 20_480


def any_of(call: Call, resource_arn: str) -> Stream | Consumer | Queue | Channel:
    """Whatever an ARN is that of."""
    kind = resource_arn.split(":", 5)[5].partition("/")[0]
    if kind == "queue":
        return queues.of_arn(call, resource_arn)
    return channels.of_arn(call, resource_arn) if kind == "channel" else meant(call, resource_arn)


def meant(call: Call, resource_arn: str) -> Stream | Consumer:
    """The stream or the consumer of an ARN."""
    return named(call, resource_arn) if "/consumer/" in resource_arn else Stream.of(call, "", resource_arn)


@kinesis.operation(on=meant)
def put_resource_policy(call: Call, resource: Stream | Consumer, policy: str) -> None:
    """Attach a policy, in place of the one that there was."""
    try:
        grammar.check(policy, "resource")
    except grammar.Malformed:
        raise faults.invalid("The policy document is malformed.") from None
    if len(policy.encode()) > LONGEST:
        raise Fault("LimitExceededException", f"The policy document exceeds the limit of {LONGEST} bytes.")
    resource.policy = policy
    resource.put(call)


@kinesis.operation(on=meant)
def get_resource_policy(call: Call, resource: Stream | Consumer) -> dict[str, Any]:
    """The policy of a stream or a consumer; an empty one if there is none."""
    return {"Policy": resource.policy or "{}"}


@kinesis.operation(on=meant)
def delete_resource_policy(call: Call, resource: Stream | Consumer) -> None:
    """Detach a policy."""
    if not resource.policy:
        raise Fault("ResourceNotFoundException", f"No policy found for the resource {resource.arn(call)}.")
    resource.policy = ""
    resource.put(call)
