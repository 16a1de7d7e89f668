"""Condition and filter expressions: read into a tree, and the tree into a function of an item.

    condition ::= operand comparator operand | operand BETWEEN operand AND operand | operand IN (operand, …)
                | function | condition AND condition | condition OR condition | NOT condition | (condition)

Developer Guide, "Condition and filter expressions, operators, and functions".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from . import paths, values
from .tokens import Operand, Tokens
from .values import Item, Value

Values = dict[str, Value]
Test = Callable[[Item, Values], bool]
Get = Callable[[Item, Values], Value | None]

COMPARATORS = ("=", "<>", "<", "<=", ">", ">=")
FUNCTIONS = {"attribute_exists": 1, "attribute_not_exists": 1, "attribute_type": 2, "begins_with": 2, "contains": 2}
OPERAND_FUNCTIONS = {"size": 1}
UPDATE_FUNCTIONS = ("if_not_exists", "list_append")
PATHS_ONLY = ("attribute_exists", "attribute_not_exists")
ORDERED = ("S", "N", "B")
TYPES = "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}"
MOST_IN = 100


class Node(NamedTuple):
    """An operator or function with what it is applied to."""

    operator: str
    operands: tuple[Operand, ...] = ()
    below: tuple[Node, ...] = ()
    bracketed: bool = False


# Reading


def read(tokens: Tokens) -> Node:
    node = disjunction(tokens)
    tokens.end()
    return node


def disjunction(tokens: Tokens) -> Node:
    tokens.deeper()
    found = [conjunction(tokens)]
    while tokens.word("OR"):
        tokens.count()
        found.append(conjunction(tokens))
    tokens.depth -= 1
    return found[0] if len(found) == 1 else Node("OR", below=tuple(found))


def conjunction(tokens: Tokens) -> Node:
    found = [negation(tokens)]
    while tokens.word("AND"):
        tokens.count()
        found.append(negation(tokens))
    return found[0] if len(found) == 1 else Node("AND", below=tuple(found))


def negation(tokens: Tokens) -> Node:
    negated = 0
    while tokens.word("NOT"):
        tokens.count()
        negated += 1
    node = primary(tokens)
    for _ in range(negated):
        node = Node("NOT", below=(node,))
    return node


def primary(tokens: Tokens) -> Node:
    if tokens.sign("("):
        node = disjunction(tokens)
        tokens.expect(")")
        if node.bracketed:
            raise tokens.invalid("The expression has redundant parentheses;")
        return node._replace(bracketed=True)
    token = tokens.token
    if token.kind == "name" and tokens.next.text == "(" and token.text not in OPERAND_FUNCTIONS:
        return predicate(tokens)
    return comparison(tokens)


def predicate(tokens: Tokens) -> Node:
    name = tokens.take().text
    if name in UPDATE_FUNCTIONS:
        raise tokens.invalid(f"The function is not allowed in a condition expression; function: {name}")
    if name not in FUNCTIONS:
        raise tokens.invalid(f"Invalid function name; function: {name}")
    tokens.count()
    operands = arguments(tokens, name, FUNCTIONS[name])
    if name in PATHS_ONLY and operands[0].kind != "path":
        raise tokens.invalid(f"Operator or function requires a document path; operator or function: {name}")
    if len(operands) == 2 and operands[0] == operands[1] and operands[0].kind == "path":
        raise same(tokens, name, operands[0])
    return Node(name, operands)


def arguments(tokens: Tokens, name: str, number: int) -> tuple[Operand, ...]:
    tokens.expect("(")
    found = [operand(tokens)]
    while tokens.sign(","):
        found.append(operand(tokens))
    tokens.expect(")")
    if len(found) != number:
        raise tokens.wrong_number(name, len(found))
    return tuple(found)


def operand(tokens: Tokens) -> Operand:
    """A path, a value, or the size of one."""
    token = tokens.token
    if token.kind != "name" or tokens.next.text != "(":
        return tokens.operand()
    name = tokens.take().text
    if name in FUNCTIONS:
        raise tokens.invalid(f"The function is not allowed to be used this way in an expression; function: {name}")
    if name in UPDATE_FUNCTIONS:
        raise tokens.invalid(f"The function is not allowed in a condition expression; function: {name}")
    if name not in OPERAND_FUNCTIONS:
        raise tokens.invalid(f"Invalid function name; function: {name}")
    tokens.count()
    return Operand(name, operands=arguments(tokens, name, 1))


def comparison(tokens: Tokens) -> Node:
    at = tokens.at
    left = operand(tokens)
    if operator := tokens.sign(*COMPARATORS):
        tokens.count()
        right = operand(tokens)
        if left == right:
            raise same(tokens, operator, left)
        return Node(operator, (left, right))
    if tokens.word("BETWEEN"):
        tokens.count()
        lower = operand(tokens)
        if not tokens.word("AND"):
            raise tokens.unexpected()
        return Node("BETWEEN", (left, lower, operand(tokens)))
    if tokens.word("IN"):
        tokens.count()
        return Node("IN", (left, *choices(tokens)))
    if left.kind == "size" and not (tokens.token.kind == "sign" and tokens.token.text in "(["):
        name = tokens.tokens[at].text
        raise tokens.invalid(f"The function is not allowed to be used this way in an expression; function: {name}")
    raise tokens.unexpected()


def choices(tokens: Tokens) -> list[Operand]:
    tokens.expect("(")
    found = [operand(tokens)]
    while tokens.sign(","):
        found.append(operand(tokens))
    tokens.expect(")")
    if len(found) > MOST_IN:
        raise tokens.wrong_number("IN", len(found) + 1)
    return found


def same(tokens: Tokens, operator: str, first: Operand) -> Exception:
    from .tokens import shown

    what = shown(first.path) if first.kind == "path" else f"[{first.value}]"
    return tokens.invalid(
        "The first operand must be distinct from the remaining operands for this operator or function; "
        f"operator: {operator}, first operand: {what}"
    )


# Checking what the values are, once they are known


def check(tokens: Tokens, node: Node, given: Values) -> None:
    """Raise where a value has a type that its operator can never be applied to."""
    for below in node.below:
        check(tokens, below, given)
    name = node.operator
    for operand in node.operands:
        if operand.kind == "size":
            check_size(tokens, operand, given)
    if name in ("<", "<=", ">", ">=", "BETWEEN"):
        for one in node.operands:
            if one.kind == "value" and (kind := values.kind_of(given[one.value])) not in ORDERED:
                raise wrong_type(tokens, name, kind)
    if name == "BETWEEN":
        check_bounds(tokens, node, given)
    elif name == "begins_with":
        for one in node.operands:
            if one.kind == "value" and (kind := values.kind_of(given[one.value])) not in ("S", "B"):
                raise wrong_type(tokens, name, kind)
    elif name == "attribute_type":
        check_type(tokens, node.operands[1], given)


def check_size(tokens: Tokens, operand: Operand, given: Values) -> None:
    inner = operand.operands[0]
    if inner.kind == "value" and (kind := values.kind_of(given[inner.value])) in ("N", "BOOL", "NULL"):
        raise wrong_type(tokens, "size", kind)


def wrong_type(tokens: Tokens, name: str, kind: str) -> Exception:
    return tokens.invalid(
        f"Incorrect operand type for operator or function; operator or function: {name}, operand type: {kind}"
    )


def check_type(tokens: Tokens, operand: Operand, given: Values) -> None:
    if operand.kind != "value":
        raise wrong_type(tokens, "attribute_type", "{NS,SS,L,BS,N,M,B,S}")
    ((kind, content),) = given[operand.value].items()
    if kind != "S":
        raise wrong_type(tokens, "attribute_type", kind)
    if content not in values.TYPES:
        raise tokens.invalid(f"Invalid attribute type name found; type: {content}, valid types: {TYPES}")


def check_bounds(tokens: Tokens, node: Node, given: Values) -> None:
    lower, upper = node.operands[1:]
    if lower.kind != "value" or upper.kind != "value":
        return
    low, high = given[lower.value], given[upper.value]
    told = f"lower bound operand: {values.shown(low)}, upper bound operand: {values.shown(high)}"
    kind = values.kind_of(low)
    if kind not in high:
        raise tokens.invalid(f"The BETWEEN operator requires same data type for lower and upper bounds; {told}")
    if values.in_order(kind, low[kind]) > values.in_order(kind, high[kind]):
        raise tokens.invalid(
            f"The BETWEEN operator requires upper bound to be greater than or equal to lower bound; {told}"
        )


# Evaluating


def compiled(node: Node) -> Test:
    """The condition as a function of an item and the `:values`."""
    if node.operator in ("AND", "OR", "NOT"):
        return LOGIC[node.operator]([compiled(one) for one in node.below])
    return TESTS[node.operator](*[got(operand) for operand in node.operands])


def got(operand: Operand) -> Get:
    """An operand as a function of an item and the `:values`."""
    if operand.kind == "value":
        name = operand.value
        return lambda item, values: values[name]
    if operand.kind == "path":
        if len(operand.path) == 1:
            attribute: Any = operand.path[0]
            return lambda item, values: item.get(attribute)
        get = paths.getter(operand.path)
        return lambda item, values: get(item)
    inner = got(operand.operands[0])
    return lambda item, values: size(inner(item, values))


def size(value: Value | None) -> Value | None:
    if value is None:
        return None
    ((kind, content),) = value.items()
    return None if kind in ("N", "BOOL", "NULL") else {"N": str(len(content))}


def _and(tests: list[Test]) -> Test:
    return lambda item, values: all(test(item, values) for test in tests)


def _or(tests: list[Test]) -> Test:
    return lambda item, values: any(test(item, values) for test in tests)


def _not(tests: list[Test]) -> Test:
    test = tests[0]
    return lambda item, values: not test(item, values)


LOGIC: dict[str, Callable[[list[Test]], Test]] = {"AND": _and, "OR": _or, "NOT": _not}


def _equal(left: Get, right: Get) -> Test:
    def test(item: Item, values: Values) -> bool:
        value = left(item, values)
        return value is not None and value == right(item, values)

    return test


def _different(left: Get, right: Get) -> Test:
    equal = _equal(left, right)
    return lambda item, values: not equal(item, values)


def _exists(get: Get) -> Test:
    return lambda item, values: get(item, values) is not None


def _absent(get: Get) -> Test:
    return lambda item, values: get(item, values) is None


def _type(get: Get, kind: Get) -> Test:
    def test(item: Item, values: Values) -> bool:
        value, wanted = get(item, values), kind(item, values)
        return value is not None and wanted is not None and wanted["S"] in value

    return test


def order(left: Value | None, right: Value | None) -> int | None:
    """-1, 0 or 1 as the one value is before, at or behind the other; None where there is no order between them."""
    if left is None or right is None:
        return None
    ((kind, content),) = left.items()
    if kind not in ORDERED or kind not in right:
        return None
    one, other = values.in_order(kind, content), values.in_order(kind, right[kind])
    return int(one > other) - int(one < other)


def _ordered(*wanted: int) -> Callable[[Get, Get], Test]:
    def make(left: Get, right: Get) -> Test:
        return lambda item, values: order(left(item, values), right(item, values)) in wanted

    return make


def _between(get: Get, lower: Get, upper: Get) -> Test:
    def test(item: Item, values: Values) -> bool:
        value = get(item, values)
        return order(lower(item, values), value) in (-1, 0) and order(value, upper(item, values)) in (-1, 0)

    return test


def _in(get: Get, *choices: Get) -> Test:
    def test(item: Item, values: Values) -> bool:
        value = get(item, values)
        return value is not None and any(value == choice(item, values) for choice in choices)

    return test


def _begins(get: Get, beginning: Get) -> Test:
    def test(item: Item, values: Values) -> bool:
        return begins(get(item, values), beginning(item, values))

    return test


def begins(value: Value | None, beginning: Value | None) -> bool:
    if value is None or beginning is None:
        return False
    for kind in ("S", "B"):
        if kind in value and kind in beginning:
            return bool(value[kind].startswith(beginning[kind]))
    return False


def _contains(get: Get, part: Get) -> Test:
    def test(item: Item, values: Values) -> bool:
        return contains(get(item, values), part(item, values))

    return test


def contains(value: Value | None, part: Value | None) -> bool:
    """Whether a text is part of another, or a value a member of a set or an element of a list."""
    if value is None or part is None:
        return False
    ((kind, content),) = value.items()
    if kind == "L":
        return part in content
    ((other, wanted),) = part.items()
    return other == kind[0] and kind in ("S", "B", "SS", "NS", "BS") and wanted in content


TESTS: dict[str, Callable[..., Test]] = {
    "=": _equal,
    "<>": _different,
    "<": _ordered(-1),
    "<=": _ordered(-1, 0),
    ">": _ordered(1),
    ">=": _ordered(1, 0),
    "BETWEEN": _between,
    "IN": _in,
    "attribute_exists": _exists,
    "attribute_not_exists": _absent,
    "attribute_type": _type,
    "begins_with": _begins,
    "contains": _contains,
}
