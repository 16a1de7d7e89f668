"""The default dataset, which all of an account's metrics in a Region are in, and the KMS key that guards it.

Who reads values of metrics must be allowed to decrypt with the key: a data key under it is kept, and decrypted as the
reader for each reading. The values themselves lie in the store as they do without a key.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record

from . import cloudwatch

DEFAULT = "default"
GONE = ("NotFoundException", "DisabledException", "KMSInvalidStateException", "KeyUnavailableException")
"""What KMS says of a key that nobody can decrypt with for now; such a key does not keep anybody from replacing it."""


class Dataset(Record):
    """Is there when the dataset has a key."""

    id: str
    key: str
    sealed: bytes
    """A data key under it, to see who may decrypt."""


def context(call: Call) -> dict[str, str]:
    return {"aws:cloudwatch:arn": arn(call)}


def arn(call: Call) -> str:
    return call.arn(f"dataset/{DEFAULT}", "cloudwatch")


def check_identifier(call: Call, identifier: str) -> None:
    if identifier not in (DEFAULT, arn(call)):
        raise Fault("ResourceNotFoundException", f"The dataset {identifier} does not exist.")


def decrypted(call: Call, found: Dataset) -> None:
    """Raise KMS's own error where the caller may not decrypt what is under the dataset's key, or nobody can."""
    call.aws("kms").decrypt(ciphertext_blob=found.sealed, key_id=found.key, encryption_context=context(call))


def released(call: Call, found: Dataset) -> None:
    """What the caller must be allowed before a key is taken off: to decrypt, if anybody can."""
    try:
        decrypted(call, found)
    except Fault as fault:
        if fault.code not in GONE:
            raise


def readable(call: Call) -> None:
    """Raise where the values of metrics are under a key that the caller may not decrypt with."""
    if found := Dataset.get(call, DEFAULT):
        try:
            decrypted(call, found)
        except Fault as fault:
            raise told(fault, found.key) from None


def told(fault: Fault, key: str) -> Fault:
    """KMS's error as CloudWatch puts it."""
    if fault.code in ("NotFoundException", "InvalidArnException"):
        return Fault("KmsKeyNotFoundException", f"The KMS key {key} does not exist.", status=400)
    if fault.code in GONE:
        return Fault("KmsKeyDisabledException", f"The KMS key {key} is not enabled.", status=400)
    if "AccessDenied" in fault.code:
        return Fault("KmsAccessDeniedException", fault.message, status=400)
    return fault


@cloudwatch.operation
def get_dataset(call: Call, dataset_identifier: str) -> dict[str, Any]:
    check_identifier(call, dataset_identifier)
    found = Dataset.get(call, DEFAULT)
    return {"DatasetId": DEFAULT, "Arn": arn(call), "KmsKeyArn": found.key if found else None}


@cloudwatch.operation
def associate_dataset_kms_key(call: Call, dataset_identifier: str, kms_key_arn: str) -> None:
    """Put the dataset under a key, perhaps in place of another one."""
    check_identifier(call, dataset_identifier)
    if kms_key_arn.split(":")[3] != call.region:
        raise Fault("KmsKeyNotFoundException", f"The KMS key {kms_key_arn} is not in {call.region}.", status=400)
    if old := Dataset.get(call, DEFAULT):
        released(call, old)
    try:
        key = call.aws("kms").describe_key(key_id=kms_key_arn)["KeyMetadata"]
        if key["KeySpec"] != "SYMMETRIC_DEFAULT" or key["KeyUsage"] != "ENCRYPT_DECRYPT":
            raise Fault("ConflictException", "The KMS key must be a symmetric encryption key.")
        made = call.aws("kms").generate_data_key_without_plaintext(
            key_id=kms_key_arn, key_spec="AES_256", encryption_context=context(call)
        )
        new = Dataset(DEFAULT, kms_key_arn, made["CiphertextBlob"])
        decrypted(call, new)
    except Fault as fault:
        raise told(fault, kms_key_arn) from None
    new.put(call)


@cloudwatch.operation
def disassociate_dataset_kms_key(call: Call, dataset_identifier: str) -> None:
    check_identifier(call, dataset_identifier)
    found = Dataset.get(call, DEFAULT)
    if found is None:
        raise Fault("ResourceNotFoundException", "The dataset has no associated KMS key.")
    released(call, found)
    found.delete(call)
