"""Events: what has happened to clusters and groups in the last two weeks, told to topics of SNS too."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, Unfinished, names

from . import dax, faults

KEPT = 14 * 86400.0
LOOKED_BACK = 3600.0
MOST_LISTED = 100


class Event(Record, key=("at", "id")):
    """Something that has happened."""

    at: float
    id: str
    type: str
    source: str
    message: str


def tell(call: Call, kind: str, source: str, message: str, topic: str = "") -> None:
    """Note an event; those that are older than two weeks go, two for each that comes."""
    for old in list(Event.scan(call, before=(call.now - KEPT,), limit=2)):
        old.delete(call)
    Event(at=call.now, id=names.token(8), type=kind, source=source, message=message).put(call)
    if topic:
        notify.later(call, topic=topic, source=source, message=message)


@dax.task
async def notify(call: Call, topic: str, source: str, message: str) -> None:
    """Tell a topic, if it can be told."""
    try:
        told = call.aws("sns").publish(topic_arn=topic, message=f'{{"DAX:{message}": "{source}"}}')
        if hasattr(told, "__await__"):
            await told
    except (Fault, Unfinished):
        return  # AWS does not say either when a topic cannot be reached


@dax.operation
def describe_events(
    call: Call,
    source_name: str = "",
    source_type: str = "",
    start_time: float | None = None,
    end_time: float | None = None,
    duration: int | None = None,
    max_results: int = MOST_LISTED,
    next_token: str = "",
) -> dict[str, Any]:
    """The events of the last hour, or of a span of time."""
    if source_name and not source_type:
        raise faults.combination("SourceType must be specified if SourceName is.")
    if duration is not None and start_time is not None and end_time is not None:
        raise faults.combination("Duration cannot be specified together with StartTime and EndTime.")
    span = LOOKED_BACK if duration is None else duration * 60.0
    end = end_time if end_time is not None else call.now if start_time is None else start_time + span
    end = call.now if end_time is None and duration is None else end
    start = end - span if start_time is None else start_time
    page = Event.page(
        call,
        limit=max_results,
        token=next_token,
        where=lambda event: (
            (not source_name or event.source == source_name) and (not source_type or event.type == source_type)
        ),
        invalid=faults.value("Invalid NextToken"),
        since=(start,),
        upto=(end,),
    )
    told: dict[str, Any] = {
        "Events": [
            {"SourceName": one.source, "SourceType": one.type, "Message": one.message, "Date": one.at}
            for one in page.items
        ]
    }
    return told | ({"NextToken": page.token} if page.token else {})
