"""SQL over events: what CloudTrail Lake's queries, which are Trino's SQL, come to in DuckDB.

sqlglot reads a statement and writes it as DuckDB has it. There is one statement, which only asks; its tables are event
data stores, or what it says of them by WITH. DuckDB gets the events as parameters, and may open nothing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pileus.engines.tables import Tables, Wrong
from pileus.kernel import Fault, Unfinished

UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
BARE = re.compile(rf"(?<![\w\"'-])({UUID})(?![\w\"'-])")
MAPS = ("requestParameters", "responseElements", "additionalEventData", "serviceEventDetails", "insightDetails")
MAP = "MAP(VARCHAR, VARCHAR)"
ATTRIBUTES = {"mfaAuthenticated": "VARCHAR", "creationDate": "TIMESTAMP"}
ISSUER = dict.fromkeys(("type", "principalId", "arn", "accountId", "userName"), "VARCHAR")
IDENTITY: dict[str, Any] = {
    **dict.fromkeys(
        ("type", "principalId", "arn", "accountId", "accessKeyId", "userName", "invokedBy", "identityProvider"),
        "VARCHAR",
    ),
    "sessionContext": {
        "attributes": ATTRIBUTES,
        "sessionIssuer": ISSUER,
        "webIdFederationData": {"federatedProvider": "VARCHAR", "attributes": MAP},
        "sourceIdentity": "VARCHAR",
        "ec2RoleDelivery": "VARCHAR",
    },
}
COLUMNS: dict[str, Any] = {
    "eventVersion": "VARCHAR",
    "userIdentity": IDENTITY,
    "eventTime": "TIMESTAMP",
    "eventSource": "VARCHAR",
    "eventName": "VARCHAR",
    "awsRegion": "VARCHAR",
    "sourceIPAddress": "VARCHAR",
    "userAgent": "VARCHAR",
    "errorCode": "VARCHAR",
    "errorMessage": "VARCHAR",
    "requestParameters": MAP,
    "responseElements": MAP,
    "additionalEventData": MAP,
    "requestID": "VARCHAR",
    "eventID": "VARCHAR",
    "readOnly": "BOOLEAN",
    "resources": [{"accountId": "VARCHAR", "type": "VARCHAR", "ARN": "VARCHAR"}],
    "eventType": "VARCHAR",
    "apiVersion": "VARCHAR",
    "managementEvent": "BOOLEAN",
    "recipientAccountId": "VARCHAR",
    "sharedEventID": "VARCHAR",
    "vpcEndpointId": "VARCHAR",
    "serviceEventDetails": MAP,
    "insightDetails": MAP,
    "eventCategory": "VARCHAR",
    "eventContext": {
        "requestContext": MAP,
        "tagContext": {"resourceTags": [{"arn": "VARCHAR", "tags": MAP}], "principalTags": MAP},
    },
    "sessionCredentialFromConsole": "BOOLEAN",
    "tlsDetails": {"tlsVersion": "VARCHAR", "cipherSuite": "VARCHAR", "clientProvidedHostHeader": "VARCHAR"},
    "eventJson": "VARCHAR",
}
"""The schema of events ("CloudTrail Lake supported schemas for event data store categories")."""
AUDITED: dict[str, Any] = {
    "eventData": {
        **dict.fromkeys(
            (
                "version",
                "UID",
                "eventTime",
                "eventSource",
                "eventName",
                "userAgent",
                "errorCode",
                "errorMessage",
                "recipientAccountId",
                "sourceIPAddress",
            ),
            "VARCHAR",
        ),
        "userIdentity": {"type": "VARCHAR", "principalId": "VARCHAR", "details": MAP},
        "requestParameters": MAP,
        "responseElements": MAP,
        "additionalEventData": MAP,
    },
    "metadata": dict.fromkeys(("ingestionTime", "channelARN", "externalId"), "VARCHAR"),
    "eventCategory": "VARCHAR",
    "eventTime": "TIMESTAMP",
    "eventJson": "VARCHAR",
}
"""The schema of events from outside of AWS."""  # fmt: skip
PLACE = re.compile(r"'(?:[^']|'')*'|\?")


class Statement(NamedTuple):
    """A statement that was read."""

    sql: str
    stores: list[str]
    """The ids of the event data stores that it asks, in the order of their tables t0, t1, …"""
    since: float = -math.inf
    upto: float = math.inf
    """The times of the events that it can be about, as far as that is plain to see."""


class Answer(NamedTuple):
    columns: list[str]
    rows: list[list[str | None]]


def invalid(message: str) -> Fault:
    return Fault("InvalidQueryStatementException", message)


def read(text: str) -> Statement:
    """What a statement comes to; InvalidQueryStatementException for what is none, or does more than to ask."""
    try:
        import sqlglot
        from sqlglot import exp
    except ImportError:
        raise Unfinished("Queries need the packages sqlglot and duckdb: pip install 'pileus[select]'") from None
    try:
        trees = sqlglot.parse(BARE.sub(r'"\1"', text.strip().rstrip(";")), read="trino")
    except sqlglot.errors.SqlglotError as error:
        raise invalid(f"The query statement is not valid: {str(error).splitlines()[0]}") from None
    tree = trees[0] if len(trees) == 1 else None
    if not isinstance(tree, exp.Query):
        raise invalid("Only a single SELECT statement is supported.")
    if any(one.args.get("recursive") for one in tree.find_all(exp.With)):
        raise invalid("Recursive queries are not supported.")
    known = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    stores: list[str] = []
    for table in list(tree.find_all(exp.Table)):
        if not isinstance(table.this, exp.Identifier) or table.args.get("db"):
            raise invalid(f"{table.sql()} is not an event data store.")
        name = table.name
        if name.lower() in known:
            continue
        if not re.fullmatch(UUID, name):
            raise invalid(f"{name} is not the id of an event data store.")
        if name not in stores:
            stores.append(name)
        table.set("this", exp.to_identifier(f"t{stores.index(name)}"))
    if not stores:
        raise invalid("The query statement asks no event data store.")
    return Statement(tree.sql("duckdb"), stores, *times(tree))


def times(tree: Any) -> tuple[float, float]:
    """What a statement that asks one table says of eventTime, by comparisons all of which must hold."""
    from sqlglot import exp

    since, upto = -math.inf, math.inf
    where = tree.args.get("where")
    if not isinstance(tree, exp.Select) or where is None or len(list(tree.find_all(exp.Table))) != 1:
        return since, upto
    for one in where.this.flatten() if isinstance(where.this, exp.And) else [where.this]:
        if isinstance(one, exp.Between):
            bounds = [(exp.GTE, one.args["low"]), (exp.LTE, one.args["high"])]
        elif isinstance(one, exp.GT | exp.GTE | exp.LT | exp.LTE):
            bounds = [(type(one), one.expression)]
        else:
            continue
        if not isinstance(one.this, exp.Column) or one.this.name.lower() != "eventtime":
            continue
        for kind, value in bounds:
            at = moment_of(value)
            if at is not None and kind in (exp.GT, exp.GTE):
                since = max(since, at)
            elif at is not None:
                upto = min(upto, at)
    return since, upto


def moment_of(value: Any) -> float | None:
    """The instant of a literal, or of one that is made a timestamp."""
    from sqlglot import exp

    literal = value.this if isinstance(value, exp.Cast) else value
    if not isinstance(literal, exp.Literal) or not literal.is_string:
        return None
    try:
        at = datetime.fromisoformat(literal.name)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def bound(text: str, values: list[str]) -> str:
    """A statement with values in its places, which are `?` or, as with eventTime, `'?'`."""
    left = list(values)

    def value(found: re.Match[str]) -> str:
        if found[0] not in ("?", "'?'"):
            return found[0]
        if not left:
            raise invalid("The query statement has more parameters than there are values.")
        return "'" + left.pop(0).replace("'", "''") + "'"

    told = PLACE.sub(value, text)
    if left:
        raise invalid("The query statement has fewer parameters than there are values.")
    return told


class Engine:
    """The tables of one query: they have nothing but the events that they are given."""

    def __init__(self) -> None:
        try:
            self._tables = Tables()
        except ImportError:
            raise Unfinished("Queries need the packages sqlglot and duckdb: pip install 'pileus[select]'") from None
        self.stop, self.close = self._tables.stop, self._tables.close

    def load(self, number: int, batches: Iterable[list[bytes]], schema: dict[str, Any]) -> None:
        """Fill a table with events."""
        self._tables.load(f"t{number}", ([shaped(line) for line in lines] for lines in batches), schema)

    def ask(self, sql: str) -> Answer:
        try:
            columns, rows = self._tables.ask(sql)
        except Wrong as error:
            raise invalid(str(error)) from None
        return Answer(columns, [[text(value) for value in row] for row in rows])


def shaped(line: bytes) -> str:
    """An event with texts in its maps, as their columns have them, and beside them itself."""
    told = json.loads(line)
    for part in (told, told.get("eventData") or {}):
        for name in MAPS:
            held = part.get(name)
            if held is not None:
                held = held if isinstance(held, dict) else {"value": held}
                part[name] = {key: text(value) for key, value in held.items()}
    told["eventJson"] = line.decode()
    return json.dumps(told)


def text(value: Any) -> str | None:
    """A value as results show it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, default=str, separators=(",", ":"))
    return str(value)
