"""Lifecycle configurations: checked and kept. What they say is in `rules`, what they bring about in `sweeping`."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, names

from . import documents, faults, planning, rules, s3
from .buckets import Bucket, by_name
from .events import iso

KIND = "lifecycle"
MOST_RULES = 1000
DAY = 86_400
INFREQUENT = ("STANDARD_IA", "ONEZONE_IA")
LEAST_SIZE = "all_storage_classes_128K"
ACTIONS = (
    "Expiration",
    "Transitions",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransitions",
    "AbortIncompleteMultipartUpload",
)

SINGLE = {"Transition": "Transitions", "NoncurrentVersionTransition": "NoncurrentVersionTransitions"}
"""Members of old, and those in which they live on."""

Rule = dict[str, Any]


@s3.operation(on=by_name, action="s3:GetLifecycleConfiguration")
def get_bucket_lifecycle_configuration(call: Call, bucket: Bucket) -> dict[str, Any]:
    """The bucket's rules."""
    found = documents.load(call, bucket.room, KIND)
    if found is None:
        words = "The lifecycle configuration does not exist"
        raise faults.fault("NoSuchLifecycleConfiguration", words, 404, BucketName=bucket.name)
    return dict(found)


@s3.operation(on=by_name, action="s3:PutLifecycleConfiguration", honours=("ChecksumAlgorithm",))
def put_bucket_lifecycle_configuration(
    call: Call,
    bucket: Bucket,
    lifecycle_configuration: dict[str, Any] = {},
    transition_default_minimum_object_size: str = LEAST_SIZE,
) -> dict[str, Any]:
    """Replace the bucket's rules. A rule without an id gets one."""
    if bucket.mfa == "Enabled":
        words = "Lifecycle configuration is not supported on a bucket with MFA Delete enabled"
        raise faults.fault("InvalidBucketState", words, 409)
    given = lifecycle_configuration.get("Rules", [])
    if not given or len(given) > MOST_RULES:
        raise faults.malformed()
    ids = [rule["ID"] for rule in given if rule.get("ID")]
    if len(ids) != len(set(ids)):
        raise faults.invalid_argument("Rule ID must be unique. Found same ID for more than one rule")
    for rule in given:
        check(rule)
        if not rule.get("ID"):
            rule["ID"] = names.token(48)
    least = {"TransitionDefaultMinimumObjectSize": transition_default_minimum_object_size}
    documents.save(call, bucket.room, KIND, {"Rules": given, **least})
    bucket.has_lifecycle = any(rule["Status"] == "Enabled" for rule in given)
    bucket.put(call)
    planning.soon(call, bucket)
    return least


@s3.operation(on=by_name, action="s3:PutLifecycleConfiguration")
def delete_bucket_lifecycle(call: Call, bucket: Bucket) -> None:
    """Remove all rules."""
    documents.drop(call, bucket.room, KIND)
    bucket.has_lifecycle = False
    bucket.put(call)


@s3.operation(on=by_name, action="s3:GetLifecycleConfiguration")
def get_bucket_lifecycle(call: Call, bucket: Bucket) -> dict[str, Any]:
    """The rules in the form of old, which knows nothing but prefixes and one transition."""
    found = get_bucket_lifecycle_configuration(call, bucket)
    return {"Rules": [old(rule) for rule in found["Rules"]]}


def old(rule: Rule) -> Rule:
    kept = ("Expiration", "ID", "Status", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
    told = {name: rule[name] for name in kept if name in rule}
    told["Prefix"] = rules.Filter.of(rule).prefix
    for name, several in SINGLE.items():
        if rule.get(several):
            told[name] = rule[several][0]
    return told


@s3.operation(on=by_name, action="s3:PutLifecycleConfiguration", honours=("ContentMD5", "ChecksumAlgorithm"))
def put_bucket_lifecycle(call: Call, bucket: Bucket, lifecycle_configuration: dict[str, Any] = {}) -> None:
    """Replace the rules by some in the form of old."""
    given = [dict(rule) for rule in lifecycle_configuration.get("Rules", [])]
    for rule in given:
        for name, several in SINGLE.items():
            if name in rule:
                rule[several] = [rule.pop(name)]
    put_bucket_lifecycle_configuration(call, bucket, {"Rules": given})


def check(rule: Rule) -> None:
    """Refuse what S3 refuses ("Lifecycle configuration elements", S3 User Guide)."""
    if "Status" not in rule or ("Filter" in rule and "Prefix" in rule) or not ("Filter" in rule or "Prefix" in rule):
        raise faults.malformed()
    if len(rule.get("ID", "")) > 255:
        raise faults.invalid_argument("ID length should not exceed allowed limit of 255")
    if not any(rule.get(name) for name in ACTIONS):
        raise faults.invalid_request("At least one action needs to be specified in a rule")
    tagged = check_filter(rule.get("Filter", {}))
    sized = rules.Filter.of(rule).by_size
    if "Expiration" in rule:
        check_expiration(rule["Expiration"], tagged=tagged, sized=sized)
    for transition in rule.get("Transitions", []):
        check_transition(transition)
    check_order(rule)
    if "NoncurrentVersionExpiration" in rule:
        check_noncurrent(rule["NoncurrentVersionExpiration"], "NoncurrentVersionExpiration")
    for transition in rule.get("NoncurrentVersionTransitions", []):
        check_noncurrent(transition, "NoncurrentVersionTransition")
    check_noncurrent_order(rule)
    if "AbortIncompleteMultipartUpload" in rule:
        if tagged:
            raise faults.invalid_request("AbortIncompleteMultipartUpload cannot be specified with Tags.")
        if sized:
            raise faults.invalid_request("AbortIncompleteMultipartUpload cannot be specified with Object Size.")
        positive(
            rule["AbortIncompleteMultipartUpload"].get("DaysAfterInitiation"),
            "DaysAfterInitiation",
            "AbortIncompleteMultipartUpload",
        )


def check_filter(given: dict[str, Any]) -> bool:
    """Whether the filter asks for tags."""
    if len(given) > 1:
        raise faults.malformed()
    both = given.get("And")
    if both is None:
        return "Tag" in given
    tags = both.get("Tags", [])
    if len(both) + max(len(tags) - 1, 0) < 2:
        raise faults.malformed()
    if len({tag["Key"] for tag in tags}) != len(tags):
        raise faults.invalid_request("Duplicate Tag Keys are not allowed.")
    least, most = both.get("ObjectSizeGreaterThan"), both.get("ObjectSizeLessThan")
    if least is not None and most is not None and least >= most:
        words = "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'."
        raise faults.invalid_request(words)
    return bool(tags)


def check_expiration(expiration: dict[str, Any], *, tagged: bool, sized: bool) -> None:
    if len(expiration) != 1:
        raise faults.malformed()
    if "ExpiredObjectDeleteMarker" in expiration and tagged:
        raise faults.invalid_request("ExpiredObjectDeleteMarker cannot be specified with Tags.")
    if "ExpiredObjectDeleteMarker" in expiration and sized:
        raise faults.invalid_request("ExpiredObjectDeleteMarker cannot be specified with Object Size.")
    if "Days" in expiration:
        positive(expiration["Days"], "Days", "Expiration")
    if "Date" in expiration:
        check_date(expiration["Date"])


def check_transition(transition: dict[str, Any]) -> None:
    if "StorageClass" not in transition or ("Days" in transition) == ("Date" in transition):
        raise faults.malformed()
    if "Date" in transition:
        check_date(transition["Date"])
        return
    days, to = transition["Days"], transition["StorageClass"]
    if days < 0:
        raise faults.invalid_argument("'Days' in Transition action must be nonnegative")
    if to in INFREQUENT and days < 30:
        raise faults.invalid_argument(
            f"'Days' in Transition action must be greater than or equal to 30 for storageClass '{to}'"
        )


def check_noncurrent(action: dict[str, Any], name: str) -> None:
    if name == "NoncurrentVersionExpiration":
        positive(action.get("NoncurrentDays"), "NoncurrentDays", name)
    elif not {"NoncurrentDays", "StorageClass"} <= action.keys():
        raise faults.malformed()
    elif action["NoncurrentDays"] < 0:
        raise faults.invalid_argument(f"'NoncurrentDays' in {name} action must be nonnegative")
    newer = action.get("NewerNoncurrentVersions")
    if newer is not None and not 1 <= newer <= 100:
        raise faults.invalid_argument("'NewerNoncurrentVersions' must be between 1 and 100")
    if action.get("StorageClass") in INFREQUENT and action["NoncurrentDays"] < 30:
        raise faults.invalid_argument(
            "'NoncurrentDays' in NoncurrentVersionTransition action must be greater than or equal to 30 for "
            "storageClass "
            f"'{action['StorageClass']}'"
        )


def check_date(date: float) -> None:
    if date % DAY:
        raise faults.invalid_argument("'Date' must be at midnight GMT", "Date", iso(date))


def check_order(rule: Rule) -> None:
    """Things expire after they have moved, and stay for 30 days where access is infrequent before they move on."""
    moves = rule.get("Transitions", [])
    whose = f"filter '(prefix={rules.Filter.of(rule).prefix})'"
    timed = [each for each in (*moves, rule.get("Expiration", {})) if each.keys() & {"Days", "Date"}]
    if len({"Days" in each for each in timed}) > 1:
        words = f"Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for {whose}"
        raise faults.invalid_request(words)
    days = rule.get("Expiration", {}).get("Days")
    moved = {each["StorageClass"]: each["Days"] for each in moves if "Days" in each}
    if days is not None and moved and days <= max(moved.values()):
        raise faults.invalid_argument(
            f"'Days' in the Expiration action for {whose} must be greater than 'Days' in the Transition action"
        )
    for before in INFREQUENT:
        for to, after in moved.items():
            if before in moved and rules.lower(to, before) and after < moved[before] + 30:
                raise faults.invalid_argument(
                    f"'Days' in the Transition action for StorageClass '{to}' for {whose} must be 30 days more than "
                    f"'Days' in the Transition action for StorageClass '{before}'"
                )


def check_noncurrent_order(rule: Rule) -> None:
    """Noncurrent versions, too, expire after they have moved."""
    days = rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays")
    moved = [each["NoncurrentDays"] for each in rule.get("NoncurrentVersionTransitions", [])]
    if days is not None and moved and days <= max(moved):
        raise faults.invalid_argument(
            f"'NoncurrentDays' in the NoncurrentVersionExpiration action for filter "
            f"'(prefix={rules.Filter.of(rule).prefix})' must be greater than 'NoncurrentDays' in the "
            "NoncurrentVersionTransition action"
        )


def positive(days: int | None, name: str, action: str) -> None:
    if days is None:
        raise faults.malformed()
    if days < 1:
        raise faults.invalid_argument(f"'{name}' for {action} action must be a positive integer")
