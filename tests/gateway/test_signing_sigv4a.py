"""Signature Version 4A against requests that the AWS Common Runtime signed (awscrt 0.38), and against round trips."""

from __future__ import annotations

import io
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.gateway import signing, sigv4a
from pileus.gateway.canonical import canonical_request
from pileus.gateway.message import Headers, Request
from pileus.gateway.signing_chunks import chunk_decoder
from pileus.kernel.errors import Fault

from .signers import altered

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
PRESIGNED = "X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830"


def by_header(service: str, names: str, signature: str, **headers: str) -> Headers:
    fields = {"host": "example.amazonaws.com", "content-type": "text/plain", "x-amz-date": "20150830T123600Z"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    fields["authorization"] = (
        f"AWS4-ECDSA-P256-SHA256 Credential=AKIDEXAMPLE/20150830/{service}/aws4_request, SignedHeaders={names}, "
        f"Signature={signature}"
    )
    return Headers(fields.items())


HOST = Headers([("host", "example.amazonaws.com")])
BY_CRT = {
    "header": Request(
        "POST",
        "/a%20b/../c//d?b=%20&a=2&a=1",
        by_header(
            "service",
            "content-type;host;x-amz-date;x-amz-region-set;x-amz-security-token;x-other",
            "3046022100e289c12f583b7ac7b84f58ca18ce9c2c13b4392bbb4299904123ad339849a88f"
            "022100b98e22a8902cf05382cea4fc9d35471e98c74699527342b1ef7096168ea717f2",
            x_other="a   b",
            x_amz_security_token="tok/en==",
            x_amz_region_set="us-east-1,eu-*",
        ),
        b"Action=X",
    ),
    "header of s3": Request(
        "PUT",
        "/b/k%20~//x",
        by_header(
            "s3",
            "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-region-set",
            "304402203c9d862e0048e2769f3cc89aeafb1bfa08cf6fd881c777ff829ab38d446bf001"
            "0220113a6251e28aebccff180f135f8af574e8a2b81260e5668ba38fc0639785a7cd",
            x_amz_region_set="*",
            x_amz_content_sha256="2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        ),
        b"hello",
    ),
    "query": Request(
        "GET",
        f"/?Action=GetCallerIdentity&{PRESIGNED}%2Fsts%2Faws4_request&X-Amz-Date=20150830T123600Z"
        "&X-Amz-SignedHeaders=host&X-Amz-Expires=60&X-Amz-Security-Token=tok%2Fen%3D%3D&X-Amz-Region-Set=eu-west-1"
        "&X-Amz-Signature=304502202fd970ddc1fa626e9b0f84ced1f7ffee3e792fed2a2ce05d7ff884c649734de3"
        "0221009bf5bbf81a39660365c97986bbfdac12815f40b11f07056bacd18ec34bf26afd",
        HOST,
    ),
    "query of s3": Request(
        "GET",
        f"/k%20y?versionId=1&{PRESIGNED}%2Fs3%2Faws4_request&X-Amz-Date=20150830T123600Z"
        "&X-Amz-SignedHeaders=host&X-Amz-Expires=3600&X-Amz-Region-Set=%2A"
        "&X-Amz-Signature=304502210085b80b312e60b2d2368e1ff889de0917a439c4cb6347a1c5c4340d54a3d55bfa"
        "02207dd70b7afe319e5818bfd5879d850c639988bcb216e75774fcb5cb241b7171ce",
        HOST,
    ),
}


def parsed(request: Request) -> signing.Signed:
    signed = signing.parse(request)
    assert signed is not None
    return signed


@pytest.mark.parametrize("request_", BY_CRT.values(), ids=BY_CRT)
def test_requests_signed_by_the_common_runtime(request_: Request) -> None:
    signed = parsed(request_)
    assert signed.algorithm == "AWS4-ECDSA-P256-SHA256"
    assert signed.scope == f"20150830/{signed.service}/aws4_request"
    signing.verify(signed, request_, SECRET)
    tampered = [
        altered(request_, method="HEAD"),
        altered(request_, target=request_.target.replace("?", "?x=1&") if request_.query else "/b/k?x=1"),
        altered(request_, headers={"host": "example.test"}),
    ]
    for request in tampered:
        with pytest.raises(Fault, match="SignatureDoesNotMatch"):
            signing.verify(parsed(request), request, SECRET)
    with pytest.raises(Fault, match="SignatureDoesNotMatch"):
        signing.verify(signed, request_, SECRET + "x")


def test_the_regions() -> None:
    assert [parsed(request).region for request in BY_CRT.values()] == ["us-east-1,eu-*", "*", "eu-west-1", "*"]
    assert parsed(BY_CRT["query"]).token == "tok/en=="


def test_the_region_set_must_be_there_and_signed() -> None:
    request = BY_CRT["header"]
    with pytest.raises(Fault, match=r"IncompleteSignature: .*'X-Amz-Region-Set' header"):
        signing.parse(altered(request, headers={"x-amz-region-set": None}))
    unsigned = request.headers.get("authorization").replace("x-amz-region-set;", "")
    with pytest.raises(Fault, match="SignatureDoesNotMatch: 'X-Amz-Region-Set' must be a 'SignedHeader'"):
        signing.parse(altered(request, headers={"authorization": unsigned}))
    changed = altered(request, headers={"x-amz-region-set": "*"})
    with pytest.raises(Fault, match="SignatureDoesNotMatch"):
        signing.verify(parsed(changed), changed, SECRET)


def test_the_derivation_as_the_sdks_test_it() -> None:
    """The key pair of the signature suite that the AWS SDKs test with."""
    key = sigv4a.public_key("AKIDEXAMPLE", SECRET)
    assert f"{key.public_numbers().x:064x}" == "b6618f6a65740a99e650b33b6b4b5bd0d43b176d721a3edfea7e7d2d56d936b1"
    assert f"{key.public_numbers().y:064x}" == "865ed22a7eadc9c5cb9d2cbaca1b3699139fedc5043dc6661864218330c8e518"


@given(st.text(max_size=30), st.text(max_size=60))
def test_the_private_value_is_in_range(access_key: str, secret: str) -> None:
    assert 1 <= sigv4a.private_value(access_key, secret) < sigv4a.ORDER


def sign(text: bytes, access_key: str = "AK", secret: str = SECRET) -> str:
    key = ec.derive_private_key(sigv4a.private_value(access_key, secret), ec.SECP256R1())
    return key.sign(text, ec.ECDSA(hashes.SHA256())).hex()


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=200))
def test_round_trip(text: bytes) -> None:
    key = sigv4a.public_key("AK", SECRET)
    signature = sign(text)
    assert sigv4a.matches(key, text, signature)
    assert sigv4a.matches(key, text, signature.ljust(144, "*"))
    assert not sigv4a.matches(key, text + b"x", signature)
    assert not sigv4a.matches(sigv4a.public_key("AL", SECRET), text, signature)


@pytest.mark.parametrize("signature", ["", "*", "00", "zz", "é", "30" * 70])
def test_what_is_no_signature(signature: str) -> None:
    assert not sigv4a.matches(sigv4a.public_key("AK", SECRET), b"text", signature)


def test_chunks() -> None:
    """Each chunk's signature is padded with asterisks, which the next string to sign leaves out."""
    names = "host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-region-set;x-amz-trailer"
    unsigned = by_header(
        "s3",
        f"content-type;{names}",
        "00",
        x_amz_content_sha256="STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
        x_amz_decoded_content_length="8195",
        x_amz_region_set="*",
        x_amz_trailer="x-amz-checksum-crc32",
    )
    request = Request("PUT", "/b/k", unsigned)
    signed = parsed(request)
    canonical = canonical_request(signed, request, unsigned.get("x-amz-content-sha256"))
    previous = sign(signing.string_to_sign(signed, canonical).encode(), "AKIDEXAMPLE")
    text = unsigned.get("authorization").replace("Signature=00", f"Signature={previous}")
    request = altered(request, headers={"authorization": text})
    signing.verify(parsed(request), request, SECRET)

    frame = io.BytesIO()
    prefix = f"{signed.date}\n{signed.scope}\n"
    for piece in (b"a" * 8192, b"abc", b""):
        digests = f"{sha256().hexdigest()}\n{sha256(piece).hexdigest()}"
        previous = sign(f"AWS4-ECDSA-P256-SHA256-PAYLOAD\n{prefix}{previous}\n{digests}".encode(), "AKIDEXAMPLE")
        frame.write(f"{len(piece):x};chunk-signature={previous.ljust(144, '*')}\r\n".encode())
        frame.write(piece + b"\r\n" if piece else b"")
    digest = sha256(b"x-amz-checksum-crc32:AAAAAA==\n").hexdigest()
    last = sign(f"AWS4-ECDSA-P256-SHA256-TRAILER\n{prefix}{previous}\n{digest}".encode(), "AKIDEXAMPLE")
    frame.write(f"x-amz-checksum-crc32:AAAAAA==\r\nx-amz-trailer-signature:{last.ljust(144, '*')}\r\n\r\n".encode())

    decoder = chunk_decoder(request, parsed(request), SECRET)
    assert decoder is not None
    assert decoder.feed(frame.getvalue()) == b"a" * 8192 + b"abc"
    decoder.finish()
    assert list(decoder.trailers) == [("x-amz-checksum-crc32", "AAAAAA==")]
    tampered = chunk_decoder(request, parsed(request), SECRET)
    assert tampered is not None
    with pytest.raises(Fault, match="SignatureDoesNotMatch"):
        tampered.feed(frame.getvalue().replace(b"abc", b"abd"))
