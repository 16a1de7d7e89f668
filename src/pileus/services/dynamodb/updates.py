"""Update expressions: what is read from one, and what it does to an item.

    update ::= SET path = value, … | REMOVE path, … | ADD path :value, … | DELETE path :value, …
    value  ::= operand | operand + operand | operand - operand
    operand ::= path | :value | if_not_exists(path, value) | list_append(operand, operand)

All values are those of the item as it was. Developer Guide, "Using update expressions in DynamoDB".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from . import faults, numbers, paths, values
from .conditions import FUNCTIONS, Values
from .tokens import Operand, Path, Tokens, disjoint
from .values import Item, Value

SECTIONS = ("SET", "REMOVE", "ADD", "DELETE")
LONG = {"S": "STRING", "N": "NUMBER", "B": "BINARY", "BOOL": "BOOLEAN", "NULL": "NULL", "L": "LIST", "M": "MAP"}
LONG |= {"SS": "STRING_SET", "NS": "NUMBER_SET", "BS": "BINARY_SET"}
SETS = ("SS", "NS", "BS")


class Action(NamedTuple):
    """What happens at one path."""

    kind: str
    path: Path
    operand: Operand | None = None


class Update(NamedTuple):
    actions: tuple[Action, ...]

    @property
    def paths(self) -> list[Path]:
        return [action.path for action in self.actions]


# Reading


def read(tokens: Tokens) -> Update:
    actions: list[Action] = []
    seen: set[str] = set()
    while tokens.token.kind != "end":
        section = tokens.word(*SECTIONS)
        if not section:
            raise tokens.unexpected()
        if section in seen:
            raise tokens.invalid(f'The "{section}" section can only be used once in an update expression;')
        seen.add(section)
        actions.append(READERS[section](tokens))
        while tokens.sign(","):
            actions.append(READERS[section](tokens))
    disjoint(tokens, [action.path for action in actions])
    return Update(tuple(actions))


def _set(tokens: Tokens) -> Action:
    path = tokens.path()
    tokens.expect("=")
    return Action("SET", path, value(tokens))


def _remove(tokens: Tokens) -> Action:
    return Action("REMOVE", tokens.path())


def _add(tokens: Tokens) -> Action:
    tokens.count()
    return Action("ADD", tokens.path(), Operand("value", value=tokens.placeholder()))


def _delete(tokens: Tokens) -> Action:
    tokens.count()
    return Action("DELETE", tokens.path(), Operand("value", value=tokens.placeholder()))


READERS: dict[str, Callable[[Tokens], Action]] = {"SET": _set, "REMOVE": _remove, "ADD": _add, "DELETE": _delete}


def value(tokens: Tokens) -> Operand:
    left = operand(tokens)
    if sign := tokens.sign("+", "-"):
        tokens.count()
        return Operand(sign, operands=(left, operand(tokens)))
    return left


def operand(tokens: Tokens) -> Operand:
    if tokens.sign("("):
        tokens.deeper()
        inner = value(tokens)
        tokens.expect(")")
        tokens.depth -= 1
        return inner
    token = tokens.token
    if token.kind != "name" or tokens.next.text != "(":
        return tokens.operand()
    name = tokens.take().text
    tokens.count()
    tokens.deeper()
    if name in FUNCTIONS or name == "size":
        raise tokens.invalid(f"The function is not allowed in an update expression; function: {name}")
    if name not in ("if_not_exists", "list_append"):
        raise tokens.invalid(f"Invalid function name; function: {name}")
    tokens.expect("(")
    found = [value(tokens)]
    while tokens.sign(","):
        found.append(value(tokens))
    tokens.expect(")")
    tokens.depth -= 1
    if len(found) != 2:
        raise tokens.wrong_number(name, len(found))
    if name == "if_not_exists" and found[0].kind != "path":
        raise tokens.invalid(f"Operator or function requires a document path; operator or function: {name}")
    return Operand(name, operands=tuple(found))


# Checking


def check(tokens: Tokens, update: Update, given: Values) -> None:
    """Raise where a value has a type that its operator can never be applied to."""
    for kind, _, operand in update.actions:
        if operand is None:
            continue
        if kind in ("ADD", "DELETE"):
            check_set(tokens, kind, values.kind_of(given[operand.value]))
        else:
            check_operand(tokens, operand, given)


def check_set(tokens: Tokens, operator: str, kind: str) -> None:
    if kind not in SETS and (operator == "DELETE" or kind != "N"):
        raise tokens.invalid(
            f"Incorrect operand type for operator or function; operator: {operator}, operand type: {LONG[kind]}, "
            f"typeSet: ALLOWED_FOR_{operator}_OPERAND"
        )


WANTED = {"+": "N", "-": "N", "list_append": "L"}
"""The type of the values that an operator is applied to."""


def check_operand(tokens: Tokens, operand: Operand, given: Values) -> None:
    wanted = WANTED.get(operand.kind)
    for inner in operand.operands:
        if wanted and inner.kind == "value" and (kind := values.kind_of(given[inner.value])) != wanted:
            raise tokens.invalid(
                "Incorrect operand type for operator or function; "
                f"operator or function: {operand.kind}, operand type: {kind}"
            )
        check_operand(tokens, inner, given)


# Computing


def missing() -> Exception:
    return faults.invalid("The provided expression refers to an attribute that does not exist in the item")


def wrong_type() -> Exception:
    return faults.invalid("An operand in the update expression has an incorrect data type")


def wrong_path() -> Exception:
    return faults.invalid("The document path provided in the update expression is invalid for update")


def computed(operand: Operand, item: Item, given: Values) -> Value:
    """The value of an operand, given the item as it was."""
    if operand.kind == "value":
        return given[operand.value]
    if operand.kind == "empty":
        return {"L": []}
    if operand.kind == "path":
        found = paths.getter(operand.path)(item)
        if found is None:
            raise missing()
        return found
    left, right = operand.operands
    if operand.kind == "if_not_exists":
        found = paths.getter(left.path)(item)
        return computed(right, item, given) if found is None else found
    one, other = computed(left, item, given), computed(right, item, given)
    if operand.kind == "list_append":
        if "L" not in one or "L" not in other:
            raise wrong_type()
        return {"L": one["L"] + other["L"]}
    if "N" not in one or "N" not in other:
        raise wrong_type()
    return {"N": numbers.total(one["N"], other["N"], 1 if operand.kind == "+" else -1)}


def added(held: Value | None, value: Value) -> Value:
    """The sum of numbers, or the union of sets."""
    if held is None:
        return value
    ((kind, content),) = value.items()
    if kind not in held:
        raise wrong_type()
    if kind == "N":
        return {"N": numbers.total(held["N"], content)}
    return {kind: values.members(kind, {*held[kind], *content})}


def subtracted(held: Value | None, value: Value) -> Value | None:
    """A set without some members; None if none is left."""
    if held is None:
        return None
    ((kind, content),) = value.items()
    if kind not in held:
        raise wrong_type()
    left = [member for member in held[kind] if member not in content]
    return {kind: left} if left else None


# Changing


def apply(update: Update, item: Item, given: Values) -> Item:
    """The item as the update leaves it; the one that is given stays as it is."""
    changed = dict(item)
    owned: set[str] = set()
    results: list[tuple[Path, Value | None]] = []
    for kind, path, operand in update.actions:
        if kind == "REMOVE" or operand is None:
            results.append((path, None))
        elif kind == "SET":
            results.append((path, computed(operand, item, given)))
        else:
            held = paths.getter(path)(item)
            change = added if kind == "ADD" else subtracted
            result = change(held, given[operand.value])
            if result is not None or held is not None:
                results.append((path, result))
            elif len(path) > 1:
                parent(changed, path)
    # Elements of lists are removed last, the deepest first and from the end, so that indexes mean what they meant.
    for path, value in sorted(results, key=_turn) if len(results) > 1 else results:
        if len(path) > 1 and (root := str(path[0])) not in owned and root in changed:
            changed[root] = values.copied(changed[root])
            owned.add(root)
        if value is None:
            remove(changed, path)
        else:
            put(changed, path, value)
    return changed


def _turn(result: tuple[Path, Value | None]) -> tuple[int, int, int]:
    path, value = result
    at = path[-1]
    if value is not None:
        return 0, 0, at if isinstance(at, int) else 0
    return (2, -len(path), -at) if isinstance(at, int) else (1, 0, 0)


def parent(item: Item, path: Path) -> Value:
    """The map or list in which a path ends."""
    held = paths.getter(path[:-1])(item)
    if held is None or ("L" if isinstance(path[-1], int) else "M") not in held:
        raise wrong_path()
    return held


def put(item: Item, path: Path, value: Value) -> None:
    last = path[-1]
    if len(path) == 1:
        item[str(last)] = value
        return
    held = parent(item, path)
    if not isinstance(last, int):
        held["M"][last] = value
    elif last < len(held["L"]):
        held["L"][last] = value
    else:
        held["L"].append(value)


def remove(item: Item, path: Path) -> None:
    last = path[-1]
    if len(path) == 1:
        item.pop(str(last), None)
        return
    held = parent(item, path)
    if not isinstance(last, int):
        held["M"].pop(last, None)
    elif last < len(held["L"]):
        del held["L"][last]
