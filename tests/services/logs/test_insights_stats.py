"""Statistics: by columns and by rows they are the same, and what a naive reader would count."""

from __future__ import annotations

import json
import math
import statistics
from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.services.logs.insights.query import Query
from pileus.services.logs.insights.slices import Slice
from pileus.services.logs.parts import Part, pack

values = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([0.5, 2.5, "a", "b", "7"]) | st.just([1])
messages = st.lists(
    st.fixed_dictionaries({}, optional={"k": st.sampled_from(["x", "y", 1]), "n": values, "d": st.just({"e": 3})})
    | st.just("text"),
    max_size=12,
)
TEXT = (
    "stats count(*) as c, count(n) as cn, sum(n) as s, avg(n) as a, min(n) as lo, max(n) as hi, "
    "pct(n, 50) as p, count_distinct(n) as u, sum(d.e) as e by k, bin(1m)"
)


def asked(text: str, documents: list[Any]) -> list[Any]:
    query = Query(text, 0)
    texts = [one if isinstance(one, str) else json.dumps(one) for one in documents]
    if texts:
        part = Part(1, 0, [number * 20_000 for number in range(len(texts))], texts)
        query.feed(Slice(pack(part), part, 0, 10**9, "log", "stream"))
    return query.results(lambda *place: "")


@settings(max_examples=200)
@given(messages)
def test_columns_and_rows_give_the_same(documents: list[Any]) -> None:
    assert asked(TEXT, documents) == asked(f"filter 1 = 1 | {TEXT}", documents)


def number(value: Any) -> float | None:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    return float(value) if value == "7" else None


@settings(max_examples=200)
@given(messages)
def test_sums_and_counts_are_what_a_naive_reader_finds(documents: list[Any]) -> None:
    groups: dict[str | None, list[Any]] = defaultdict(list)
    for document in documents:
        document = document if isinstance(document, dict) else {}
        groups[str(document["k"]) if "k" in document else None].append(document.get("n"))
    found = {
        dict(row).get("k"): dict(row)
        for row in asked("stats count(*) as c, sum(n) as s, pct(n, 50) as p by k", documents)
    }
    assert found.keys() == groups.keys()
    for key, row in found.items():
        numbers = [one for value in groups[key] if (one := number(value)) is not None]
        assert int(row["c"]) == len(groups[key])
        if not numbers:
            assert "s" not in row
            continue
        assert math.isclose(float(row["s"]), sum(numbers), abs_tol=1e-3)
        assert float(row["p"]) == statistics.median_low(numbers)
