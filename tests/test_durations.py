"""Lengths of time and instants, as they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus import durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("1.5", 1.5),
        ("0", 0),
        ("250ms", 0.25),
        ("90s", 90),
        ("90m", 5400),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("4d", 345600),
        ("2w", 1209600),
        ("1.5H", 5400),
        ("PT15M", 900),
        ("P1DT12H", 129600),
        ("p2w", 1209600),
        ("PT0.5S", 0.5),
    ],
)
def test_lengths(text: str, seconds: float) -> None:
    assert durations.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "4x", "-1d", "1d-2h", "P", "PT", "P1Y", "P1M", "1e3", "d4", "4 days"])
def test_what_is_no_length(text: str) -> None:
    with pytest.raises(ValueError, match="no length of time"):
        durations.seconds(text)


@pytest.mark.parametrize(
    ("text", "epoch"),
    [
        ("0", 0),
        ("1700000000.5", 1700000000.5),
        ("1970-01-02", 86400),
        ("1970-01-01T00:01:00Z", 60),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01 00:00:01", 1),
    ],
)
def test_instants(text: str, epoch: float) -> None:
    assert durations.instant(text) == epoch


def test_what_is_no_instant() -> None:
    with pytest.raises(ValueError, match="no instant"):
        durations.instant("someday")


@given(st.integers(0, 250_000_000_000))
def test_instants_are_written_as_they_are_read(milliseconds: int) -> None:
    assert durations.instant(durations.iso(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, abs=0.001)


@pytest.mark.parametrize(("length", "text"), [(0, "0s"), (61, "1m1s"), (3600, "1h"), (345601, "4d1s"), (90061, "1d1h")])
def test_lengths_for_people(length: float, text: str) -> None:
    assert durations.spoken(length) == text
