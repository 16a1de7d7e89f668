"""Timestamps, from any format and to the one that is asked for."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus.gateway.protocols import timestamps
from pileus.gateway.protocols.faults import Malformed

MOMENTS = st.integers(-62135596800_000, 253402300799_999).map(lambda millis: millis / 1000)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2015-01-25T08:00:00Z", 1422172800.0),
        ("2015-01-25T08:00:00.123456789Z", 1422172800.123456),
        ("2015-01-25T10:00:00+02:00", 1422172800.0),
        ("2015-01-25T08:00:00", 1422172800.0),
        ("20150125T080000Z", 1422172800.0),
        ("2015-01-25", 1422144000.0),
        ("Sun, 25 Jan 2015 08:00:00 GMT", 1422172800.0),
        ("1422172800", 1422172800.0),
        ("1422172800.5", 1422172800.5),
        ("1.4221728e9", 1422172800.0),
        ("-1", -1.0),
    ],
)
def test_parsed(text: str, seconds: float) -> None:
    assert timestamps.parse(text) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("text", ["", "noon", "NaN", "Infinity", "1e400", "9" * 5000, "2015-13-01", "0000-01-01", "١٢"])
def test_refused(text: str) -> None:
    with pytest.raises(Malformed):
        timestamps.parse(text)


@given(text=st.text(max_size=30))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with suppress(Malformed):
        assert timestamps.EARLIEST <= timestamps.parse(text) < timestamps.LATEST


@given(seconds=MOMENTS)
def test_what_is_written_is_read(seconds: float) -> None:
    assert timestamps.parse(timestamps.iso8601(seconds)) == pytest.approx(seconds, abs=1e-3)
    assert timestamps.parse(timestamps.unix_text(seconds)) == pytest.approx(seconds, abs=1e-3)
    if seconds > -30_000_000_000:  # RFC 5322 reads years of two digits as those of its own time
        assert seconds - 1 <= timestamps.parse(timestamps.rfc822(seconds)) <= seconds + 1e-3


def test_written() -> None:
    assert timestamps.iso8601(1422172800) == "2015-01-25T08:00:00Z"
    assert timestamps.iso8601(1422172800.5) == "2015-01-25T08:00:00.500Z"
    assert timestamps.iso8601_millis(1422172800) == "2015-01-25T08:00:00.000Z"
    assert timestamps.rfc822(1422172800.999) == "Sun, 25 Jan 2015 08:00:00 GMT"
    assert timestamps.unix(1422172800.0) == 1422172800
    assert timestamps.iso8601(datetime(2015, 1, 25, 8, tzinfo=UTC)) == "2015-01-25T08:00:00Z"
