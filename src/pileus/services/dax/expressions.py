"""Expressions as DAX's clients send them, taken apart already: brought back into DynamoDB's own language.

An expression is a list: the format, the tree of operations by their numbers, and the values that it refers to.
"""

from __future__ import annotations

from typing import Any

from .wire import Item, Malformed, Ordinal, Value, items, value_of

COMPARED = {0: "=", 1: "<>", 2: "<", 3: ">=", 4: ">", 5: "<="}
JOINED = {6: "AND", 7: "OR"}
NOT, BETWEEN, IN, VARIABLE, PATH = 8, 9, 10, 17, 18
CALLED = {
    11: "attribute_exists",
    12: "attribute_not_exists",
    13: "attribute_type",
    14: "begins_with",
    15: "contains",
    16: "size",
    23: "if_not_exists",
    24: "list_append",
}
ADDED = {25: "+", 26: "-"}
CLAUSES = {19: "SET", 20: "ADD", 21: "DELETE", 22: "REMOVE"}

Path = tuple[str | int, ...]


class Texts:
    """The expressions of a request as text, with the names and values that they refer to."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: Item = {}
        self._variables: list[Any] = []
        self._known: dict[int, str] = {}

    @property
    def members(self) -> dict[str, Any]:
        """The members of a request that go with its expressions."""
        told: dict[str, Any] = {}
        if self.names:
            told["ExpressionAttributeNames"] = self.names
        if self.values:
            told["ExpressionAttributeValues"] = self.values
        return told

    def condition(self, data: bytes) -> str:
        return self._tree(self._opened(data))

    def update(self, data: bytes) -> str:
        clauses: dict[str, list[str]] = {}
        for action in self._opened(data):
            number, path, *rest = action
            clause = CLAUSES.get(number)
            if clause is None:
                raise Malformed(f"Unknown action {number}")
            sign = " = " if clause == "SET" else " "
            clauses.setdefault(clause, []).append(sign.join([self._tree(path), *(self._tree(one) for one in rest)]))
        return " ".join(f"{clause} {', '.join(actions)}" for clause, actions in clauses.items())

    def _opened(self, data: bytes) -> Any:
        try:
            _format, tree, *rest = items(data)[0]
        except (ValueError, IndexError, TypeError):
            raise Malformed("An expression is none") from None
        self._variables = list(rest[0]) if rest else []
        self._known = {}
        return tree

    def _tree(self, node: Any) -> str:
        try:
            number, *operands = node
        except TypeError:
            raise Malformed("An expression is none") from None
        if number == VARIABLE:
            return self._variable(operands[0])
        if number == PATH:
            return self._path(operands)
        if number in COMPARED:
            return f"{self._tree(operands[0])} {COMPARED[number]} {self._tree(operands[1])}"
        if number in JOINED:
            return f"({self._tree(operands[0])}) {JOINED[number]} ({self._tree(operands[1])})"
        if number in ADDED:
            return f"{self._tree(operands[0])} {ADDED[number]} {self._tree(operands[1])}"
        if number in CALLED:
            return f"{CALLED[number]}({', '.join(self._tree(one) for one in operands)})"
        return self._ranged(number, operands)

    def _ranged(self, number: int, operands: list[Any]) -> str:
        if number == NOT:
            return f"NOT ({self._tree(operands[0])})"
        if number == BETWEEN:
            value, low, high = map(self._tree, operands)
            return f"{value} BETWEEN {low} AND {high}"
        if number == IN:
            return f"{self._tree(operands[0])} IN ({', '.join(self._tree(one) for one in operands[1])})"
        raise Malformed(f"Unknown operation {number}")

    def _variable(self, number: int) -> str:
        """A value, by a name that no other has."""
        if number not in self._known:
            name = f":v{len(self.values)}"
            self.values[name] = value_of(self._variables[number])
            self._known[number] = name
        return self._known[number]

    def _path(self, elements: list[Any]) -> str:
        text = ""
        for element in elements:
            if isinstance(element, Ordinal):
                text += f"[{int(element)}]"
                continue
            name = next((name for name, known in self.names.items() if known == element), f"#n{len(self.names)}")
            self.names[name] = element
            text += f".{name}" if text else name
        return text


def projection(data: bytes) -> list[Path]:
    """The paths of a projection."""
    try:
        _format, paths = items(data)[0]
    except (ValueError, IndexError, TypeError):
        raise Malformed("A projection is none") from None
    return [
        tuple(int(element) if isinstance(element, Ordinal) else str(element) for element in path[1:]) for path in paths
    ]


def within(item: Item, path: Path) -> Value | None:
    """What a path leads to in an item."""
    value: Value | None = item.get(str(path[0]))
    for part in path[1:]:
        if value is None:
            return None
        inside: Any = value.get("L" if isinstance(part, int) else "M")
        if isinstance(inside, list):
            value = inside[part] if isinstance(part, int) and part < len(inside) else None
        else:
            value = inside.get(part) if inside else None
    return value
