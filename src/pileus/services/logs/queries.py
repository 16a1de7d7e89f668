"""Queries of Logs Insights: started, carried out beside everything else, their results kept for a week."""

from __future__ import annotations

import asyncio
from typing import Any, Self

from pileus.kernel import Call, Fault, Record, Unfinished, names, paging

from . import faults, indexes, logs, pointers, protection, retention, transformers
from .groups import Group, name_in
from .insights import sql
from .insights.parser import Source
from .insights.query import DEFAULT_LIMIT, LANGUAGES, Query
from .insights.slices import Slice
from .parts import Stream, chunks, unpack

KEPT = 7 * 86400.0
"""How long results are kept (User Guide, "CloudWatch Logs quotas")."""
MOST_GROUPS = 50
MOST_RESULTS = 10_000
UNFINISHED = ("Scheduled", "Running")

Members = dict[str, Any]


class Run(Record, indexes={"by_time": ("created",)}, kw_only=True):
    """A query that was started."""

    id: str
    created: float
    groups: list[str]
    query: str
    language: str = "CWLI"
    start: int
    end: int
    """Milliseconds; the end is not in it."""
    limit: int
    status: str = "Scheduled"
    who: str
    finished: float = 0.0
    statistics: dict[str, float] = {}
    results: list[list[tuple[str, str]]] = []

    @classmethod
    def found(cls, call: Call, query_id: str) -> Self:
        if run := cls.get(call, query_id):
            return run
        raise faults.missing("The specified query does not exist.")


@logs.operation
def start_query(
    call: Call,
    start_time: int,
    end_time: int,
    query_string: str,
    query_language: str = "CWLI",
    log_group_name: str = "",
    log_group_names: list[str] = [],
    log_group_identifiers: list[str] = [],
    limit: int = DEFAULT_LIMIT,
) -> Members:
    """Begin a query of some groups in a time."""
    asked = [[log_group_name] if log_group_name else [], log_group_names, log_group_identifiers]
    groups = groups_asked(call, query_language, query_string, [one for one in asked if one])
    start, end = milliseconds(start_time), milliseconds(end_time)
    if start > end:
        raise faults.invalid("Query's end date and time is either before the start date and time, or the same.")
    forget(call)
    run = Run(
        id=names.uuid4(),
        created=call.now,
        groups=[group.name for group in groups],
        query=query_string,
        language=query_language,
        start=start,
        end=end + 1000,  # the last second is in it
        limit=limit,
        who=call.principal.arn,
    ).put(call)
    carry_out.later(call, number=run.id)
    return {"queryId": run.id}


def groups_asked(call: Call, language: str, text: str, given: list[list[str]]) -> list[Group]:
    """The groups that a query goes through; raises what is wrong with it."""
    if language == sql.LANGUAGE:
        if given:
            raise faults.invalid("Log groups are named in the query, where its language is SQL.")
        return [Group.named(call, name) for name in sql.groups_of(text)]
    if language not in LANGUAGES:
        raise Unfinished(f"Pileus does not implement the query language {language} yet.")
    parsed = Query(text, 0, language=language).parsed
    groups = sources(call, parsed.source, given)
    for group in groups if parsed.unmasked else ():
        protection.shown(call, group, unmask=True)  # raises that it is not allowed
    return groups


def sources(call: Call, source: Source | None, given: list[list[str]]) -> list[Group]:
    """The groups that a query goes through: it says so itself, or the request does."""
    if source:
        if given:
            raise faults.invalid("Log groups cannot be specified beside the SOURCE command.")
        found = [group for group in Group.scan(call) if source.has(group.name, group.kind, call.account)]
        if not found:
            raise faults.invalid("The SOURCE command matches no log groups.")
        return found
    if len(given) != 1:
        raise faults.invalid("Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified.")
    if len(given[0]) > MOST_GROUPS:
        raise faults.limit(f"A query can have up to {MOST_GROUPS} log groups.")
    return [Group.named(call, name_in(name)) for name in given[0]]


def milliseconds(at: int) -> int:
    return at if at >= 10**11 else at * 1000


def forget(call: Call) -> None:
    """Remove the queries whose time is over."""
    for run in list(Run.scan(call, index="by_time", before=(call.now - KEPT,), limit=100)):
        run.delete(call)


@logs.task
async def carry_out(call: Call, number: str) -> None:
    """Go through the events, giving way to others all the while."""
    run = Run.get(call, number)
    if run is None or run.status not in UNFINISHED:
        return
    groups = [group for name in run.groups if (group := Group.get(call, name))]
    try:
        by = by_sql if run.language == sql.LANGUAGE else by_commands
        query = await by(call, run, groups)
    except (Fault, Unfinished):
        with call.transaction():
            run.status = "Failed"
            run.put(call)
            call.wake(("logs.query", number))
        return
    if query is None:
        return
    with call.transaction():
        run.status = "Complete"
        run.finished = call.now
        run.results = query.results(pointers.sealed)
        run.statistics = {
            "recordsMatched": float(query.matched),
            "recordsScanned": float(query.scanned),
            "bytesScanned": float(query.octets),
            "logGroupsScanned": float(len(groups)),
            "resultCount": float(len(run.results)),
        }
        run.put(call)
        call.wake(("logs.query", number))


async def by_commands(call: Call, run: Run, groups: list[Group]) -> Query | None:
    """Go through the events of groups; None where nobody wants it any more."""
    query = Query(run.query, int(call.now * 1000), run.limit, run.language)
    if query.parsed.indexed:
        groups[:] = [group for group in groups if set(query.parsed.indexed) <= indexes.of_group(call, group)]
    before = query.span(run.start, run.end)
    for group in groups:
        query.prepare(lambda name: table_of(call, name))
        await search(call, group, run.start, run.end, query)
        if before:
            await search(call, group, *before, query, earlier=True)
        if not wanted(call, run):
            return None
    return query


async def by_sql(call: Call, run: Run, groups: list[Group]) -> sql.Sql | None:
    """Gather the events of groups, and have them asked in a thread."""
    query = sql.Sql(run.query, run.limit)
    for group in groups:
        await search(call, group, run.start, run.end, query)
        if not wanted(call, run):
            return None
    await asyncio.to_thread(query.answer)
    return query if wanted(call, run) else None


def wanted(call: Call, run: Run) -> bool:
    current = Run.get(call, run.id)
    return current is not None and current.status != "Cancelled"


def table_of(call: Call, name: str) -> list[dict[str, str]]:
    from .lookup_tables import LookupTable

    if (table := LookupTable.get(call, name)) is None:
        raise faults.missing(f"The lookup table {name} does not exist.")
    return table.rows()


async def search(call: Call, group: Group, start: int, end: int, query: Query | sql.Sql, earlier: bool = False) -> None:
    start = max(start, retention.horizon(call, group))
    log = f"{call.account}:{group.name}"
    mask, transformer = protection.mask(call, group), transformers.applied(call, group)
    for stream in list(Stream.scan(call, group.id)):
        if not stream.ingested or stream.earliest >= end or stream.latest < start:
            continue
        seen: set[int] = set()  # parts that are put together while we look away come round again
        for chunk in chunks(call, stream, start, end):
            for packed in chunk.parts:
                part = unpack(packed)
                if part.number in seen:
                    continue
                seen.add(part.number)
                raw = part.messages
                if mask is not None:
                    part.messages = [mask(part.ingested, message) for message in raw]
                shaped = None
                if transformer and part.ingested >= transformer[1]:
                    shaped = [transformer[0](message, stream.name) or message for message in part.messages]
                query.feed(Slice(bytes(packed), part, start, end, log, stream.name, shaped, raw, earlier))
            await asyncio.sleep(0)


@logs.operation(on=Run.found)
def get_query_results(call: Call, run: Run, max_items: int = MOST_RESULTS, next_token: str = "") -> Members:
    """How far a query is, and what it has found, a page at a time."""
    wrong = faults.invalid("The specified nextToken is invalid.")
    start = paging.opened(call, next_token, wrong) if next_token else 0
    stop = start + (max_items or MOST_RESULTS)
    return {
        "queryLanguage": run.language,
        "results": [[{"field": name, "value": value} for name, value in row] for row in run.results[start:stop]],
        "statistics": {"recordsMatched": 0.0, "recordsScanned": 0.0, "bytesScanned": 0.0} | run.statistics,
        "status": run.status,
        "nextToken": paging.sealed(call, stop) if stop < len(run.results) else None,
    }


@logs.operation(on=Run.found)
def stop_query(call: Call, run: Run) -> Members:
    if run.status not in UNFINISHED:
        raise faults.invalid("The specified query has already ended.")
    run.status = "Cancelled"
    run.put(call)
    call.wake(("logs.query", run.id))
    return {"success": True}


@logs.operation
def describe_queries(
    call: Call,
    log_group_name: str = "",
    status: str = "",
    max_results: int = 1000,
    next_token: str = "",
    query_language: str = "",
) -> Members:
    """Queries that were started of late, the newest first."""

    def wanted(run: Run) -> bool:
        return (
            query_language in ("", run.language)
            and (not log_group_name or log_group_name in run.groups)
            and status in ("", run.status)
        )

    page = Run.page(call, limit=max_results, token=next_token, index="by_time", reverse=True, where=wanted)
    return {
        "queries": [
            {
                "queryLanguage": run.language,
                "queryId": run.id,
                "queryString": run.query,
                "status": run.status,
                "createTime": int(run.created * 1000),
                "logGroupName": run.groups[0],
                "queryDuration": int((run.finished - run.created) * 1000) if run.finished else None,
                "bytesScanned": run.statistics.get("bytesScanned", 0.0),
                "userIdentity": run.who,
            }
            for run in page.items
        ],
        "nextToken": page.token,
    }


@logs.operation(on=Run.found)
def list_log_groups_for_query(call: Call, run: Run, max_results: int = 500, next_token: str = "") -> Members:
    """The groups that a query goes through."""
    wrong = faults.invalid("The specified nextToken is invalid.")
    start = paging.opened(call, next_token, wrong) if next_token else 0
    stop = start + max_results
    return {
        "logGroupIdentifiers": [f"{call.account}:{name}" for name in run.groups[start:stop]],
        "nextToken": paging.sealed(call, stop) if stop < len(run.groups) else None,
    }
