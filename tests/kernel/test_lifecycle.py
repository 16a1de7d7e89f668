from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus.kernel.resource.lifecycle import GONE, Lifecycle

FULL = "CREATING -> ACTIVE after 2s; UPDATING -> ACTIVE after 1m; DELETING -> ENDING after 1s; ENDING -> gone after 3s"


def test_the_beginnings_are_told_by_where_they_lead() -> None:
    life = Lifecycle(FULL)
    assert (life.created, life.updated, life.deleted) == ("CREATING", "UPDATING", "DELETING")
    assert life.ending == {"DELETING", "ENDING"}
    assert life.states == {"CREATING", "ACTIVE", "UPDATING", "DELETING", "ENDING"}
    assert life.seconds("DELETING") == 4


def test_a_state_lasts_as_long_as_its_rule_says() -> None:
    life = Lifecycle("PENDING -> STARTING after 2s; STARTING -> RUNNING after 0.5h")
    assert life.at("PENDING", 100, 101.9) == ("PENDING", 100)
    assert life.at("PENDING", 100, 102) == ("STARTING", 102)
    assert life.at("PENDING", 100, 10_000) == ("RUNNING", 1902)


def test_the_member_may_be_named() -> None:
    assert Lifecycle("Status: CREATING -> ACTIVE after 2s").member == "Status"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not a rule"),
        ("CREATING -> ACTIVE", "not a rule"),
        ("A -> B after 1s; A -> C after 1s", "two rules"),
        ("A -> B after 1s; B -> A after 1s", "circle"),
        ("S -> T after 1s; A -> B after 1s; B -> A after 1s", "circle"),
        ("A -> S after 1s; B -> S after 1s; C -> S after 1s", "more beginnings"),
        ("A -> gone after 1s; B -> gone after 1s", "more beginnings"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Lifecycle(text)


@given(st.floats(0, 10), st.floats(0, 10))
def test_to_look_in_between_changes_nothing(first: float, second: float) -> None:
    life = Lifecycle(FULL)
    between = life.at("DELETING", 0.0, first)
    assert life.at(*between, first + second) == life.at("DELETING", 0.0, first + second)
    assert (life.at("DELETING", 0.0, first)[0] == GONE) == (first >= 4)
