"""The operations of DAX's protocol that are about items of several tables: batches and transactions."""

from __future__ import annotations

from typing import Any

from .answers import capacity, capacity_map, metrics, projected
from .expressions import Texts, projection
from .methods import Session
from .wire import Malformed, array, dumps, header, key_bytes, key_of, mapping

KINDS = {2: "Put", 7: "Delete", 9: "Update", 12: "ConditionCheck"}
NULL = b"\xf6"


def batch_get_item(session: Session, asked: dict[str, Any], given: Any) -> bytes:
    options = session.options(given, {})
    answers: dict[str, bytes] = {}
    unprocessed: dict[str, bytes] = {}
    consumed: list[bytes] = []
    for table, (consistent, paths, keys) in asked.items():
        schema = session.schema(table)
        found, left, told = several(session, table, consistent, keys, options)
        if paths is not None:
            answers[table] = array([projected(item, projection(paths)) for _, item in found])
        else:
            parts = [part for key, item in found for part in (dumps(key), session.values(item, schema))]
            answers[table] = array(parts)
        if left:
            unprocessed[table] = array([dumps(key_bytes(key, schema)) for key in left])
        consumed += [dumps(capacity(one)) for one in told]
    return header(4, 2) + mapping(answers) + mapping(unprocessed) + array(consumed)


def several(
    session: Session, table: str, consistent: bool, keys: list[bytes], options: dict[str, Any]
) -> tuple[list[tuple[bytes, Any]], list[Any], list[Any]]:
    """Items of one table by their keys: those that are kept, and the others from DynamoDB."""
    schema, now = session.schema(table), session.call.now
    kept = {} if consistent else {key: session.caches.items.get((table, key), now) for key in keys}
    found = [(key, entry.value) for key, entry in kept.items() if entry is not None and entry.value is not None]
    rest = [key for key in keys if kept.get(key) is None]
    if not rest:
        return found, [], []
    wanted = {"Keys": [key_of(key, schema) for key in rest], "ConsistentRead": consistent}
    answer = session.ask("batch_get_item", {"RequestItems": {table: wanted}} | options)
    left = answer["UnprocessedKeys"].get(table, {}).get("Keys", [])
    got = {key_bytes(item, schema): item for item in answer["Responses"].get(table, ())}
    for key in rest:
        item, attributes = got.get(key), key_of(key, schema)
        if item is not None:
            found.append((key, item))
        if not consistent and attributes not in left:
            session.keep(table, schema, attributes, item)
    return found, left, answer.get("ConsumedCapacity", [])


def batch_write_item(session: Session, asked: dict[str, list[Any]], given: Any) -> bytes:
    options = session.options(given, {})
    requests: dict[str, list[dict[str, Any]]] = {}
    for table, flat in asked.items():
        schema = session.schema(table)
        for key, values in zip(flat[::2], flat[1::2], strict=True):
            attributes = key_of(key, schema)
            if values is None:
                requests.setdefault(table, []).append({"DeleteRequest": {"Key": attributes}})
            else:
                put = {"PutRequest": {"Item": session.item_of(values, attributes)}}
                requests.setdefault(table, []).append(put)
    answer = session.ask("batch_write_item", {"RequestItems": requests} | options)
    left = answer.get("UnprocessedItems", {})
    for table, writes in requests.items():
        for write in writes:
            if write not in left.get(table, ()):
                wrote(session, table, write)
    consumed = [dumps(capacity(one)) for one in answer.get("ConsumedCapacity", ())]
    return (
        mapping({table: unwritten(session, table, rest) for table, rest in left.items()})
        + array(consumed)
        + collections(answer)
    )


def wrote(session: Session, table: str, write: dict[str, Any]) -> None:
    schema = session.schema(table)
    if "DeleteRequest" in write:
        session.keep(table, schema, write["DeleteRequest"]["Key"], None)
    else:
        item = write["PutRequest"]["Item"]
        session.keep(table, schema, item, item)


def unwritten(session: Session, table: str, rest: list[dict[str, Any]]) -> bytes:
    schema = session.schema(table)
    parts: list[bytes] = []
    for write in rest:
        if "DeleteRequest" in write:
            parts += [dumps(key_bytes(write["DeleteRequest"]["Key"], schema)), NULL]
        else:
            item = write["PutRequest"]["Item"]
            parts += [dumps(key_bytes(item, schema)), session.values(item, schema)]
    return array(parts)


def collections(answer: dict[str, Any]) -> bytes:
    several = answer.get("ItemCollectionMetrics", {})
    return mapping({table: array([dumps(metrics(one)) for one in each]) for table, each in several.items()})


# Transactions


def transact_get_items(
    session: Session, tables: list[bytes], keys: list[bytes], projections: list[Any] | None, given: Any
) -> bytes:
    options = session.options(given, {})
    names = [table.decode() for table in tables]
    parts = [
        {"Get": {"TableName": name, "Key": key_of(key, session.schema(name))}}
        for name, key in zip(names, keys, strict=True)
    ]
    answer = session.ask("transact_get_items", {"TransactItems": parts} | options)
    told: list[bytes] = []
    for place, one in enumerate(answer["Responses"]):
        paths = projections[place] if projections else None
        if "Item" not in one:
            told.append(NULL)
        elif paths is not None:
            told.append(projected(one["Item"], projection(paths)))
        else:
            told.append(session.values(one["Item"], session.schema(names[place])))
    consumed = [dumps(capacity_map(one)) for one in answer.get("ConsumedCapacity", ())]
    return array([array(told), array(consumed)])


def transact_write_items(
    session: Session,
    operations: list[int],
    tables: list[bytes],
    keys: list[bytes],
    values: list[Any] | None,
    _returned: Any,
    told_if_failed: list[int] | None,
    conditions: list[Any] | None,
    updates: list[Any] | None,
    given: Any,
) -> bytes:
    options = session.options(given, {})
    parts: list[dict[str, Any]] = []
    for place, (number, table) in enumerate(zip(operations, tables, strict=True)):
        kind, name = KINDS.get(number), table.decode()
        if kind is None:
            raise Malformed(f"Unknown operation {number}")
        key = key_of(keys[place], session.schema(name))
        part: dict[str, Any] = {"TableName": name}
        part |= {"Item": session.item_of((values or [])[place], key)} if kind == "Put" else {"Key": key}
        texts = Texts()
        if conditions and conditions[place] is not None:
            part["ConditionExpression"] = texts.condition(conditions[place])
        if updates and updates[place] is not None:
            part["UpdateExpression"] = texts.update(updates[place])
        if told_if_failed and told_if_failed[place] == 2:
            part["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        parts.append({kind: part | texts.members})
    answer = session.ask("transact_write_items", {"TransactItems": parts} | options)
    for place, table in enumerate(tables):
        schema = session.schema(table.decode())
        session.forget(table.decode(), schema, key_of(keys[place], schema))
    consumed = [dumps(capacity_map(one)) for one in answer.get("ConsumedCapacity", ())]
    return header(4, 3) + NULL + array(consumed) + collections(answer)
