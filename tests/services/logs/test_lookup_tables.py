"""Lookup tables: what queries find beside events."""

from __future__ import annotations

import json
from typing import Any

USERS = 'id,name,team\n1,ann,"red, or so"\n2,bob,blue\n'


def test_a_query_looks_into_a_table(logs: Any, put: Any, now: Any, clock: Any, refused: Any) -> None:
    made = logs.create_lookup_table(lookupTableName="users", tableBody=USERS, tags={"a": "b"})["lookupTableArn"]
    (told,) = logs.describe_lookup_tables(lookupTableNamePrefix="us")["lookupTables"]
    assert (told["tableFields"], told["recordsCount"], told["sizeBytes"]) == (["id", "name", "team"], 2, len(USERS))
    assert logs.get_lookup_table(lookupTableArn=made)["tableBody"] == USERS
    assert logs.list_tags_for_resource(resourceArn=made)["tags"] == {"a": "b"}
    for user in (1, 2, 3, 1):
        put(json.dumps({"user": user, "name": "somebody"}))

    def ask(query: str) -> tuple[str, list[dict[str, str]], str]:
        number = logs.start_query(
            logGroupName="app", queryString=query, startTime=now() // 1000 - 60, endTime=now() // 1000
        )["queryId"]
        clock.advance(1)
        answer = logs.get_query_results(queryId=number)
        rows = [{f["field"]: f["value"] for f in row if f["field"] != "@ptr"} for row in answer["results"]]
        return answer["status"], rows, number

    _, rows, _ = ask(
        "lookup users id as user OUTPUT name, team as side | fields user, name, side | sort user, @timestamp"
    )
    assert rows == [
        {"user": "1", "name": "ann", "side": "red, or so"},
        {"user": "1", "name": "ann", "side": "red, or so"},
        {"user": "2", "name": "bob", "side": "blue"},
        {"user": "3", "name": "somebody"},
    ]
    _, rows, number = ask(
        "lookup users id as user OUTPUTNEW name, team | stats count(*) as n by name, team | sort n desc"
    )
    assert rows[0] == {"name": "somebody", "team": "red, or so", "n": "2"}
    assert ask("lookup nobody id as user OUTPUT name")[0] == "Failed"
    logs.update_lookup_table(lookupTableArn=made, queryId=number)
    assert logs.get_lookup_table(lookupTableArn=made)["tableBody"].splitlines()[0] == "name,team,n"
    with refused("ResourceAlreadyExistsException"):
        logs.create_lookup_table(lookupTableName="users", tableBody=USERS)
    for body in ("a,a\n1,2\n", "a,b\n1\n"):
        with refused("ValidationException"):
            logs.create_lookup_table(lookupTableName="other", tableBody=body)
    with refused("InvalidParameterException", "Exactly one"):
        logs.create_lookup_table(lookupTableName="other")
    logs.delete_lookup_table(lookupTableArn=made)
    assert logs.describe_lookup_tables()["lookupTables"] == []


def test_a_scheduled_query_keeps_a_table_up_to_date(aws: Any, logs: Any, put: Any, clock: Any) -> None:
    role = f"arn:aws:iam::{aws.id}:role/queries"
    logs.create_scheduled_query(
        name="hosts",
        queryLanguage="CWLI",
        queryString="stats count(*) as seen by host",
        logGroupIdentifiers=["app"],
        scheduleExpression="cron(0 * * * ? *)",
        startTimeOffset=7200,
        executionRoleArn=role,
        destinationConfiguration={"lookupTableConfiguration": {"tableName": "hosts", "roleArn": role}},
    )
    for count in (1, 2):
        put(json.dumps({"host": "a"}))
        clock.advance(3600)
        (table,) = logs.describe_lookup_tables()["lookupTables"]
        assert logs.get_lookup_table(lookupTableArn=table["lookupTableArn"])["tableBody"] == f"host,seen\na,{count}\n"
