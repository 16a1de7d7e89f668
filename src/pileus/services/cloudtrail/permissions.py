"""What requests about queries are about: the event data stores that they ask, as policies name them."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Unfinished
from pileus.kernel.access.target import Target

from . import cloudtrail, statements
from .queries import Query
from .stores import EventDataStore

BY_ID = ("DescribeQuery", "GetQueryResults", "CancelQuery")


@cloudtrail.targets(root=False)
def targets(call: Call, request: dict[str, Any]) -> list[Target] | None:
    """The stores of a statement, or of a query that was begun."""
    if call.operation == "StartQuery":
        names = asked(str(request.get("QueryStatement", "")))
    elif call.operation in BY_ID:
        query = Query.get(call, str(request.get("QueryId", "")))
        names = asked(query.statement) if query else []
    else:
        return None
    return [target(call, name) for name in names] or None


def asked(text: str) -> list[str]:
    try:
        return statements.read(text).stores
    except (Fault, Unfinished):
        return []  # which the operation says better


def target(call: Call, name: str) -> Target:
    store = EventDataStore.get(call, name)
    arn = call.arn(f"eventdatastore/{name}", "cloudtrail")
    return Target(arn, call.account, store.policy if store else "", tags=store.tags if store else {})
