"""boto3's managed transfers, with every checksum that it knows, whole and in parts."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from pileus.testing.account import Account
from tests.services.s3.conftest import fresh

PARTS = TransferConfig(multipart_threshold=6 * 1024 * 1024, multipart_chunksize=5 * 1024 * 1024, max_concurrency=4)
ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")
CONTENT = os.urandom(11 * 1024 * 1024 + 17)


@pytest.fixture(scope="module")
def bucket(cloud: Any) -> tuple[Account, str]:
    account = cloud.account()
    name = fresh()
    account.client("s3").create_bucket(Bucket=name)
    return account, name


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("size", [1000, len(CONTENT)])
def test_every_checksum(bucket: tuple[Account, str], algorithm: str, size: int, tmp_path: Path) -> None:
    account, name = bucket
    s3, content = account.client("s3"), CONTENT[:size]
    (tmp_path / "up").write_bytes(content)
    extra = {"ChecksumAlgorithm": algorithm, "ContentType": "text/x-test", "Metadata": {"a": "b"}}
    s3.upload_file(str(tmp_path / "up"), name, algorithm, ExtraArgs=extra, Config=PARTS)
    head = s3.head_object(Bucket=name, Key=algorithm, ChecksumMode="ENABLED")
    assert (head["ContentLength"], head["ContentType"], head["Metadata"]) == (size, "text/x-test", {"a": "b"})
    assert head[f"Checksum{algorithm}"]
    assert head["ETag"].endswith('-3"') == (size > 10_000)
    s3.download_file(name, algorithm, str(tmp_path / "down"), Config=PARTS)  # which compares the checksum
    assert (tmp_path / "down").read_bytes() == content


@pytest.mark.parametrize("calculation", ["when_supported", "when_required"])
@pytest.mark.parametrize("size", [0, 1, len(CONTENT)])
def test_every_mode(bucket: tuple[Account, str], calculation: str, size: int) -> None:
    account, name = bucket
    modes = {"request_checksum_calculation": calculation, "response_checksum_validation": calculation}
    s3 = account.client("s3", config=Config(**modes))
    s3.upload_fileobj(io.BytesIO(CONTENT[:size]), name, "mode", Config=PARTS)
    back = io.BytesIO()
    s3.download_fileobj(name, "mode", back, Config=PARTS)
    assert back.getvalue() == CONTENT[:size]


@pytest.mark.parametrize("signature", ["s3v4", "s3"])
@pytest.mark.parametrize("signed_payload", [True, False])
def test_signatures(bucket: tuple[Account, str], signature: str, signed_payload: bool) -> None:
    account, name = bucket
    style = {"addressing_style": "path", "payload_signing_enabled": signed_payload}
    s3 = account.client("s3", config=Config(signature_version=signature, s3=style))
    s3.put_object(Bucket=name, Key="signed ü+/ key", Body=b"1")
    assert s3.get_object(Bucket=name, Key="signed ü+/ key")["Body"].read() == b"1"


def test_copies_between_buckets_in_parts(bucket: tuple[Account, str]) -> None:
    account, name = bucket
    s3, other = account.client("s3"), fresh()
    s3.create_bucket(Bucket=other)
    s3.upload_fileobj(io.BytesIO(CONTENT), name, "large", ExtraArgs={"Metadata": {"kept": "yes"}}, Config=PARTS)
    s3.copy({"Bucket": name, "Key": "large"}, other, "copy", Config=PARTS)
    head = s3.head_object(Bucket=other, Key="copy")
    assert head["ContentLength"] == len(CONTENT) and head["ETag"].endswith('-3"')
    assert s3.get_object(Bucket=other, Key="copy", PartNumber=3)["Body"].read() == CONTENT[10 * 1024 * 1024 :]
    assert s3.get_object(Bucket=other, Key="copy", Range="bytes=-17")["Body"].read() == CONTENT[-17:]


def test_resources_waiters_and_presigned_requests(bucket: tuple[Account, str]) -> None:
    import urllib.request

    account, name = bucket
    s3 = account.client("s3")
    resource = account.resource("s3").Bucket(name)
    resource.put_object(Key="r/1", Body=b"one")
    resource.Object("r/2").upload_fileobj(io.BytesIO(b"two"))
    assert [each.key for each in resource.objects.filter(Prefix="r/")] == ["r/1", "r/2"]
    url = s3.generate_presigned_url("put_object", {"Bucket": name, "Key": "r/3"}, ExpiresIn=60)
    urllib.request.urlopen(urllib.request.Request(url, data=b"three", method="PUT")).read()
    s3.get_waiter("object_exists").wait(Bucket=name, Key="r/3")
    link = s3.generate_presigned_url("get_object", {"Bucket": name, "Key": "r/3"}, ExpiresIn=60)
    assert urllib.request.urlopen(link).read() == b"three"
    resource.objects.filter(Prefix="r/").delete()
    s3.get_waiter("object_not_exists").wait(Bucket=name, Key="r/3")


def test_memory_stays_flat_for_large_bodies(tmp_path: Path) -> None:
    """What a body needs does not grow with it: 192 MB up, and down again, in one piece and in parts."""
    import boto3

    from tests.faults.process import ACCOUNT, Process

    def resident() -> float:
        lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    if not Path("/proc/self/status").exists():
        pytest.skip("this system has no /proc to read a process's memory from")
    server = Process(tmp_path / "data")
    try:
        keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "test", "region_name": "us-east-1"}
        s3 = boto3.client("s3", endpoint_url=server.endpoint, **keys)
        s3.create_bucket(Bucket="flat-bucket")
        s3.put_object(Bucket="flat-bucket", Key="warm", Body=CONTENT)
        before = resident()
        with (tmp_path / "large").open("wb") as file:
            for _ in range(192):
                file.write(CONTENT[: 1 << 20])
        with (tmp_path / "large").open("rb") as file:
            s3.put_object(Bucket="flat-bucket", Key="whole", Body=file)
        s3.upload_file(str(tmp_path / "large"), "flat-bucket", "parts", Config=PARTS)
        for key in ("whole", "parts"):
            body = s3.get_object(Bucket="flat-bucket", Key=key)["Body"]
            assert sum(len(piece) for piece in body.iter_chunks(1 << 20)) == 192 << 20
        assert resident() - before < 50
    finally:
        server.stop()
