"""The SQL of S3 Select, as a tree: `SELECT … FROM S3Object[path] alias WHERE … LIMIT n`, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.parser import Parser as Parsing

from .faults import wrong

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

LONGEST = 256 * 1024
STAR = "*"
Step = str | int
"""Of a path: a name, an index, or `*` for all elements (a name that is a star cannot be written)."""


class S3Select(Dialect):
    """A dialect that knows no functions: their names and arguments are all that is wanted of a parse."""

    class Parser(Parsing):
        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}


class Statement(NamedTuple):
    """What a query says."""

    source: tuple[Step, ...]
    """The path in the FROM clause behind S3Object, which goes into each record."""
    alias: str
    columns: list[exp.Expression]
    """Empty for all of a record."""
    where: exp.Expression | None
    limit: int | None


def parse(text: str) -> Statement:
    if len(text.encode()) > LONGEST:
        raise wrong("ExpressionTooLong")
    plain, source = without_source_path(text)
    try:
        trees = sqlglot.parse(plain, dialect=S3Select)
    except sqlglot.errors.SqlglotError as error:
        raise wrong("ParseUnexpectedToken", where(error)) from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Select):
        raise wrong("ParseUnsupportedSelect")
    return statement(trees[0], source)


def where(error: sqlglot.errors.SqlglotError) -> str:
    """The line and the column at which a text is no SQL."""
    found = getattr(error, "errors", None)
    return f"At line {found[0]['line']}, column {found[0]['col']}." if found else ""


KNOWN = {"expressions", "from_", "where", "limit", "kind", "hint"}


def statement(tree: exp.Select, source: tuple[Step, ...]) -> Statement:
    if beyond := [name for name, value in tree.args.items() if value and name not in KNOWN]:
        raise wrong("UnsupportedSqlStructure", f"Not supported: {', '.join(beyond)}.")
    clause = tree.args.get("from_")
    if clause is None:
        raise wrong("ParseSelectMissingFrom")
    table = clause.this
    if not isinstance(table, exp.Table) or table.name.lower() != "s3object" or table.args.get("joins"):
        raise wrong("InvalidTableAlias" if isinstance(table, exp.Table) else "UnsupportedSqlStructure")
    columns = tree.expressions
    if any(isinstance(each, exp.Star) for each in columns):
        if len(columns) > 1:
            raise wrong("ParseAsteriskIsNotAloneInSelectList")
        columns = []
    where = tree.args.get("where")
    return Statement(source, table.alias, columns, where.this if where else None, limit(tree))


def limit(tree: exp.Select) -> int | None:
    clause = tree.args.get("limit")
    if clause is None:
        return None
    value = clause.expression
    if isinstance(value, exp.Neg):
        raise wrong("EvaluatorNegativeLimit")
    if not isinstance(value, exp.Literal) or value.is_string or not value.name.isdigit():
        raise wrong("ParseUnexpectedToken", "LIMIT wants a whole number.")
    return int(value.name)


def without_source_path(text: str) -> tuple[str, tuple[Step, ...]]:
    """The text without what stands behind S3Object in the FROM clause (no SQL parser knows it), and that path."""
    try:
        found = Dialect.get_or_raise(S3Select).tokenize(text)
    except sqlglot.errors.SqlglotError as error:
        raise wrong("ParseUnexpectedToken", where(error)) from None
    at = next(
        (
            n + 1
            for n, token in enumerate(found[:-1])
            if kind(token) == "FROM" and found[n + 1].text.lower() == "s3object"
        ),
        None,
    )
    if at is None:
        return text, ()
    path: list[Step] = []
    end = at + 1
    while end < len(found) and kind(found[end]) in ("DOT", "L_BRACKET"):
        step, end = read_step(found, end)
        path.append(step)
    return text[: found[at].end + 1] + text[found[end - 1].end + 1 :], tuple(path)


def kind(token: Token) -> str:
    return str(token.token_type.name)


def read_step(found: list[Token], at: int) -> tuple[Step, int]:
    """One component of a path, and where the next begins."""
    bracket = kind(found[at]) == "L_BRACKET"
    if at + 1 + bracket >= len(found):
        raise wrong("ParseInvalidPathComponent")
    token = found[at + 1]
    if bracket and kind(found[at + 2]) != "R_BRACKET":
        raise wrong("ParseInvalidPathComponent")
    step: Step = int(token.text) if bracket and token.text.isdigit() else token.text
    return step, at + 2 + bracket


def path_of(node: exp.Expression) -> list[Step] | None:
    """The path that an expression is, with the alias if it has one; None for anything else."""
    if isinstance(node, exp.Column):
        parts: list[Step] = [STAR if isinstance(part, exp.Star) else part.name for part in node.parts]
        return parts
    if isinstance(node, exp.Dot):
        front = path_of(node.this)
        if front is None:
            return None
        return [*front, STAR if isinstance(node.expression, exp.Star) else node.expression.name]
    if isinstance(node, exp.Bracket) and len(node.expressions) == 1:
        front, inner = path_of(node.this), node.expressions[0]
        if front is None or not isinstance(inner, exp.Literal | exp.Star):
            return None
        if isinstance(inner, exp.Star):
            return [*front, STAR]
        return [*front, inner.name if inner.is_string else int(inner.name)]
    return None
