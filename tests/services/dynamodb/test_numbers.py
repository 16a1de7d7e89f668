"""Numbers keep 38 digits exactly, and their bytes sort as they do."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus.kernel import Fault
from pileus.services.dynamodb import numbers


@st.composite
def decimals(draw: st.DrawFn) -> Decimal:
    digits = draw(st.text("0123456789", min_size=1, max_size=38))
    exponent = draw(st.integers(-130, 125 - len(digits) + 1))
    return Decimal(f"{draw(st.sampled_from('-+'))}{digits}E{exponent}")


@given(decimals(), decimals())
def test_the_bytes_of_numbers_sort_as_numbers_do(one: Decimal, other: Decimal) -> None:
    left, right = numbers.encode(numbers.normal(str(one))), numbers.encode(numbers.normal(str(other)))
    assert (left < right) == (one < other)
    assert (left == right) == (one == other)


@given(decimals(), decimals())
def test_no_number_is_the_beginning_of_another(one: Decimal, other: Decimal) -> None:
    if one != other:
        left, right = numbers.encode(numbers.normal(str(one))), numbers.encode(numbers.normal(str(other)))
        assert not left.startswith(right)


@given(decimals())
def test_a_number_is_given_back_exactly_in_plain_notation(number: Decimal) -> None:
    text = numbers.normal(str(number))
    assert Decimal(text) == number
    assert "E" not in text
    assert numbers.normal(text) == text


@given(st.from_regex(numbers.USUAL, fullmatch=True))
def test_the_usual_form_is_the_normal_one(text: str) -> None:
    negative, digits, point = numbers.parts(text)
    assert ("-" if negative else "") + numbers.plain(digits, point) == text


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("007", "7"),
        ("1.50", "1.5"),
        ("-0", "0"),
        ("1e3", "1000"),
        ("-1.5E-3", "-0.0015"),
        (".5", "0.5"),
        ("5.", "5"),
        ("+1", "1"),
        ("0e500", "0"),
    ],
)
def test_leading_and_trailing_zeroes_are_trimmed(given: str, normal: str) -> None:
    assert numbers.normal(given) == normal


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "The parameter cannot be converted to a numeric value"),
        ("abc", "The parameter cannot be converted to a numeric value: abc"),
        ("1_000", "The parameter cannot be converted to a numeric value: 1_000"),
        ("NaN", "The parameter cannot be converted to a numeric value: NaN"),
        ("1" * 39, "Attempting to store more than 38 significant digits in a Number"),
        ("1E126", "Number overflow. Attempting to store a number with magnitude larger than supported range"),
        ("-1E126", "Number overflow. Attempting to store a number with magnitude larger than supported range"),
        ("1E-131", "Number underflow. Attempting to store a number with magnitude smaller than supported range"),
    ],
)
def test_what_is_no_number_is_refused_in_dynamodbs_words(given: str, message: str) -> None:
    with pytest.raises(Fault) as refused:
        numbers.normal(given)
    assert refused.value.message == message


def test_sums_are_exact_or_refused() -> None:
    assert numbers.total("0.1", "0.2") == "0.3"
    assert numbers.total("9" * 38, "1") == "1" + "0" * 38
    assert numbers.total("1", "3", -1) == "-2"
    with pytest.raises(Fault, match="38 significant digits"):
        numbers.total("1" + "0" * 37, "0.5")
