"""The order of keys, after FoundationDB's design/tuple.md."""

import enum
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus.kernel.store.keys import LAST, Element, pack, prefix_range, unpack

ints = st.integers(-(2**70), 2**70) | st.integers(-300, 300) | st.sampled_from([2**n for n in range(0, 200, 8)])
kinds = {
    "none": st.none(),
    "bytes": st.binary(max_size=6) | st.lists(st.sampled_from([b"\0", b"\xff", b"\1", b"a"])).map(b"".join),
    "text": st.text(max_size=6) | st.text("\0\1aé\U0010ffff", max_size=4),
    "int": ints,
    "float": st.floats(allow_nan=False),
    "bool": st.booleans(),
}
order = list(kinds)
element = st.one_of(*kinds.values())
tuples = st.lists(element, max_size=5).map(tuple)
pairs_of_one_kind = st.sampled_from(order).flatmap(lambda kind: st.tuples(kinds[kind], kinds[kind]))
alike = st.lists(pairs_of_one_kind, max_size=4).flatmap(
    lambda pairs: st.tuples(st.just(tuple(a for a, _ in pairs)), st.just(tuple(b for _, b in pairs)))
)


def kind(item: Element) -> int:
    return [type(None), bytes, str, int, float, bool].index(type(item))


def comparable(items: tuple[Element, ...]) -> tuple[object, ...]:
    return tuple((kind(item), 0 if item is None else item) for item in items)


@given(tuples)
def test_what_is_packed_comes_back(items: tuple[Element, ...]) -> None:
    back = unpack(pack(items))
    assert back == items
    assert [type(item) for item in back] == [type(item) for item in items]


@given(alike)
def test_packed_order_is_tuple_order(pair: tuple[tuple[Element, ...], tuple[Element, ...]]) -> None:
    a, b = pair
    assert (pack(a) < pack(b)) == (comparable(a) < comparable(b))
    assert (pack(a) == pack(b)) == (a == b)


@given(tuples, tuples)
def test_order_across_types_and_lengths(a: tuple[Element, ...], b: tuple[Element, ...]) -> None:
    assert (pack(a) < pack(b)) == (comparable(a) < comparable(b))


@given(tuples, tuples)
def test_packing_is_concatenative(a: tuple[Element, ...], b: tuple[Element, ...]) -> None:
    assert pack(a + b) == pack(a) + pack(b)


@given(tuples, tuples)
def test_a_prefix_range_holds_what_begins_so(prefix: tuple[Element, ...], rest: tuple[Element, ...]) -> None:
    start, end = prefix_range(pack(prefix))
    assert start <= pack(prefix + rest) < end


@given(tuples, tuples)
def test_a_prefix_range_holds_nothing_else(prefix: tuple[Element, ...], other: tuple[Element, ...]) -> None:
    start, end = prefix_range(pack(prefix))
    assert (start <= pack(other) < end) == pack(other).startswith(pack(prefix))


@pytest.mark.parametrize(
    ("items", "packed"),
    [  # the examples of design/tuple.md
        (("F\u00d4O\u0000bar",), b"\x02F\xc3\x94O\x00\xffbar\x00"),
        ((b"foo\x00bar",), b"\x01foo\x00\xffbar\x00"),
        ((-5551212,), b"\x11\xab\x4b\x93"),
        ((-42.0,), b"\x21\x3f\xba\xff\xff\xff\xff\xff\xff"),
        ((None, 0, 255, 256), b"\x00\x14\x15\xff\x16\x01\x00"),
        ((False, True), b"\x26\x27"),
    ],
)
def test_the_encoding_is_foundationdbs(items: tuple[Element, ...], packed: bytes) -> None:
    assert pack(items) == packed
    assert unpack(packed) == items


def test_zeros_are_one_key_and_nan_is_none() -> None:
    assert pack((-0.0,)) == pack((0.0,))
    with pytest.raises(ValueError, match="NaN"):
        pack((math.nan,))


def test_subclasses_are_what_they_extend() -> None:
    class Colour(enum.StrEnum):
        RED = "red"

    class Plain(str, enum.Enum):  # noqa: UP042
        RED = "red"

    class Level(enum.IntEnum):
        HIGH = 300

    assert pack((Colour.RED, Plain.RED, Level.HIGH)) == pack(("red", "red", 300))


def test_what_no_key_can_hold() -> None:
    with pytest.raises(TypeError, match="list"):
        pack(([],))  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        pack((1 << 2040,))
    with pytest.raises(UnicodeEncodeError):
        pack(("\ud800",))


@pytest.mark.parametrize(
    "key", [b"\x02abc", b"\x01ab\x00\xff", b"\x17\x01", b"\x21\x00", b"\x99", b"\x1d", b"\x1d\x09\x01"]
)
def test_what_is_no_key_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError):
        unpack(key)


def test_everything_comes_before_the_last() -> None:
    assert prefix_range(b"") == (b"", LAST)
    assert pack((True,)) < LAST
