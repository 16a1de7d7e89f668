"""Functions in what people build of them: thumbnails of pictures that are uploaded, and a stream that is added up."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

from botocore.exceptions import ClientError

from pileus.testing.account import Account
from tests.services.lambda_.conftest import Functions
from tests.services.lambda_.test_queues import eventually

THUMBNAIL = """
    import boto3, struct, urllib.parse, zlib

    s3 = boto3.client("s3")

    def handler(event, context):
        for record in event["Records"]:
            bucket = record["s3"]["bucket"]["name"]
            key = urllib.parse.unquote_plus(record["s3"]["object"]["key"])
            rows = read(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            small = [row[::4] for row in rows[::4]]
            body = bytes(len(small[0]) for _ in small)
            s3.put_object(Bucket=bucket, Key="thumbnails/" + key.split("/")[-1], Body=body)

    def read(data):
        width, height = struct.unpack(">II", data[16:24])
        at = data.index(b"IDAT")
        size = struct.unpack(">I", data[at - 4 : at])[0]
        raw = zlib.decompress(data[at + 4 : at + 4 + size])
        return [raw[n * (width + 1) + 1 : (n + 1) * (width + 1)] for n in range(height)]
"""


def picture(width: int, height: int) -> bytes:
    """A grey PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_thumbnail_is_made_of_every_picture_that_is_uploaded(aws: Account) -> None:
    functions, s3 = Functions(aws), aws.client("s3")
    bucket = f"pictures-{aws.id}"
    s3.create_bucket(Bucket=bucket)
    arn = functions.create(THUMBNAIL, Timeout=20)["FunctionArn"]
    functions.client.add_permission(
        FunctionName="function",
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
        SourceAccount=aws.id,
    )
    rules = [{"Name": "prefix", "Value": "uploads/"}, {"Name": "suffix", "Value": ".png"}]
    told = {
        "LambdaFunctionArn": arn,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": rules}},
    }
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [told]}
    )
    s3.put_object(Bucket=bucket, Key="uploads/a cat.png", Body=picture(64, 32))
    s3.put_object(Bucket=bucket, Key="uploads/notes.txt", Body=b"no picture")

    def thumbnail() -> bytes | None:
        try:
            body: bytes = s3.get_object(Bucket=bucket, Key="thumbnails/a cat.png")["Body"].read()
        except ClientError:
            return None
        return body

    assert eventually(thumbnail, 15) == bytes([16] * 8)
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="thumbnails/")["Contents"]]
    assert keys == ["thumbnails/a cat.png"]


SUMS = """
    import base64, boto3, json

    table = boto3.resource("dynamodb").Table("totals")

    def handler(event, context):
        for record in event["Records"]:
            order = json.loads(base64.b64decode(record["kinesis"]["data"]))
            table.update_item(
                Key={"shop": order["shop"]},
                UpdateExpression="ADD amount :amount, orders :one",
                ExpressionAttributeValues={":amount": order["amount"], ":one": 1},
            )
"""


def test_a_stream_of_orders_is_added_up_in_a_table(aws: Account) -> None:
    functions, kinesis, db = Functions(aws), aws.client("kinesis"), aws.resource("dynamodb")
    kinesis.create_stream(StreamName="orders", ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName="orders", WaiterConfig={"Delay": 1})
    table = db.create_table(
        TableName="totals",
        KeySchema=[{"AttributeName": "shop", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "shop", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table.wait_until_exists()
    functions.create(SUMS, Timeout=20)
    functions.client.create_event_source_mapping(
        FunctionName="function",
        EventSourceArn=f"arn:aws:kinesis:us-east-1:{aws.id}:stream/orders",
        StartingPosition="TRIM_HORIZON",
        BatchSize=20,
    )
    for number in range(40):
        order = {"shop": f"shop {number % 3}", "amount": number}
        kinesis.put_record(StreamName="orders", Data=json.dumps(order).encode(), PartitionKey=order["shop"])

    def totals() -> dict[str, Any] | None:
        found = {item["shop"]: item for item in table.scan()["Items"]}
        return found if sum(item["orders"] for item in found.values()) == 40 else None

    found = eventually(totals, 20)
    assert found, "not all orders were added"
    for shop in range(3):
        assert found[f"shop {shop}"]["amount"] == sum(range(shop, 40, 3))
