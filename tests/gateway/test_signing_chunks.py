"""aws-chunked bodies: the S3 API Reference's examples, botocore's encoder, and any split of the octets."""

from __future__ import annotations

import hmac
import io
import re
from collections.abc import Iterable
from hashlib import sha256
from itertools import pairwise

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Sha256Checksum
from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.gateway import signing
from pileus.gateway.message import Headers, Request
from pileus.gateway.signing_chunks import SMALLEST, ChunkDecoder, Seal, chunk_decoder
from pileus.kernel.errors import Fault

from .signers import ACCESS_KEY, SECRET

SCOPE = "20130524/us-east-1/s3/aws4_request"
OBJECT = b"a" * 66560
CRC32C = "x-amz-checksum-crc32c"


def example(kind: str, signature: str, **headers: str) -> Request:
    """The request of "Transferring Payload in Multiple Chunks", or of its sequel with trailing headers."""
    fields = {
        "content-encoding": "aws-chunked",
        "host": "s3.amazonaws.com",
        "x-amz-content-sha256": f"STREAMING-AWS4-HMAC-SHA256-PAYLOAD{kind}",
        "x-amz-date": "20130524T000000Z",
        "x-amz-decoded-content-length": "66560",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    }
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    names = ";".join(sorted(fields))
    fields["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{SCOPE},SignedHeaders={names},Signature={signature}"
    )
    return Request("PUT", "/examplebucket/chunkObject.txt", Headers(fields.items()))


PLAIN = example("", "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9", content_length="66824")
PLAIN_CHUNKS = [
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
]
TRAILING = example(
    "-TRAILER",
    "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    x_amz_trailer=CRC32C,
)
TRAILING_CHUNKS = [
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
]
TRAILER_SIGNATURE = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"
FIELDS = {CRC32C: "sOO8/Q==", "x-amz-trailer-signature": TRAILER_SIGNATURE}


def encoded(
    pieces: Iterable[bytes], signatures: Iterable[str] | None = None, fields: dict[str, str] = {}, end: bytes = b"\r\n"
) -> bytes:
    body = b""
    signing_ = iter(signatures) if signatures is not None else None
    for piece in (*pieces, b""):
        extension = f";chunk-signature={next(signing_)}" if signing_ else ""
        body += f"{len(piece):x}{extension}\r\n".encode() + piece + (b"\r\n" if piece else b"")
    return body + "".join(f"{name}:{value}\r\n" for name, value in fields.items()).encode() + end


PIECES = (OBJECT[:65536], OBJECT[65536:])
PLAIN_BODY = encoded(PIECES, PLAIN_CHUNKS)
TRAILING_BODY = encoded(PIECES, TRAILING_CHUNKS, FIELDS)


def decoder(request: Request, secret: str | None = SECRET) -> ChunkDecoder:
    signed = signing.parse(request)
    if signed is not None and secret is not None:
        signing.verify(signed, request, secret)
    made = chunk_decoder(request, signed, secret)
    assert made is not None
    return made


def decode(made: ChunkDecoder, body: bytes, cuts: Iterable[int] = ()) -> bytes:
    edges = [0, *sorted(cuts), len(body)]
    result = b"".join([made.feed(body[a:b]) for a, b in pairwise(edges)])
    made.finish()
    return result


def test_chunks_of_the_reference() -> None:
    assert len(PLAIN_BODY) == 66824
    made = decoder(PLAIN)
    assert decode(made, PLAIN_BODY) == OBJECT
    assert list(made.trailers) == []


def test_trailers_of_the_reference() -> None:
    made = decoder(TRAILING)
    assert decode(made, TRAILING_BODY) == OBJECT
    assert list(made.trailers) == [(CRC32C, "sOO8/Q==")]


def unsigned(length: int, *trailers: str) -> Request:
    fields = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-decoded-content-length": str(length)}
    return Request("PUT", "/b/k", Headers([*fields.items(), *(("x-amz-trailer", name) for name in trailers)]))


@pytest.mark.parametrize("size", [0, 1, 8192, 100_000])
def test_the_encoder_of_botocore(size: int) -> None:
    body = AwsChunkedWrapper(io.BytesIO(b"x" * size), Sha256Checksum, "x-amz-checksum-sha256", chunk_size=8192).read()
    made = decoder(unsigned(size, "x-amz-checksum-sha256"))
    assert decode(made, body) == b"x" * size
    assert made.trailers.get("x-amz-checksum-sha256")


def test_what_is_not_chunked() -> None:
    for value in ("", "UNSIGNED-PAYLOAD", "0" * 64, "STREAMING-AWS4-HMAC-SHA256-EVENTS"):
        assert chunk_decoder(Request("PUT", "/", Headers([("x-amz-content-sha256", value)])), None, None) is None


@pytest.mark.parametrize("length", ["", "-1", "x", "²"])
def test_the_decoded_length_must_be_known(length: str) -> None:
    fields = [("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"), ("x-amz-decoded-content-length", length)]
    with pytest.raises(Fault) as caught:
        chunk_decoder(Request("PUT", "/", Headers(fields)), None, None)
    assert (caught.value.code, caught.value.status) == ("MissingContentLength", 411)


# --- refusals -------------------------------------------------------------------------------------------------------


def refused(made: ChunkDecoder, body: bytes, code: str) -> Fault:
    with pytest.raises(Fault) as caught:
        decode(made, body)
    assert caught.value.code == code
    return caught.value


@pytest.mark.parametrize(
    "position", [100, 65536 + 50, 65536 + 300, len(PLAIN_BODY) - 10], ids=["first", "end", "second", "last"]
)
def test_each_chunk_is_verified(position: int) -> None:
    octet = b"b" if PLAIN_BODY[position : position + 1] != b"b" else b"c"
    refused(decoder(PLAIN), PLAIN_BODY[:position] + octet + PLAIN_BODY[position + 1 :], "SignatureDoesNotMatch")


def test_chunks_must_come_in_order() -> None:
    half = OBJECT[:33280]
    request = PLAIN
    first = chunk_signature(request, half, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")
    second = chunk_signature(request, half, first)
    last = chunk_signature(request, b"", second)
    assert decode(decoder(request), encoded([half, half], [first, second, last])) == OBJECT
    refused(decoder(request), encoded([half, half], [second, first, last]), "SignatureDoesNotMatch")


def chunk_signature(request: Request, piece: bytes, previous: str) -> str:
    key = signing.signing_key(SECRET, SCOPE)
    text = f"AWS4-HMAC-SHA256-PAYLOAD\n{request.headers.get('x-amz-date')}\n{SCOPE}\n{previous}\n"
    text += f"{sha256().hexdigest()}\n{sha256(piece).hexdigest()}"
    return hmac.new(key, text.encode(), sha256).hexdigest()


def test_trailers_are_verified() -> None:
    refused(decoder(TRAILING), TRAILING_BODY.replace(b"sOO8", b"sOO9"), "SignatureDoesNotMatch")
    refused(decoder(TRAILING), TRAILING_BODY.replace(b"d81f82", b"d81f83"), "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {CRC32C: "sOO8/Q=="},
        {"x-amz-trailer-signature": TRAILER_SIGNATURE},
        FIELDS | {"x-amz-checksum-sha1": "x"},
        {CRC32C.replace("-", " "): "sOO8/Q=="},
    ],
    ids=["none", "unsigned", "unsent", "unannounced", "malformed"],
)
def test_trailers_must_be_as_announced(fields: dict[str, str]) -> None:
    fault = refused(decoder(TRAILING), encoded(PIECES, TRAILING_CHUNKS, fields), "MalformedTrailerError")
    assert fault.status == 400


def test_a_trailer_comes_once() -> None:
    twice = encoded([b"abc"], None, {"x-amz-checksum-crc32": "a", "X-Amz-Checksum-Crc32": "b"})
    refused(decoder(unsigned(3, "x-amz-checksum-crc32")), twice, "MalformedTrailerError")


def test_no_trailers_without_announcement() -> None:
    refused(decoder(PLAIN), encoded(PIECES, PLAIN_CHUNKS, {CRC32C: "sOO8/Q=="}), "MalformedTrailerError")


@pytest.mark.parametrize("body", [PLAIN_BODY, TRAILING_BODY], ids=["plain", "trailing"])
def test_a_body_that_ends_too_soon(body: bytes) -> None:
    request = PLAIN if body is PLAIN_BODY else TRAILING
    for end in (0, 1, 50, 5000, 65536, 66000, len(body) - 100, len(body) - 3, len(body) - 1):
        with pytest.raises(Fault, match=r"IncompleteBody|MalformedTrailerError"):
            decode(decoder(request), body[:end])


def test_the_very_last_line_end_may_be_missing() -> None:
    assert decode(decoder(PLAIN), PLAIN_BODY[:-2]) == OBJECT
    assert decode(decoder(TRAILING), TRAILING_BODY[:-2]) == OBJECT
    assert decode(decoder(PLAIN), PLAIN_BODY + b"\r\n") == OBJECT


@pytest.mark.parametrize(
    "body",
    [
        b"zz\r\n",
        b"-3\r\nabc\r\n0\r\n\r\n",
        b"3 \r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"3;other=1\r\nabc\r\n0\r\n\r\n",
        b"3\nabc\n0\n\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"2\r\nab\r\n0\r\n\r\n",
        b"4\r\nabcd\r\n0\r\n\r\n",
        b"ffffffffffffffff\r\nabc",
        b"fffffffffffffffff\r\nabc",
        b"\r\n",
        b"3" * 17000,
    ],
)
def test_malformed_chunks(body: bytes) -> None:
    fault = refused(decoder(unsigned(3)), body, "IncompleteBody")
    assert fault.status == 400


def test_signed_chunks_need_a_signature() -> None:
    refused(decoder(PLAIN), encoded(PIECES), "IncompleteBody")


def test_nothing_may_follow() -> None:
    refused(decoder(unsigned(3)), b"3\r\nabc\r\n0\r\n\r\nmore\r\n", "MalformedTrailerError")
    refused(decoder(unsigned(3)), b"3\r\nabc\r\n0\r\n\r\nmore", "MalformedTrailerError")


def test_only_the_last_chunk_may_be_small() -> None:
    fault = refused(
        decoder(unsigned(20000)), encoded([b"a" * SMALLEST, b"b" * 8191, b"c" * 3617]), "InvalidChunkSizeError"
    )
    assert fault.message == "Only the last chunk is allowed to have a size less than 8192 bytes"
    assert (fault.status, fault.members) == (403, {"Chunk": 2, "BadChunkSize": 8191})
    assert decode(decoder(unsigned(SMALLEST + 1)), encoded([b"a" * SMALLEST, b"b"])) == b"a" * SMALLEST + b"b"


def test_without_the_secret_nothing_is_verified() -> None:
    wrong = encoded(PIECES, ["0" * 64] * 3, {CRC32C: "anything", "x-amz-trailer-signature": "0"})
    made = decoder(TRAILING, None)
    assert decode(made, wrong) == OBJECT
    assert made.trailers.get(CRC32C) == "anything"


# --- any split ------------------------------------------------------------------------------------------------------


def outcome(made: ChunkDecoder, body: bytes, cuts: Iterable[int]) -> tuple[object, ...]:
    try:
        return decode(made, body, cuts), list(made.trailers)
    except Fault as fault:
        return fault.code, fault.message


CUTS = st.lists(st.integers(0, len(TRAILING_BODY)), max_size=12)
AT_THE_LINES = st.lists(
    st.sampled_from([match.start() + shift for match in re.finditer(rb"\r\n", TRAILING_BODY) for shift in (0, 1, 2)])
)


@settings(max_examples=60, deadline=None)
@given(CUTS | AT_THE_LINES)
def test_any_split_gives_the_same(cuts: list[int]) -> None:
    assert outcome(decoder(TRAILING), TRAILING_BODY, cuts) == (OBJECT, [(CRC32C, "sOO8/Q==")])


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from([b"3\r\nabc\r\n", b"0\r\n", b"\r\n", b"a:b\r\n", b"\r", b"\n", b"0", b"x", b"3"])),
    st.data(),
)
def test_any_split_of_any_body_gives_the_same(pieces: list[bytes], data: st.DataObject) -> None:
    body = b"".join(pieces)
    cuts = data.draw(st.lists(st.integers(0, len(body))))
    whole = outcome(decoder(unsigned(3, "a")), body, [])
    assert outcome(decoder(unsigned(3, "a")), body, cuts) == whole
    assert outcome(decoder(unsigned(3, "a")), body, range(len(body))) == whole


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3), st.integers(0, 5000), st.integers(1, 5000))
def test_lengths(whole: int, rest: int, step: int) -> None:
    pieces = [b"x" * SMALLEST] * whole + ([b"y" * rest] if rest else [])
    body = encoded(pieces)
    made = ChunkDecoder(sum(map(len, pieces)), frozenset(), None)
    assert decode(made, body, range(0, len(body), step)) == b"".join(pieces)


def test_a_seal_is_not_shared() -> None:
    signed = signing.parse(PLAIN)
    assert signed is not None
    first = Seal(signed, SECRET)
    first.check_chunk(sha256(PIECES[0]).hexdigest(), PLAIN_CHUNKS[0])
    with pytest.raises(Fault, match="SignatureDoesNotMatch"):
        first.check_chunk(sha256(PIECES[0]).hexdigest(), PLAIN_CHUNKS[0])
