"""Reading signatures, their time, and the refusal of everything that was not signed just so."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.gateway import signing
from pileus.gateway.canonical import canonical_headers, canonical_path, canonical_query
from pileus.gateway.message import Headers, Request
from pileus.kernel.errors import Fault

from .signers import ACCESS_KEY, SECRET, altered, received, signed_request

DATE = "20150830T123600Z"
NOON = 1440938160.0
SCOPE = "20150830/us-east-1/sqs/aws4_request"
PARTS = {"Credential": f"{ACCESS_KEY}/{SCOPE}", "SignedHeaders": "host;x-amz-date", "Signature": "5f" * 32}
AUTHORIZATION = "AWS4-HMAC-SHA256 " + ", ".join(f"{name}={value}" for name, value in PARTS.items())


def request(authorization: str = AUTHORIZATION, target: str = "/", **headers: str) -> Request:
    fields = {"host": "localhost", "x-amz-date": DATE, "authorization": authorization}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", target, Headers([(name, value) for name, value in fields.items() if value]))


def parsed(request: Request) -> signing.Signed:
    signed = signing.parse(request)
    assert signed is not None
    return signed


def authorization(**changes: str | None) -> str:
    parts = PARTS | changes
    return "AWS4-HMAC-SHA256 " + ", ".join(f"{name}={value}" for name, value in parts.items() if value is not None)


# --- reading --------------------------------------------------------------------------------------------------------


def test_a_header_is_read() -> None:
    signed = parsed(request(x_amz_security_token="token"))
    assert signed == signing.Signed(
        algorithm="AWS4-HMAC-SHA256",
        access_key=ACCESS_KEY,
        region="us-east-1",
        service="sqs",
        scope=SCOPE,
        signed_headers=("host", "x-amz-date"),
        signature="5f" * 32,
        date=DATE,
        timestamp=NOON,
        token="token",
        presigned=False,
        expires=None,
    )
    with pytest.raises(AttributeError):
        signed.access_key = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    "text",
    [
        AUTHORIZATION.replace(", ", ","),
        AUTHORIZATION.replace(", ", " ,  "),
        "AWS4-HMAC-SHA256  "
        + ", ".join(f"{name}={PARTS[name]}" for name in ("Signature", "SignedHeaders", "Credential")),
        AUTHORIZATION + ",",
        AUTHORIZATION.replace("host;", "Host;"),
    ],
)
def test_ways_to_write_the_header(text: str) -> None:
    assert parsed(request(text)) == parsed(request())


@pytest.mark.parametrize("text", ["", "Bearer abc", "Basic dGVzdDp0ZXN0", "token"])
def test_what_is_no_signature(text: str) -> None:
    assert signing.parse(request(text, target="/?Action=ListQueues&X-Amz-Meta=1")) is None


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (
            "AWS4-HMAC-SHA256",
            "IncompleteSignature",
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
            "parameter. Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256",
        ),
        (
            authorization(Signature=None),
            "IncompleteSignature",
            f"Authorization header requires 'Signature' parameter. Authorization={authorization(Signature=None)}",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a, abc, Signature=d",
            "IncompleteSignature",
            "'abc' not a valid key=value pair (missing equal-sign) in Authorization header: "
            "'AWS4-HMAC-SHA256 Credential=a, abc, Signature=d'.",
        ),
        (
            authorization(Credential="AK/20150830/us-east-1/sqs"),
            "IncompleteSignature",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            "got 'AK/20150830/us-east-1/sqs'",
        ),
        (
            "AWS4-ECDSA-P256-SHA256" + authorization()[16:],
            "IncompleteSignature",
            "Credential must have exactly 4 slash-delimited elements, e.g. keyid/date/service/term, "
            f"got '{ACCESS_KEY}/{SCOPE}'",
        ),
        (
            authorization(Credential="AK/20150830//sqs/aws4_request"),
            "SignatureDoesNotMatch",
            "Credential should be scoped to a valid region, not ''.",
        ),
        (
            authorization(Credential="AK/20150830/us-east-1/sqs/aws5_request"),
            "SignatureDoesNotMatch",
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
        ),
        (
            authorization(Credential="AK/20150829/us-east-1/sqs/aws4_request"),
            "SignatureDoesNotMatch",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            "'20150829' != '20150830', from '20150830T123600Z'.",
        ),
        (
            authorization(Credential="AK/2015/us-east-1/sqs/aws4_request"),
            "SignatureDoesNotMatch",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            "'2015' != '20150830', from '20150830T123600Z'.",
        ),
        (
            authorization(SignedHeaders="x-amz-date"),
            "SignatureDoesNotMatch",
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        ),
        (
            "AWS4-HMAC-SHA512" + authorization()[16:],
            "IncompleteSignature",
            "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512'.",
        ),
    ],
)
def test_malformed_headers(text: str, code: str, message: str) -> None:
    with pytest.raises(Fault) as caught:
        signing.parse(request(text))
    assert (caught.value.code, caught.value.message) == (code, message)


def test_a_missing_date_is_named_too() -> None:
    text = authorization(Credential=None)
    with pytest.raises(Fault) as caught:
        signing.parse(request(text, x_amz_date=""))
    assert caught.value.message == (
        "Authorization header requires 'Credential' parameter. Authorization header requires existence of either a "
        f"'X-Amz-Date' or a 'Date' header. Authorization={text}"
    )
    with pytest.raises(Fault, match=r"^IncompleteSignature: Authorization header requires existence of either"):
        signing.parse(request(x_amz_date=""))


@pytest.mark.parametrize("date", ["Sun, 30 Aug 2015 12:36:00 GMT", "Sun, 30 Aug 2015 14:36:00 +0200", DATE])
def test_the_date_header_will_do(date: str) -> None:
    signed = parsed(request(x_amz_date="", date=date))
    assert (signed.date, signed.timestamp) == (DATE, NOON)


def test_the_amz_date_comes_first() -> None:
    assert parsed(request(date="Sun, 06 Nov 1994 08:49:37 GMT")).date == DATE


@pytest.mark.parametrize(
    "date", ["2015-08-30T12:36:00Z", "20151330T123600Z", "20150830T123600Z ", "1", "２０150830T123600Z"]
)
def test_dates_must_be_in_basic_format(date: str) -> None:
    with pytest.raises(Fault) as caught:
        signing.parse(request(x_amz_date=date))
    assert caught.value.code == "IncompleteSignature"
    assert caught.value.message == (
        f"Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"
    )


def test_an_incomplete_presigned_query() -> None:
    with pytest.raises(Fault) as caught:
        signing.parse(Request("GET", "/?X-Amz-Signature=ab&X-Amz-Algorithm=AWS4-HMAC-SHA256", Headers()))
    assert caught.value.code == "IncompleteSignature"
    assert caught.value.message == (
        "AWS query-string parameters must include 'X-Amz-Credential'. "
        "AWS query-string parameters must include 'X-Amz-SignedHeaders'. "
        "AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters."
    )


HEADER_TEXT = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=40)


@settings(max_examples=200)
@given(st.lists(st.sampled_from([*PARTS.values(), *PARTS, "=", ",", " ", "/", "AWS4-HMAC-SHA256"]) | HEADER_TEXT))
def test_no_header_is_a_bug_of_ours(pieces: list[str]) -> None:
    try:
        signed = signing.parse(request("AWS" + "".join(pieces)))
        assert signed is not None
        signing.verify(signed, request("AWS" + "".join(pieces)), SECRET)
    except Fault:
        pass


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(
    ["X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Credential=", "X-Amz-Date=", "X-Amz-Expires=", "X-Amz-SignedHeaders=",
     "X-Amz-Signature=", "AWSAccessKeyId=", "Signature=", "Expires=", "SignatureVersion=", "Timestamp="]
), HEADER_TEXT | st.sampled_from([*PARTS.values(), "", DATE, "host", "60"]))))  # fmt: skip
def test_no_query_is_a_bug_of_ours(pieces: list[tuple[str, str]]) -> None:
    unsigned = Request("GET", "/?" + "&".join(name + value for name, value in pieces), Headers([("host", "h")]))
    try:
        signed = signing.parse(unsigned)
        if signed is not None:
            signing.verify(signed, unsigned, SECRET)
    except Fault:
        pass


# --- time -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [-900.0, 0.0, 900.0])
def test_a_clock_may_be_a_quarter_of_an_hour_wrong(late: float) -> None:
    signing.check_time(parsed(request()), wall_now=NOON + late, age=1e9)


@pytest.mark.parametrize(
    ("late", "message"),
    [
        (960, "Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z (20150830T125200Z - 15 min.)"),
        (
            -960,
            "Signature not yet current: 20150830T123600Z is still later than 20150830T123500Z "
            "(20150830T122000Z + 15 min.)",
        ),
    ],
)
def test_but_not_more(late: float, message: str) -> None:
    with pytest.raises(Fault) as caught:
        signing.check_time(parsed(request()), wall_now=NOON + late)
    assert (caught.value.code, caught.value.message) == ("SignatureDoesNotMatch", message)


def presigned(service: str, expires: int | None) -> signing.Signed:
    lifetime = "" if expires is None else f"&X-Amz-Expires={expires}"
    credential = PARTS["Credential"].replace("sqs", service)
    target = (
        f"/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={DATE}{lifetime}"
        f"&X-Amz-SignedHeaders=host&X-Amz-Signature={PARTS['Signature']}"
    )
    return parsed(Request("GET", target, Headers([("host", "localhost")])))


def test_a_presigned_request_ages_in_cloud_time() -> None:
    signed = presigned("polly", 60)
    signing.check_time(signed, wall_now=NOON + 1e6, age=60.0)
    signing.check_time(signed, wall_now=NOON + 60)
    for when in ({"age": 61.0}, {"age": None, "wall_now": NOON + 61}):
        with pytest.raises(Fault, match="RequestExpired: Request has expired"):
            signing.check_time(signed, **{"wall_now": NOON} | when)
    with pytest.raises(Fault, match="Signature not yet current"):
        signing.check_time(signed, wall_now=NOON - 1000)


@pytest.mark.parametrize(("service", "expires"), [("sts", 60), ("sts", 3600), ("iotdevicegateway", None)])
def test_some_live_for_a_quarter_of_an_hour(service: str, expires: int | None) -> None:
    signed = presigned(service, expires)
    signing.check_time(signed, wall_now=NOON, age=900.0)
    with pytest.raises(Fault, match="Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z"):
        signing.check_time(signed, wall_now=NOON, age=901.0)


@pytest.mark.parametrize("expires", ["0", "604801", "-1", "x", ""])
def test_lifetimes_have_limits(expires: str) -> None:
    with pytest.raises(Fault, match="X-Amz-Expires"):
        presigned("polly", expires)  # type: ignore[arg-type]


# --- tampering ------------------------------------------------------------------------------------------------------

HEADERS = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessage", "x-other": "a, b"}
TARGET = "/a/b%20c?one=1&two=2%20&two=1"
BODY = b'{"QueueUrl": "q"}'


@pytest.fixture(scope="module", params=["sqs", "s3"])
def genuine(request: pytest.FixtureRequest) -> Request:
    return signed_request("POST", TARGET, HEADERS.items(), BODY, service=request.param, token="a/token==")


def refuse(request: Request, secret: str = SECRET, words: str | None = None) -> Fault:
    with pytest.raises(Fault, match=words) as caught:
        signing.verify(parsed(request), request, secret)
    return caught.value


def test_the_genuine_one_is_accepted(genuine: Request) -> None:
    signing.verify(parsed(genuine), genuine, SECRET)
    assert parsed(genuine).token == "a/token=="


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"target": TARGET.replace("/a/", "/x/")},
        {"target": TARGET.replace("/a/", "/A/")},
        {"target": TARGET.replace("c?", "c/?")},
        {"target": TARGET.replace("one=1", "one=2")},
        {"target": TARGET.replace("%20", "%2B")},
        {"target": TARGET.replace("one", "One")},
        {"target": TARGET + "&three"},
        {"target": TARGET.partition("&")[0]},
        {"target": TARGET.partition("?")[0]},
        {"body": BODY + b" "},
        {"body": b""},
    ],
    ids=str,
)
def test_tampering_is_refused(genuine: Request, change: dict[str, Any]) -> None:
    assert refuse(altered(genuine, **change)).code in ("SignatureDoesNotMatch", "XAmzContentSHA256Mismatch")


@pytest.mark.parametrize("value", ["", "changed", None])
def test_each_signed_header_counts(genuine: Request, value: str | None) -> None:
    for name in parsed(genuine).signed_headers:
        if name in ("x-amz-date", "x-amz-content-sha256"):
            continue
        assert name in genuine.headers
        refuse(altered(genuine, headers={name: value}), words="SignatureDoesNotMatch")


def test_another_field_of_a_signed_name_counts(genuine: Request) -> None:
    doubled = altered(genuine)
    doubled.headers = Headers([*genuine.headers, ("x-other", "c")])
    refuse(doubled, words="SignatureDoesNotMatch")


def test_unsigned_headers_do_not_count(genuine: Request) -> None:
    changed = altered(genuine, headers={"user-agent": "other", "x-forwarded-for": "::1", "accept-encoding": None})
    signing.verify(parsed(changed), changed, SECRET)


def exchanged(genuine: Request, old: str, new: str, **headers: str) -> Request:
    text = genuine.headers.get("authorization")
    assert text.replace(old, new, 1) != text
    return altered(genuine, headers={"authorization": text.replace(old, new, 1)} | headers)


def test_date_scope_key_and_signature_count(genuine: Request) -> None:
    signed = parsed(genuine)
    flipped = signed.signature[:-1] + ("0" if signed.signature[-1] != "0" else "1")
    later = str(int(signed.date[9:11] == "00")).zfill(2)
    refuse(altered(genuine, headers={"x-amz-date": f"{signed.date[:9]}{later}{signed.date[11:]}"}))
    refuse(exchanged(genuine, signed.date[:8], "20150830", **{"x-amz-date": DATE}))
    refuse(exchanged(genuine, signed.region, "us-west-2"))
    refuse(exchanged(genuine, f"/{signed.service}/", "/sns/"))
    refuse(exchanged(genuine, signed.signature, flipped))
    refuse(exchanged(genuine, signed.signature, signed.signature[:-1]))
    refuse(exchanged(genuine, signed.signature, signed.signature.upper()))
    refuse(exchanged(genuine, signed.signature, "é"))
    refuse(exchanged(genuine, ";x-other", ""))
    refuse(genuine, SECRET + "x")


def test_the_words_of_refusal() -> None:
    fault = refuse(altered(signed_request(body=b"a"), body=b"b"))
    assert fault.code == "SignatureDoesNotMatch"
    assert fault.message == (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details."
    )


@pytest.mark.parametrize("service", ["sts", "s3"])
def test_each_parameter_of_a_presigned_request_counts(service: str) -> None:
    genuine = signed_request("GET", "/k?Action=GetCallerIdentity&b=c", service=service, presigned=True, token="a/b=")
    signing.verify(parsed(genuine), genuine, SECRET)
    assert parsed(genuine).token == "a/b="
    parameters = genuine.query.split("&")
    for number, parameter in enumerate(parameters):
        changes = [f"{parameter}0", None] if "Algorithm" not in parameter else [None]
        for change in changes:
            changed = [*parameters[:number], *([change] if change else []), *parameters[number + 1 :]]
            tampered = altered(genuine, target=f"{genuine.path}?{'&'.join(changed)}")
            with pytest.raises(Fault):
                signing.verify(parsed(tampered), tampered, SECRET)


# --- canonical forms ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("", "/"),
        ("/", "/"),
        ("/.hidden/..a", "/.hidden/..a"),
        ("//a//b/", "/a/b/"),
        ("/a/../../b", "/b"),
        ("/a%20b", "/a%2520b"),
        ("/a b:c", "/a%20b%3Ac"),
        ("/\xe1\x88\xb4", "/%E1%88%B4"),
        ("/a/./", "/a/"),
    ],
)
def test_paths(path: str, canonical: str) -> None:
    assert canonical_path(path, s3=False) == canonical


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("b=1&a=2&a=1&&a", "a=&a=1&a=2&b=1"),
        ("a=b+c", "a=b%20c"),
        ("a=b=c", "a=b%3Dc"),
        ("a=%e1%88%b4&a=\xe1\x88\xb4", "a=%E1%88%B4&a=%E1%88%B4"),
        ("a-=1&a=1", "a=1&a-=1"),
        ("a=*!'()", "a=%2A%21%27%28%29"),
        ("a=%zz", "a=%25zz"),
    ],
)
def test_queries(query: str, canonical: str) -> None:
    assert canonical_query(query) == canonical


def test_headers() -> None:
    headers = Headers([("a%s", "  x  y\tz "), ("b", "1"), ("b", "2"), ("host", "h")])
    assert canonical_headers(headers, ("a%s", "b", "c", ":authority")) == (
        "a%s:x y z\nb:1,2\nc:\n:authority:h\n\na%s;b;c;:authority"
    )
    assert canonical_headers(headers, ("host",)) == "host:h\n\nhost"


def test_a_token_may_be_added_to_an_iot_url_after_signing() -> None:
    genuine = signed_request("GET", "/mqtt", service="iotdevicegateway", presigned=True)
    with_token = altered(genuine, target=genuine.target + "&X-Amz-Security-Token=a%2Fb")
    assert parsed(with_token).token == "a/b"
    signing.verify(parsed(with_token), with_token, SECRET)


@pytest.mark.parametrize("declared", ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-EVENTS"])
def test_other_services_honour_stand_ins_for_the_hash(declared: str) -> None:
    genuine = signed_request("POST", "/x", [("X-Amz-Content-SHA256", declared)], b"one", service="transcribe")
    changed = altered(genuine, body=b"two")
    signing.verify(parsed(changed), changed, SECRET)
    refuse(altered(genuine, headers={"x-amz-content-sha256": None}), words="SignatureDoesNotMatch")


def test_but_not_a_wrong_hash() -> None:
    genuine = signed_request("POST", "/x", [("X-Amz-Content-SHA256", "0" * 64)], b"one", service="glacier")
    refuse(genuine, words="SignatureDoesNotMatch")


def test_addresses_of_boto3() -> None:
    """EKS sends a presigned GetCallerIdentity with a header of its own signed."""
    import boto3

    client = boto3.client(
        "sts",
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET,
        endpoint_url="http://h",
    )
    url = client.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    plain = received("GET", url, [])
    signing.verify(parsed(plain), plain, SECRET)
    eks = signed_request(
        "GET", "/?Action=GetCallerIdentity", [("x-k8s-aws-id", "cluster")], service="sts", presigned=True, expires=60
    )
    assert parsed(eks).signed_headers == ("host", "x-k8s-aws-id")
    signing.verify(parsed(eks), eks, SECRET)
    refuse(altered(eks, headers={"x-k8s-aws-id": "other"}), words="SignatureDoesNotMatch")


def test_cryptography_is_not_imported_for_an_ordinary_call() -> None:
    program = "import sys, pileus.gateway.signing, pileus.gateway.signing_chunks; print('cryptography' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"
    )
