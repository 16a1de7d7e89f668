"""What an account has set: the key that its traces are encrypted with. And what daemons tell of themselves."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record

from . import xray
from .faults import bad_request


class Encryption(Record):
    type: str
    key: str

    def shown(self) -> dict[str, Any]:
        return {"Type": self.type, "Status": "ACTIVE", **({"KeyId": self.key} if self.key else {})}


@xray.operation
def get_encryption_config(call: Call) -> dict[str, Any]:
    found = Encryption.first(call)
    return {"EncryptionConfig": found.shown() if found else {"Type": "NONE", "Status": "ACTIVE"}}


@xray.operation
def put_encryption_config(call: Call, type: str, key_id: str = "") -> dict[str, Any]:  # noqa: A002
    """Use a key of KMS, which must be there, or X-Ray's own."""
    if (type == "KMS") != bool(key_id):
        raise bad_request("KeyId is required with, and only with, the type KMS.")
    if key_id:
        try:
            key_id = call.aws("kms").describe_key(key_id=key_id)["KeyMetadata"]["Arn"]
        except Fault as fault:
            raise bad_request(f"The KMS key cannot be used: {fault.message}") from None
    Encryption.delete_all(call)
    return {"EncryptionConfig": Encryption(type, key_id).put(call).shown()}


@xray.operation(honours=("TelemetryRecords", "EC2InstanceId", "Hostname", "ResourceARN"))
def put_telemetry_records(call: Call, request: dict[str, Any]) -> None:
    """Take what a daemon tells of its own health. AWS answers nothing, and shows it to nobody."""
