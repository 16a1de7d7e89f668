"""Kinesis's errors in its own words."""

from __future__ import annotations

from pileus.kernel import Call, Fault


def invalid(message: str) -> Fault:
    return Fault("InvalidArgumentException", message)


def validation(message: str) -> Fault:
    return Fault("ValidationException", message, status=400)


def no_stream(call: Call, name: str) -> Fault:
    return Fault("ResourceNotFoundException", f"Stream {name} under account {call.account} not found.")


def no_shard(call: Call, stream: str, shard: str) -> Fault:
    return Fault(
        "ResourceNotFoundException", f"Could not find shard {shard} in stream {stream} under account {call.account}."
    )


def not_active(call: Call, name: str, status: str) -> Fault:
    return Fault(
        "ResourceInUseException",
        f"Stream {name} under account {call.account} not ACTIVE, instead in state {status}",
    )


def exceeded(call: Call, stream: str, shard: str) -> Fault:
    return Fault(
        "ProvisionedThroughputExceededException",
        f"Rate exceeded for shard {shard} in stream {stream} under account {call.account}.",
    )


def dry_run() -> Fault:
    return Fault("DryRunOperationException", "Request would have succeeded, but DryRun flag is set.", status=400)
