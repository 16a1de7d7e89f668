"""Encryption of streams with keys of KMS, from the next record on."""

from __future__ import annotations

from pileus.kernel import Call, Fault

from . import faults, kinesis, seals
from .streams import Stream, active


@kinesis.operation(on=Stream.of)
def start_stream_encryption(call: Call, stream: Stream, encryption_type: str, key_id: str) -> None:
    """Seal records under a key, which must be there and usable."""
    active(call, stream)
    if encryption_type != "KMS":
        raise faults.invalid("EncryptionType must be KMS.")
    stream.encryption, stream.key = "KMS", key_id
    seals.Seal(call, stream)
    change(call, stream)


@kinesis.operation(on=Stream.of)
def stop_stream_encryption(call: Call, stream: Stream, encryption_type: str, key_id: str) -> None:
    """Seal records no more; those that are sealed stay so."""
    active(call, stream)
    if encryption_type != "KMS":
        raise faults.invalid("EncryptionType must be KMS.")
    if stream.encryption == "KMS" and stream.key != key_id:
        raise Fault("InvalidArgumentException", f"Stream {stream.name} is not encrypted with the key {key_id}.")
    stream.encryption, stream.key = "NONE", ""
    change(call, stream)


def change(call: Call, stream: Stream) -> None:
    stream.status = "UPDATING"
    stream.put(call)
    done.later(call, name=stream.name, box=stream.box)


@kinesis.task
def done(call: Call, name: str, box: str) -> None:
    """A change of a stream is over."""
    stream = Stream.get(call, name)
    if stream is not None and stream.box == box and stream.status == "UPDATING":
        stream.status = "ACTIVE"
        stream.put(call)
