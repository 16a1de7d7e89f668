"""botocore's signers as oracles: whatever they sign is accepted, and refused once a part of it is exchanged."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.gateway import signing
from pileus.gateway.message import Request
from pileus.kernel.errors import Fault

from .signers import ACCESS_KEY, SECRET, altered, signed_request

TEXT = st.text(
    st.sampled_from("aZ09-_.~ +%/&=?#$!'()*,;:@[]{}|\\^`\"<>\u00e9\u1234\U0001f600")
    | st.characters(exclude_categories=["Cs", "Cc"]),
    max_size=8,
)
RAW = st.text("abAB019-._~!$&'()*+,;=:@%/", max_size=12)
PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.sampled_from("  \t"), max_size=20)

encoded_paths = TEXT.map(lambda text: "/" + quote(text, safe="/~"))
raw_paths = RAW.map(lambda text: "/x" + text)
queries = st.lists(st.tuples(st.sampled_from(["a", "A", "a-", "b"]) | TEXT.filter(bool), TEXT), max_size=4).map(
    lambda pairs: urlencode(pairs, quote_via=quote, safe="~")
)
headers = st.lists(
    st.tuples(st.sampled_from(["X-Amz-Meta-A", "x-amz-meta-b", "Content-Type", "If-Match"]), PRINTABLE), max_size=4
)
tokens = st.none() | st.text("abc/+=", min_size=1, max_size=9)


def verify(request: Request) -> signing.Signed:
    signed = signing.parse(request)
    assert signed is not None
    assert signed.access_key == ACCESS_KEY
    signing.verify(signed, request, SECRET)
    return signed


def target(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def refused(request: Request) -> bool:
    try:
        verify(request)
    except Fault:
        return True
    return False


@settings(max_examples=150)
@given(
    encoded_paths | raw_paths,
    queries,
    headers,
    st.binary(max_size=40),
    tokens,
    st.sampled_from(["GET", "POST", "DELETE"]),
)
def test_headers(
    path: str, query: str, fields: list[tuple[str, str]], body: bytes, token: str | None, method: str
) -> None:
    request = signed_request(method, target(path, query), fields, body, token=token)
    assert verify(request).token == (token or "")
    assert refused(altered(request, body=body + b"x"))
    assert refused(altered(request, target=target(path + "x", query)))
    assert refused(altered(request, target=target(path, f"{query}&x")))


@settings(max_examples=150)
@given(encoded_paths, queries, headers, st.binary(max_size=40), tokens, st.sampled_from(["GET", "PUT", "DELETE"]))
def test_headers_of_s3(
    path: str, query: str, fields: list[tuple[str, str]], body: bytes, token: str | None, method: str
) -> None:
    request = signed_request(method, target(path, query), fields, body, service="s3", token=token)
    assert verify(request).token == (token or "")
    assert refused(altered(request, body=body + b"x"))
    assert refused(altered(request, target=target(path + "/", query)))
    assert refused(altered(request, target=target(path, f"{query}&x")))


@settings(max_examples=150)
@given(encoded_paths, queries, tokens, st.integers(1, 604800), st.sampled_from(["GET", "PUT"]), st.booleans())
def test_queries(path: str, query: str, token: str | None, expires: int, method: str, s3: bool) -> None:
    service = "s3" if s3 else "polly"
    request = signed_request(
        method,
        target(path, query),
        [("X-Extra", "a  b")],
        service=service,
        presigned=True,
        token=token,
        expires=expires,
    )
    signed = verify(request)
    assert (signed.presigned, signed.expires, signed.token) == (True, expires, token or "")
    assert refused(altered(request, target=request.target + "&x=1"))
    assert refused(altered(request, target=target(path + "x", request.query)))
    assert refused(altered(request, method="POST"))
