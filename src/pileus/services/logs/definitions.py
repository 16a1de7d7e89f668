"""Saved queries."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record, names

from . import faults, logs

MOST = 1000

Members = dict[str, Any]


class Definition(Record, cfn="AWS::Logs::QueryDefinition", kw_only=True):
    """A query under a name."""

    id: str
    name: str
    query: str
    groups: list[str] = []
    language: str = "CWLI"
    parameters: list[Members] = []
    modified: float


@logs.operation(honours=["clientToken"])
def put_query_definition(
    call: Call,
    name: str,
    query_string: str,
    query_definition_id: str = "",
    log_group_names: list[str] = [],
    query_language: str = "CWLI",
    parameters: list[Members] = [],
) -> Members:
    """Save a query; under an id that there is, over what it was."""
    if query_definition_id and Definition.get(call, query_definition_id) is None:
        raise faults.missing("The specified query definition does not exist.")
    definition = Definition(
        id=query_definition_id or names.uuid4(),
        name=name,
        query=query_string,
        groups=log_group_names,
        language=query_language,
        parameters=parameters,
        modified=call.now,
    ).put(call)
    return {"queryDefinitionId": definition.id}


@logs.operation
def delete_query_definition(call: Call, query_definition_id: str) -> Members:
    if (found := Definition.get(call, query_definition_id)) is None:
        raise faults.missing("The specified query definition does not exist.")
    found.delete(call)
    return {"success": True}


@logs.operation
def describe_query_definitions(
    call: Call,
    query_language: str = "",
    query_definition_name_prefix: str = "",
    max_results: int = MOST,
    next_token: str = "",
) -> Members:
    def wanted(one: Definition) -> bool:
        return one.name.startswith(query_definition_name_prefix) and query_language in ("", one.language)

    page = Definition.page(call, limit=max_results, token=next_token, where=wanted)
    return {
        "queryDefinitions": [
            {
                "queryLanguage": one.language,
                "queryDefinitionId": one.id,
                "name": one.name,
                "queryString": one.query,
                "lastModified": int(one.modified * 1000),
                "logGroupNames": one.groups or None,
                "parameters": one.parameters or None,
            }
            for one in page.items
        ],
        "nextToken": page.token,
    }
