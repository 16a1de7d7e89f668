"""GetMetricData: metric math, searches, and Metrics Insights."""

from __future__ import annotations

from typing import Any

import pytest

MINUTES = 5


@pytest.fixture
def ask(metrics: Any, minute: int) -> Any:
    """Metrics `a` = 1…5 and `b` = 10, 20, -, 40, 50 of the last five minutes; ask for an expression of them."""
    for number in range(MINUTES):
        at = minute - (MINUTES - number) * 60
        data = [{"MetricName": "a", "Value": number + 1.0, "Timestamp": at}]
        if number != 2:
            data.append({"MetricName": "b", "Value": (number + 1) * 10.0, "Timestamp": at})
        metrics.put_metric_data(Namespace="Works", MetricData=data)

    def ask(expression: str, **more: Any) -> list[list[float]]:
        stats = [{"Id": name, "MetricStat": stat(name), "ReturnData": False} for name in ("a", "b")]
        answer = metrics.get_metric_data(
            MetricDataQueries=[*stats, {"Id": "e", "Expression": expression}],
            StartTime=minute - MINUTES * 60,
            EndTime=minute,
            ScanBy="TimestampAscending",
            **more,
        )
        return [one["Values"] for one in answer["MetricDataResults"]]

    return ask


def stat(name: str) -> dict[str, Any]:
    return {"Metric": {"Namespace": "Works", "MetricName": name}, "Period": 60, "Stat": "Sum"}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + b", [[11, 22, 44, 55]]),
        ("a * 2 - 1", [[1, 3, 5, 7, 9]]),
        ("-a ^ 2", [[1, 4, 9, 16, 25]]),
        ("100 * a / (a + 1)", [[50, 200 / 3, 75, 80, 500 / 6]]),
        ("a / 0", [[]]),
        ("a > 2", [[0, 0, 1, 1, 1]]),
        ("a > 2 AND a < 5", [[0, 0, 1, 1, 0]]),
        ("a == 1 || a == 5", [[1, 0, 0, 0, 1]]),
        ("IF(a > 3, a, 0)", [[0, 0, 0, 4, 5]]),
        ("IF(a > 3, a)", [[4, 5]]),
        ("FILL(b, 0)", [[10, 20, 0, 40, 50]]),
        ("FILL(b, REPEAT)", [[10, 20, 20, 40, 50]]),
        ("FILL(b, LINEAR)", [[10, 20, 30, 40, 50]]),
        ("DIFF(a)", [[1, 1, 1, 1]]),
        ("RATE(b)", [[1 / 6, 1 / 6, 1 / 6]]),
        ("RUNNING_SUM(a)", [[1, 3, 6, 10, 15]]),
        ("a - AVG(a)", [[-2, -1, 0, 1, 2]]),
        ("a / MAX(a)", [[0.2, 0.4, 0.6, 0.8, 1]]),
        ("TIME_SERIES(STDDEV(a))", [[2**0.5] * 5]),
        ("SUM([a, b])", [[11, 22, 3, 44, 55]]),
        ("MAX(METRICS())", [[10, 20, 3, 40, 50]]),
        ("[a, b]", [[1, 2, 3, 4, 5], [10, 20, 40, 50]]),
        ("SORT(METRICS(), MAX, DESC, 1)", [[10, 20, 40, 50]]),
        ("SLICE(METRICS(), 0, 1)", [[1, 2, 3, 4, 5]]),
        ("FIRST([a, b]) + 1", [[2, 3, 4, 5, 6]]),
        ("TIME_SERIES(PERIOD(a))", [[60] * 5]),
        ("TIME_SERIES(DATAPOINT_COUNT(b))", [[4] * 5]),
        ("ABS(-1 * a)", [[1, 2, 3, 4, 5]]),
        ("CEIL(a / 2)", [[1, 1, 2, 2, 3]]),
        ("LOG10(b)", [[1, pytest.approx(1.30103), pytest.approx(1.60206), pytest.approx(1.69897)]]),
        ("SEARCH('{Works} MetricName=\"a\"', 'Sum', 60)", [[1, 2, 3, 4, 5]]),
        ("SUM(SEARCH('Works', 'Sum', 60))", [[11, 22, 3, 44, 55]]),
        ('SELECT SUM(a) FROM "Works"', [[1, 2, 3, 4, 5]]),
        ('SELECT AVG(b) FROM SCHEMA("Works") ORDER BY MAX() DESC LIMIT 1', [[10, 20, 40, 50]]),
    ],
)
def test_an_expression(ask: Any, expression: str, expected: list[list[float]]) -> None:
    found = ask(expression)
    assert len(found) == len(expected)
    for values, wanted in zip(found, expected, strict=True):
        assert values == pytest.approx(wanted) if not any(hasattr(w, "expected") for w in wanted) else values == wanted


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("a +", "expression 'e'"),
        ("nothing * 2", "undefined: nothing"),
        ("SPIN(a)", "unsupported function"),
        ("AVG(a)", "must return a time series"),
        ("e + 1", "Circular"),
        ("SELECT everything", "not valid"),
    ],
)
def test_a_wrong_expression(ask: Any, refused: Any, expression: str, message: str) -> None:
    with refused("ValidationError", message):
        ask(expression)


def test_groups_of_a_metrics_insights_query(metrics: Any, minute: int) -> None:
    for host, value in (("x", 1.0), ("y", 5.0), ("z", 3.0)):
        datum = {"MetricName": "cpu", "Value": value, "Dimensions": [{"Name": "Host", "Value": host}]}
        metrics.put_metric_data(Namespace="Works", MetricData=[datum])
    query = "SELECT MAX(cpu) FROM SCHEMA(\"Works\", Host) WHERE Host != 'y' GROUP BY Host ORDER BY MAX() DESC"
    answer = metrics.get_metric_data(
        MetricDataQueries=[{"Id": "q", "Expression": query, "Period": 60}], StartTime=minute, EndTime=minute + 60
    )
    assert [(one["Label"], one["Values"]) for one in answer["MetricDataResults"]] == [("z", [3]), ("x", [1])]


def test_the_newest_come_first_by_default_and_pages_continue(metrics: Any, ask: Any, minute: int) -> None:
    queries = [{"Id": name, "MetricStat": stat(name)} for name in ("a", "b")]
    span = {"StartTime": minute - 300, "EndTime": minute, "MaxDatapoints": 4}
    first = metrics.get_metric_data(MetricDataQueries=queries, **span)
    assert [(r["Id"], r["Values"], r["StatusCode"]) for r in first["MetricDataResults"]] == [
        ("a", [5, 4, 3, 2], "PartialData")
    ]
    second = metrics.get_metric_data(MetricDataQueries=queries, NextToken=first["NextToken"], **span)
    assert [(r["Id"], r["Values"]) for r in second["MetricDataResults"]] == [("a", [1]), ("b", [50, 40, 20])]
    third = metrics.get_metric_data(MetricDataQueries=queries, NextToken=second["NextToken"], **span)
    assert [(r["Id"], r["Values"]) for r in third["MetricDataResults"]] == [("b", [10])]
    assert "NextToken" not in third


def test_labels_are_filled_in(metrics: Any, ask: Any, minute: int) -> None:
    query = {"Id": "a", "MetricStat": stat("a"), "Label": "most: ${MAX}, last: ${LAST}"}
    answer = metrics.get_metric_data(MetricDataQueries=[query], StartTime=minute - 300, EndTime=minute)
    assert answer["MetricDataResults"][0]["Label"] == "most: 5, last: 5"


def test_the_band_of_what_is_expected(metrics: Any, minute: int) -> None:
    for hours in range(1, 80):
        datum = {"MetricName": "a", "Value": 10.0 + hours % 2, "Timestamp": minute - hours * 3600}
        metrics.put_metric_data(Namespace="Works", MetricData=[datum])
    metrics.put_metric_data(Namespace="Works", MetricData=[{"MetricName": "a", "Value": 99.0}])
    queries = [
        {"Id": "a", "MetricStat": {**stat("a"), "Period": 60}},
        {"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(a, 2)"},
    ]
    answer = metrics.get_metric_data(MetricDataQueries=queries, StartTime=minute, EndTime=minute + 60)
    _, upper, lower = (one["Values"][0] for one in answer["MetricDataResults"])
    assert 9 <= lower <= 11 <= upper + 1
    assert upper < 99


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Id": "A"}, "is invalid"),
        ({"Id": "b"}, "not unique"),
        ({"Expression": "b"}, "mutually exclusive"),
        ({"MetricStat": {**stat("a"), "Stat": "Median"}}, "not supported"),
    ],
)
def test_queries_are_checked(metrics: Any, minute: int, refused: Any, change: dict[str, Any], message: str) -> None:
    queries = [{"Id": "a", "MetricStat": stat("a")} | change, {"Id": "b", "MetricStat": stat("b")}]
    with refused("ValidationError", message):
        metrics.get_metric_data(MetricDataQueries=queries, StartTime=minute - 60, EndTime=minute)
