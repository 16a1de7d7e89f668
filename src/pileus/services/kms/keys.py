"""Keys and their other names: what is known of a key, and how a request names one."""

from __future__ import annotations

import os
import re
from typing import Any

from pileus.kernel import Call, Fault, Record, arn, names, tags

from . import faults, policies, specs
from .last_use import note
from .material import Material, cipher, generated, material

KEY_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|mrk-[0-9a-f]{32}")

ENABLED = "Enabled"
DISABLED = "Disabled"
PENDING_DELETION = "PendingDeletion"
PENDING_REPLICAS = "PendingReplicaDeletion"
PENDING_IMPORT = "PendingImport"
UNAVAILABLE = "Unavailable"

EXTERNAL = "EXTERNAL"
CLOUDHSM = "AWS_CLOUDHSM"
ELSEWHERE = "EXTERNAL_KEY_STORE"
PRIMARY = "PRIMARY"
REPLICA = "REPLICA"


class Alias(Record, arn="{name}", cfn="AWS::KMS::Alias", indexes={"by_key": ("key_id",)}):
    """Another name of a key; `alias/aws/…` are kept for AWS managed keys."""

    name: str
    key_id: str
    created: float
    updated: float


class Key(Record, arn="key/{id}", cfn="AWS::KMS::Key", indexes={"by_store": ("store",)}, kw_only=True):
    """A KMS key in one Region. Its material is in `Material`."""

    id: str
    spec: str
    usage: str
    created: float
    policy: str
    state: str = ENABLED
    description: str = ""
    origin: str = "AWS_KMS"
    manager: str = "CUSTOMER"
    tags: dict[str, str] = {}
    material_id: str = ""
    """The material that it encrypts with."""
    multi_region: str = ""
    """PRIMARY or REPLICA, for a multi-Region key."""
    regions: list[str] = []
    """Where a multi-Region key is, the primary's Region first."""
    deleted: float | None = None
    """When it will be deleted, or was asked to be."""
    window: int = 0
    rotation_period: int = 0
    """Days; 0 where it does not rotate by itself."""
    next_rotation: float = 0.0
    rotated_on_demand: int = 0
    grants: int = 0
    """How many there are, so that a key without any need not look."""
    store: str = ""
    """The custom key store that it is in."""
    cluster: str = ""
    """The CloudHSM cluster that has its material."""
    external: str = ""
    """The key of a manager elsewhere, under which everything is encrypted once more."""
    held: str = ""
    """The state to which it comes back once its store is connected."""

    def arn(self, call: Call) -> str:
        return call.arn(f"key/{self.id}", "kms")  # without the detour by the template: every use of a key asks for it

    def resource_policy(self, call: Call) -> str:
        return self.policy

    @property
    def managed(self) -> bool:
        return self.manager == "AWS"

    @property
    def symmetric(self) -> bool:
        return self.spec == specs.SYMMETRIC

    # What may be done with it

    def check_state(self, call: Call, *fine: str) -> None:
        """Refuse unless it is in one of these states, in the words of the one it is in."""
        if self.state not in fine:
            if self.state == DISABLED:
                raise faults.disabled(self.arn(call))
            raise faults.invalid_state(self.arn(call), self.state)

    def check_living(self, call: Call) -> None:
        """Refuse while it waits for its deletion."""
        if self.state in (PENDING_DELETION, PENDING_REPLICAS):
            raise faults.invalid_state(self.arn(call), self.state)

    def check_usable(self, call: Call, usage: str, operation: str = "") -> None:
        """Refuse what it is not for, and everything while it is not enabled ("Key states of AWS KMS keys")."""
        if self.usage != usage:
            raise faults.usage(self.arn(call), self.usage, operation or call.operation)
        if self.state != ENABLED:
            self.check_state(call)
        note(call, self.id)

    def check_customers(self, call: Call) -> None:
        """Refuse to change an AWS managed key."""
        if self.managed:
            raise Fault("AccessDeniedException", f"{self.arn(call)} is an AWS managed key.", status=400)

    def check_algorithm(self, name: str) -> str:
        """The algorithm, if keys of its spec and usage know it."""
        if name not in specs.SPECS[self.spec].algorithms[self.usage]:
            raise faults.algorithm(name, self.spec)
        return name

    def secret(self, call: Call, material_id: str = "") -> bytes:
        """Its material, opened; by default that it encrypts with now."""
        found = Material.get(call, self.id, material_id or self.material_id)
        if found is None:
            raise faults.invalid_ciphertext()
        if not found.sealed:
            raise faults.invalid_state(self.arn(call), PENDING_IMPORT)
        return found.opened(call)

    def cipher(self, call: Call, material_id: str = "") -> Any:
        """What encrypts and decrypts with it: its material, or the module that has it."""
        if self.cluster:
            from .backing import Cipher

            return Cipher(call, self, material_id or self.material_id)
        own = cipher(self.secret(call, material_id))
        if self.external:
            from . import external

            return external.Cipher(call, self, own)
        return own

    # What is told of it

    def metadata(self, call: Call) -> dict[str, Any]:
        """KeyMetadata."""
        told: dict[str, Any] = {
            "AWSAccountId": call.account,
            "KeyId": self.id,
            "Arn": self.arn(call),
            "CreationDate": self.created,
            "Enabled": self.state == ENABLED,
            "Description": self.description,
            "KeyUsage": self.usage,
            "KeyState": self.state,
            "Origin": self.origin,
            "KeyManager": self.manager,
            "CustomerMasterKeySpec": self.spec,
            "KeySpec": self.spec,
            specs.LISTED[self.usage]: list(specs.SPECS[self.spec].algorithms[self.usage]),
            "MultiRegion": bool(self.multi_region),
        }
        if self.multi_region:
            told["MultiRegionConfiguration"] = self._configuration(call)
        if self.state == PENDING_DELETION:
            told["DeletionDate"] = self.deleted
        if self.state == PENDING_REPLICAS:
            told["PendingDeletionWindowInDays"] = self.window
        if self.store:
            told["CustomKeyStoreId"] = self.store
        if self.cluster:
            told["CloudHsmClusterId"] = self.cluster
        if self.external:
            told["XksKeyConfiguration"] = {"Id": self.external}
        if self.symmetric and self.material_id and not self.store:
            told["CurrentKeyMaterialId"] = self.material_id
        return told | (self._imported(call) if self.origin == EXTERNAL else {})

    def _configuration(self, call: Call) -> dict[str, Any]:
        places = [{"Arn": self.arn(call.at(region=region)), "Region": region} for region in self.regions]
        return {"MultiRegionKeyType": self.multi_region, "PrimaryKey": places[0], "ReplicaKeys": places[1:]}

    def _imported(self, call: Call) -> dict[str, Any]:
        found = Material.get(call, self.id, self.material_id) if self.material_id else None
        if found is None or not found.sealed:
            return {}
        if found.expires is None:
            return {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
        return {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": found.expires}


def new_id(multi_region: bool) -> str:
    return f"mrk-{os.urandom(16).hex()}" if multi_region else names.uuid4()


def equip(call: Call, key: Key, secret: bytes) -> Key:
    """Give a new key its first material, and store both."""
    first = material(call, key.id, 0, secret).put(call)
    key.material_id = first.id
    return key.put(call)


# How requests name one


def named(call: Call, key_id: str) -> Key:
    """The key of an id or ARN. What has this name in its request takes no alias."""
    resource = resource_in(call, key_id)
    if resource.startswith("alias/"):
        raise faults.invalid_id(key_id)
    return _key(call, key_id, resource)


def aliasable(call: Call, key_id: str) -> Key:
    """The key that an alias is to name, which must be told by its id or ARN."""
    if resource_in(call, key_id).startswith("alias/"):
        raise faults.validation("Aliases must refer to keys. Not aliases")
    return named(call, key_id)


def meant(call: Call, key_id: str) -> Key:
    """The key of an id, an ARN, an alias, or an alias's ARN."""
    resource = resource_in(call, key_id)
    if not resource.startswith("alias/"):
        return _key(call, key_id, resource)
    alias = Alias.get(call, resource)
    if alias is None:
        alias = managed(call, resource)
    found = Key.get(call, alias.key_id)
    assert found, f"{resource} names a key that is not there"
    return found


def _key(call: Call, text: str, key_id: str) -> Key:
    if not KEY_ID.fullmatch(key_id):
        raise faults.invalid_id(text)
    found = Key.get(call, key_id)
    if found is None:
        raise faults.no_key(call.arn(f"key/{key_id}", "kms"))
    return found


def resource_in(call: Call, text: str) -> str:
    """A key's id, or an alias's name, in an identifier of whatever form."""
    if not text.startswith("arn:"):
        return text
    try:
        parts = arn.parse(text)
    except ValueError:
        raise Fault("InvalidArnException", f"Invalid arn {text}") from None
    if parts.service != "kms" or parts.partition != call.partition:
        raise Fault("InvalidArnException", f"Invalid arn {text}")
    if parts.region != call.region:
        raise Fault("NotFoundException", f"Invalid arn {parts.region}")
    if parts.account != call.account:
        raise faults.no_key(text)
    if not parts.resource.startswith(("key/", "alias/")):
        raise Fault("InvalidArnException", f"Invalid arn {text}")
    return parts.resource.removeprefix("key/")


# AWS managed keys

# fmt: off
SERVICES = frozenset(
    {
        "acm", "apprunner", "auditmanager", "backup", "bedrock", "cloud9", "cloudtrail", "codeartifact",
        "codebuild", "codecommit", "codepipeline", "connect", "dax", "dms", "dynamodb", "ebs", "ec2", "ecr",
        "elasticfilesystem", "elasticache", "es", "fsx", "glue", "kafka", "kinesis", "kinesisvideo", "lambda",
        "lex", "lightsail", "logs", "mq", "mwaa", "neptune", "profile", "qldb", "rds", "redshift",
        "redshift-serverless", "route53", "s3", "sagemaker", "secretsmanager", "ses", "sns", "sqs", "ssm",
        "ssm-guiconnect", "sso", "timestream", "transfer", "vpc-lattice", "workmail", "workspaces", "xray",
    }
)
# fmt: on
"""Services that have an AWS managed key ("AWS managed keys", Developer Guide)."""


def managed(call: Call, name: str) -> Alias:
    """The alias of an AWS managed key, which comes to be when it is first named."""
    service = name.removeprefix("alias/aws/")
    if service not in SERVICES or not name.startswith("alias/aws/"):
        raise faults.no_alias(call.arn(name, "kms"))
    key = Key(
        id=new_id(False),
        spec=specs.SYMMETRIC,
        usage=specs.ENCRYPT,
        created=call.now,
        policy=policies.managed(call, service),
        description=f"Default key that protects my {service.upper()} data when no other key is defined",
        manager="AWS",
    )
    from .rotation import YEAR, begin

    with call.store.attempt():
        begin(call, equip(call, key, generated(specs.SYMMETRIC)), YEAR)
        return Alias(name, key.id, call.now, call.now).put(call)


# Tags


def tags_of(given: list[dict[str, str]]) -> dict[str, str]:
    """A request's tags, if they are fine."""
    found = tags.as_map(given, "TagKey", "TagValue")
    if len(found) != len(given):
        raise Fault("TagException", "Duplicate tag keys")
    check_tags(found)
    return found


def check_tags(held: dict[str, str]) -> None:
    if len(held) > tags.MOST:
        raise Fault("LimitExceededException", "Too many tags")
    tags.check(held, code="TagException")
