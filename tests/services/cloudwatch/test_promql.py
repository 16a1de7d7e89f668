"""PromQL, against what Prometheus says of the same series."""

from __future__ import annotations

import math

import pytest

from pileus.services.cloudwatch.expressions import Misspelt
from pileus.services.cloudwatch.promql import Labels, Points, Scope, Selector, evaluate, parse

SERIES: list[tuple[Labels, Points]] = [
    ({"__name__": "requests", "job": "web", "code": "200"}, [(0.0, 10.0), (60.0, 70.0), (120.0, 190.0)]),
    ({"__name__": "requests", "job": "web", "code": "500"}, [(0.0, 4.0), (60.0, 1.0), (120.0, 3.0)]),
    ({"__name__": "requests", "job": "db", "code": "200"}, [(60.0, 5.0), (120.0, 9.0)]),
    ({"__name__": "limit", "job": "web"}, [(120.0, 100.0)]),
]


def source(selector: Selector, statistic: str, start: float, end: float) -> list[tuple[Labels, Points]]:
    found = [(labels, [p for p in points if start <= p[0] <= end]) for labels, points in SERIES]
    return [(labels, points) for labels, points in found if selector.covers(labels)]


def asked(text: str) -> object:
    found = evaluate(parse(text), Scope(source, 120.0))
    if isinstance(found, list):
        return sorted(("/".join(v for _, v in sorted(labels.items())), round(value, 6)) for labels, value in found)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 ^ 2 ^ 0.5 > bool 1", 1.0),
        ("-(2 - 3) % 2", 1.0),
        ('requests{job="db"}', [("requests/200/db", 9.0)]),
        ('{"requests", code=~"5.."} offset 1m', [("requests/500/web", 1.0)]),
        ("sum(requests)", [("", 202.0)]),
        ("sum by (job) (requests)", [("db", 9.0), ("web", 193.0)]),
        ("max(requests) without (code)", [("db", 9.0), ("web", 190.0)]),
        ('rate(requests{code="200"}[2m])', [("200/db", 4 / 120), ("200/web", 1.5)]),
        ('increase(requests{code="500"}[2m])', [("500/web", 3.0)]),  # it was set back in between
        ('avg_over_time(requests{job="db"}[1h]) * 2', [("200/db", 14.0)]),
        ("topk(1, requests)", [("requests/200/web", 190.0)]),
        ("quantile(0.5, requests)", [("", 9.0)]),
        ("requests > 5 < 100", [("requests/200/db", 9.0)]),
        ('sum by (job) (requests) > on (job) limit{job="web"}', [("web", 193.0)]),
        ('requests unless on (code) requests{code="500"}', [("requests/200/db", 9.0), ("requests/200/web", 190.0)]),
        ("absent(nothing) or vector(2)", [("", 1.0)]),
        ("clamp_max(requests, 8)", [("200/db", 8.0), ("200/web", 8.0), ("500/web", 3.0)]),
        ('scalar(requests{job="db"}) + time()', 129.0),
        ("count(requests) / 0", [("", math.inf)]),
    ],
)
def test_a_query(text: str, expected: object) -> None:
    if isinstance(expected, list):
        expected = [(name, round(value, 6)) for name, value in expected]
    assert asked(text) == expected


@pytest.mark.parametrize("text", ["requests[5m]", "rate(requests)", "sum(1)", "1 +", "spin(requests)", "{}", "a b"])
def test_what_is_no_query(text: str) -> None:
    with pytest.raises(Misspelt):
        asked(text)
