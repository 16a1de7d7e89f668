"""Where segments go: X-Ray alone, or CloudWatch Logs too, as spans, of which X-Ray indexes some (Transaction Search).

The log group is `aws/spans`; a resource policy of the account's has to let X-Ray write to it. Left out: spans in
`/aws/application-signals/data`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pileus.kernel import Call, Fault, Record, identity, paging
from pileus.kernel.access import grammar
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target
from pileus.kernel.identity import Principal

from . import xray
from .faults import bad_request
from .segments import Document
from .spans import spans_of

GROUP, STREAM = "aws/spans", "default"
XRAY, LOGS = "XRay", "CloudWatchLogs"
SETTLES = 60
"""Seconds for which a new destination is pending."""
RULE = "Default"
CHOSEN = "chosen"
"""The key of the only record there is."""


class Destination(Record, table="xray.SegmentDestination"):
    id: str
    name: str
    since: float

    def shown(self, call: Call) -> dict[str, Any]:
        pending = call.now < self.since + SETTLES
        return {"Destination": self.name, "Status": "PENDING" if pending else "ACTIVE"}


class IndexingRule(Record):
    """Of how many traces X-Ray keeps summaries, where all spans go to Logs."""

    name: str
    percentage: float
    modified: float

    def shown(self) -> dict[str, Any]:
        how = {"DesiredSamplingPercentage": self.percentage, "ActualSamplingPercentage": self.percentage}
        return {"Name": self.name, "ModifiedAt": self.modified, "Rule": {"Probabilistic": how}}


def destination(call: Call) -> Destination:
    return Destination.get(call, CHOSEN) or Destination(CHOSEN, XRAY, 0.0)


def as_xray(call: Call) -> Principal:
    return identity.service("xray.amazonaws.com", call.arn("*", "xray"), call.account)


@xray.operation
def get_trace_segment_destination(call: Call) -> dict[str, Any]:
    return destination(call).shown(call)


@xray.operation(name="UpdateTraceSegmentDestination")
def update_trace_segment_destination(
    call: Call,
    destination: str = XRAY,
    cloud_watch_logs_configuration: dict[str, str] = {},
) -> dict[str, Any]:
    """Choose where segments go from now on. The log group is made, where there is none."""
    if destination == LOGS:
        prepare(call, cloud_watch_logs_configuration.get("SpansLogGroupKmsKeyId", ""))
    old = Destination.get(call, CHOSEN)
    if old and old.name == destination:
        return old.shown(call)
    return Destination(CHOSEN, destination, call.now).put(call).shown(call)


def prepare(call: Call, key: str) -> None:
    """See to it that X-Ray can write spans."""
    logs = call.aws("logs", principal=identity.service("logs.amazonaws.com", source_account=call.account))
    try:
        logs.create_log_group(log_group_name=GROUP, kms_key_id=key or None)
        logs.create_log_stream(log_group_name=GROUP, log_stream_name=STREAM)
    except Fault as fault:
        if fault.code != "ResourceAlreadyExistsException":
            raise
        if key:
            raise bad_request(f"The log group {GROUP} exists already, so its key cannot be set.") from None
    statements = [
        one
        for scope in ("ACCOUNT", "RESOURCE")
        for policy in logs.describe_resource_policies(policy_scope=scope)["resourcePolicies"]
        for one in grammar.statements(json.loads(policy["policyDocument"]))
    ]
    unnamed = [{name: value for name, value in one.items() if name != "Sid"} for one in statements]
    policy = json.dumps({"Version": "2012-10-17", "Statement": unnamed}) if unnamed else ""
    group = call.arn(f"log-group:{GROUP}:*", "logs")
    try:
        authorize(call.at(principal=as_xray(call)), "logs:PutLogEvents", Target(group, call.account, policy))
    except Fault:
        text = f"XRay does not have permission to call PutLogEvents on the {GROUP} Log Group"
        raise bad_request(text) from None


# Indexing


def rule(call: Call) -> IndexingRule:
    return IndexingRule.get(call, RULE) or IndexingRule(RULE, 1.0, 0.0)


@xray.operation
def get_indexing_rules(call: Call, next_token: str = "") -> dict[str, Any]:
    """There is one rule."""
    if next_token:
        paging.opened(call, next_token, bad_request("Invalid pagination token"))
    return {"IndexingRules": [rule(call).shown()]}


@xray.operation(name="UpdateIndexingRule", honours=["Name", "Rule"])
def update_indexing_rule(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    if request["Name"] != RULE:
        raise Fault("ResourceNotFoundException", f"Indexing rule {request['Name']} does not exist.")
    percentage = request["Rule"].get("Probabilistic", {}).get("DesiredSamplingPercentage")
    if percentage is None or not 0 <= percentage <= 100:
        raise bad_request("DesiredSamplingPercentage must be between 0 and 100.")
    return {"IndexingRule": IndexingRule(RULE, float(percentage), call.now).put(call).shown()}


def indexed(call: Call, trace: str) -> bool:
    """Whether a trace is found in X-Ray: always, where segments go there alone; by its id, where they do not."""
    if destination(call).name == XRAY:
        return True
    place = int.from_bytes(hashlib.blake2b(trace.encode(), digest_size=4).digest()) / 2**32
    return place * 100 < rule(call).percentage


# Writing


def pass_on(call: Call, document: Document) -> None:
    """Have the spans of a segment written to Logs, if that is where they go."""
    if destination(call).name == LOGS:
        write.later(call, document=document)


@xray.task
def write(call: Call, document: Document) -> None:
    spans = sorted(spans_of(document), key=lambda one: int(one["endTimeUnixNano"]))
    events = [
        {"timestamp": one["endTimeUnixNano"] // 10**6, "message": json.dumps(one, separators=(",", ":"))}
        for one in spans
    ]
    logs = call.aws("logs", principal=as_xray(call))
    logs.put_log_events(log_group_name=GROUP, log_stream_name=STREAM, log_events=events)
