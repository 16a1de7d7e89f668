"""Replication configurations: checked and kept. What they bring about is in `replicating`."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, arn, names

from . import faults
from .buckets import Bucket
from .configuration import document

MOST_RULES = 1000


def check(call: Call, bucket: Bucket, content: dict[str, Any]) -> None:
    if bucket.versioning != "Enabled":
        words = "Versioning must be 'Enabled' on the bucket to apply a replication configuration"
        raise faults.invalid_request(words)
    rules = content.get("Rules", [])
    if not rules or len(rules) > MOST_RULES:
        raise faults.malformed()
    role = content.get("Role", "")
    if not role.startswith("arn:") or ":role/" not in role:
        raise faults.invalid_argument("Invalid role ARN", "Role", role)
    ids = [rule["ID"] for rule in rules if rule.get("ID")]
    if len(ids) != len(set(ids)):
        raise faults.invalid_argument("Rule Id must be unique. Found same ID for more than one rule")
    priorities = [rule["Priority"] for rule in rules if "Priority" in rule]
    if len(priorities) != len(set(priorities)):
        raise faults.invalid_request("Found duplicate priorities in multiple rules. Priorities must be unique")
    for rule in rules:
        if len(rule.get("ID", "")) > 255:
            raise faults.invalid_argument("ID length should not exceed allowed limit of 255")
        check_rule(call, bucket, rule)
        if not rule.get("ID"):
            rule["ID"] = names.token(48)


def check_rule(call: Call, bucket: Bucket, rule: dict[str, Any]) -> None:
    if "Status" not in rule or "Bucket" not in rule.get("Destination", {}):
        raise faults.malformed()
    if "Filter" in rule:
        if "Prefix" in rule or len(rule["Filter"]) > 1:
            raise faults.malformed()
        if "DeleteMarkerReplication" not in rule:
            raise unspecified("DeleteMarkerReplication")
        tagged = "Tag" in rule["Filter"] or rule["Filter"].get("And", {}).get("Tags")
        if tagged and rule["DeleteMarkerReplication"].get("Status") == "Enabled":
            raise faults.invalid_request("Delete marker replication is not supported if any Tag filter is specified.")
        if "Priority" not in rule:
            raise unspecified("Priority")
    try:
        name = arn.parse(rule["Destination"]["Bucket"]).resource
    except ValueError:
        raise faults.invalid_argument("Invalid bucket ARN.", "Bucket", rule["Destination"]["Bucket"]) from None
    target = Bucket.get(call, call.partition, name)
    if target is None:
        raise faults.invalid_request("Destination bucket must exist.")
    if target.room == bucket.room:
        raise faults.invalid_request("Source and destination buckets cannot be the same.")
    if target.versioning != "Enabled":
        raise faults.invalid_request("Destination bucket must have versioning enabled.")
    check_destination(rule, rule["Destination"])


def unspecified(member: str) -> Exception:
    return faults.invalid_request(
        f"{member} must be specified for this version of Cross Region Replication configuration schema. "
        "Please refer to S3 Developer Guide for more information."
    )


def check_destination(rule: dict[str, Any], to: dict[str, Any]) -> None:
    if "AccessControlTranslation" in to and "Account" not in to:
        raise faults.invalid_request("Account should be specified if AccessControlTranslation is specified.")
    criteria = rule.get("SourceSelectionCriteria", {})
    if criteria.get("SseKmsEncryptedObjects", {}).get("Status") == "Enabled":
        if "ReplicaKmsKeyID" not in to.get("EncryptionConfiguration", {}):
            raise faults.invalid_request(
                "Destination encryption configuration should be provided when SseKmsEncryptedObjects is enabled."
            )
    elif "EncryptionConfiguration" in to:
        raise faults.invalid_request("SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present.")
    if to.get("ReplicationTime", {}).get("Status") == "Enabled":
        if "Metrics" not in to:
            raise faults.invalid_request("Destination Metrics must be specified when ReplicationTime is enabled.")
        if to["ReplicationTime"].get("Time", {}).get("Minutes") != 15:
            raise faults.invalid_argument("Invalid value of Minutes in ReplicationTime: only 15 is allowed")


def changed(bucket: Bucket, content: dict[str, Any] | None) -> None:
    bucket.replicates = content is not None


document(
    "Replication",
    "ReplicationConfiguration",
    missing=("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
    check=check,
    changed=changed,
)
