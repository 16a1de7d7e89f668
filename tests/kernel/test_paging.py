from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus.kernel import Fault, paging
from pileus.kernel.call import Call
from pileus.kernel.cloud import Cloud
from pileus.kernel.store import open_store

CLOUD = Cloud(open_store(None))

places = st.lists(st.none() | st.text() | st.integers(0, 2**40) | st.binary(), min_size=1).map(tuple) | st.integers(
    0, 2**63
)


def call(**particulars: Any) -> Call:
    return CLOUD.call("mediastore", **{"operation": "ListContainers"} | particulars)


@given(places)
def test_a_token_leads_back_to_its_place_and_fits_the_models_patterns(place: Any) -> None:
    token = paging.sealed(call(), place)
    assert paging.opened(call(), token) == place
    assert token.isascii()
    assert token.isalnum()
    assert len(token) % 4 == 0


@pytest.mark.parametrize(
    "other", [{"account": "111122223333"}, {"region": "eu-west-1"}, {"operation": "ListOthers"}, {"service": "sqs"}]
)
def test_a_token_is_good_only_where_it_was_given(other: dict[str, str]) -> None:
    token = paging.sealed(call(), ("a", 1))
    elsewhere = call().at(**other)
    with pytest.raises(Fault, match="pagination token"):
        paging.opened(elsewhere, token)


@pytest.mark.parametrize("token", ["", "abc", "é", "x" * 40, "=" * 8])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(Fault, match="Mine"):
        paging.opened(call(), token, Fault("Mine", status=400))


def test_all_pages_of_a_list_are_read() -> None:
    pages = {None: (["a", "b"], "1"), "1": ([], "2"), "2": (["c"], None)}

    def listed(kind: str, next_token: str | None = None) -> dict[str, Any]:
        assert kind == "letters"
        found, following = pages[next_token]
        return {"Found": found, "NextToken": following}

    assert list(paging.every(listed, "Found", kind="letters")) == ["a", "b", "c"]
