"""kill -9 while objects come: each that was acknowledged has one row in the journal, and the tables can be read."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from .process import ACCOUNT, Process
from .test_fanout import turned
from .test_kill_s3 import client

pytest.importorskip("pyiceberg", reason="pyiceberg is not installed")
pytest.importorskip("fastavro", reason="fastavro is not installed")

BUCKET = "told-bucket"
CONFIGURATION = {
    "JournalTableConfiguration": {"RecordExpiration": {"Expiration": "DISABLED"}},
    "InventoryTableConfiguration": {"ConfigurationState": "ENABLED"},
}


def catalog(server: Process, bucket: str) -> Any:
    from pyiceberg.catalog import load_catalog

    named = {
        "type": "rest",
        "uri": f"{server.endpoint}/iceberg",
        "warehouse": f"arn:aws:s3tables:us-east-1:{ACCOUNT}:bucket/{bucket}",
        "rest.sigv4-enabled": "true",
        "rest.signing-name": "s3tables",
        "rest.signing-region": "us-east-1",
        "client.access-key-id": ACCOUNT,
        "client.secret-access-key": "test",
    }
    return load_catalog("pileus", **named)


def keys(server: Process, table: str) -> Counter[str]:
    found = catalog(server, "aws-s3").load_table(f"b_{BUCKET}.{table}")
    return Counter(found.scan(selected_fields=("key",)).to_arrow()["key"].to_pylist())


def test_every_object_has_one_row(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    server = Process(folder)
    try:
        s3 = client(server, "s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.create_bucket_metadata_configuration(Bucket=BUCKET, MetadataConfiguration=CONFIGURATION)
        turned(server, {"advance": 5})
        acknowledged: set[str] = set()
        asked: set[str] = set()

        def write(s3: Any, name: str) -> None:
            for number in range(10_000):
                key = f"{name}-{number:04}"
                asked.add(key)
                try:
                    s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
                except Exception:
                    return
                acknowledged.add(key)

        def go_on(server: Process) -> None:
            try:
                for _ in range(100):
                    turned(server, {"advance": 121})
            except (OSError, http.client.HTTPException):
                return

        for round in range(3):
            threads = [threading.Thread(target=write, args=(client(server, "s3"), str(round)))]
            threads.append(threading.Thread(target=go_on, args=(server,)))
            for thread in threads:
                thread.start()
            while len(acknowledged) < 60 * (round + 1):
                time.sleep(0.01)
            server.kill()
            for thread in threads:
                thread.join()
            server.start()
        turned(server, {"advance": 4000})
        for table in ("journal", "inventory"):
            told = keys(server, table)
            assert acknowledged <= told.keys() <= asked
            assert set(told.values()) == {1}, table
    finally:
        server.stop()


def test_what_was_committed_is_there_once(tmp_path: Path) -> None:
    import pyarrow

    folder = tmp_path / "data"
    folder.mkdir()
    server = Process(folder)
    try:
        client(server, "s3tables").create_table_bucket(name="analytics")
        tables = catalog(server, "analytics")
        tables.create_namespace("sales")
        tables.create_table("sales.daily", schema=pyarrow.schema([("number", pyarrow.int64())]))
        acknowledged: set[int] = set()
        asked: set[int] = set()

        def write(table: Any, first: int) -> None:
            for number in range(first, first + 1000):
                asked.add(number)
                try:
                    table.append(pyarrow.table({"number": [number]}))
                except Exception:
                    return
                acknowledged.add(number)

        for round in range(3):
            writer = threading.Thread(target=write, args=(tables.load_table("sales.daily"), round * 1000))
            writer.start()
            while len(acknowledged) < 5 * (round + 1):
                time.sleep(0.001)
            server.kill()
            writer.join()
            server.start()
            found = Counter(tables.load_table("sales.daily").scan().to_arrow()["number"].to_pylist())
            assert acknowledged <= found.keys() <= asked
            assert set(found.values()) == {1}
    finally:
        server.stop()
