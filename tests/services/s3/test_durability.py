"""kill -9 at any moment: an object is wholly there or not at all, and no bytes without an owner remain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import boto3

import pileus

from .conftest import put, read

SIZES = (1000, 200_000)


def start(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    import socket
    import time

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "pileus.cli", "up", "--port", str(port), "--data", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(400):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_pileus/health", timeout=1).read()
            break
        except OSError:
            time.sleep(0.02)
    return process, f"http://127.0.0.1:{port}"


def client(endpoint: str) -> Any:
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="111122223333",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, connect_timeout=2, read_timeout=5),
    )


def content(key: str, number: int, size: int) -> bytes:
    return f"{key} {number};".encode() * (size // 8)


def test_kill_9_leaves_whole_objects_and_no_orphans(tmp_path: Path) -> None:
    process, endpoint = start(tmp_path)
    client(endpoint).create_bucket(Bucket="killed-bucket")
    acknowledged: dict[str, int] = {}

    def work(key: str, size: int) -> None:
        s3 = client(endpoint)
        for number in range(100_000):
            try:
                if size > 100_000:
                    upload = {"Bucket": "killed-bucket", "Key": key}
                    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
                    etag = s3.upload_part(**upload, PartNumber=1, Body=content(key, number, size))["ETag"]
                    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
                    s3.complete_multipart_upload(**upload, MultipartUpload=parts)
                else:
                    put(s3, "killed-bucket", key, content(key, number, size))
            except Exception:
                return
            acknowledged[key] = number

    threads = [threading.Thread(target=work, args=(f"key-{n}", SIZES[n % 2])) for n in range(6)]
    for thread in threads:
        thread.start()
    while len(acknowledged) < 6 or min(acknowledged.values()) < 8:
        threads[0].join(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for thread in threads:
        thread.join()
    (tmp_path / "blobs" / "ab").mkdir(parents=True, exist_ok=True)
    (tmp_path / "blobs" / "ab" / ("ab" * 16)).write_bytes(b"what a crash left behind")

    with pileus.cloud(data=tmp_path, sockets=True) as cloud:
        s3 = cloud.account("111122223333").client("s3")
        for n in range(6):
            key, size = f"key-{n}", SIZES[n % 2]
            body = read(s3, "killed-bucket", key)
            number = int(body.split(b";")[0].split()[1])
            assert number in (acknowledged[key], acknowledged[key] + 1)
            assert body == content(key, number, size)
        for upload in s3.list_multipart_uploads(Bucket="killed-bucket").get("Uploads", []):
            s3.abort_multipart_upload(Bucket="killed-bucket", Key=upload["Key"], UploadId=upload["UploadId"])
    files = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert len(files) == 3


def test_replaced_and_deleted_bytes_are_reclaimed(tmp_path: Path) -> None:
    def files() -> int:
        return len([path for path in (tmp_path / "blobs").rglob("*") if path.is_file()])

    with pileus.cloud(data=tmp_path, sockets=True) as cloud:
        s3 = cloud.account().client("s3")
        s3.create_bucket(Bucket="small-bucket")
        for number in range(4):
            put(s3, "small-bucket", "k", b"%d" % number * 100_000)
        for body in (b"small", b"", b"small again", b"longer than it was", b"short"):
            put(s3, "small-bucket", "k", body)
            assert read(s3, "small-bucket", "k") == body
        put(s3, "small-bucket", "gone", b"x" * 100_000)
        s3.delete_object(Bucket="small-bucket", Key="gone")
        upload = s3.create_multipart_upload(Bucket="small-bucket", Key="u")["UploadId"]
        s3.upload_part(Bucket="small-bucket", Key="u", UploadId=upload, PartNumber=1, Body=b"x" * 100_000)
        s3.abort_multipart_upload(Bucket="small-bucket", Key="u", UploadId=upload)
        store = cloud.server.cloud.store

        def parcels() -> int:
            from pileus.kernel.parcels import RECORDS
            from pileus.kernel.store.keys import prefix_range

            return store.count(*prefix_range(RECORDS))

        assert cloud.do(parcels) == 1
    assert files() == 0


def test_small_objects_are_no_files(tmp_path: Path) -> None:
    with pileus.cloud(data=tmp_path, sockets=True) as cloud:
        s3 = cloud.account("111122223333").client("s3")
        s3.create_bucket(Bucket="packed-bucket")
        for number in range(100):
            put(s3, "packed-bucket", f"{number:03}", b"%03d;" % number * 256)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) < 10
    with pileus.cloud(data=tmp_path, sockets=True) as cloud:
        s3 = cloud.account("111122223333").client("s3")
        assert read(s3, "packed-bucket", "042") == b"042;" * 256


def test_a_bucket_that_goes_during_an_upload_keeps_nothing_of_it(tmp_path: Path) -> None:
    import http.client

    with pileus.cloud(data=tmp_path, sockets=True) as cloud:
        account = cloud.account()
        s3 = account.client("s3")
        s3.create_bucket(Bucket="short-lived")
        connection = http.client.HTTPConnection("127.0.0.1", cloud.server.port)
        connection.putrequest("PUT", "/short-lived/k")
        signature = f"Credential={account.id}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00"
        connection.putheader("authorization", f"AWS4-HMAC-SHA256 {signature}")
        connection.putheader("x-amz-date", "20260101T000000Z")
        connection.putheader("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        connection.putheader("content-length", "200000")
        connection.endheaders(b"x" * 100_000)
        s3.list_objects_v2(Bucket="short-lived")
        s3.delete_bucket(Bucket="short-lived")
        connection.send(b"x" * 100_000)
        response = connection.getresponse()
        assert (response.status, b"NoSuchBucket" in response.read()) == (404, True)
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []
