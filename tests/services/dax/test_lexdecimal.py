"""Numbers as sort keys: they come back as they were, and their bytes sort as they do."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from pileus.services.dax.lexdecimal import decode, encode

numbers = st.builds(
    lambda sign, digits, exponent: Decimal((sign, tuple(map(int, str(digits))), exponent)),
    st.integers(0, 1),
    st.integers(1, 10**38 - 1),
    st.integers(-130, 80),
) | st.just(Decimal(0))


@given(numbers)
def test_a_number_comes_back_as_it_was(number: Decimal) -> None:
    assert decode(encode(number)) == number


@given(numbers, numbers)
def test_bytes_sort_as_the_numbers_do(one: Decimal, other: Decimal) -> None:
    first, second = encode(one), encode(other)
    assert (first < second) == (one < other) and (first == second) == (one == other)
