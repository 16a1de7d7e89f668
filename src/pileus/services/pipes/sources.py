"""Sources: queues and streams, as a pipe's role reads them, and their records as a pipe hands them on."""

from __future__ import annotations

import base64
from collections.abc import Awaitable
from typing import Any

from pileus.kernel import Call, Principal, arn

Document = dict[str, Any]

PORTION = 10
"""Messages that SQS hands out at once."""


async def settled(answer: Any) -> Any:
    return await answer if isinstance(answer, Awaitable) else answer


def fresh(call: Call) -> Call:
    """The call as of now: a watch runs for long."""
    return call.at(now=call.cloud.clock.now())


class Queue:
    """A queue of SQS."""

    def __init__(self, call: Call, source: str) -> None:
        self.call = call
        self.arn = source
        where = arn.parse(source)
        self.region = where.region
        self.url = call.url(f"{where.account}/{where.resource}")

    def _sqs(self, principal: Principal) -> Any:
        return fresh(self.call).at(region=self.region).aws("sqs", principal=principal)

    async def receive(self, principal: Principal, most: int, seconds: int) -> list[Document]:
        answer = await settled(
            self._sqs(principal).receive_message(
                queue_url=self.url,
                max_number_of_messages=min(most, PORTION),
                wait_time_seconds=seconds,
                message_system_attribute_names=["All"],
                message_attribute_names=["All"],
            )
        )
        found: list[Document] = answer.get("Messages", [])
        return found

    def delete(self, principal: Principal, messages: list[Document]) -> None:
        for start in range(0, len(messages), PORTION):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages[start : start + PORTION])
            ]
            self._sqs(principal).delete_message_batch(queue_url=self.url, entries=entries)

    def shown(self, message: Document) -> Document:
        """A message as a pipe's record."""
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {
                name: attribute(value) for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.arn,
            "awsRegion": self.region,
        }


def attribute(value: Document) -> Document:
    shown: Document = {"dataType": value["DataType"]}
    if "StringValue" in value:
        shown["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        shown["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return shown


class Stream:
    """A stream of Kinesis or DynamoDB."""

    def __init__(self, call: Call, source: str) -> None:
        self.call = call
        self.arn = source
        where = arn.parse(source)
        self.kinesis = where.service == "kinesis"
        self.region = where.region
        self._path = where.resource.split("/")

    def _client(self, principal: Principal) -> Any:
        name = "kinesis" if self.kinesis else "dynamodbstreams"
        return fresh(self.call).at(region=self.region).aws(name, principal=principal)

    async def shards(self, principal: Principal) -> list[str]:
        """The shards, those that came of others after these."""
        if self.kinesis:
            answer = await settled(self._client(principal).list_shards(stream_arn=self.arn))
            return [shard["ShardId"] for shard in answer["Shards"]]
        found: list[str] = []
        after = None
        while True:
            answer = await settled(
                self._client(principal).describe_stream(stream_arn=self.arn, exclusive_start_shard_id=after)
            )
            description = answer["StreamDescription"]
            found += [shard["ShardId"] for shard in description["Shards"]]
            after = description.get("LastEvaluatedShardId")
            if not after:
                return found

    async def iterator(self, principal: Principal, shard: str, after: str, settings: Document) -> str:
        """Where to read on: after the last record that was dealt with, or where the pipe should begin."""
        number = "starting_sequence_number" if self.kinesis else "sequence_number"
        if after:
            place: Document = {"shard_iterator_type": "AFTER_SEQUENCE_NUMBER", number: after}
        else:
            place = {"shard_iterator_type": settings["StartingPosition"]}
            if settings["StartingPosition"] == "AT_TIMESTAMP":
                place["timestamp"] = settings["StartingPositionTimestamp"]
        answer = await settled(self._client(principal).get_shard_iterator(stream_arn=self.arn, shard_id=shard, **place))
        return str(answer["ShardIterator"])

    async def read(self, principal: Principal, iterator: str, most: int) -> tuple[list[Document], str | None]:
        answer = await settled(self._client(principal).get_records(shard_iterator=iterator, limit=most))
        return answer["Records"], answer.get("NextShardIterator")

    def waited_for(self) -> tuple[str, ...]:
        """What says that there is something new, where something does."""
        return ("kinesis", self.arn) if self.kinesis else ("dynamodbstreams", self._path[1], self._path[3])

    def number(self, record: Document) -> str:
        return str(record["SequenceNumber"] if self.kinesis else record["dynamodb"]["SequenceNumber"])

    def arrived(self, record: Document) -> float:
        if self.kinesis:
            return float(record["ApproximateArrivalTimestamp"])
        return float(record["dynamodb"]["ApproximateCreationDateTime"])

    def shown(self, record: Document, shard: str, role: str) -> Document:
        """A record as a pipe hands it on."""
        if not self.kinesis:
            return {**plain(record), "eventSourceARN": self.arn}
        return {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": record["SequenceNumber"],
            "data": base64.b64encode(record["Data"]).decode(),
            "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"],
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard}:{record['SequenceNumber']}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": role,
            "awsRegion": self.region,
            "eventSourceARN": self.arn,
        }


def plain(value: Any) -> Any:
    """A record with its bytes in base 64, as JSON wants them."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(inner) for inner in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
