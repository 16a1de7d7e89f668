"""Bytes are sealed and opened in segments, however they come."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pileus.services.s3.seals import SEALED, SEGMENT, TAG, Sealer, Unsealer

KEY = bytes(32)
BYTES = random.Random(5).randbytes(3 * SEALED)
SIZES = st.one_of(st.sampled_from([0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT]), st.integers(0, 3 * SEGMENT))


def cut(data: bytes, places: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *[place for place in places if place < len(data)]})
    return [data[start:stop] for start, stop in pairwise(places)]


@given(SIZES, st.lists(st.integers(0, 3 * SEGMENT), max_size=5), st.lists(st.integers(0, 3 * SEALED), max_size=5))
def test_any_cut_gives_the_same(size: int, cuts: list[int], sealed_cuts: list[int]) -> None:
    plain = BYTES[:size]
    sealer = Sealer(KEY)
    sealed = b"".join([bytes(segment) for piece in cut(plain, cuts) for segment in sealer.feed(piece)])
    sealed += sealer.end()
    assert len(sealed) == size + TAG * max(1, -(-size // SEGMENT))
    unsealer = Unsealer(KEY)
    opened = b"".join([unsealer.feed(piece, last=False) for piece in cut(sealed, sealed_cuts)])
    assert opened + unsealer.feed(b"", last=True) == plain
