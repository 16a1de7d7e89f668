"""Signature Version 4 as S3 has it: the API Reference's examples, and what S3 alone asks and answers."""

from __future__ import annotations

import pytest

from pileus.gateway import signing
from pileus.gateway.message import Headers, Request
from pileus.kernel.errors import Fault

from .signers import ACCESS_KEY, SECRET, altered, signed_request

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SCOPE = f"{ACCESS_KEY}/20130524/us-east-1/s3/aws4_request"


def example(method: str, target: str, signature: str, headers: dict[str, str] = {}, body: bytes = b"") -> Request:
    """A request of "Examples: Signature Calculations in AWS Signature Version 4" in the S3 API Reference."""
    fields = {"host": "examplebucket.s3.amazonaws.com", "x-amz-content-sha256": EMPTY, "x-amz-date": "20130524T000000Z"}
    fields |= headers
    names = ";".join(sorted(fields))
    fields["authorization"] = f"AWS4-HMAC-SHA256 Credential={SCOPE},SignedHeaders={names},Signature={signature}"
    return Request(method, target, Headers(fields.items()), body)


WELCOME = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
EXAMPLES = {
    "get object": example(
        "GET", "/test.txt", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41", {"range": "bytes=0-9"}
    ),
    "put object": example(
        "PUT",
        "/test$file.text",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        {
            "date": "Fri, 24 May 2013 00:00:00 GMT",
            "x-amz-content-sha256": WELCOME,
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
        },
        b"Welcome to Amazon S3.",
    ),
    "get lifecycle": example("GET", "/?lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
    "list objects": example(
        "GET", "/?max-keys=2&prefix=J", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    ),
    "presigned": Request(
        "GET",
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        f"&X-Amz-Credential={SCOPE.replace('/', '%2F')}&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
        "&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        Headers([("host", "examplebucket.s3.amazonaws.com")]),
    ),
}


@pytest.mark.parametrize("request_", EXAMPLES.values(), ids=EXAMPLES)
def test_examples_of_the_reference(request_: Request) -> None:
    signed = signing.parse(request_)
    assert signed is not None
    assert (signed.access_key, signed.region, signed.service) == (ACCESS_KEY, "us-east-1", "s3")
    assert signed.timestamp == 1369353600.0
    signing.verify(signed, request_, SECRET)


def verify(request: Request) -> None:
    signed = signing.parse(request)
    assert signed is not None
    signing.verify(signed, request, SECRET)


@pytest.mark.parametrize("written", ["/b/a(b)!'*", "/b/a%28b%29%21%27%2A", "/b/a(b%29!%27*"])
def test_the_path_is_decoded_before_it_is_encoded(written: str) -> None:
    request = signed_request("GET", "/b/a%28b%29%21%27%2A", service="s3")
    verify(altered(request, target=written))


@pytest.mark.parametrize("key", ["/b//a/../x/./", "/b/my-object//example//photo.user", "/b/.", "/b/~%20%2B%25"])
def test_the_path_is_not_normalised(key: str) -> None:
    verify(signed_request("GET", key, service="s3"))


def test_a_body_must_have_the_declared_hash() -> None:
    request = altered(signed_request("PUT", "/b/k", body=b"one", service="s3"), body=b"two")
    with pytest.raises(Fault) as caught:
        verify(request)
    assert (caught.value.code, caught.value.status) == ("XAmzContentSHA256Mismatch", 400)
    assert caught.value.members["ClientComputedContentSHA256"] == request.headers.get("x-amz-content-sha256")


def test_a_streamed_body_is_compared_when_it_is_read() -> None:
    request = altered(signed_request("PUT", "/b/k", body=b"", service="s3"))
    request.stream = object()  # type: ignore[assignment]
    signed = signing.parse(request)
    assert signed is not None
    signing.verify(signed, request, SECRET)
    signing.check_body(signed, signing.declared_hash(signed, request), EMPTY)
    with pytest.raises(Fault, match="XAmzContentSHA256Mismatch"):
        signing.check_body(signed, signing.declared_hash(signed, request), WELCOME)


def test_a_body_that_is_declared_unsigned_may_change() -> None:
    verify(altered(signed_request("PUT", "/b/k", service="s3", presigned=True), body=b"two"))


@pytest.mark.parametrize("value", ["x", "UNSIGNED", EMPTY + "0"])
def test_the_declared_hash_must_be_one(value: str) -> None:
    request = altered(signed_request("PUT", "/b/k", service="s3"), headers={"x-amz-content-sha256": value})
    with pytest.raises(Fault, match="x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED") as caught:
        verify(request)
    assert caught.value.code == "InvalidArgument"


def test_the_hash_must_be_declared() -> None:
    request = altered(signed_request("PUT", "/b/k", service="s3"), headers={"x-amz-content-sha256": None})
    with pytest.raises(Fault, match="Missing required header for this request: x-amz-content-sha256"):
        verify(request)


@pytest.mark.parametrize("presigned", [False, True])
def test_every_amz_header_must_be_signed(presigned: bool) -> None:
    request = signed_request("PUT", "/b/k", service="s3", presigned=presigned)
    extra = {"x-amz-acl": "public-read", "x-amz-meta-a": "b", "x-amzn-trace-id": "fine"}
    with pytest.raises(Fault, match="headers present in the request which were not signed") as caught:
        verify(altered(request, headers=extra))
    assert caught.value.code == "AccessDenied"
    assert caught.value.members == {"HeadersNotSigned": "x-amz-acl, x-amz-meta-a"}


def test_a_mismatch_shows_what_was_signed() -> None:
    request = altered(signed_request("GET", "/b/k", service="s3"), target="/b/l")
    with pytest.raises(Fault, match="Check your key and signing method") as caught:
        verify(request)
    members = caught.value.members
    assert members["AWSAccessKeyId"] == ACCESS_KEY
    assert members["CanonicalRequest"].startswith("GET\n/b/l\n\n")
    assert members["StringToSign"].startswith("AWS4-HMAC-SHA256\n")
    assert bytes.fromhex(members["StringToSignBytes"]).decode() == members["StringToSign"]


def presigned(**parameters: str) -> Request:
    """A presigned request with parameters exchanged, or left out if empty; its signature no longer matters."""
    values = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": SCOPE,
        "X-Amz-Date": "20130524T000000Z",
        "X-Amz-Expires": "60",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": "ab" * 32,
    }
    values |= {f"X-Amz-{name}": value for name, value in parameters.items()}
    query = "&".join(f"{name}={value}" for name, value in values.items() if value)
    return Request("GET", f"/b/k?{query}", Headers([("host", "localhost")]))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"Expires": ""}, "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential,"),
        ({"Date": ""}, "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential,"),
        ({"Expires": "soon"}, "X-Amz-Expires should be a number"),
        ({"Expires": "-5"}, "X-Amz-Expires must be non-negative"),
        ({"Expires": "0"}, "X-Amz-Expires must be non-negative"),
        (
            {"Expires": "604801"},
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires",
        ),
        ({"Expires": "9" * 5000}, "X-Amz-Expires must be less than a week"),
        ({"Algorithm": "AWS4-HMAC-SHA512"}, 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256'),
        ({"Date": "2013-05-24"}, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""),
        ({"Date": "20130525T000000Z"}, 'Invalid credential date "20130524". This date is not the same as X-Amz-Date'),
        ({"Credential": "a/20130524/s3/aws4_request"}, "Error parsing the X-Amz-Credential parameter; the Credential"),
        ({"Credential": SCOPE[:-1]}, 'incorrect terminal "aws4_reques". This endpoint uses "aws4_request".'),
    ],
)
def test_malformed_presigned_requests(parameters: dict[str, str], words: str) -> None:
    with pytest.raises(Fault) as caught:
        signing.parse(presigned(**parameters))
    assert (caught.value.code, caught.value.status) == ("AuthorizationQueryParametersError", 400)
    assert words in caught.value.message


@pytest.mark.parametrize("expires", [1, 604800])
def test_lifetimes(expires: int) -> None:
    request = presigned(Expires=str(expires))
    signed = signing.parse(request)
    assert signed is not None
    assert (signed.expires, signed.presigned) == (expires, True)
    wall_now = signed.timestamp + 3.0
    signing.check_time(signed, wall_now=wall_now, age=float(expires))
    with pytest.raises(Fault, match="Request has expired") as caught:
        signing.check_time(signed, wall_now=wall_now, age=expires + 0.5)
    assert caught.value.code == "AccessDenied"
    assert caught.value.members["X-Amz-Expires"] == expires
    with pytest.raises(Fault, match="Request is not valid yet"):
        signing.check_time(signed, wall_now=wall_now, age=-901.0)


def test_skew() -> None:
    signed = signing.parse(EXAMPLES["get object"])
    assert signed is not None
    for late in (-900, 0, 900):
        signing.check_time(signed, wall_now=signed.timestamp + late)
    for late in (-901, 901):
        with pytest.raises(Fault) as caught:
            signing.check_time(signed, wall_now=signed.timestamp + late)
        assert (caught.value.code, caught.value.status) == ("RequestTimeTooSkewed", 403)
        assert caught.value.members["MaxAllowedSkewMilliseconds"] == 900000


@pytest.mark.parametrize(
    ("authorization", "code", "words"),
    [
        (
            f"AWS4-HMAC-SHA256 Credential={SCOPE}",
            "AuthorizationHeaderMalformed",
            "requires three components: Credential, SignedHeaders, and Signature.",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=AK/s3/aws4_request, SignedHeaders=host, Signature=ab",
            "AuthorizationHeaderMalformed",
            'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
        ),
    ],
)
def test_malformed_headers(authorization: str, code: str, words: str) -> None:
    with pytest.raises(Fault) as caught:
        signing.parse(altered(EXAMPLES["get object"], headers={"authorization": authorization}))
    assert (caught.value.code, caught.value.status) == (code, 400)
    assert words in caught.value.message


def test_a_date_is_needed() -> None:
    with pytest.raises(Fault, match="AWS authentication requires a valid Date or x-amz-date header") as caught:
        signing.parse(altered(EXAMPLES["get object"], headers={"x-amz-date": None}))
    assert caught.value.code == "AccessDenied"


def test_one_signature_only() -> None:
    request = EXAMPLES["presigned"]
    both = altered(request, headers={"authorization": EXAMPLES["get object"].headers.get("authorization")})
    with pytest.raises(Fault, match="Only one auth mechanism allowed"):
        signing.parse(both)
