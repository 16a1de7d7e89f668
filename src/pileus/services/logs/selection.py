"""Selection criteria: which events a filter looks at, by what is known of them beside their messages.

@aws.region = "us-east-1" AND @aws.account NOT IN ["123456789012"]
"""

from __future__ import annotations

from functools import lru_cache

from pileus.kernel import Call, Fault

from . import faults
from .groups import Group
from .insights.expressions import Expression, Expressions, Names, true
from .insights.lexer import Lexer

FIELDS = ("@aws.account", "@aws.region", "@source.log")


def check(criteria: str) -> None:
    """InvalidParameterException for what is none."""
    if criteria:
        try:
            compiled(criteria)
        except Fault as fault:
            raise faults.invalid(f"Invalid fieldSelectionCriteria: {fault.message}") from None


def selected(call: Call, group: Group, criteria: str) -> bool:
    """Whether the events of a group are meant."""
    return not criteria or true(compiled(criteria)(list(values(call, group).values())))


def values(call: Call, group: Group) -> dict[str, str]:
    return dict(zip(FIELDS, (call.account, call.region, group.name), strict=True))


@lru_cache(256)
def compiled(criteria: str) -> Expression:
    lexer, names = Lexer(criteria), Names()
    for field in FIELDS:
        names.place(field)
    found = Expressions(lexer, names).parse()
    if lexer.peek().kind != "end":
        lexer.fail()
    if len(names.places) != len(FIELDS):
        raise faults.invalid(f"only {', '.join(FIELDS)} can be selected by")
    return found
