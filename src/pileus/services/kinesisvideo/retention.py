"""How long a stream keeps what it gets, on the cloud's clock."""

from __future__ import annotations

from pileus.kernel import Call
from pileus.kernel.task import next_look

from . import faults, kinesisvideo
from .fragments import Fragment, drop
from .streams import LONGEST, SLICE, Stream, current


@kinesisvideo.operation(on=Stream.of)
def update_data_retention(
    call: Call, stream: Stream, current_version: str, operation: str, data_retention_change_in_hours: int
) -> None:
    """Keep what there is and what will come for longer, or not so long: what is too old then goes at once."""
    current(stream, current_version)
    sign = 1 if operation == "INCREASE_DATA_RETENTION" else -1
    hours = stream.retention + sign * data_retention_change_in_hours
    if not 0 <= hours <= LONGEST:
        raise faults.invalid(f"The data retention must be between 0 and {LONGEST} hours.")
    stream.retention = hours
    stream.changed(call)
    if stream.sweep and sign < 0:
        plan(call, stream, call.now)


def plan(call: Call, stream: Stream, due: float) -> None:
    """Have what is too old thrown away at a time; the last plan holds."""
    stream.sweep = due
    stream.put(call)
    sweep.later(call, name=stream.name, box=stream.box, planned=due, due=due)


@kinesisvideo.task
def sweep(call: Call, name: str, box: str, planned: float) -> None:
    """Throw away what is too old, and come again when the next fragment is."""
    stream = Stream.get(call, name)
    if stream is None or stream.box != box or stream.sweep != planned:
        return
    horizon = int((call.now - stream.keeps) * 1_000_000)
    for fragment in list(Fragment.scan(call, box, upto=(horizon,), limit=SLICE)):
        drop(call, fragment)
    oldest = Fragment.first(call, box)
    if oldest is None:
        stream.sweep = 0.0
        stream.put(call)
    else:
        plan(call, stream, next_look(call, oldest.server + stream.keeps))
