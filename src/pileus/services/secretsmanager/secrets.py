"""Secrets: created, described, changed, tagged. What they hold is in their versions."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault, Record, arn, names, tags

from . import faults, secretsmanager

NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}")
SUFFIX = re.compile(r"-[A-Za-z0-9]{6}")
DAY = 86400


class Secret(Record, arn="secret:{name}-{suffix}", cfn="AWS::SecretsManager::Secret", kw_only=True):
    """A secret in one Region: the primary, or a replica of another Region's."""

    name: str
    suffix: str
    """Six characters at the end of the ARN, so that a later secret of the same name has another one."""
    created: float
    changed: float
    description: str = ""
    key_id: str = ""
    tags: dict[str, str] = {}
    policy: str = ""
    deleted: float | None = None
    """When it was deleted, if it waits for its end."""
    ends: float | None = None
    accessed: float | None = None
    """The day on which it was last read."""
    rotated: float | None = None
    rotating: bool = False
    """Whether rotation is on."""
    rotation_function: str = ""
    rotation_rules: dict[str, Any] = {}
    next_rotation: float | None = None
    rotation_error: str = ""
    """Why the last rotation did not come to its end."""
    primary_region: str = ""
    """Where the primary is, for a secret that is replicated."""
    replicas: list[dict[str, str]] = []
    """Of a primary: ReplicationStatus without what changes."""
    owner: str = ""
    """The service that manages it, if one does."""
    rotation_token: str = ""
    """What the rotation function proves with that a new value comes from it."""
    source: dict[str, str] = {}
    """CrossAccountPrimary, for a replica of another account's secret."""
    followers: list[dict[str, str]] = []
    """CrossAccountReplicas, for a secret that another account has a replica of."""

    def resource_policy(self, call: Call) -> str:
        return self.policy

    def replica(self, call: Call) -> bool:
        return bool(self.source) or (bool(self.primary_region) and self.primary_region != call.region)

    def named(self, call: Call) -> dict[str, Any]:
        """What nearly every answer begins with."""
        return {"ARN": self.arn(call), "Name": self.name}

    def described(self, call: Call) -> dict[str, Any]:
        """What DescribeSecret and ListSecrets both tell."""
        told: dict[str, Any] = self.named(call) | {
            "CreatedDate": self.created,
            "LastChangedDate": self.changed,
            "Tags": tags.as_list(self.tags),
        }
        if self.rotation_function:
            told["RotationEnabled"] = self.rotating
            told["RotationLambdaARN"] = self.rotation_function
            told["RotationRules"] = self.rotation_rules
        more = {
            "Description": self.description,
            "KmsKeyId": self.key_id,
            "LastRotatedDate": self.rotated,
            "LastAccessedDate": self.accessed,
            "DeletedDate": self.ends,
            "NextRotationDate": self.next_rotation if self.rotating else None,
            "OwningService": self.owner,
            "PrimaryRegion": self.primary_region,
        }
        return told | {name: value for name, value in more.items() if value}


@secretsmanager.owner
def owner(call: Call, request: dict[str, Any]) -> str:
    """The account whose secret a request names by its ARN."""
    try:
        return arn.parse(request.get("SecretId", "")).account
    except ValueError:
        return ""


def found(call: Call, secret_id: str) -> Secret:
    """The secret of a name or ARN, also one that waits for its end; the ARN's last seven characters may be missing."""
    name, whole = secret_id, ""
    if secret_id.startswith("arn:"):
        try:
            parts = arn.parse(secret_id)
        except ValueError:
            raise faults.no_secret() from None
        if parts.region != call.region or parts.account != call.account or not parts.resource.startswith("secret:"):
            raise faults.no_secret()
        whole = parts.resource.removeprefix("secret:")
        name = whole
    secret = Secret.get(call, name)
    if secret is None and SUFFIX.fullmatch(whole[-7:]):
        secret = Secret.get(call, whole[:-7])
        secret = secret if secret and secret.suffix == whole[-6:] else None
    if secret is None:
        raise faults.no_secret()
    return secret


def living(call: Call, secret_id: str) -> Secret:
    """The secret, if it is not deleted."""
    secret = found(call, secret_id)
    if secret.deleted is not None:
        raise faults.marked()
    return secret


def primary(call: Call, secret_id: str) -> Secret:
    """The secret, if it may be changed here."""
    secret = living(call, secret_id)
    if secret.replica(call):
        raise faults.replica()
    return secret


@secretsmanager.operation
def create_secret(
    call: Call,
    name: str,
    client_request_token: str = "",
    description: str = "",
    kms_key_id: str = "",
    secret_binary: bytes = b"",
    secret_string: str = "",
    tags: list[dict[str, str]] = [],
    add_replica_regions: list[dict[str, str]] = [],
    force_overwrite_replica_secret: bool = False,
    cross_account_primary_arn: str = "",
) -> dict[str, Any]:
    """A new secret, with or without a first version. The same token with the same value creates it only once."""
    from . import replication, versions
    from .followers import begun

    if not NAME.fullmatch(name):
        raise Fault(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        )
    value = versions.value_in(secret_string, secret_binary)
    follows = cross_account_primary_arn
    if follows and (value is not None or description or add_replica_regions or not kms_key_id):
        raise faults.parameter(
            "A cross-account replica needs a KmsKeyId, and takes no secret value, description, or replica Regions."
        )
    if (existing := Secret.get(call, name)) is not None:
        return versions.repeated(call, existing, client_request_token, value)
    secret = Secret(
        name=name,
        suffix=names.token(6),
        created=call.now,
        changed=call.now,
        description=description,
        key_id=kms_key_id,
        tags=tags_of(tags),
        source=begun(call, follows) if follows else {},
    )
    secret.put(call)
    told = secret.named(call)
    if value is not None:
        version = versions.add(call, secret, client_request_token or names.uuid4(), value, ["AWSCURRENT"])
        told["VersionId"] = version.id
    if add_replica_regions:
        replication.replicate(call, secret, add_replica_regions, force_overwrite_replica_secret)
        told["ReplicationStatus"] = replication.status(call, secret)
    return told


@secretsmanager.operation(on=found)
def describe_secret(call: Call, secret: Secret) -> dict[str, Any]:
    """What there is to know of a secret beside what it holds."""
    from . import replication, versions

    told = secret.described(call)
    if stages := versions.stages(call, secret):
        told["VersionIdsToStages"] = stages
    if status := replication.status(call, secret):
        told["ReplicationStatus"] = status
    more = {"CrossAccountPrimary": secret.source, "CrossAccountReplicas": secret.followers}
    return told | {name: value for name, value in more.items() if value}


@secretsmanager.operation(on=primary)
def update_secret(
    call: Call,
    secret: Secret,
    client_request_token: str = "",
    description: str | None = None,
    kms_key_id: str = "",
    secret_binary: bytes = b"",
    secret_string: str = "",
) -> dict[str, Any]:
    """Change a secret's description or key, or give it a new version that is current at once."""
    from . import replication, versions

    if description is not None:
        secret.description = description
    if kms_key_id and kms_key_id != secret.key_id:
        versions.reseal(call, secret, kms_key_id)
    secret.changed = call.now
    secret.put(call)
    told = secret.named(call)
    value = versions.value_in(secret_string, secret_binary)
    if value is not None:
        token = client_request_token or names.uuid4()
        told["VersionId"] = versions.add(call, secret, token, value, ["AWSCURRENT"]).id
    replication.synchronise(call, secret)
    return told


@secretsmanager.operation(on=primary)
def tag_resource(call: Call, secret: Secret, tags: list[dict[str, str]]) -> None:
    """Add tags to a secret, or give those that it has other values."""
    secret.tags = checked_tags(secret.tags | tags_of(tags))
    keep(call, secret)


@secretsmanager.operation(on=primary)
def untag_resource(call: Call, secret: Secret, tag_keys: list[str]) -> None:
    """Take tags from a secret; those that it does not have are no error."""
    secret.tags = {key: value for key, value in secret.tags.items() if key not in tag_keys}
    keep(call, secret)


def keep(call: Call, secret: Secret) -> None:
    """Store a changed secret, and tell its replicas."""
    from . import replication

    secret.changed = call.now
    secret.put(call)
    replication.synchronise(call, secret)


def tags_of(given: list[dict[str, str]]) -> dict[str, str]:
    if any("Key" not in tag for tag in given):
        raise faults.parameter("You must specify a key for every tag.")
    return checked_tags(tags.as_map(given))


def checked_tags(held: dict[str, str]) -> dict[str, str]:
    tags.check(held, code="InvalidParameterException")
    return held
