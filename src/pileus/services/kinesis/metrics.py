"""Metrics of streams ("Basic stream-level metrics"). Left out: those of shards, and of consumers with fan-out."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel.meters import Tally

from . import kinesis

NAMESPACE = "AWS/Kinesis"
Members = dict[str, Any]


def tally(call: Call, request: Members) -> Tally | None:
    name = request.get("StreamName") or request.get("StreamARN", "").rpartition("/")[2]
    return call.cloud.meters.tally(call.account, call.region, NAMESPACE, (("StreamName", name),)) if name else None


@kinesis.meter("PutRecord")
def put(call: Call, request: Members, result: Members) -> None:
    if held := tally(call, request):
        size = len(request["Data"])
        for metric in ("IncomingBytes", "PutRecord.Bytes"):
            held.add(metric, size, "Bytes")
        for metric in ("IncomingRecords", "PutRecord.Success"):
            held.add(metric)


@kinesis.meter("PutRecords")
def put_some(call: Call, request: Members, result: Members) -> None:
    held = tally(call, request)
    if held is None:
        return
    pairs = zip(request["Records"], result["Records"], strict=True)
    taken = [len(record["Data"]) for record, told in pairs if "ErrorCode" not in told]
    for metric in ("IncomingBytes", "PutRecords.Bytes"):
        held.add(metric, sum(taken), "Bytes")
    for metric in ("IncomingRecords", "PutRecords.SuccessfulRecords"):
        held.add(metric, len(taken))
    held.add("PutRecords.TotalRecords", len(request["Records"]))
    held.add("PutRecords.FailedRecords", len(request["Records"]) - len(taken))
    held.add("PutRecords.Success", float(bool(taken)))


def got(call: Call, stream: str, told: Members) -> None:
    """Records were read; an iterator alone does not name their stream."""
    held = call.cloud.meters.tally(call.account, call.region, NAMESPACE, (("StreamName", stream),))
    held.add("GetRecords.Success")
    held.add("GetRecords.Records", len(told["Records"]))
    held.add("GetRecords.Bytes", sum(len(record["Data"]) for record in told["Records"]), "Bytes")
    held.add("GetRecords.IteratorAgeMilliseconds", told["MillisBehindLatest"], "Milliseconds")
