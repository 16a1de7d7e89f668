"""The algebra of management policies: laws that hold whatever the policies are."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pileus.services.organizations.merging import merged

ASSIGN, APPEND, REMOVE = "@@assign", "@@append", "@@remove"
ALLOWED = "@@operators_allowed_for_child_policies"

VALUES = st.lists(st.sampled_from("abcd"), unique=True, max_size=3)
LEAVES = st.fixed_dictionaries({}, optional={ASSIGN: VALUES, APPEND: VALUES, REMOVE: VALUES})
DOCUMENTS = st.dictionaries(
    st.sampled_from("xyz"), st.dictionaries(st.sampled_from("pq"), LEAVES, max_size=2), max_size=3
)
LEVELS = st.lists(st.lists(DOCUMENTS, max_size=2), max_size=4)


def naive(levels: list[list[Any]]) -> dict[str, Any]:
    """Leaf by leaf: what each operator on the way does to the value, where nothing is forbidden."""
    found: dict[tuple[str, str], list[str]] = {}
    for level in levels:
        for document in level:
            for part, leaves in document.items():
                for leaf, operators in leaves.items():
                    place = (part, leaf)
                    if ASSIGN in operators:
                        found[place] = list(operators[ASSIGN])
                    if REMOVE in operators and place in found:
                        found[place] = [one for one in found[place] if one not in operators[REMOVE]]
                    if APPEND in operators:
                        held = found.setdefault(place, [])
                        held += [one for one in operators[APPEND] if one not in held]
    result: dict[str, Any] = {}
    for (part, leaf), value in found.items():
        result.setdefault(part, {})[leaf] = value
    return result


@given(LEVELS)
def test_operators_act_one_after_the_other(levels: list[list[Any]]) -> None:
    assert merged(levels) == naive(levels)


@given(LEVELS)
def test_a_level_without_policies_changes_nothing(levels: list[list[Any]]) -> None:
    assert merged([*levels, []]) == merged([[], *levels]) == merged(levels)


@given(DOCUMENTS, LEVELS)
def test_what_a_parent_closes_nobody_changes(parent: dict[str, Any], levels: list[list[Any]]) -> None:
    def closed(part: Any) -> Any:
        if not isinstance(part, dict):
            return part
        return {name: closed(inner) for name, inner in part.items()} | {ALLOWED: ["@@none"]}

    assert merged([[closed(parent)], *levels]) == merged([[parent]])
