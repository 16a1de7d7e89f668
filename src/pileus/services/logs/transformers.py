"""Transformers: what is made of a group's events as they arrive, for those who would rather have documents.

Metric filters and subscriptions that say so see the transformed events, and Logs Insights finds their fields. An event
that the first parser cannot read stays as it is. Left out: OCSF.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pileus.kernel import Call, Record, Unfinished

from . import faults, logs
from .account_policies import AccountPolicy, parsed
from .groups import Group, standard
from .transform import Transform
from .transform.processors import Wrong

Members = dict[str, Any]


class Transformer(Record, cfn="AWS::Logs::Transformer", kw_only=True):
    """The transformer of a group."""

    group: str
    config: list[Members]
    created: int
    modified: int


def checked(config: list[Members]) -> Transform:
    if any("parseToOCSF" in processor for processor in config):
        raise Unfinished("Pileus does not make OCSF of events yet.")
    try:
        return Transform(config)
    except Wrong as error:
        raise faults.invalid(str(error)) from None


@lru_cache(maxsize=64)
def compiled(config: str) -> Transform:
    return Transform(json.loads(config))


@logs.operation(on=Group.identified)
def put_transformer(call: Call, group: Group, transformer_config: list[Members]) -> None:
    """Say what is made of the group's events from now on."""
    standard(group)
    checked(transformer_config)
    old, now = Transformer.get(call, group.id), int(call.now * 1000)
    created = old.created if old else now
    Transformer(group=group.id, config=transformer_config, created=created, modified=now).put(call)
    group.transformed = True
    group.put(call)


@logs.operation(on=Group.identified)
def get_transformer(call: Call, group: Group) -> Members:
    found = existing(call, group)
    return {
        "logGroupIdentifier": group.arn(call),
        "creationTime": found.created,
        "lastModifiedTime": found.modified,
        "transformerConfig": found.config,
    }


def existing(call: Call, group: Group) -> Transformer:
    if found := Transformer.get(call, group.id):
        return found
    raise faults.missing("The specified transformer does not exist.")


@logs.operation(on=Group.identified)
def delete_transformer(call: Call, group: Group) -> None:
    existing(call, group).delete(call)
    group.transformed = False
    group.put(call)


@logs.operation
def test_transformer(call: Call, transformer_config: list[Members], log_event_messages: list[str]) -> Members:
    """What would become of some messages."""
    transform = checked(transformer_config)
    metadata = {"@logGroupName": "", "@logStreamName": "", "@accountId": call.account, "@regionName": call.region}
    return {
        "transformedLogs": [
            {
                "eventNumber": number,
                "eventMessage": message,
                "transformedEventMessage": transform(message, metadata) or message,
            }
            for number, message in enumerate(log_event_messages, 1)
        ]
    }


def applied(call: Call, group: Group) -> tuple[Callable[[str, str], str | None], int] | None:
    """What makes a transformed message of a message and its stream's name, and since when; None if nothing does.

    A group's own transformer goes before that of the account.
    """
    if group.transformed and (own := Transformer.get(call, group.id)):
        config, since = own.config, own.modified
    else:
        policies = AccountPolicy.scan(call, "TRANSFORMER_POLICY")
        policy = next((each for each in policies if each.selects(group.name)), None)
        if policy is None or group.kind != "STANDARD":
            return None
        config, since = processors_of(policy.document), policy.updated
    transform = compiled(json.dumps(config))
    metadata = {"@logGroupName": group.name, "@accountId": call.account, "@regionName": call.region}

    def made(message: str, stream: str) -> str | None:
        return transform(message, {**metadata, "@logStreamName": stream, "@logGroupStream": stream})

    return made, since


def processors_of(document: str) -> list[Members]:
    """The processors that an account's policy has: the list itself, or a member of that name."""
    try:
        found = json.loads(document)
    except ValueError:
        found = parsed(document)
    if isinstance(found, dict):
        found = found.get("transformerConfig", found.get("processors"))
    if not isinstance(found, list):
        raise faults.invalid("The policy document is not a valid list of processors.")
    return found
