"""Logs that services write for customers go in batches that are taken."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pileus.kernel.call import Call
from pileus.kernel.log_delivery import admit, batches, to_group


@given(st.lists(st.integers(1, 12)), st.integers(1, 5), st.integers(12, 30))
def test_batches_hold_everything_in_order_and_not_too_much(sizes: list[int], most: int, octets: int) -> None:
    found = [sizes[some] for some in batches(sizes, most, octets)]
    assert [size for batch in found for size in batch] == sizes
    assert all(len(batch) <= most and sum(batch) <= octets for batch in found)
    for batch, following in itertools.pairwise(found):
        assert len(batch) == most or sum(batch) + following[0] > octets


def test_more_than_a_request_may_have_is_written_in_several(call: Call) -> None:
    logs = call.aws("logs")
    logs.create_log_group(log_group_name="told")
    admit(call, call.arn("log-group:told:*", "logs"))
    now = int(call.now * 1000)
    events = [{"timestamp": now + number, "message": f"{number} " + "é" * 100_000} for number in range(12)]
    to_group(call, call.arn("pipe/p", "logs"), "told", "pipes/p", events)
    first = logs.filter_log_events(log_group_name="told")
    held = first["events"] + logs.filter_log_events(log_group_name="told", next_token=first["nextToken"])["events"]
    assert [event["message"].split()[0] for event in held] == [str(number) for number in range(12)]
