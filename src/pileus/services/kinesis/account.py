"""What an account may have, and what it has committed itself to."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record

from . import faults, kinesis
from .streams import MOST_ON_DEMAND, Members, Stream, shard_limit

COMMITMENT = 24 * 3600.0


class Commitment(Record):
    """An account's minimum throughput billing commitment in a Region."""

    kind: str
    started: float
    ended: float | None = None


@kinesis.operation
def describe_limits(call: Call) -> dict[str, Any]:
    """The account's quotas, and how much of them is used."""
    streams = list(Stream.scan(call))
    return {
        "ShardLimit": shard_limit(call.region),
        "OpenShardCount": sum(len(stream.open) for stream in streams if stream.mode == "PROVISIONED"),
        "OnDemandStreamCount": sum(stream.mode == "ON_DEMAND" for stream in streams),
        "OnDemandStreamCountLimit": MOST_ON_DEMAND,
    }


@kinesis.operation
def describe_account_settings(call: Call) -> dict[str, Any]:
    """Whether the account has committed itself to a minimum throughput."""
    return {"MinimumThroughputBillingCommitment": told(Commitment.get(call, "minimum"))}


def committed(call: Call) -> bool:
    """Whether the account has committed itself, so that its streams have the quotas of On-demand Advantage."""
    held = Commitment.get(call, "minimum")
    return held is not None and held.ended is None


def told(commitment: Commitment | None) -> Members:
    if commitment is None:
        return {"Status": "DISABLED"}
    times = {"StartedAt": commitment.started, "EarliestAllowedEndAt": commitment.started + COMMITMENT}
    if commitment.ended is None:
        return {"Status": "ENABLED"} | times
    return {"Status": "DISABLED", "EndedAt": commitment.ended} | times


@kinesis.operation
def update_account_settings(call: Call, minimum_throughput_billing_commitment: dict[str, str]) -> dict[str, Any]:
    """Begin a commitment, which lasts a day at least, or end it."""
    held = Commitment.get(call, "minimum")
    running = held is not None and held.ended is None
    if minimum_throughput_billing_commitment["Status"] == "ENABLED":
        if not running:
            held = Commitment(kind="minimum", started=call.now).put(call)
    elif held is None or not running:
        raise faults.invalid("The minimum throughput billing commitment is not enabled.")
    elif call.now < held.started + COMMITMENT:
        raise faults.invalid("The minimum throughput billing commitment cannot end before its earliest allowed end.")
    else:
        held.ended = call.now
        held.put(call)
    return {"MinimumThroughputBillingCommitment": told(held)}
