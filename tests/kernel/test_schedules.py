"""Schedule expressions: a year of each, in zones whose clocks change, against croniter with zoneinfo."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pileus.kernel import schedules

from .cron_reference import times

START = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
YEAR = 365 * 86_400.0

ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago"]
CRONS = [
    "cron(0 12 * * ? *)",
    "cron(30 2 * * ? *)",
    "cron(15,45 1-3 ? * SUN *)",
    "cron(0/20 0-4 * * ? *)",
    "cron(0 8 ? * MON-FRI *)",
    "cron(5 10 1,15 * ? *)",
    "cron(0 0 L * ? *)",
    "cron(0 18 ? * 6L *)",
    "cron(0 6 ? * 2#1 *)",
    "cron(59 23 31 * ? *)",
    "cron(0 0/6 * JAN,MAR-MAY,12 ? *)",
    "cron(0 2 ? 3,10,11 1,7 *)",
]


def all_after(schedule: schedules.Schedule, start: float, end: float) -> list[float]:
    found = []
    instant = start
    while (due := schedule.after(instant)) is not None and due <= end:
        found.append(due)
        instant = due
    return found


@pytest.mark.parametrize("zone", ZONES)
def test_a_year_of_crons_agrees_with_croniter(zone: str) -> None:
    for expression in CRONS:
        wanted = times(expression, zone, START, START + YEAR)
        assert len(wanted) > 5, expression
        assert all_after(schedules.parse(expression, zone), START, START + YEAR) == wanted, expression


def local(expression: str, zone: str, start: str, count: int) -> list[str]:
    schedule, instant, found = schedules.parse(expression, zone), datetime.fromisoformat(start).timestamp(), []
    for _ in range(count):
        due = schedule.after(instant)
        assert due is not None
        instant = due
        found.append(datetime.fromtimestamp(due, schedules.zone_named(zone)).isoformat())
    return found


def test_what_the_change_of_the_clock_leaves_out_is_left_out() -> None:
    assert local("cron(30 2 * * ? *)", "America/New_York", "2027-03-13T00:00:00+00:00", 3) == [
        "2027-03-13T02:30:00-05:00",
        "2027-03-15T02:30:00-04:00",
        "2027-03-16T02:30:00-04:00",
    ]


def test_what_comes_twice_counts_once() -> None:
    assert local("cron(30 1 * * ? *)", "America/New_York", "2027-11-06T12:00:00+00:00", 2) == [
        "2027-11-07T01:30:00-04:00",
        "2027-11-08T01:30:00-05:00",
    ]


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("cron(0 9 15W * ? *)", ["2027-01-15", "2027-02-15", "2027-03-15", "2027-04-15", "2027-05-14"]),
        ("cron(0 9 1W * ? *)", ["2027-01-01", "2027-02-01", "2027-03-01", "2027-04-01", "2027-05-03"]),
        ("cron(0 9 LW * ? *)", ["2027-01-29", "2027-02-26", "2027-03-31", "2027-04-30", "2027-05-31"]),
        ("cron(0 9 L-3 * ? *)", ["2027-01-28", "2027-02-25", "2027-03-28", "2027-04-27", "2027-05-28"]),
        ("cron(0 9 29 2 ? *)", ["2028-02-29", "2032-02-29"]),
        ("cron(0 9 1 1 ? 2030-2032)", ["2030-01-01", "2031-01-01", "2032-01-01"]),
    ],
)
def test_days_that_croniter_does_not_know(expression: str, wanted: list[str]) -> None:
    found = [day[:10] for day in local(expression, "UTC", "2027-01-01T00:00:00+00:00", len(wanted))]
    assert found == wanted


def test_rates_count_from_their_beginning_and_once_is_once() -> None:
    rate = schedules.parse("rate(90 minutes)", "UTC", START + 60)
    assert all_after(rate, START, START + 20_000) == [START + 60 + 5400 * number for number in range(4)]
    once = schedules.parse("at(2027-07-01T08:00:00)", "Europe/Berlin")
    assert once.after(START) == datetime(2027, 7, 1, 6, tzinfo=UTC).timestamp()
    assert once.after(START + YEAR) is None
    assert schedules.parse("cron(0 0 1 1 ? 2020)").after(START) is None


@pytest.mark.parametrize(
    "expression",
    [
        "rate(0 days)",
        "rate(1 days)",
        "rate(2 day)",
        "rate(5 seconds)",
        "rate(-1 minutes)",
        "cron(* * * * * *)",
        "cron(0 0 ? * ? *)",
        "cron(0 0 * * ?)",
        "cron(60 0 * * ? *)",
        "cron(0 0 0 * ? *)",
        "cron(0 0 ? * 8 *)",
        "cron(0 0 ? * FOO *)",
        "cron(0/0 0 * * ? *)",
        "cron(5-3 0 * * ? *)",
        "at(2027-13-01T00:00:00)",
        "at(2027-01-01)",
        "every day",
        "",
    ],
)
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(ValueError):
        schedules.parse(expression)


def test_zones_must_be_known() -> None:
    for name in ("Mars/Phobos", "../etc/passwd", ""):
        with pytest.raises(ValueError):
            schedules.parse("rate(1 day)", name)
