"""From a tree of S3 Select to SQL of DuckDB.

Values of CSV are texts, those of JSON (and of Parquet, which is read as JSON) have types of their own, which nobody
knows before. So each expression carries what is known of its type, and operators say how they take it: beside a number
a text counts as the number that it spells ("SQL reference for Amazon S3 Select", S3 User Guide).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from sqlglot import exp

from .faults import wrong
from .grammar import STAR, Statement, Step, path_of
from .values import (
    PATTERN,
    Sql,
    alike,
    coalesce,
    compare,
    fixed,
    nullif,
    number,
    of_string,
    quoted,
    string,
    time,
)


class Column(NamedTuple):
    name: str
    sql: Sql


class Plan(NamedTuple):
    """What to ask of every batch of records, and of what comes of that."""

    columns: list[Column]
    """Empty for all of a record."""
    where: str
    partials: list[str]
    """For aggregates: what each batch gives; the columns then are computed from `p0`, `p1` … of all batches."""


Fields = Callable[[list[Step]], Sql]
"""The field at a path, without the alias."""


def plan(statement: Statement, fields: Fields) -> Plan:
    translator = Translator(statement, fields)
    where = translator.truth(statement.where) if statement.where is not None else ""
    columns = []
    for position, node in enumerate(statement.columns, 1):
        alias = node.alias if isinstance(node, exp.Alias) else ""
        inner = node.this if isinstance(node, exp.Alias) else node
        path = path_of(inner)
        if path and path[-1] == STAR and len(path) == 2:
            if len(statement.columns) > 1:
                raise wrong("ParseAsteriskIsNotAloneInSelectList")
            return Plan([], where, [])
        name = alias or (str(path[-1]) if path and isinstance(path[-1], str) else f"_{position}")
        translator.aggregating = True
        columns.append(Column(name, translator.sql(inner)))
    if translator.partials and any(translator.plain):
        raise wrong("UnsupportedSqlStructure", "Fields beside aggregates need a GROUP BY, which is not supported.")
    return Plan(columns, where, translator.partials)


AGGREGATES = ("COUNT", "SUM", "AVG", "MIN", "MAX")


class Translator:
    def __init__(self, statement: Statement, fields: Fields) -> None:
        self.alias = statement.alias
        self.fields = fields
        self.partials: list[str] = []
        self.plain: list[str] = []
        """Fields in the list of a SELECT that are in no aggregate."""
        self.aggregating = False
        self._inside = False

    # Fields

    def field(self, path: list[Step]) -> Sql:
        head = path[0]
        if len(path) > 1 and isinstance(head, str) and head.lower() in (self.alias.lower(), "s3object"):
            path = path[1:]
        elif len(path) == 1 and self.alias and head == self.alias:
            path = []
        found = self.fields(path)
        if self.aggregating and not self._inside:
            self.plain.append(found.text)
        return found

    # Expressions

    def sql(self, node: exp.Expression) -> Sql:
        if (path := path_of(node)) is not None:
            return self.field(path)
        for kind, made in MADE.items():
            if isinstance(node, kind):
                return made(self, node)
        raise wrong("UnsupportedSqlOperation", f"Not supported: {type(node).__name__}.")

    def truth(self, node: exp.Expression) -> str:
        found = self.sql(node)
        if found.kind == "bool":
            return found.text
        if found.kind in ("text", "json", "null"):
            return f"(TRY_CAST({string(found).text} AS BOOLEAN))"
        raise wrong("InvalidDataType", "A condition is wanted.")

    def paren(self, node: exp.Expression) -> Sql:
        inner = self.sql(node.this)
        return Sql(f"({inner.text})", inner.kind)

    def literal(self, node: exp.Expression) -> Sql:
        if node.args["is_string"]:
            return Sql(quoted(node.name), "str")
        return Sql(node.name, "int" if node.name.isdigit() else "decimal" if "e" not in node.name.lower() else "float")

    def boolean(self, node: exp.Expression) -> Sql:
        return Sql("TRUE" if node.this else "FALSE", "bool")

    def null(self, node: exp.Expression) -> Sql:
        return Sql("NULL", "null")

    def negative(self, node: exp.Expression) -> Sql:
        inner = number(self.sql(node.this))
        return Sql(f"(-{inner.text})", inner.kind)

    def both(self, node: exp.Expression) -> Sql:
        word = "AND" if isinstance(node, exp.And) else "OR"
        return Sql(f"({self.truth(node.this)} {word} {self.truth(node.expression)})", "bool")

    def negated(self, node: exp.Expression) -> Sql:
        return Sql(f"(NOT {self.truth(node.this)})", "bool")

    def compared(self, node: exp.Expression) -> Sql:
        return compare(COMPARISONS[type(node)], self.sql(node.this), self.sql(node.expression))

    def computed(self, node: exp.Expression) -> Sql:
        left, right = number(self.sql(node.this)), number(self.sql(node.expression))
        sign = ARITHMETIC[type(node)]
        kind = left.kind if left.kind == right.kind else "float" if "float" in (left.kind, right.kind) else "decimal"
        if sign == "/" and kind == "int":
            sign = "//"
        return Sql(f"({left.text} {sign} {right.text})", kind)

    def concatenated(self, node: exp.Expression) -> Sql:
        return Sql(f"({string(self.sql(node.this)).text} || {string(self.sql(node.expression)).text})", "str")

    def between(self, node: exp.Expression) -> Sql:
        value = self.sql(node.this)
        low = compare(">=", value, self.sql(node.args["low"]))
        high = compare("<=", value, self.sql(node.args["high"]))
        return Sql(f"({low.text} AND {high.text})", "bool")

    def within(self, node: exp.Expression) -> Sql:
        if not node.expressions:
            raise wrong("UnsupportedSqlStructure")
        value = self.sql(node.this)
        return Sql(f"({' OR '.join(compare('=', value, self.sql(one)).text for one in node.expressions)})", "bool")

    def like(self, node: exp.Expression) -> Sql:
        escape = ""
        if isinstance(node, exp.Escape):
            node, escape = node.this, f" ESCAPE {quoted(node.expression.name)}"
        if not isinstance(node, exp.Like):
            raise wrong("UnsupportedSqlOperation")
        return Sql(
            f"({string(self.sql(node.this)).text} LIKE {string(self.sql(node.expression)).text}{escape})", "bool"
        )

    def nothing(self, node: exp.Expression) -> Sql:
        value, what = self.sql(node.this), node.expression
        if isinstance(what, exp.Column) and what.name.lower() == "missing":
            return Sql(f"({value.text} IS NULL)", "bool")
        if not isinstance(what, exp.Null):
            raise wrong("UnsupportedSqlOperation")
        if value.kind == "json":
            return Sql(f"({value.text} IS NULL OR json_type({value.text}) = 'NULL')", "bool")
        return Sql(f"({value.text} IS NULL)", "bool")

    def cast(self, node: exp.Expression) -> Sql:
        name = node.args["to"].sql("postgres").upper().partition("(")
        found = CASTS.get(name[0].strip())
        if found is None:
            raise wrong("InvalidDataType", f"{name[0]} is no type that a value can be cast to.")
        kind, duck = found
        if kind == "decimal" and name[1]:
            duck = f"DECIMAL({name[2]}"
        value = self.sql(node.this)
        if kind == "time":
            return Sql(f"to_time({string(value).text})", kind)
        if kind == "int" and value.kind in ("text", "str", "json"):
            return Sql(f"to_int({string(value).text})", kind)
        return Sql(f"CAST({string(value).text if value.kind == 'json' else value.text} AS {duck})", kind)

    def case(self, node: exp.Expression) -> Sql:
        subject = self.sql(node.this) if node.this is not None else None
        branches, values = [], []
        for branch in node.args["ifs"]:
            if subject is None:
                condition = self.truth(branch.this)
            else:
                condition = compare("=", subject, self.sql(branch.this)).text
            values.append(self.sql(branch.args["true"]))
            branches.append(condition)
        if node.args.get("default") is not None:
            values.append(self.sql(node.args["default"]))
        values = alike(values)
        text = "".join(f" WHEN {when} THEN {then.text}" for when, then in zip(branches, values, strict=False))
        rest = f" ELSE {values[-1].text}" if len(values) > len(branches) else ""
        return Sql(f"(CASE{text}{rest} END)", values[0].kind)

    def extract(self, node: exp.Expression) -> Sql:
        part = node.this.name.lower()
        if part not in PARTS:
            raise wrong("IllegalSqlFunctionArgument", f"{part} is no part of a timestamp.")
        return Sql(f"CAST(date_part('{part}', {time(self.sql(node.expression)).text}) AS BIGINT)", "int")

    def substring(self, node: exp.Expression) -> Sql:
        start, length = node.args.get("start"), node.args.get("length")
        if start is None:
            raise wrong("EvaluatorInvalidArguments")
        first = f"CAST({number(self.sql(start)).text} AS BIGINT)"
        more = ""
        if length is not None:  # counted from where it begins, be that before the first character
            size = f"CAST({number(self.sql(length)).text} AS BIGINT)"
            more = f", greatest({size} + least({first}, 1) - 1, 0)"
        return Sql(f"substring({string(self.sql(node.this)).text}, greatest({first}, 1){more})", "str")

    def trim(self, node: exp.Expression) -> Sql:
        name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or "").upper(), "trim")
        given = node.args.get("expression")
        signs = f", {string(self.sql(given)).text}" if given is not None else ", ' '"
        return Sql(f"{name}({string(self.sql(node.this)).text}{signs})", "str")

    # Functions

    def call(self, node: exp.Expression) -> Sql:
        name = str(node.this).upper()
        if name in AGGREGATES:
            return self.aggregate(name, node.expressions)
        arguments = node.expressions
        if name in ("DATE_ADD", "DATE_DIFF"):
            return self.of_dates(name, arguments)
        if name == "TO_STRING":
            return self.to_string(arguments)
        if name not in FUNCTIONS:
            raise wrong("UnsupportedFunction", f"There is no function {name}.")
        fewest, most, made = FUNCTIONS[name]
        if not fewest <= len(arguments) <= most:
            raise wrong("EvaluatorInvalidArguments", f"Function: {name}.")
        return made([self.sql(one) for one in arguments])

    def of_dates(self, name: str, arguments: list[exp.Expression]) -> Sql:
        if len(arguments) != 3:
            raise wrong("EvaluatorInvalidArguments", f"Function: {name}.")
        part = arguments[0].name.lower()
        if part not in PARTS[:6]:
            raise wrong("IllegalSqlFunctionArgument", f"{part} is no part of a timestamp.")
        second = self.sql(arguments[2])
        if name == "DATE_ADD":
            count = f"CAST({number(self.sql(arguments[1])).text} AS INTEGER)"
            return Sql(f"({time(second).text} + to_{part}s({count}))", "time")
        return Sql(f"date_sub('{part}', {time(self.sql(arguments[1])).text}, {time(second).text})", "int")

    def to_string(self, arguments: list[exp.Expression]) -> Sql:
        if len(arguments) != 2:
            raise wrong("EvaluatorInvalidArguments", "Function: TO_STRING.")
        if not (isinstance(arguments[1], exp.Literal) and arguments[1].is_string):
            raise wrong("IllegalSqlFunctionArgument", "TO_STRING wants a pattern that is written out.")
        moment = time(self.sql(arguments[0])).text
        pieces = [
            PATTERN.get(piece) or fixed(piece)
            for piece in re.findall(r"'[^']*'|y+|M+|d+|a|h+|H+|m+|s+|S+|n|X+|x+|.", arguments[1].name)
        ]
        return Sql(f"concat({', '.join(piece.format(t=moment) for piece in pieces)})", "str")

    def aggregate(self, name: str, arguments: list[exp.Expression]) -> Sql:
        if not self.aggregating or self._inside:
            raise wrong("UnsupportedSqlOperation", f"{name} is for the list of a SELECT.")
        if len(arguments) != 1:
            raise wrong("EvaluatorInvalidArguments", f"Function: {name}.")
        if isinstance(arguments[0], exp.Star):
            if name != "COUNT":
                raise wrong("ParseUnsupportedSyntax", "Only COUNT takes a *.")
            return Sql(f"sum({self.partial('count(*)')})", "int")
        if isinstance(arguments[0], exp.Distinct):
            raise wrong("UnsupportedSqlStructure", "DISTINCT is not supported.")
        self._inside = True
        value = self.sql(arguments[0])
        self._inside = False
        if name == "COUNT":
            counted = f"nullif(json_type({value.text}), 'NULL')" if value.kind == "json" else value.text
            return Sql(f"sum({self.partial(f'count({counted})')})", "int")
        if name in ("MIN", "MAX"):
            if value.kind in ("text", "json"):
                value = number(value)
            return Sql(f"{name.lower()}({self.partial(f'{name.lower()}({value.text})')})", value.kind)
        value = number(value)
        total = self.partial(f"sum({value.text})")
        if name == "SUM":
            return Sql(f"sum({total})", value.kind)
        return Sql(f"(CAST(sum({total}) AS DOUBLE) / nullif(sum({self.partial(f'count({value.text})')}), 0))", "float")

    def partial(self, text: str) -> str:
        if text not in self.partials:
            self.partials.append(text)
        return f"p{self.partials.index(text)}"


PARTS = ("year", "month", "day", "hour", "minute", "second", "timezone_hour", "timezone_minute")
FUNCTIONS: Mapping[str, tuple[int, int, Callable[[list[Sql]], Sql]]] = {
    "COALESCE": (1, 100, coalesce),
    "NULLIF": (2, 2, nullif),
    "LOWER": (1, 1, of_string("lower")),
    "UPPER": (1, 1, of_string("upper")),
    "CHAR_LENGTH": (1, 1, of_string("length", "int")),
    "CHARACTER_LENGTH": (1, 1, of_string("length", "int")),
    "TO_TIMESTAMP": (1, 1, of_string("to_time", "time")),
    "UTCNOW": (0, 0, lambda _: Sql("utcnow()", "time")),
}
CASTS = {
    "BOOL": ("bool", "BOOLEAN"),
    "BOOLEAN": ("bool", "BOOLEAN"),
    "INT": ("int", "BIGINT"),
    "INTEGER": ("int", "BIGINT"),
    "STRING": ("str", "VARCHAR"),
    "TEXT": ("str", "VARCHAR"),
    "VARCHAR": ("str", "VARCHAR"),
    "FLOAT": ("float", "DOUBLE"),
    "REAL": ("float", "DOUBLE"),
    "DOUBLE PRECISION": ("float", "DOUBLE"),
    "DECIMAL": ("decimal", "DECIMAL(38, 10)"),
    "NUMERIC": ("decimal", "DECIMAL(38, 10)"),
    "TIMESTAMP": ("time", "TIMESTAMP"),
    "TIMESTAMPTZ": ("time", "TIMESTAMP"),
}
COMPARISONS: Mapping[type, str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
ARITHMETIC: Mapping[type, str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
MADE: Mapping[type, Callable[[Translator, exp.Expression], Sql]] = {
    exp.Paren: Translator.paren,
    exp.Literal: Translator.literal,
    exp.Boolean: Translator.boolean,
    exp.Null: Translator.null,
    exp.Neg: Translator.negative,
    exp.And: Translator.both,
    exp.Or: Translator.both,
    exp.Not: Translator.negated,
    **dict.fromkeys(COMPARISONS, Translator.compared),
    **dict.fromkeys(ARITHMETIC, Translator.computed),
    exp.DPipe: Translator.concatenated,
    exp.Between: Translator.between,
    exp.In: Translator.within,
    exp.Like: Translator.like,
    exp.Escape: Translator.like,
    exp.Is: Translator.nothing,
    exp.Cast: Translator.cast,
    exp.Case: Translator.case,
    exp.Extract: Translator.extract,
    exp.Substring: Translator.substring,
    exp.Trim: Translator.trim,
    exp.Anonymous: Translator.call,
}
