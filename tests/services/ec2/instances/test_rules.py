"""Rules that hold for whatever is asked: hours of windows, prices, offerings, templates, shares of fleets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pileus.services.ec2.instances import fleets, prices, specification
from pileus.services.ec2.instances.event_windows import CRON_DAYS, DAYS, WEEK, hours_of
from pileus.services.ec2.instances.types import table

TYPES = [one for one in table().all if one.price]
DAY, HOUR = st.integers(0, 6), st.integers(0, 23)


@given(DAY, HOUR, DAY, HOUR)
def test_a_range_of_the_week_is_open_from_its_start_to_its_end(first, start, last, end):
    asked = {"StartWeekDay": DAYS[first], "StartHour": start, "EndWeekDay": DAYS[last], "EndHour": end}
    hours = hours_of([asked], "")
    at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=first, hours=start)  # which was a Monday
    walked = set()
    while True:
        walked.add(at.weekday() * 24 + at.hour)
        at += timedelta(hours=1)
        if (at.weekday(), at.hour) == (last, end):
            break
    assert hours == walked and len(hours) <= WEEK


@given(st.sets(HOUR, min_size=1), st.sets(DAY, min_size=1))
def test_a_cron_expression_opens_its_hours_on_its_days(hours, days):
    text = f"* {','.join(map(str, sorted(hours)))} * * {','.join(CRON_DAYS[day] for day in sorted(days))}"
    assert hours_of([], text) == {day * 24 + hour for day in days for hour in hours}


@given(st.sampled_from(TYPES), st.integers(1_600_000_000, 2_000_000_000))
def test_a_spot_price_is_one_of_its_history_and_below_the_price_on_demand(kind, at):
    zone = "us-east-1a"
    found = prices.price(kind, zone, at)
    assert 0 < found.dollars < prices.on_demand(kind, "us-east-1") and found.at <= at
    assert next(prices.history(kind, zone, at - 86400, at)) == found
    rises = prices.next_above(kind, zone, at, found.dollars)
    if rises:
        assert prices.price(kind, zone, rises).dollars > found.dollars
        assert all(one.dollars <= found.dollars for one in prices.history(kind, zone, at, rises - 1))


@given(st.floats(0.5, 1000), st.integers(1, 20))
def test_pools_share_all_that_is_wanted_and_nothing_twice(wanted, number):
    shares = fleets._shares(wanted, number)
    assert len(shares) == number and wanted <= sum(shares) < wanted + 1
    assert max(shares) - min(shares) <= 1


MEMBERS = st.dictionaries(
    st.sampled_from(["ImageId", "InstanceType", "KeyName", "SubnetId"]), st.text("ab", min_size=1)
)


@given(MEMBERS, MEMBERS)
def test_a_request_stands_over_its_template_and_a_template_over_nothing(data, request):
    merged = specification.over(data, request)
    assert {name: merged[name] for name in request} == request
    assert {name: merged[name] for name in data if name not in request} == {
        name: value for name, value in data.items() if name not in request
    }


@given(st.sampled_from(table().all))
def test_every_type_has_figures_that_agree(kind):
    count, size, _ = kind.storage
    assert kind.vcpus >= 1 and kind.mib > 0 and kind.vcpus % kind.threads == 0
    assert bool(kind.disks) == (count * size > 0)
    assert 2 <= kind.interfaces[0] <= 15 and 2 <= kind.interfaces[1] <= 50
    assert kind.arm == (kind.architectures == ["arm64"]) or kind.family.startswith("mac")
