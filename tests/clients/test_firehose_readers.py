"""What Firehose writes is read by others: DuckDB and pyarrow."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest

import pileus
from pileus.testing.account import Account


def test_lines_of_json_are_a_table_to_duckdb_and_pyarrow(
    aws: Account, cloud: pileus.LocalCloud, tmp_path: Path
) -> None:
    duckdb = pytest.importorskip("duckdb")
    arrow = pytest.importorskip("pyarrow.json")
    s3, firehose = aws.client("s3"), aws.client("firehose")
    bucket = f"lake-{aws.id}"
    s3.create_bucket(Bucket=bucket)
    firehose.create_delivery_stream(
        DeliveryStreamName="lake",
        ExtendedS3DestinationConfiguration={
            "RoleARN": f"arn:aws:iam::{aws.id}:role/hose",
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "CompressionFormat": "GZIP",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60},
        },
    )
    cloud.clock.advance(1)
    rows = [{"n": number, "square": number * number} for number in range(100)]
    records = [{"Data": json.dumps(row).encode() + b"\n"} for row in rows]
    firehose.put_record_batch(DeliveryStreamName="lake", Records=records)
    cloud.clock.advance(60)
    (found,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert found["Key"].endswith(".gz")
    body = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
    file = tmp_path / "lake.json.gz"
    file.write_bytes(body)
    assert duckdb.sql(f"SELECT count(*), sum(square) FROM read_json('{file}')").fetchall() == [(100, 328350)]
    table = arrow.read_json(io.BytesIO(gzip.decompress(body)))
    assert table.num_rows == 100
    assert sum(table["square"].to_pylist()) == 328350
