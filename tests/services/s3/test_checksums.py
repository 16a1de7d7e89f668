"""Checksums: in headers, in trailers, of parts, of wholes."""

from __future__ import annotations

import hashlib
import http.client
import io
import zlib
from base64 import b64encode
from typing import Any

import pytest
from awscrt import checksums
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from pileus import LocalCloud
from pileus.testing.account import Account

from .conftest import put, read, refused

BODY = b"The quick brown fox jumps over the lazy dog" * 999


def b64(value: int, size: int) -> str:
    return b64encode(value.to_bytes(size, "big")).decode()


EXPECTED = {
    "CRC32": b64(zlib.crc32(BODY), 4),
    "CRC32C": b64(checksums.crc32c(BODY), 4),
    "CRC64NVME": b64(checksums.crc64nvme(BODY), 8),
    "SHA1": b64encode(hashlib.sha1(BODY).digest()).decode(),
    "SHA256": b64encode(hashlib.sha256(BODY).digest()).decode(),
}


def test_known_sums_of_the_nine_digits() -> None:
    from pileus.services.s3 import digests

    known = {"CRC32": "cbf43926", "CRC32C": "e3069283", "CRC64NVME": "ae8b14860a799888"}
    for algorithm, value in known.items():
        assert digests.of(algorithm, b"123456789").hex() == value
    assert digests.of("XXHASH64", b"").hex() == "ef46db3751d8e999"
    assert digests.of("SHA512", b"abc") == hashlib.sha512(b"abc").digest()


@pytest.mark.parametrize("algorithm", EXPECTED)
def test_every_algorithm_of_boto3(s3: Any, bucket: str, algorithm: str) -> None:
    done = put(s3, bucket, "k", BODY, ChecksumAlgorithm=algorithm)
    assert done[f"Checksum{algorithm}"] == EXPECTED[algorithm]
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got[f"Checksum{algorithm}"]) == (BODY, EXPECTED[algorithm])
    assert got["ChecksumType"] == "FULL_OBJECT"


def test_crc64nvme_is_computed_where_none_is_given(aws: Account, bucket: str) -> None:
    s3 = aws.client("s3", config=Config(request_checksum_calculation="when_required"))
    put(s3, bucket, "k", BODY)
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["ChecksumCRC64NVME"] == EXPECTED["CRC64NVME"]
    assert "ChecksumCRC64NVME" not in aws.client(
        "s3", config=Config(response_checksum_validation="when_required")
    ).head_object(Bucket=bucket, Key="k")


def test_a_wrong_checksum_is_refused(s3: Any, bucket: str) -> None:
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=BODY, ChecksumCRC32="AAAAAA==") == ("BadDigest", 400)
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=BODY, ChecksumCRC32="AAA=") == ("InvalidRequest", 400)
    assert refused(s3.head_object, Bucket=bucket, Key="k") == ("404", 404)


def chunked(cloud: LocalCloud, path: str, body: bytes, trailer: str) -> tuple[int, bytes]:
    """An unsigned aws-chunked upload with a trailing checksum, by an account that is named and nothing else."""
    connection = http.client.HTTPConnection("127.0.0.1", cloud.server.port)
    coded = b"%x\r\n%b\r\n0\r\nx-amz-checksum-crc32:%b\r\n\r\n" % (len(body), body, trailer.encode())
    headers = {
        "authorization": f"AWS4-HMAC-SHA256 Credential={path.split('/')[0]}/20260101/us-east-1/s3/aws4_request, "
        "SignedHeaders=host, Signature=00",
        "x-amz-date": "20260101T000000Z",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(len(body)),
        "x-amz-trailer": "x-amz-checksum-crc32",
        "content-encoding": "aws-chunked",
    }
    connection.request("PUT", "/" + path.partition("/")[2], coded, headers)
    response = connection.getresponse()
    return response.status, response.read()


def test_a_trailing_checksum_is_compared(cloud: LocalCloud, aws: Account, s3: Any, bucket: str) -> None:
    status, _ = chunked(cloud, f"{aws.id}/{bucket}/k", BODY, EXPECTED["CRC32"])
    assert status == 200
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got["ChecksumCRC32"]) == (BODY, EXPECTED["CRC32"])
    assert "ContentEncoding" not in got
    status, answer = chunked(cloud, f"{aws.id}/{bucket}/k2", BODY, "AAAAAA==")
    assert (status, b"<Code>BadDigest</Code>" in answer) == (400, True)


def test_a_body_that_is_not_what_was_signed_is_refused(cloud: LocalCloud, aws: Account, bucket: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", cloud.server.port)
    headers = {
        "authorization": f"AWS4-HMAC-SHA256 Credential={aws.id}/20260101/us-east-1/s3/aws4_request, "
        "SignedHeaders=host, Signature=00",
        "x-amz-date": "20260101T000000Z",
        "x-amz-content-sha256": hashlib.sha256(b"something else").hexdigest(),
    }
    connection.request("PUT", f"/{bucket}/k", b"something", headers)
    response = connection.getresponse()
    assert (response.status, b"XAmzContentSHA256Mismatch" in response.read()) == (400, True)


@pytest.mark.parametrize("algorithm", EXPECTED)
def test_a_transfer_in_parts(s3: Any, bucket: str, algorithm: str) -> None:
    body = BODY * 300
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    s3.upload_fileobj(io.BytesIO(body), bucket, "k", ExtraArgs={"ChecksumAlgorithm": algorithm}, Config=parts)
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    if algorithm == "CRC64NVME":
        assert head["ChecksumType"] == "FULL_OBJECT"
        assert head["ChecksumCRC64NVME"] == b64(checksums.crc64nvme(body), 8)
    else:
        assert head["ChecksumType"] == "COMPOSITE"
        assert head[f"Checksum{algorithm}"].endswith("-3")
    back = io.BytesIO()
    s3.download_fileobj(bucket, "k", back, Config=parts)
    assert back.getvalue() == body


def test_documents_are_compared_with_their_digests(s3: Any, bucket: str) -> None:
    tags = {"TagSet": [{"Key": "a", "Value": "1"}]}
    assert refused(s3.put_bucket_tagging, Bucket=bucket, Tagging=tags, ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==") == (
        "BadDigest",
        400,
    )
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tags)


def test_a_copy_may_have_another_checksum(s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", BODY)
    source = {"Bucket": bucket, "Key": "k"}
    assert s3.copy_object(Bucket=bucket, Key="same", CopySource=source)["CopyObjectResult"]["ChecksumCRC32"]
    done = s3.copy_object(Bucket=bucket, Key="other", CopySource=source, ChecksumAlgorithm="SHA256")
    assert done["CopyObjectResult"]["ChecksumSHA256"] == EXPECTED["SHA256"]
    assert read(s3, bucket, "other") == BODY
