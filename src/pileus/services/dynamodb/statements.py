"""PartiQL statements: read into the same trees that expressions are read into.

    SELECT * | path, … FROM "table"[."index"] [WHERE condition] [ORDER BY key [ASC | DESC]]
    INSERT INTO "table" VALUE {'key': value, …}
    UPDATE "table" SET path = value … | REMOVE path … WHERE key = value [AND condition] [RETURNING …]
    DELETE FROM "table" WHERE key = value [AND condition] [RETURNING ALL OLD *]
    EXISTS(SELECT …)

Developer Guide, "PartiQL - a SQL-compatible query language for Amazon DynamoDB".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from . import conditions, faults, numbers
from .conditions import Node
from .lexer import Words
from .tokens import Operand, Path
from .updates import Action
from .values import Item, Value

MISSING = "attribute_not_exists"
COMPARATORS = ("=", "<>", "!=", "<", "<=", ">", ">=")


class Statement(NamedTuple):
    kind: str
    table: str
    index_name: str | None = None
    where: Node | None = None
    paths: tuple[Path, ...] = ()
    item: Operand | None = None
    actions: tuple[Action, ...] = ()
    backward: bool = False
    order: str = ""
    returning: str = "NONE"
    literals: tuple[tuple[str, Operand], ...] = ()
    parameters: int = 0


class Reader(Words):
    """Reads one statement. What is written out in it becomes values named `:0`, `:1`, …; parameters are `:?0`, …"""

    def __init__(self, statement: str) -> None:
        super().__init__(statement)
        self.literals: Item = {}
        self.parameters = 0

    # Values

    def constant(self, value: Value) -> Operand:
        name = f":{len(self.literals)}"
        self.literals[name] = value
        return Operand("value", value=name)

    def literal(self) -> Operand | None:
        """A value that is written out, or a parameter."""
        kind, text = self.word
        if self.sign("?"):
            self.parameters += 1
            return Operand("value", value=f":?{self.parameters - 1}")
        if kind == "text":
            self.at += 1
            return self.constant({"S": text[1:-1].replace("''", "'")})
        if kind == "number" or (text == "-" and self.words[self.at + 1 : self.at + 2][:1] and self.next_is_number()):
            return self.constant({"N": numbers.normal(self.number())})
        if word := self.keyword("TRUE", "FALSE"):
            return self.constant({"BOOL": word == "TRUE"})
        if self.keyword("NULL"):
            return self.constant({"NULL": True})
        for opening, closing, collected in (("[", "]", "list"), ("<<", ">>", "set")):
            if self.sign(opening):
                return Operand(collected, operands=tuple(self.several(closing)))
        return self.tuple() if self.sign("{") else None

    def next_is_number(self) -> bool:
        return self.words[self.at + 1].kind == "number"

    def number(self) -> str:
        sign = self.sign("-")
        return sign + self.take().text

    def several(self, closing: str) -> list[Operand]:
        self.deeper()
        found: list[Operand] = []
        while not self.sign(closing):
            if found:
                self.expect(",")
            value = self.literal()
            if value is None:
                raise self.unexpected()
            found.append(value)
        self.depth -= 1
        return found

    def tuple(self) -> Operand:
        self.deeper()
        found: list[Operand] = []
        while not self.sign("}"):
            if found:
                self.expect(",")
            kind, text = self.take()
            if kind not in ("text", "quoted"):
                raise self.unexpected()
            self.expect(":")
            value = self.literal()
            if value is None:
                raise self.unexpected()
            found.append(Operand("member", (text[1:-1].replace("''", "'"),), operands=(value,)))
        self.depth -= 1
        return Operand("map", operands=(*found,))

    def path(self) -> Path:
        parts: list[str | int] = [self.identifier()]
        while sign := self.sign(".", "["):
            if sign == ".":
                parts.append(self.identifier())
            else:
                parts.append(int(self.take().text) if self.word.kind == "number" else self.take().text[1:-1])
                self.expect("]")
        return (*parts,)

    def operand(self) -> Operand:
        if (value := self.literal()) is not None:
            return value
        name = self.word.text.lower()
        if self.words[self.at + 1 : self.at + 2] and self.words[self.at + 1].text == "(" and name == "size":
            self.at += 2
            inner = Operand("size", operands=(self.operand(),))
            self.expect(")")
            return inner
        return Operand("path", self.path())

    # Conditions

    def condition(self) -> Node:
        self.deeper()
        found = [self.conjunction()]
        while self.keyword("OR"):
            found.append(self.conjunction())
        self.depth -= 1
        return found[0] if len(found) == 1 else Node("OR", below=(*found,))

    def conjunction(self) -> Node:
        found = [self.negation()]
        while self.keyword("AND"):
            found.append(self.negation())
        return found[0] if len(found) == 1 else Node("AND", below=(*found,))

    def negation(self) -> Node:
        if self.keyword("NOT"):
            self.deeper()
            node = Node("NOT", below=(self.negation(),))
            self.depth -= 1
            return node
        if self.sign("("):
            node = self.condition()
            self.expect(")")
            return node
        return self.predicate()

    def predicate(self) -> Node:
        name = self.word.text.lower()
        following = self.words[self.at + 1 : self.at + 2]
        if following and following[0].text == "(" and name in conditions.FUNCTIONS:
            self.at += 2
            operands = [self.operand()]
            while self.sign(","):
                operands.append(self.operand())
            self.expect(")")
            return Node(name, (*operands,))
        left = self.operand()
        if operator := self.sign(*COMPARATORS):
            return Node("<>" if operator == "!=" else operator, (left, self.operand()))
        if self.keyword("BETWEEN"):
            lower = self.operand()
            self.expect("AND")
            return Node("BETWEEN", (left, lower, self.operand()))
        if self.keyword("IN"):
            closing = "]" if self.sign("[") else ")" if self.sign("(") else ""
            if not closing:
                raise self.unexpected()
            return Node("IN", (left, *self.several(closing)))
        return self.being(left)

    def being(self, left: Operand) -> Node:
        self.expect("IS")
        negated = self.keyword("NOT")
        if self.keyword("MISSING"):
            node = Node(MISSING, (left,))
        else:
            self.expect("NULL")
            node = Node("=", (left, self.constant({"NULL": True})))
        return Node("NOT", below=(node,)) if negated else node

    # Statements

    def select(self) -> Statement:
        paths: list[Path] = []
        if not self.sign("*"):
            paths.append(self.path())
            while self.sign(","):
                paths.append(self.path())
        self.expect("FROM")
        table, index = self.identifier(), self.identifier() if self.sign(".") else None
        where = self.condition() if self.keyword("WHERE") else None
        order, backward = "", False
        if self.keyword("ORDER"):
            self.expect("BY")
            order = self.identifier()
            backward = self.keyword("ASC", "DESC") == "DESC"
        return Statement("select", table, index, where, (*paths,), order=order, backward=backward)

    def insert(self) -> Statement:
        self.expect("INTO")
        table = self.identifier()
        self.expect("VALUE")
        item = self.literal()
        if item is None or item.kind not in ("map", "value"):
            raise self.unexpected()
        return Statement("insert", table, item=item)

    def update(self) -> Statement:
        table = self.identifier()
        actions: list[Action] = []
        while section := self.keyword("SET", "REMOVE"):
            actions.append(self.action(section))
            while self.sign(","):
                actions.append(self.action(section))
        if not actions:
            raise self.unexpected()
        self.expect("WHERE")
        where = self.condition()
        return Statement("update", table, where=where, actions=(*actions,), returning=self.returning())

    def action(self, section: str) -> Action:
        path = self.path()
        if section == "REMOVE":
            return Action("REMOVE", path)
        self.expect("=")
        name = self.word.text.lower()
        if name in ("set_add", "set_delete"):
            self.at += 1
            self.expect("(")
            self.path()
            self.expect(",")
            value = self.operand()
            self.expect(")")
            return Action("ADD" if name == "set_add" else "DELETE", path, value)
        return Action("SET", path, self.sum())

    def sum(self) -> Operand:
        left = self.term()
        if sign := self.sign("+", "-"):
            return Operand(sign, operands=(left, self.term()))
        return left

    def term(self) -> Operand:
        name = self.word.text.lower()
        following = self.words[self.at + 1 : self.at + 2]
        if name in ("list_append", "if_not_exists") and following and following[0].text == "(":
            self.at += 2
            left = self.operand()
            self.expect(",")
            right = self.operand()
            self.expect(")")
            return Operand(name, operands=(left, right))
        return self.operand()

    def delete(self) -> Statement:
        self.expect("FROM")
        table = self.identifier()
        self.expect("WHERE")
        return Statement("delete", table, where=self.condition(), returning=self.returning())

    def returning(self) -> str:
        if not self.keyword("RETURNING"):
            return "NONE"
        what, which = self.keyword("ALL", "MODIFIED"), self.keyword("OLD", "NEW")
        if not what or not which:
            raise self.unexpected()
        self.expect("*")
        return f"{'ALL' if what == 'ALL' else 'UPDATED'}_{which}"

    def exists(self) -> Statement:
        self.expect("(", "SELECT")
        found = self.select()
        self.expect(")")
        return found._replace(kind="exists")


READERS: dict[str, Callable[[Reader], Statement]] = {
    "SELECT": Reader.select,
    "INSERT": Reader.insert,
    "UPDATE": Reader.update,
    "DELETE": Reader.delete,
    "EXISTS": Reader.exists,
}


@lru_cache(maxsize=1024)
def read(statement: str) -> tuple[Statement, Item]:
    """A statement, and the values that are written out in it."""
    reader = Reader(statement)
    kind = reader.keyword(*READERS)
    if not kind:
        raise reader.unexpected()
    found = READERS[kind](reader)
    if reader.word.kind != "end":
        raise reader.unexpected()
    return found._replace(parameters=reader.parameters), reader.literals


def value_of(operand: Operand, given: Item) -> Value:
    """What a literal stands for: lists, sets and maps are put together from their parts."""
    if operand.kind == "value":
        return given[operand.value]
    if operand.kind == "map":
        return {"M": {str(one.path[0]): value_of(one.operands[0], given) for one in operand.operands}}
    found = [value_of(one, given) for one in operand.operands]
    if operand.kind == "list":
        return {"L": found}
    kinds = {next(iter(one)) for one in found}
    if operand.kind != "set" or len(kinds) != 1 or not kinds <= {"S", "N", "B"}:
        raise faults.invalid("Statement wasn't well formed, can't be processed: a set holds values of one scalar type")
    kind = kinds.pop()
    return {f"{kind}S": [one[kind] for one in found]}
