"""Metric data query definitions: queries that are saved under a path, to be used again; nobody runs them here."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, names
from pileus.kernel import tags as tagging
from pileus.kernel.resource_type import resource_type

from . import cloudwatch
from .faults import bad_token, validation

MOST = 1000
LONGEST_PATH = 1015
"""Bytes."""


@resource_type(
    cloudwatch,
    "Id",
    create="PutMetricDataQueryDefinition",
    read="GetMetricDataQueryDefinition",
    delete="DeleteMetricDataQueryDefinition",
    missing="ResourceNotFoundException",
)
class Definition(
    Record,
    arn="arn:{partition}:cloudwatch:{region}:{account}:metric-query-definition/{id}",
    indexes={"path": ("path",)},
    table="cloudwatch.MetricDataQueryDefinition",
):
    id: str
    path: str
    expression: str
    type: str
    created: float
    updated: float
    tags: dict[str, str] = {}

    def shown(self, call: Call) -> dict[str, Any]:
        return {
            "Id": self.id,
            "Arn": self.arn(call),
            "Path": self.path,
            "Expression": self.expression,
            "Type": self.type,
            "CreatedAt": self.created,
            "UpdatedAt": self.updated,
        }


def existing(call: Call, id: str) -> Definition:  # noqa: A002 (the member's name)
    if found := Definition.get(call, id):
        return found
    raise Fault("ResourceNotFoundException", f"Metric data query definition {id} does not exist.")


@cloudwatch.operation
def put_metric_data_query_definition(
    call: Call,
    path: str,
    expression: str,
    type: str,  # noqa: A002 (the member's name)
    id: str = "",  # noqa: A002 (the member's name)
    tags: list[dict[str, str]] = [],
) -> dict[str, Any]:
    """Save a query; with an id, over the one that has it."""
    if path.startswith("/") or path.endswith("/") or "//" in path or len(path.encode()) > LONGEST_PATH:
        raise validation(
            "Path must not start or end with a slash, contain an empty folder name, "
            f"or be longer than {LONGEST_PATH} bytes."
        )
    old = existing(call, id) if id else None
    other = Definition.first(call, path, index="path")
    if other and other.id != id:
        raise Fault("ConflictException", f"A metric data query definition with the path {path} already exists.")
    if old is None and sum(1 for _ in Definition.scan(call, limit=MOST)) == MOST:
        raise Fault("LimitExceededException", f"An account can have {MOST} metric data query definitions in a Region.")
    if old:
        saved = Definition(old.id, path, expression, type, old.created, call.now, old.tags)
    else:
        given = tagging.checked(tags, code="ValidationError")
        saved = Definition(names.uuid4(), path, expression, type, call.now, call.now, given)
    return saved.put(call).shown(call)


@cloudwatch.operation(on=existing)
def get_metric_data_query_definition(call: Call, found: Definition) -> dict[str, Any]:
    return found.shown(call)


@cloudwatch.operation
def list_metric_data_query_definitions(call: Call, max_results: int = 100, next_token: str = "") -> dict[str, Any]:
    """The definitions, without what they ask."""
    page = Definition.page(call, limit=max_results, token=next_token, index="path", invalid=bad_token())
    members = ("Id", "Path", "Type", "UpdatedAt")
    items = [{name: value for name, value in one.shown(call).items() if name in members} for one in page.items]
    return {"Items": items, "NextToken": page.token}


@cloudwatch.operation
def delete_metric_data_query_definition(call: Call, id: str) -> None:  # noqa: A002 (the member's name)
    if found := Definition.get(call, id):
        found.delete(call)
