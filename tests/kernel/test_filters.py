from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pileus.kernel.errors import Fault, Unfinished
from pileus.kernel.filters import Filters

INSTANCES = Filters(
    {
        "instance-type": "InstanceType",
        "attachment.status": "Attachments.Status",
        "source-dest-check": "SourceDestCheck",
        "vcpus": lambda instance: len(instance["InstanceType"]),
    },
    tags="Tags",
)

SMALL = {"InstanceType": "t3.small", "SourceDestCheck": True, "Tags": {"Owner": "Ann", "Stack": "prod-1"}}
LARGE = {"InstanceType": "m5.large", "SourceDestCheck": False, "Attachments": [{"Status": "x"}, {"Status": "y"}]}


def select(*filters: tuple[str, list[str]]) -> list[Any]:
    return INSTANCES.select([SMALL, LARGE], [{"Name": name, "Values": values} for name, values in filters])


def test_values_are_alternatives_and_filters_add_up() -> None:
    assert select(("instance-type", ["t3.small", "m5.large"])) == [SMALL, LARGE]
    assert select(("instance-type", ["t3.small", "m5.large"]), ("tag:Owner", ["Ann"])) == [SMALL]
    assert select() == [SMALL, LARGE]


def test_wildcards_stand_for_any_characters_or_for_one_or_none() -> None:
    assert select(("instance-type", ["m5*"])) == [LARGE]
    assert select(("tag:Stack", ["prod-??"])) == [SMALL]
    assert select(("tag:Stack", ["prod?"])) == []
    assert select(("instance-type", ["*"])) == [SMALL, LARGE]


def test_a_backslash_takes_a_wildcards_meaning_away() -> None:
    starred = {"InstanceType": "a*b?c\\d"}
    filters = [{"Name": "instance-type", "Values": [r"a\*b\?c\\d"]}]
    assert INSTANCES.select([starred, {"InstanceType": "axbc\\d"}], filters) == [starred]


def test_case_matters() -> None:
    assert select(("instance-type", ["T3.SMALL"])) == []
    assert select(("tag:owner", ["Ann"])) == []


def test_tags_are_found_by_key_and_by_value() -> None:
    assert select(("tag-key", ["Own*"])) == [SMALL]
    assert select(("tag:Owner", ["Ann", "Bob"])) == [SMALL]
    assert select(("tag-value", ["A?n"])) == [SMALL]
    assert select(("tag:Missing", ["*"])) == []


def test_fields_are_read_through_lists_and_compared_as_text() -> None:
    assert select(("attachment.status", ["y"])) == [LARGE]
    assert select(("source-dest-check", ["false"])) == [LARGE]
    assert select(("vcpus", ["8"])) == [SMALL, LARGE]


def test_a_filter_without_values_matches_nothing() -> None:
    assert select(("instance-type", [])) == []


def test_an_unknown_filter_is_an_error_and_never_matches_all() -> None:
    with pytest.raises(Fault, match="The filter 'colour' is invalid") as raised:
        select(("colour", ["red"]))
    assert raised.value.code == "InvalidParameterValue"
    with pytest.raises(Fault, match="The filter 'tag:a' is invalid"):
        Filters({}, tags=None).test([{"Name": "tag:a", "Values": ["b"]}])


def test_a_request_has_at_most_200_values_and_50_filters() -> None:
    most = [str(number) for number in range(200)]
    assert select(("instance-type", most)) == []
    with pytest.raises(Fault) as raised:
        select(("instance-type", most), ("vcpus", ["8"]))
    assert raised.value.code == "FilterLimitExceeded"
    with pytest.raises(Fault, match="filters"):
        select(*[("vcpus", ["8"])] * 51)


@pytest.mark.parametrize(
    "spelled",
    [
        {"Key": "instance-type", "Values": ["t3.small"]},
        {"Name": "instance-type", "Value": "t3.small"},
        {"key": "instance-type", "value": ["t3.small"]},
        {"FilterName": "instance-type", "FilterValues": ["t3.small"]},
    ],
)
def test_other_services_spell_filters_differently(spelled: dict[str, Any]) -> None:
    assert INSTANCES.select([SMALL, LARGE], [spelled]) == [SMALL]


def test_an_operator_is_not_passed_over() -> None:
    with pytest.raises(Unfinished, match="Operator"):
        INSTANCES.test([{"Name": "instance-type", "Operator": "NOT_EQUALS", "Values": ["t3.small"]}])


def test_other_services_have_errors_of_their_own_and_no_wildcards() -> None:
    plain = Filters({"name": "Name"}, wildcards=False, unknown=lambda name: Fault("InvalidFilterKey", name, status=400))
    assert plain.select([{"Name": "a*"}, {"Name": "ab"}], [{"Key": "name", "Values": ["a*"]}]) == [{"Name": "a*"}]
    with pytest.raises(Fault, match="InvalidFilterKey"):
        plain.test([{"Key": "tag:x", "Values": []}, {"Key": "nonsense", "Values": ["a"]}])


# Against the plainest matcher there is


def fits(value: str, text: str) -> bool:
    """EC2's rule, read aloud: one character of the value after the other."""
    if not value:
        return not text
    head, rest = value[0], value[1:]
    if head == "\\" and rest:
        return text[:1] == rest[0] and fits(rest[1:], text[1:])
    if head == "*":
        return any(fits(rest, text[at:]) for at in range(len(text) + 1))
    if head == "?":
        return fits(rest, text) or (bool(text) and fits(rest, text[1:]))
    return text[:1] == head and fits(rest, text[1:])


words = st.text("ab*?\\\n", max_size=5)
records = st.fixed_dictionaries(
    {"Name": words, "Parts": st.lists(words, max_size=3), "tags": st.dictionaries(words, words, max_size=3)}
)
requests = st.lists(
    st.tuples(st.sampled_from(["name", "parts", "tag-key", "tag:a", "tag:"]), st.lists(words, max_size=3)), max_size=3
)

FILTERS = Filters({"name": "Name", "parts": "Parts"})


def naive(record: dict[str, Any], filters: list[tuple[str, list[str]]]) -> bool:
    for name, values in filters:
        found = {
            "name": [record["Name"]],
            "parts": record["Parts"],
            "tag-key": list(record["tags"]),
            "tag:a": [record["tags"]["a"]] if "a" in record["tags"] else [],
            "tag:": [record["tags"][""]] if "" in record["tags"] else [],
        }[name]
        if not any(fits(value, text) for value in values for text in found):
            return False
    return True


@given(records, requests)
def test_it_agrees_with_a_naive_matcher(record: dict[str, Any], filters: list[tuple[str, list[str]]]) -> None:
    compiled = FILTERS.test([{"Name": name, "Values": values} for name, values in filters])
    assert compiled(record) == naive(record, filters)
