"""Matroska as it is streamed, in whatever pieces it comes."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pileus.engines import matroska
from pileus.engines.matroska import Cluster, Ended, Heading, Invalid, Reader

EBML = matroska.element(matroska.EBML, matroska.element(matroska.DOCTYPE, b"matroska"))
TRACK = matroska.element(matroska.TRACK_NUMBER, b"\x01") + matroska.element(matroska.CODEC_ID, b"V_TEST")
HEADING = Heading(
    EBML,
    matroska.element(matroska.INFO, matroska.element(matroska.TIMESTAMP_SCALE, (1_000_000).to_bytes(3, "big"))),
    matroska.element(matroska.TRACKS, matroska.element(matroska.TRACK_ENTRY, TRACK)),
)

clusters = st.lists(
    st.tuples(st.integers(0, 2**40), st.lists(st.tuples(st.integers(0, 32767), st.binary(max_size=40)), min_size=1)),
    max_size=5,
)


def block(time: int, data: bytes) -> bytes:
    return matroska.element(matroska.SIMPLE_BLOCK, b"\x81" + time.to_bytes(2, "big") + b"\x80" + data)


def open_ended(timecode: int, blocks: bytes) -> bytes:
    """A cluster of unknown size, as cameras send them."""
    name = matroska.CLUSTER.to_bytes(4, "big") + matroska.UNKNOWN
    return name + matroska.element(matroska.TIMECODE, timecode.to_bytes(8, "big")) + blocks


def read(data: bytes, cuts: list[int]) -> list[Cluster]:
    reader = Reader(1_000_000)
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    events = [event for a, b in pairwise(places) for event in reader.feed(data[a:b])]
    return [event.cluster for event in (*events, *reader.end()) if isinstance(event, Ended)]


@given(clusters, st.booleans(), st.lists(st.integers(0, 10_000), max_size=8))
def test_what_was_written_is_read_whatever_the_pieces(
    written: list[tuple[int, list[tuple[int, bytes]]]], known: bool, cuts: list[int]
) -> None:
    data = matroska.beginning(HEADING)
    for timecode, blocks in written:
        content = b"".join(block(*one) for one in blocks)
        data += matroska.tags({"NAME": "passed over"})
        data += matroska.cluster(timecode, content) if known else open_ended(timecode, content)
    found = read(data, cuts)
    assert [(one.timecode, one.times[1]) for one in found] == [
        (timecode, [time for time, _ in blocks]) for timecode, blocks in written
    ]
    assert all(one.heading == HEADING for one in found)
    assert HEADING.scale == 1_000_000
    assert [track.codec for track in HEADING.entries] == ["V_TEST"]


@given(st.binary(max_size=200), st.integers(0, 400))
def test_nonsense_is_invalid_and_nothing_worse(nonsense: bytes, at: int) -> None:
    whole = matroska.beginning(HEADING) + matroska.cluster(5, block(0, b"picture"))
    with suppress(Invalid):
        for found in read(whole[:at] + nonsense + whole[at + 1 :], []):
            assert found.heading.scale
            assert isinstance(found.heading.entries, list)
