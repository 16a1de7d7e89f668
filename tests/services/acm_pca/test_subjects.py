"""Names: what goes into a certificate comes out of it again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus.kernel import Fault
from pileus.services.acm import attributes
from pileus.services.acm_pca import subjects

LONGEST = {"GivenName": 16, "Surname": 40, "Initials": 5, "GenerationQualifier": 3}
PRINTABLE = ("SerialNumber", "DistinguishedNameQualifier")

letters = st.text("abcdefghijklmnopqrstuvwxyzÄß漢 ", min_size=1).map(lambda text: text.strip() or "x")
plain = st.text("abcXYZ019 -.", min_size=1).map(lambda text: text.strip() or "x")


@st.composite
def names(draw: st.DrawFn) -> dict[str, str]:
    chosen = draw(st.sets(st.sampled_from([*subjects.ATTRIBUTES]), min_size=1))
    found = {name: draw(plain if name in PRINTABLE else letters)[: LONGEST.get(name, 60)] for name in chosen}
    return found | ({"Country": "FI"} if "Country" in chosen else {})


@given(names())
def test_a_subject_is_read_as_it_was_written(subject: dict[str, str]) -> None:
    assert attributes.name(subjects.name(subject)) == subject


@given(st.text(max_size=256))
def test_texts_are_der_that_says_its_own_length(text: str) -> None:
    data = subjects.utf8(text)
    assert data[0] == 0x0C
    if data[1] < 0x80:
        head, size = 2, data[1]
    else:
        head = 2 + (data[1] & 0x7F)
        size = int.from_bytes(data[2:head], "big")
        assert size >= 0x80 and data[2] != 0
    assert len(data) == head + size and data[head:].decode() == text


def test_custom_attributes_stand_alone() -> None:
    custom = [{"ObjectIdentifier": "1.3.6.1.4.1.99999.1", "Value": "x"}]
    assert attributes.name(subjects.name({"CustomAttributes": custom})) == {"CustomAttributes": custom}
    with pytest.raises(Fault, match="InvalidArgsException"):
        subjects.name({"CustomAttributes": custom, "CommonName": "x"})
