"""Versions of a secret, and the stages that say which is current, which was before, and which is to come.

Each version is encrypted under a data key of its own, which KMS wraps ("Secret encryption and decryption", User Guide).
"""

from __future__ import annotations

import os
from typing import Any

from pileus.kernel import Call, Fault, Record, names

from . import faults, secretsmanager
from .secrets import DAY, Secret, found, keep, living, primary

Value = str | bytes

CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"
DEFAULT_KEY = "alias/aws/secretsmanager"
MOST_STAGES = 20
MOST_VERSIONS = 100
NONCE = 12


class Version(Record, key=("secret", "id"), kw_only=True):
    """One version of a secret."""

    secret: str
    id: str
    sealed: bytes
    """Empty while a rotation has not filled it."""
    wrapped: bytes
    binary: bool
    key_id: str
    stages: list[str]
    created: float
    accessed: float | None = None


# Values


def value_in(string: str, binary: bytes) -> Value | None:
    """The value of a request, which may have one or none."""
    if string and binary:
        raise faults.parameter(
            "You can't specify both a binary secret value and a string secret value in the same secret."
        )
    return string or binary or None


def sealed(call: Call, secret: Secret, version_id: str, value: Value, key_id: str) -> tuple[bytes, bytes]:
    """A value under a new data key, and that key wrapped."""
    try:
        made = call.aws("kms").generate_data_key(
            key_id=key_id or DEFAULT_KEY, key_spec="AES_256", encryption_context=context(call, secret, version_id)
        )
    except Fault as fault:
        raise failure("EncryptionFailure", fault) from None
    nonce = os.urandom(NONCE)
    plain = value.encode() if isinstance(value, str) else value
    return nonce + cipher(made["Plaintext"]).encrypt(nonce, plain, None), made["CiphertextBlob"]


def opened(call: Call, secret: Secret, version: Version) -> Value:
    """What a version holds."""
    try:
        key = call.aws("kms").decrypt(
            ciphertext_blob=version.wrapped, encryption_context=context(call, secret, version.id)
        )["Plaintext"]
    except Fault as fault:
        raise failure("DecryptionFailure", fault) from None
    plain: bytes = cipher(key).decrypt(version.sealed[:NONCE], version.sealed[NONCE:], None)
    return plain if version.binary else plain.decode()


def context(call: Call, secret: Secret, version_id: str) -> dict[str, str]:
    return {"SecretARN": secret.arn(call), "SecretVersionId": version_id}


def cipher(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def failure(code: str, fault: Fault) -> Fault:
    """What a refusal of KMS is here: one to the caller stays what it is."""
    if fault.code in ("AccessDenied", "AccessDeniedException"):
        return Fault("AccessDeniedException", f"Access to KMS is not allowed. {fault.message}", status=400)
    return Fault(code, f"{fault.message} (Service: AWSKMS; Error Code: {fault.code})")


def reseal(call: Call, secret: Secret, key_id: str) -> None:
    """Encrypt all versions that have a stage anew, under another key."""
    for version in list(Version.scan(call, secret.name)):
        if version.stages and version.sealed:
            value = opened(call, secret, version)
            version.sealed, version.wrapped = sealed(call, secret, version.id, value, key_id)
            version.key_id = key_id
            version.put(call)
    secret.key_id = key_id


# Adding


def add(call: Call, secret: Secret, token: str, value: Value, stages: list[str]) -> Version:
    """A new version; the one that there is already for a token that comes again with the same value."""
    existing = Version.get(call, secret.name, token)
    if existing is not None and existing.sealed:
        if opened(call, secret, existing) != value:
            raise in_use(call, secret, token)
        return existing
    content, wrapped = sealed(call, secret, token, value, secret.key_id)
    version = Version(
        secret=secret.name,
        id=token,
        sealed=content,
        wrapped=wrapped,
        binary=isinstance(value, bytes),
        key_id=secret.key_id or DEFAULT_KEY,
        stages=existing.stages if existing else [],
        created=call.now,
    ).put(call)
    if not any(CURRENT in one.stages for one in Version.scan(call, secret.name)):
        stages = [*dict.fromkeys([*stages, CURRENT])]
    for stage in stages:
        move(call, secret, stage, token)
    forget(call, secret)
    return Version.get(call, secret.name, token) or version


def in_use(call: Call, secret: Secret, token: str) -> Fault:
    return Fault(
        "ResourceExistsException",
        f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret "
        f"{secret.arn(call)}.",
    )


def repeated(call: Call, secret: Secret, token: str, value: Value | None) -> dict[str, Any]:
    """CreateSecret once more: fine where it is the same request again."""
    if secret.deleted is not None:
        message = "You can't create this secret because a secret with this name is already scheduled for deletion."
        raise faults.request(message)
    version = Version.get(call, secret.name, token) if token else None
    if version is None or value is None or not version.sealed:
        message = f"The operation failed because the secret {secret.name} already exists."
        raise Fault("ResourceExistsException", message)
    if opened(call, secret, version) != value:
        raise in_use(call, secret, token)
    return secret.named(call) | {"VersionId": version.id}


def move(call: Call, secret: Secret, stage: str, to: str = "") -> None:
    """Attach a stage to a version, from whichever has it; the one that was current becomes the previous."""
    for version in list(Version.scan(call, secret.name)):
        if (stage in version.stages) == (version.id == to):
            continue
        if version.id == to:
            version.stages = [*version.stages, stage]
            if stage == CURRENT:
                version.stages = [one for one in version.stages if one != PREVIOUS]
        else:
            version.stages = [one for one in version.stages if one != stage]
        version.put(call)
        if stage == CURRENT and version.id != to:
            move(call, secret, PREVIOUS, version.id)


def forget(call: Call, secret: Secret) -> None:
    """Versions without stages go once there are more than a hundred, if they are older than a day."""
    every = sorted(Version.scan(call, secret.name), key=lambda version: version.created)
    for version in every[: max(0, len(every) - MOST_VERSIONS)]:
        if not version.stages and version.created < call.now - DAY:
            version.delete(call)


def stages(call: Call, secret: Secret) -> dict[str, list[str]]:
    return {version.id: version.stages for version in Version.scan(call, secret.name) if version.stages}


# Operations


@secretsmanager.operation(on=primary)
def put_secret_value(
    call: Call,
    secret: Secret,
    client_request_token: str = "",
    secret_binary: bytes = b"",
    secret_string: str = "",
    version_stages: list[str] = [CURRENT],
    rotation_token: str = "",
) -> dict[str, Any]:
    """Give a secret a new version, with AWSCURRENT unless other stages are named."""
    if rotation_token and rotation_token != secret.rotation_token:
        raise faults.parameter("The RotationToken is not that of the rotation under way.")
    value = value_in(secret_string, secret_binary)
    if value is None:
        raise faults.request("You must provide either SecretString or SecretBinary.")
    version = add(call, secret, client_request_token or names.uuid4(), value, version_stages)
    keep(call, secret)
    return secret.named(call) | {"VersionId": version.id, "VersionStages": version.stages}


@secretsmanager.operation(on=living)
def get_secret_value(call: Call, secret: Secret, version_id: str = "", version_stage: str = "") -> dict[str, Any]:
    """What a secret holds: its current version, or that of an id or stage."""
    version = chosen(call, secret, version_id, version_stage)
    today = call.now - call.now % DAY
    if secret.accessed != today:
        secret.accessed = today
        secret.put(call)
    if version.accessed != today:
        version.accessed = today
        version.put(call)
    return secret.named(call) | shown(call, secret, version)


def chosen(call: Call, secret: Secret, version_id: str, stage: str) -> Version:
    if version_id:
        version = Version.get(call, secret.name, version_id)
        if version is None or not version.sealed:
            raise faults.no_value("VersionId", version_id)
        if stage and stage not in version.stages:
            raise faults.request("You provided a VersionStage that is not associated to the provided VersionId.")
        return version
    stage = stage or CURRENT
    for version in Version.scan(call, secret.name):
        if stage in version.stages and version.sealed:
            return version
    raise faults.no_value("staging label", stage)


def shown(call: Call, secret: Secret, version: Version) -> dict[str, Any]:
    value = opened(call, secret, version)
    return {
        "VersionId": version.id,
        "SecretString" if isinstance(value, str) else "SecretBinary": value,
        "VersionStages": version.stages,
        "CreatedDate": version.created,
    }


@secretsmanager.operation(on=found)
def list_secret_version_ids(
    call: Call, secret: Secret, max_results: int = 100, next_token: str = "", include_deprecated: bool = False
) -> dict[str, Any]:
    """The versions of a secret; those without stages only if they are asked for."""
    page = Version.page(
        call,
        secret.name,
        limit=max_results,
        token=next_token,
        where=lambda version: include_deprecated or bool(version.stages),
        invalid=faults.token(),
    )
    entries: list[dict[str, Any]] = []
    for version in page.items:
        entry: dict[str, Any] = {"VersionId": version.id, "CreatedDate": version.created}
        entry["KmsKeyIds"] = ["DefaultEncryptionKey" if version.key_id == DEFAULT_KEY else version.key_id]
        more = {"VersionStages": version.stages, "LastAccessedDate": version.accessed}
        entries.append(entry | {name: value for name, value in more.items() if value})
    return secret.named(call) | {"Versions": entries} | ({"NextToken": page.token} if page.token else {})


@secretsmanager.operation(on=primary)
def update_secret_version_stage(
    call: Call, secret: Secret, version_stage: str, remove_from_version_id: str = "", move_to_version_id: str = ""
) -> dict[str, Any]:
    """Take a stage from one version, give it to another, or both. AWSCURRENT can only be moved."""
    holder = next((one for one in Version.scan(call, secret.name) if version_stage in one.stages), None)
    if move_to_version_id and Version.get(call, secret.name, move_to_version_id) is None:
        raise faults.no_value("VersionId", move_to_version_id)
    if remove_from_version_id and (holder is None or holder.id != remove_from_version_id):
        raise faults.parameter(
            f"The parameter RemoveFromVersionId doesn't match the version that has the staging label {version_stage}."
        )
    if not move_to_version_id and version_stage == CURRENT:
        raise faults.parameter(
            "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed."
        )
    if holder and holder.id != move_to_version_id and not remove_from_version_id:
        raise faults.parameter(
            f"The parameter RemoveFromVersionId can't be empty. Staging label {version_stage} is currently attached to "
            f"version {holder.id}, so you must explicitly reference that version in RemoveFromVersionId."
        )
    move(call, secret, version_stage, move_to_version_id)
    keep(call, secret)
    return secret.named(call)
