"""Queries of event data stores: begun, waited for, and their results, which are kept for a week."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pileus.kernel import Call, Fault, Record, Unfinished, names

from . import cloudtrail, results, statements, stores
from .ingesting import Batch, lines_of, opened, take_in
from .stores import AUDIT, EventDataStore

Members = dict[str, Any]

MOST_RUNNING = 10
MOST_ROWS = 1000
PAGE = 1000
PIECE = 500
"""Rows that are kept together."""
KEPT = 7 * 86400.0
PATIENCE = 300.0
"""Real seconds after which a query is given up; AWS gives up after an hour."""
WAITING = ("QUEUED", "RUNNING")


class Query(Record, indexes={"by_time": ("store", "created"), "by_refresh": ("refresh", "alias")}, kw_only=True):
    """A query of one store, or of several, of which the first has it in its list."""

    id: str
    store: str
    statement: str
    created: float
    status: str = "QUEUED"
    uri: str = ""
    delivery: str = ""
    alias: str = ""
    refresh: str = ""
    error: str = ""
    rows: int = 0
    matched: int = 0
    scanned: int = 0
    bytes: int = 0
    took: int = 0
    """Milliseconds of real time."""


class Piece(Record, key=("query", "number")):
    """Some rows of a result."""

    query: str
    number: int
    columns: list[str]
    rows: list[list[str | None]]


def owned(call: Call, owner: str) -> None:
    if owner and owner != call.account:
        raise Fault("OperationNotPermittedException", f"Event data stores of the account {owner} cannot be asked.")


@cloudtrail.operation
def start_query(
    call: Call,
    query_statement: str = "",
    delivery_s3_uri: str = "",
    query_alias: str = "",
    query_parameters: list[str] = [],
    event_data_store_owner_account_id: str = "",
) -> Members:
    """Begin a query; or one of a dashboard's, by its alias."""
    owned(call, event_data_store_owner_account_id)
    if bool(query_statement) == bool(query_alias):
        raise Fault("InvalidParameterException", "Specify either QueryStatement or QueryAlias.", status=400)
    if query_alias:
        from .dashboards import widget_of

        query_statement = widget_of(call, query_alias)["QueryStatement"]
    if delivery_s3_uri:
        results.check(call, delivery_s3_uri)
    query = begin(call, query_statement, query_parameters, uri=delivery_s3_uri)
    return {"QueryId": query.id, "EventDataStoreOwnerAccountId": call.account}


def begin(call: Call, text: str, parameters: list[str], *, uri: str = "", alias: str = "", refresh: str = "") -> Query:
    """A query on its way."""
    text = statements.bound(text, parameters)
    first = check(call, text).stores[0]
    running = [one for one in Query.scan(call, first, index="by_time", reverse=True) if one.status in WAITING]
    if len(running) >= MOST_RUNNING:
        raise Fault(
            "MaxConcurrentQueriesException", "You are already running the maximum number of concurrent queries."
        )
    query = Query(
        id=names.uuid4(),
        store=first,
        statement=text,
        created=call.now,
        uri=uri,
        delivery="PENDING" if uri else "",
        alias=alias,
        refresh=refresh,
    ).put(call)
    run.later(call, query=query.id)
    forget.later(call, query=query.id, delay=KEPT)
    return query


def check(call: Call, text: str) -> statements.Statement:
    """The statement, if it is one and its stores are there."""
    statement = statements.read(text)
    for store in statement.stores:
        stores.active(call, store)
    return statement


@cloudtrail.task(retries=0)
async def run(call: Call, query: str) -> None:
    """Have DuckDB answer. A query that was interrupted by a restart is asked again."""
    found = Query.get(call, query)
    if found is None or found.status not in WAITING:
        return
    started = asyncio.get_running_loop().time()
    with call.transaction():
        found.status = "RUNNING"
        found.put(call)
    try:
        answer = await answered(call, found)
    except (Fault, Unfinished) as fault:
        found.status, found.error = "FAILED", fault.message
        answer = None
    except TimeoutError:
        found.status, found.error = "TIMED_OUT", f"The query ran for more than {PATIENCE:g} seconds."
        answer = None
    with call.transaction():
        there = Query.get(call, query)
        if there is None or there.status not in WAITING:
            return
        found.took = int((asyncio.get_running_loop().time() - started) * 1000)
        if answer is not None:
            found.status, found.rows = "FINISHED", len(answer.rows)
            for start in range(0, len(answer.rows), PIECE):
                Piece(query, start, answer.columns, answer.rows[start : start + PIECE]).put(call)
        found.put(call)
    if answer is not None and found.uri:
        delivery = await results.deliver(call, found.id, found.uri, answer)
        with call.transaction():
            if there := Query.get(call, query):
                there.delivery = delivery
                there.put(call)


async def answered(call: Call, query: Query) -> statements.Answer:
    statement = statements.read(query.statement)
    engine = statements.Engine()
    try:
        for number, name in enumerate(statement.stores):
            with call.transaction():
                store = stores.active(call, name)
                take_in(call, store, call.now)
            packed: list[bytes] = []
            with call.transaction():
                since = (statement.since,) if statement.since > 0 else None
                for batch in Batch.scan(call, store.id, since=since):
                    if batch.earliest > statement.upto:
                        continue
                    packed.append(opened(call, store, batch))
                    query.scanned += batch.count
                    query.bytes += batch.size
            schema = statements.AUDITED if store.categories == {AUDIT} else statements.COLUMNS
            await at_work(engine, engine.load, number, map(lines_of, packed), schema)
        answer: statements.Answer = await at_work(engine, engine.ask, statement.sql)
        query.matched = len(answer.rows)
        return answer
    finally:
        engine.close()


async def at_work(engine: statements.Engine, what: Callable[..., Any], *given: Any) -> Any:
    """What the engine comes to in a thread, which does not go on when nobody waits for it any more."""
    working = asyncio.ensure_future(asyncio.to_thread(what, *given))
    try:
        async with asyncio.timeout(PATIENCE):
            return await asyncio.shield(working)
    except (TimeoutError, asyncio.CancelledError):
        engine.stop()
        await asyncio.gather(working, return_exceptions=True)
        raise


@cloudtrail.task
def forget(call: Call, query: str) -> None:
    """A week has passed."""
    Piece.delete_all(call, query)
    if found := Query.get(call, query):
        found.delete(call)


def query_named(call: Call, query_id: str, event_data_store: str = "") -> Query:
    if event_data_store:
        stores.active(call, event_data_store)
    found = Query.get(call, query_id)
    if found is None:
        raise Fault("QueryIdNotFoundException", f"The query {query_id} was not found.")
    return found


@cloudtrail.operation
def describe_query(
    call: Call,
    event_data_store: str = "",
    query_id: str = "",
    query_alias: str = "",
    refresh_id: str = "",
    event_data_store_owner_account_id: str = "",
) -> Members:
    """How a query fares: one by its id, or one of a dashboard's by its alias, in a refresh or the last one."""
    owned(call, event_data_store_owner_account_id)
    if bool(query_id) == bool(query_alias):
        raise Fault("InvalidParameterException", "Specify either QueryId or QueryAlias.", status=400)
    if query_alias:
        from .dashboards import refreshed

        refresh = refresh_id or refreshed(call, query_alias)
        query = Query.first(call, refresh, query_alias, index="by_refresh") if refresh else None
        if query is None:
            raise Fault("QueryIdNotFoundException", f"No query of {query_alias} was found.")
    else:
        query = query_named(call, query_id, event_data_store)
    told: Members = {
        "QueryId": query.id,
        "QueryString": query.statement,
        "QueryStatus": query.status,
        "QueryStatistics": {
            "EventsMatched": query.matched,
            "EventsScanned": query.scanned,
            "BytesScanned": query.bytes,
            "ExecutionTimeInMillis": query.took,
            "CreationTime": query.created,
        },
        "ErrorMessage": query.error or None,
        "DeliveryS3Uri": query.uri or None,
        "DeliveryStatus": query.delivery or None,
        "EventDataStoreOwnerAccountId": call.account,
    }
    return told


@cloudtrail.operation
def get_query_results(
    call: Call,
    query_id: str,
    event_data_store: str = "",
    next_token: str = "",
    max_query_results: int = MOST_ROWS,
    event_data_store_owner_account_id: str = "",
) -> Members:
    """The rows of a query, up to a thousand at a time."""
    owned(call, event_data_store_owner_account_id)
    query = query_named(call, query_id, event_data_store)
    invalid = Fault("InvalidNextTokenException", "Invalid NextToken. Please check your input and try again.")
    start = int(results.place(call, next_token, invalid))
    found: list[list[dict[str, str | None]]] = []
    for piece in Piece.scan(call, query.id, since=(start - start % PIECE,)):
        rows = piece.rows[max(start - piece.number, 0) :][: max_query_results - len(found)]
        found += [[{name: value} for name, value in zip(piece.columns, row, strict=True)] for row in rows]
        if len(found) == max_query_results:
            break
    end = start + len(found)
    return {
        "QueryStatus": query.status,
        "QueryStatistics": {
            "ResultsCount": len(found),
            "TotalResultsCount": query.rows,
            "BytesScanned": query.bytes,
        },
        "QueryResultRows": found,
        "NextToken": results.token(call, end) if end < query.rows else None,
        "ErrorMessage": query.error or None,
    }


@cloudtrail.operation
def list_queries(
    call: Call,
    event_data_store: str,
    next_token: str = "",
    max_results: int = PAGE,
    start_time: float | None = None,
    end_time: float | None = None,
    query_status: str = "",
) -> Members:
    """The queries of a store in the last seven days, the latest first."""
    store: EventDataStore = stores.active(call, event_data_store)
    if start_time is not None and end_time is not None and start_time > end_time:
        raise Fault("InvalidDateRangeException", "The start time must be before the end time.")
    page = Query.page(
        call,
        store.id,
        index="by_time",
        limit=max_results,
        token=next_token,
        since=(max(call.now - KEPT, float(start_time or 0)),),
        upto=None if end_time is None else (float(end_time),),
        reverse=True,
        where=lambda query: query_status in ("", query.status),
        invalid=Fault("InvalidNextTokenException", "Invalid NextToken. Please check your input and try again."),
    )
    return {
        "Queries": [
            {"QueryId": query.id, "QueryStatus": query.status, "CreationTime": query.created} for query in page.items
        ],
        "NextToken": page.token,
    }


@cloudtrail.operation
def cancel_query(
    call: Call, query_id: str, event_data_store: str = "", event_data_store_owner_account_id: str = ""
) -> Members:
    """Give up a query that is not over."""
    owned(call, event_data_store_owner_account_id)
    query = query_named(call, query_id, event_data_store)
    if query.status not in WAITING:
        raise Fault("InactiveQueryException", f"The query {query_id} is not running: {query.status}.")
    query.status = "CANCELLED"
    if query.uri:
        query.delivery = "CANCELLED"
    query.put(call)
    return {
        "QueryId": query.id,
        "QueryStatus": query.status,
        "EventDataStoreOwnerAccountId": call.account,
    }
