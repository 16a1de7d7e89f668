"""Log groups: create, find, list, delete, and what is set on them."""

from __future__ import annotations

import re
from typing import Any, Self

from pileus.kernel import Call, Fault, Record, identity, names, tags
from pileus.kernel import arn as arns

from . import faults, logs

CLASSES = ("STANDARD", "INFREQUENT_ACCESS", "DELIVERY")
MOST_LISTED = 50
KEY = re.compile(r"arn:[^:]+:kms:[^:]+:\d{12}:key/.+")

Members = dict[str, Any]


class Group(Record, arn="log-group:{name}", cfn="AWS::Logs::LogGroup", kw_only=True):
    """A log group as it was configured."""

    name: str
    id: str
    """Tells it from other groups that have had its name: what is in it is stored under this."""
    created: float
    retention: int = 0
    """Days; none if events never expire."""
    key: str = ""
    kind: str = "STANDARD"
    protected: bool = False
    """Whether it can be deleted at all."""
    tags: dict[str, str] = {}
    metric_filters: int = 0
    subscriptions: int = 0
    masked: bool = False
    """Whether it has a data protection policy."""
    transformed: bool = False
    """Whether it has a transformer."""
    trimmed: bool = False
    """Whether a task will remove what expires."""
    bearers: bool = False
    """Whether what bears a token may write to it."""
    detectors: int = 0
    """How many anomaly detectors it has."""

    def resource_policy(self, call: Call) -> str:
        from .resource_policies import policy_of

        return policy_of(call, self.arn(call))

    @classmethod
    def named(cls, call: Call, log_group_name: str) -> Self:
        """The group of that name."""
        if group := cls.get(call, log_group_name):
            return group
        raise faults.no_group()

    @classmethod
    def identified(cls, call: Call, log_group_identifier: str) -> Self:
        """The group of that name or ARN, be it another account's whose share of it the caller may read."""
        return cls.named(call, name_in(log_group_identifier))

    @classmethod
    def one_of(cls, call: Call, log_group_name: str = "", log_group_identifier: str = "") -> Self:
        """The group that one of the two members names."""
        if bool(log_group_name) == bool(log_group_identifier):
            raise faults.invalid("Exactly one of logGroupName and logGroupIdentifier must be specified.")
        return cls.identified(call, log_group_identifier) if log_group_identifier else cls.named(call, log_group_name)


def standard(group: Group) -> Group:
    """The group, for what there is only in the standard class ("Log classes", User Guide)."""
    if group.kind != "STANDARD":
        raise faults.invalid(f"This operation is not supported for log groups of the {group.kind} log class.")
    return group


class Volume(Record):
    """How much is stored in a group."""

    group: str
    octets: int = 0


def name_in(identifier: str) -> str:
    """The name of the group that an identifier means: a name, or an ARN with or without `:*`."""
    if not identifier.startswith("arn:"):
        return identifier
    try:
        found = arns.parse(identifier)
    except ValueError:
        found = None
    if found is None or found.service != "logs" or not found.resource.startswith("log-group:"):
        raise faults.invalid(f"The ARN {identifier} is not that of a log group.")
    return found.resource.removeprefix("log-group:").split(":")[0]


def elsewhere(call: Call, account_identifiers: list[str], include_linked_accounts: bool) -> bool:
    """Whether only groups of other accounts are asked for, of which none is linked."""
    return include_linked_accounts and bool(account_identifiers) and call.account not in account_identifiers


@logs.owner
def owner(call: Call, request: Members) -> str:
    """The account whose group a request names by ARN."""
    identifier = request.get("logGroupIdentifier") or request.get("resourceIdentifier") or ""
    parts = identifier.split(":")
    return parts[4] if identifier.startswith("arn:") and len(parts) > 5 else ""


@logs.operation
def create_log_group(
    call: Call,
    log_group_name: str,
    kms_key_id: str = "",
    tags: dict[str, str] = {},
    log_group_class: str = "STANDARD",
    deletion_protection_enabled: bool = False,
) -> None:
    """Create a group; its events never expire until it is said when they do."""
    if log_group_name.lower().startswith("aws/") and call.principal.type != "AWSService":
        raise faults.invalid("Log groups starting with AWS/ are reserved for AWS.")
    if Group.get(call, log_group_name):
        raise faults.exists("The specified log group already exists")
    check_tags(tags)
    check_key(call, kms_key_id)
    group = Group(
        name=log_group_name,
        id=names.token(8),
        created=call.now,
        key=kms_key_id,
        kind=log_group_class,
        protected=deletion_protection_enabled,
        tags=tags,
        retention=2 if log_group_class == "DELIVERY" else 0,
    ).put(call)
    encrypt(call, group)


@logs.operation(on=Group.named)
def delete_log_group(call: Call, group: Group) -> None:
    """Delete a group with everything in it."""
    from . import clearing

    if group.protected:
        raise Fault(
            "ValidationException",
            f"The log group {group.name} is protected from deletion. Disable deletion protection first.",
        )
    group.delete(call)
    clearing.clear(call, group)


@logs.operation
def describe_log_groups(
    call: Call,
    log_group_name_prefix: str = "",
    log_group_name_pattern: str = "",
    next_token: str = "",
    limit: int = MOST_LISTED,
    log_group_class: str = "",
    log_group_identifiers: list[str] = [],
    account_identifiers: list[str] = [],
    include_linked_accounts: bool = False,
) -> Members:
    """Groups by their names: with a prefix, with a pattern in it, or those that are named."""
    if elsewhere(call, account_identifiers, include_linked_accounts):
        return {"logGroups": []}
    if log_group_name_prefix and log_group_name_pattern:
        raise faults.invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
    if log_group_identifiers:
        asked = [Group.get(call, name_in(identifier)) for identifier in log_group_identifiers]
        return {"logGroups": [described(call, group) for group in asked if group]}
    pattern = log_group_name_pattern.lower()

    def wanted(group: Group) -> bool:
        return pattern in group.name.lower() and log_group_class in ("", group.kind)

    page = Group.page(
        call,
        limit=limit,
        token=next_token,
        invalid=faults.invalid("The specified nextToken is invalid."),
        where=wanted,
        since=(log_group_name_prefix,),
        before=(log_group_name_prefix + "\U0010ffff",),
    )
    return {"logGroups": [described(call, group) for group in page.items], "nextToken": page.token}


@logs.operation(on=Group.identified)
def put_log_group_deletion_protection(call: Call, group: Group, deletion_protection_enabled: bool) -> None:
    group.protected = deletion_protection_enabled
    group.put(call)


@logs.operation(on=Group.identified)
def put_bearer_token_authentication(call: Call, group: Group, bearer_token_authentication_enabled: bool) -> None:
    """Whether the paths for plain HTTP take API keys for this group (see `collecting`)."""
    group.bearers = bearer_token_authentication_enabled
    group.put(call)


def of_resource(call: Call, log_group_name: str = "", resource_identifier: str = "") -> Group:
    """The group that a key is for; the one of all query results is not built."""
    if bool(log_group_name) == bool(resource_identifier):
        raise faults.invalid("Exactly one of logGroupName and resourceIdentifier must be specified.")
    return Group.identified(call, resource_identifier) if resource_identifier else Group.named(call, log_group_name)


@logs.operation(on=of_resource)
def associate_kms_key(call: Call, group: Group, kms_key_id: str) -> None:
    """Encrypt events that come from now on under another key."""
    check_key(call, kms_key_id)
    group.key = kms_key_id
    encrypt(call, group.put(call))


@logs.operation(on=of_resource)
def disassociate_kms_key(call: Call, group: Group) -> None:
    group.key = ""
    group.put(call)


def check_key(call: Call, key: str) -> None:
    """The key must be there and be one that encrypts ("Encrypt log data using AWS KMS")."""
    if not key:
        return
    if not KEY.fullmatch(key):
        raise faults.invalid(f"KMS key ARN {key} is not valid.")
    kms = call.aws("kms", principal=identity.service("kms.amazonaws.com"))
    try:
        state = kms.describe_key(key_id=key)["KeyMetadata"]["KeyState"]
    except Fault as fault:
        if fault.code == "NotImplemented":
            raise
        state = "missing"
    if state != "Enabled":
        raise faults.invalid("The specified KMS key does not exist or is not allowed to be used with log group.")


def encrypt(call: Call, group: Group) -> None:
    """Have a data key of the group's KMS key, whose policy must let CloudWatch Logs in this Region use it."""
    from .ciphers import prepared

    if not group.key:
        return
    try:
        prepared(call, group)
    except Fault as fault:
        if fault.code == "NotImplemented":
            raise
        raise faults.invalid(
            "The specified KMS key does not exist or is not allowed to be used with Arn "
            f"'{group.arn(call)}': {fault.message}"
        ) from None


def check_tags(given: dict[str, str]) -> None:
    tags.check(given, code="InvalidParameterException")


def described(call: Call, group: Group) -> Members:
    from .retention_policies import in_effect

    volume, kept = Volume.get(call, group.id), in_effect(call, group)
    arn = group.arn(call)
    return {
        "logGroupName": group.name,
        "creationTime": int(group.created * 1000),
        "retentionInDays": kept.days or None,
        "retentionPolicyName": kept.name or None,
        "metricFilterCount": group.metric_filters,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "storedBytes": volume.octets if volume else 0,
        "kmsKeyId": group.key or None,
        "logGroupClass": group.kind,
        "dataProtectionStatus": "ACTIVATED" if group.masked else None,
        "deletionProtectionEnabled": group.protected,
        "bearerTokenAuthenticationEnabled": group.bearers,
    }
