"""Composite alarms: alarms about alarms, and the suppression of their actions.

    ALARM("CPU too high") AND (NOT OK(memory) OR INSUFFICIENT_DATA(disk))

User Guide, "Combining alarms".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call, Record

from . import cloudwatch
from .alarms import Alarm, State, put, shown, state_of
from .checking import ALARM, COMPOSITE, LOG, METRIC, OK, check_actions, check_propagation
from .faults import validation

TOKEN = re.compile(
    r'\s*(?:(?P<state>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?P<name>"[^"]+"|\'[^\']+\'|[^)\s]+)\s*\)|(?P<word>AND|OR|NOT|TRUE|FALSE|\(|\)))',
    re.IGNORECASE,
)
MOST_CHILDREN = 100

Tree = tuple[Any, ...]
"""`("state", value, alarm)`, `("not", tree)`, `("and", trees…)`, `("or", trees…)`, `("is", truth)`."""


class Child(Record, key=("child", "parent")):
    """A composite alarm looks at another alarm, or waits for it to suppress its actions."""

    child: str
    parent: str


def parents(call: Call, name: str) -> list[str]:
    return [link.parent for link in Child.scan(call, name)]


def name_of(reference: str) -> str:
    """An alarm's name, from its ARN or from itself."""
    reference = reference.strip("\"'")
    return reference.split(":", 6)[6] if reference.startswith("arn:") else reference


# The rule


def parse(rule: str) -> Tree:
    tokens = list(scan(rule))
    tree, rest = either(tokens)
    if rest:
        raise misspelt(rule)
    return tree


def misspelt(rule: str) -> Exception:
    return validation(f"AlarmRule expression is not valid: {rule}")


def scan(rule: str) -> Iterator[tuple[str, str]]:
    at, text = 0, rule.rstrip()
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise misspelt(rule)
        yield (found["state"].upper(), name_of(found["name"])) if found["state"] else (found["word"].upper(), "")
        at = found.end()


def either(tokens: list[tuple[str, str]]) -> tuple[Tree, list[tuple[str, str]]]:
    tree, tokens = both(tokens)
    while tokens and tokens[0][0] == "OR":
        right, tokens = both(tokens[1:])
        tree = ("or", tree, right)
    return tree, tokens


def both(tokens: list[tuple[str, str]]) -> tuple[Tree, list[tuple[str, str]]]:
    tree, tokens = one(tokens)
    while tokens and tokens[0][0] == "AND":
        right, tokens = one(tokens[1:])
        tree = ("and", tree, right)
    return tree, tokens


def one(tokens: list[tuple[str, str]]) -> tuple[Tree, list[tuple[str, str]]]:
    if not tokens:
        raise validation("AlarmRule expression ends too soon.")
    (kind, name), *rest = tokens
    if kind == "NOT":
        inner, rest = one(rest)
        return ("not", inner), rest
    if kind == "(":
        inner, rest = either(rest)
        if not rest or rest[0][0] != ")":
            raise validation("AlarmRule expression lacks a ')'.")
        return inner, rest[1:]
    if kind in ("TRUE", "FALSE"):
        return ("is", kind == "TRUE"), rest
    if not name:
        raise validation(f"AlarmRule expression has {kind} where an alarm is expected.")
    return ("state", kind, name), rest


def children(tree: Tree) -> set[str]:
    if tree[0] == "state":
        return {tree[2]}
    return {name for part in tree[1:] if isinstance(part, tuple) for name in children(part)}


def holds(call: Call, tree: Tree) -> bool:
    match tree:
        case ("state", value, name):
            state = State.get(call, name)
            return state is not None and state.value == value
        case ("not", inner):
            return not holds(call, inner)
        case ("and", left, right):
            return holds(call, left) and holds(call, right)
        case ("or", left, right):
            return holds(call, left) or holds(call, right)
    return bool(tree[1])


# Putting


@cloudwatch.operation(
    honours=[
        "ActionConfiguration",
        "ActionsEnabled",
        "ActionsSuppressor",
        "ActionsSuppressorExtensionPeriod",
        "ActionsSuppressorWaitPeriod",
        "AlarmActions",
        "AlarmDescription",
        "AlarmName",
        "AlarmRule",
        "InsufficientDataActions",
        "OKActions",
        "Tags",
    ]
)
def put_composite_alarm(call: Call, request: dict[str, Any]) -> None:
    """Make a composite alarm, or replace it; the alarms it names must be there, and not depend on it."""
    check_actions(request)
    check_propagation(request)
    name = request["AlarmName"]
    named = children(parse(request["AlarmRule"]))
    suppressor = request.get("ActionsSuppressor")
    periods = [request.get(f"ActionsSuppressor{what}Period") for what in ("Wait", "Extension")]
    if suppressor and None in periods:
        raise validation(
            "ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod are required with ActionsSuppressor."
        )
    if not suppressor and any(period is not None for period in periods):
        raise validation("ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod require ActionsSuppressor.")
    if len(named) > MOST_CHILDREN:
        raise validation(f"AlarmRule must not refer to more than {MOST_CHILDREN} alarms.")
    linked = named | ({name_of(suppressor)} if suppressor else set())
    if lacking := sorted(child for child in linked if Alarm.get(call, child) is None and child != name):
        raise validation(
            f"Could not save the composite alarm as alarms [{', '.join(lacking)}] in the alarm rule do not exist"
        )
    if name in reachable(call, linked):
        raise validation("Could not save the composite alarm because it would create a cycle.")
    if old := Alarm.get(call, name):
        unlink(call, old, parents_too=False)
    put(call, COMPOSITE, request)
    for child in linked:
        Child(child, name).put(call)


def reachable(call: Call, names: set[str]) -> set[str]:
    """These alarms and all that they depend on."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        alarm = Alarm.get(call, name)
        if alarm and alarm.type == COMPOSITE:
            left.extend(links(alarm))
    return found


def links(alarm: Alarm) -> set[str]:
    if alarm.type != COMPOSITE:
        return set()
    suppressor = alarm.configuration.get("ActionsSuppressor")
    return children(parse(alarm.configuration["AlarmRule"])) | ({name_of(suppressor)} if suppressor else set())


def unlink(call: Call, alarm: Alarm, *, parents_too: bool = True) -> None:
    """Forget what a composite alarm looks at. An alarm that others look at may not go."""
    if parents_too and (needed := [parent for parent in parents(call, alarm.name) if Alarm.get(call, parent)]):
        raise validation(
            f"Cannot delete {alarm.name} as there are composite alarms depending on it: {', '.join(needed)}"
        )
    for child in links(alarm):
        Child(child, alarm.name).delete(call)


def relatives(call: Call, children_of: str, parents_of: str) -> dict[str, Any]:
    """What DescribeAlarms tells of the alarms that one depends on, or that depend on it: names and states alone."""
    whose = Alarm.get(call, children_of or parents_of)
    names = [] if whose is None else sorted(links(whose)) if children_of else parents(call, parents_of)
    told: dict[str, list[dict[str, Any]]] = {f"{kind}s": [] for kind in (METRIC, COMPOSITE, LOG)}
    for name in names:
        if alarm := Alarm.get(call, name):
            whole = shown(call, alarm, state_of(call, name))
            part = {key: whole[key] for key in ("AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp")}
            told[f"{alarm.type}s"].append(part)
    return told


# Evaluation


@cloudwatch.task
def reconsider(call: Call, name: str) -> None:
    """A composite alarm's state, after that of one of its alarms or of its suppressor has changed."""
    from .evaluation import turn

    alarm, state = Alarm.get(call, name), State.get(call, name)
    if alarm is None or state is None or alarm.type != COMPOSITE:
        return
    value = ALARM if holds(call, parse(alarm.configuration["AlarmRule"])) else OK
    causes = [
        f"{link} is {found.value}"
        for link in sorted(children(parse(alarm.configuration["AlarmRule"])))
        if (found := State.get(call, link))
    ]
    why = f"{alarm.arn(call)} transitioned to {value}: {', '.join(causes)}"
    if value != state.value:
        turn(call, alarm, state, value, why, "")


# Suppression


def released(call: Call, alarm: Alarm, state: State) -> bool:
    """Whether an alarm may act now. With a suppressor it waits, or keeps still, and is looked at again later."""
    suppressor = alarm.configuration.get("ActionsSuppressor")
    if not suppressor:
        return True
    guard = State.get(call, name_of(suppressor))
    configuration = alarm.configuration
    if guard is not None and guard.value == ALARM:
        suppress(call, state, "Alarm", f"Suppressor alarm {name_of(suppressor)} is in ALARM.")
        return False
    extension = configuration["ActionsSuppressorExtensionPeriod"]
    if (
        guard is not None
        and guard.value != ALARM
        and guard.turned > alarm.updated
        and call.now < guard.turned + extension
    ):
        suppress(call, state, "ExtensionPeriod", "The suppressor alarm has lately left ALARM.")
        release.later(call, name=alarm.name, turned=state.turned, due=guard.turned + extension)
        return False
    wait = configuration["ActionsSuppressorWaitPeriod"]
    if state.value == ALARM and wait and call.now < state.turned + wait:
        suppress(call, state, "WaitPeriod", "The composite alarm waits for its suppressor.")
        release.later(call, name=alarm.name, turned=state.turned, due=state.turned + wait)
        return False
    return True


def suppress(call: Call, state: State, by: str, why: str) -> None:
    state.suppressed, state.suppressed_reason = by, why
    state.put(call)


@cloudwatch.task
def release(call: Call, name: str, turned: float) -> None:
    """Act after all, if the state is still the one that was waited with."""
    from .actions import act
    from .evaluation import half

    alarm, state = Alarm.get(call, name), State.get(call, name)
    if alarm is None or state is None or state.turned != turned or not state.suppressed:
        return
    if released(call, alarm, state):
        suppress(call, state, "", "")
        for action in dict.fromkeys(alarm.actions(state.value)):
            act.later(call, alarm=name, action=action, before=half(state), after=half(state), at=state.turned)
