"""The MinIO client for Python, which signs and speaks S3 by itself."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account
from tests.services.s3.conftest import fresh

minio = pytest.importorskip("minio", reason="the MinIO client is not installed")


@pytest.fixture
def client(aws: Account) -> Any:
    host = aws.cloud.endpoint.partition("://")[2]
    return minio.Minio(endpoint=host, access_key=aws.id, secret_key="test", secure=False, region="us-east-1")


@pytest.fixture
def bucket(client: Any) -> str:
    name = fresh()
    client.make_bucket(bucket_name=name)
    return name


def get(client: Any, bucket: str, name: str, **more: Any) -> bytes:
    response = client.get_object(bucket_name=bucket, object_name=name, **more)
    try:
        content: bytes = response.read()
        return content
    finally:
        response.close()
        response.release_conn()


def put(client: Any, bucket: str, name: str, content: bytes, **more: Any) -> Any:
    stream = io.BytesIO(content)
    return client.put_object(bucket_name=bucket, object_name=name, data=stream, length=len(content), **more)


def test_buckets(client: Any, bucket: str) -> None:
    assert client.bucket_exists(bucket_name=bucket)
    assert not client.bucket_exists(bucket_name=fresh())
    assert [each.name for each in client.list_buckets()] == [bucket]
    client.remove_bucket(bucket_name=bucket)
    assert not client.bucket_exists(bucket_name=bucket)


def test_objects(client: Any, bucket: str, tmp_path: Path) -> None:
    put(client, bucket, "dir/ü +.txt", b"content", content_type="text/plain", metadata={"Colour": "blue"})
    told = client.stat_object(bucket_name=bucket, object_name="dir/ü +.txt")
    assert (told.size, told.content_type, told.metadata["x-amz-meta-colour"]) == (7, "text/plain", "blue")
    assert get(client, bucket, "dir/ü +.txt") == b"content"
    assert get(client, bucket, "dir/ü +.txt", offset=2, length=3) == b"nte"
    client.copy_object(
        bucket_name=bucket,
        object_name="copy",
        source=minio.commonconfig.CopySource(bucket_name=bucket, object_name="dir/ü +.txt"),
    )
    (tmp_path / "file").write_bytes(b"from a file")
    client.fput_object(bucket_name=bucket, object_name="file", file_path=str(tmp_path / "file"))
    client.fget_object(bucket_name=bucket, object_name="file", file_path=str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == b"from a file"
    names = [each.object_name for each in client.list_objects(bucket_name=bucket, recursive=True)]
    assert names == ["copy", "dir/ü +.txt", "file"]
    assert [each.object_name for each in client.list_objects(bucket_name=bucket)] == ["copy", "file", "dir/"]
    gone = [minio.deleteobjects.DeleteObject(name) for name in names]
    assert list(client.remove_objects(bucket_name=bucket, delete_object_list=gone)) == []
    with pytest.raises(minio.error.S3Error, match="NoSuchKey"):
        client.stat_object(bucket_name=bucket, object_name="copy")


def test_large_objects_go_in_parts_and_are_composed(client: Any, bucket: str) -> None:
    content = os.urandom(12 * 1024 * 1024)
    told = put(client, bucket, "large", content, part_size=5 * 1024 * 1024)
    assert told.etag.endswith("-3")
    assert get(client, bucket, "large") == content
    sources = [minio.commonconfig.ComposeSource(bucket_name=bucket, object_name="large") for _ in range(2)]
    client.compose_object(bucket_name=bucket, object_name="twice", sources=sources)
    assert get(client, bucket, "twice") == content * 2
    unknown = io.BytesIO(content)
    client.put_object(bucket_name=bucket, object_name="unknown", data=unknown, length=-1, part_size=5 * 1024 * 1024)
    assert get(client, bucket, "unknown") == content


def test_versions_tags_and_locks(client: Any, cloud: LocalCloud) -> None:
    bucket = fresh()
    client.make_bucket(bucket_name=bucket, object_lock=True)
    first = put(client, bucket, "k", b"1").version_id
    second = put(client, bucket, "k", b"2").version_id
    assert get(client, bucket, "k", version_id=first) == b"1"
    listed = list(client.list_objects(bucket_name=bucket, include_version=True))
    assert [each.version_id for each in listed] == [second, first] and listed[0].is_latest == "true"
    tags = minio.commonconfig.Tags(for_object=True)
    tags["team"] = "a"
    client.set_object_tags(bucket_name=bucket, object_name="k", tags=tags)
    assert client.get_object_tags(bucket_name=bucket, object_name="k") == {"team": "a"}
    until = datetime.fromtimestamp(cloud.clock.now(), UTC).replace(microsecond=0) + timedelta(days=1)
    retention = minio.retention.Retention(minio.commonconfig.GOVERNANCE, until)
    client.set_object_retention(bucket_name=bucket, object_name="k", config=retention, version_id=first)
    kept = client.get_object_retention(bucket_name=bucket, object_name="k", version_id=first)
    assert (kept.mode, kept.retain_until_date) == ("GOVERNANCE", until)
    with pytest.raises(minio.error.S3Error, match="AccessDenied"):
        client.remove_object(bucket_name=bucket, object_name="k", version_id=first)
    client.enable_object_legal_hold(bucket_name=bucket, object_name="k")
    assert client.is_object_legal_hold_enabled(bucket_name=bucket, object_name="k")


def test_settings_of_a_bucket(client: Any, bucket: str) -> None:
    client.set_bucket_versioning(
        bucket_name=bucket, config=minio.versioningconfig.VersioningConfig(minio.commonconfig.ENABLED)
    )
    assert client.get_bucket_versioning(bucket_name=bucket).status == "Enabled"
    config = minio.sseconfig.SSEConfig(minio.sseconfig.Rule.new_sse_s3_rule())
    client.set_bucket_encryption(bucket_name=bucket, config=config)
    assert client.get_bucket_encryption(bucket_name=bucket).rule.sse_algorithm == "AES256"
    rule = minio.lifecycleconfig.Rule(
        status=minio.commonconfig.ENABLED,
        rule_filter=minio.commonconfig.Filter(prefix="logs/"),
        rule_id="logs",
        expiration=minio.lifecycleconfig.Expiration(days=30),
    )
    client.set_bucket_lifecycle(bucket_name=bucket, config=minio.lifecycleconfig.LifecycleConfig([rule]))
    assert client.get_bucket_lifecycle(bucket_name=bucket).rules[0].rule_id == "logs"


def test_presigned_addresses_and_forms(client: Any, bucket: str) -> None:
    import urllib.request

    link = client.get_presigned_url(method="PUT", bucket_name=bucket, object_name="p", expires=timedelta(minutes=5))
    urllib.request.urlopen(urllib.request.Request(link, data=b"put", method="PUT")).read()
    link = client.get_presigned_url(method="GET", bucket_name=bucket, object_name="p", expires=timedelta(minutes=5))
    assert urllib.request.urlopen(link).read() == b"put"


def test_select(client: Any, bucket: str) -> None:
    pytest.importorskip("duckdb", reason="DuckDB is not installed")
    put(client, bucket, "people.csv", b"name,age\nAnna,31\nBert,4\n")
    request = minio.select.SelectRequest(
        expression="SELECT s.name FROM S3Object s WHERE CAST(s.age AS INT) > 10",
        input_serialization=minio.select.CSVInputSerialization(file_header_info="USE"),
        output_serialization=minio.select.CSVOutputSerialization(),
        request_progress=True,
    )
    with client.select_object_content(bucket_name=bucket, object_name="people.csv", request=request) as answer:
        assert b"".join(piece for piece in answer.stream()) == b"Anna\n"
        assert answer.stats().bytes_scanned == "24"
