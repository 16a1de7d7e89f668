"""What is done to records before they are delivered: functions, deaggregation, partition keys, delimiters.

"Transform source data", "Partition streaming data", Developer Guide.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Fault, names
from pileus.kernel.errors import Unfinished

if TYPE_CHECKING:
    from pileus.kernel.identity import Principal

    from .streams import Stream

MEGABYTE = 1024 * 1024
RETRIES = 3


@dataclass(frozen=True)
class Item:
    """A record on its way."""

    at: float
    data: bytes
    keys: dict[str, str] = field(default_factory=dict)
    """Partition keys, by name."""


@dataclass(frozen=True)
class Failed:
    """A record that could not be processed, and why."""

    at: float
    data: bytes
    kind: str
    """What `error-output-type` stands for."""
    code: str
    message: str
    attempts: int = 1


@dataclass
class Outcome:
    items: list[Item]
    failed: list[Failed] = field(default_factory=list)


async def processed(call: Call, stream: Stream, records: list[tuple[float, bytes]], role: Principal) -> Outcome:
    """Records as the stream's processors leave them, in AWS's order of steps."""
    destination = stream.destination
    outcome = Outcome([Item(at, data) for at, data in records])
    if destination.processor("Decompression") is not None:
        each(outcome, "processing-failed", decompressed)
    if (logs := destination.processor("CloudWatchLogProcessing")) and logs.get("DataMessageExtraction") == "true":
        outcome.items = [item for one in outcome.items for item in log_messages(one)]
    if function := destination.processor("Lambda"):
        await transform(call, stream, outcome, function, role)
    if parts := destination.processor("RecordDeAggregation"):
        outcome.items = [item for one in outcome.items for item in deaggregated(one, parts)]
    if queries := destination.processor("MetadataExtraction"):
        extract = extractor(queries["MetadataExtractionQuery"])
        each(outcome, "metadata-extraction-failed", lambda item: replace(item, keys=item.keys | extract(item.data)))
    if (delimiter := destination.processor("AppendDelimiterToRecord")) is not None:
        sign = delimiter.get("Delimiter", "\\n").replace("\\n", "\n").encode()
        outcome.items = [replace(one, data=one.data + sign) for one in outcome.items]
    return outcome


def each(outcome: Outcome, kind: str, step: Any) -> None:
    """Take each item a step further; what raises has failed."""
    kept = []
    for item in outcome.items:
        try:
            kept.append(step(item))
        except (ValueError, OSError, zlib.error) as error:
            outcome.failed.append(Failed(item.at, item.data, kind, type(error).__name__, str(error)))
    outcome.items = kept


def decompressed(item: Item) -> Item:
    return replace(item, data=gzip.decompress(item.data))


def log_messages(item: Item) -> Iterator[Item]:
    """The messages of a record that CloudWatch Logs sent; of its control messages nothing."""
    try:
        document = json.loads(item.data)
    except ValueError:
        yield item
        return
    if document.get("messageType") == "DATA_MESSAGE":
        text = "\n".join(event["message"] for event in document["logEvents"]) + "\n"
        yield replace(item, data=text.encode())


def deaggregated(item: Item, parameters: dict[str, str]) -> Iterator[Item]:
    """A record of several, as single ones: JSON documents behind each other, or parts between delimiters."""
    if parameters.get("SubRecordType") == "DELIMITED":
        delimiter = base64.b64decode(parameters["Delimiter"])
        yield from (replace(item, data=part) for part in item.data.split(delimiter) if part)
        return
    decoder, text, at = json.JSONDecoder(), item.data.decode(errors="replace"), 0
    while at < len(text):
        rest = text[at:].lstrip(" \t\r\n,[]")
        if not rest:
            return
        at = len(text) - len(rest)
        try:
            _, end = decoder.raw_decode(rest)
        except ValueError:
            yield replace(item, data=rest.encode())
            return
        yield replace(item, data=rest[:end].encode())
        at += end


def extractor(query: str) -> Any:
    """What finds partition keys in a record by a query of jq, which needs the extra `firehose`."""
    try:
        import jq
    except ImportError:
        raise Unfinished("dynamic partitioning needs the extra: pip install 'pileus[firehose]'") from None
    program = jq.compile(query)

    def extract(data: bytes) -> dict[str, str]:
        found = program.input_text(data.decode()).first()
        if not isinstance(found, dict) or any(value is None for value in found.values()):
            raise ValueError("the query gives no partition keys")
        return {name: value if isinstance(value, str) else json.dumps(value) for name, value in found.items()}

    return extract


# Functions


async def transform(call: Call, stream: Stream, outcome: Outcome, function: dict[str, str], role: Principal) -> None:
    """Let a function transform records, as many at a time as it is to get."""
    most = float(function.get("BufferSizeInMBs", 1)) * MEGABYTE
    retries = int(function.get("NumberOfRetries", RETRIES))
    items, outcome.items = outcome.items, []
    for batch in sliced(items, most):
        try:
            answer = await invoked(call, stream, function["LambdaArn"], batch, retries, role)
        except Fault as fault:
            outcome.failed += [
                Failed(one.at, one.data, "processing-failed", "Lambda.InvokeFailed", str(fault), retries + 1)
                for one in batch
            ]
        else:
            sort(batch, answer, outcome)


def sliced(items: list[Item], most: float) -> Iterator[list[Item]]:
    batch: list[Item] = []
    size = 0.0
    for item in items:
        if batch and size + len(item.data) > most:
            yield batch
            batch, size = [], 0.0
        batch.append(item)
        size += len(item.data)
    if batch:
        yield batch


async def invoked(
    call: Call, stream: Stream, function: str, batch: list[Item], retries: int, role: Principal
) -> dict[str, dict[str, Any]]:
    """What the function answers, by record id."""
    event = {
        "invocationId": names.uuid4(),
        "deliveryStreamArn": stream.arn(call),
        "region": call.region,
        "records": [
            {
                "recordId": str(number),
                "approximateArrivalTimestamp": int(item.at * 1000),
                "data": base64.b64encode(item.data).decode(),
            }
            for number, item in enumerate(batch)
        ],
    }
    for attempt in range(retries + 1):
        try:
            answer = await call.aws("lambda", principal=role).invoke(
                function_name=function, payload=json.dumps(event).encode()
            )
            if "FunctionError" not in answer:
                told = json.loads(await whole(answer["Payload"]))
                return {one["recordId"]: one for one in told["records"]}
            problem = "the function failed"
        except Fault as fault:
            problem = str(fault)
        except (ValueError, KeyError, TypeError):
            problem = "the function's answer has no records"
        if attempt == retries:
            raise Fault("Lambda.FunctionError", problem, status=400)
    raise AssertionError


async def whole(payload: Any) -> bytes:
    """A payload, be it there or still streaming."""
    if isinstance(payload, bytes):
        return payload
    return b"".join([part async for part in payload])


def sort(batch: list[Item], answer: dict[str, dict[str, Any]], outcome: Outcome) -> None:
    """Records that the function took, dropped, or could not process."""
    for number, item in enumerate(batch):
        told = answer.get(str(number))
        result = told.get("result") if told else None
        if told and result == "Ok":
            keys = told.get("metadata", {}).get("partitionKeys", {})
            data = base64.b64decode(told.get("data", ""))
            outcome.items.append(replace(item, data=data, keys=item.keys | {k: str(v) for k, v in keys.items()}))
        elif result != "Dropped":
            code = "Lambda.MissingRecordId" if told is None else "Lambda.ProcessingFailedStatus"
            text = "ProcessingFailed status set for record" if told else "the function did not return the record"
            outcome.failed.append(Failed(item.at, item.data, "processing-failed", code, text))
