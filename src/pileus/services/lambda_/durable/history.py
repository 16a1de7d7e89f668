"""What has happened in an execution, event by event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Record
from pileus.services.lambda_ import lambda_

if TYPE_CHECKING:
    from .executions import Execution
    from .operations import Operation

Members = dict[str, Any]


class Happened(Record, key=("execution", "number"), kw_only=True):
    """An event."""

    execution: str
    number: int
    kind: str
    at: float
    operation: Members = {}
    """Its Id, ParentId, Name and SubType."""
    details: Members = {}

    def shown(self, with_data: bool) -> Members:
        details = self.details if with_data else {name: without(value) for name, value in self.details.items()}
        return {
            "EventId": self.number,
            "EventType": self.kind,
            "EventTimestamp": self.at,
            **self.operation,
            f"{self.kind}Details": {name: value for name, value in details.items() if value is not None},
        }


def without(value: Any) -> Any:
    """A payload is left out, which is told."""
    return {"Truncated": True} if isinstance(value, dict) and "Payload" in value else value


def tell(call: Call, execution: Execution, kind: str, operation: Operation | None, details: Members) -> None:
    """Write an event down; the execution is put by whoever calls."""
    execution.events += 1
    of: Members = (
        {"Id": execution.id}
        if operation is None
        else {
            "Id": operation.id,
            "ParentId": operation.parent or None,
            "Name": operation.name or None,
            "SubType": operation.subtype or None,
        }
    )
    Happened(
        execution=execution.id,
        number=execution.events,
        kind=kind,
        at=call.now,
        operation={name: value for name, value in of.items() if value},
        details=details,
    ).put(call)


def found(call: Call, durable_execution_arn: str) -> Execution:
    from .executions import Execution

    return Execution.by_arn(call, durable_execution_arn)


@lambda_.operation(on=found)
def get_durable_execution_history(
    call: Call,
    execution: Any,
    include_execution_data: bool = True,
    max_items: int = 0,
    marker: str = "",
    reverse_order: bool = False,
) -> Members:
    """The events of an execution, the oldest first."""
    page = Happened.page(call, execution.id, limit=max_items or 100, token=marker, reverse=reverse_order)
    return {"Events": [each.shown(include_execution_data) for each in page.items], "NextMarker": page.token}
