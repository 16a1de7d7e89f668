"""Further KMS keys of encrypted snapshots: each opens a snapshot's data, should the one before it be gone."""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value, invalid, missing

from . import encryption
from .encryption import Sealed
from .snapshots import COMPLETED, Snapshot, own


def _encrypted(call: Call, snapshot_id: str) -> Snapshot:
    if not snapshot_id:
        raise missing("SnapshotId")
    one = own(call, snapshot_id)
    if not one.seal.key:
        raise invalid(f"The snapshot '{snapshot_id}' is not encrypted.")
    if one.state != COMPLETED:
        raise Fault("IncorrectState", f"The snapshot '{snapshot_id}' is {one.state}.")
    return one


@ec2.operation
def associate_kms_key_id(call: Call, kms_key_id: str, snapshot_id: str = "") -> Members:
    """Let one more key open a snapshot."""
    one = _encrypted(call, snapshot_id)
    if encryption.key_arn(call, kms_key_id) == one.seal.key:
        raise bad_value("KmsKeyId", kms_key_id, "The snapshot is encrypted under it already.")
    one.seal = encryption.also_under(call, one.seal, kms_key_id)
    one.put(call)
    return {"Return": True}


@ec2.operation
def disassociate_kms_key_id(call: Call, kms_key_id: str, snapshot_id: str = "") -> Members:
    """Let a key open a snapshot no longer; that under which it was encrypted remains."""
    one = _encrypted(call, snapshot_id)
    seal, arn = one.seal, encryption.key_arn(call, kms_key_id)
    if all(more.key != arn for more in seal.more):
        raise bad_value("KmsKeyId", kms_key_id, "It is not associated with the snapshot.")
    others = tuple(more for more in seal.more if more.key != arn)
    one.seal = Sealed(seal.key, seal.data_key, seal.about, others)
    one.put(call)
    return {"Return": True}
