"""Texts of policies with wildcards and variables, made into functions that tell what they match.

IAM User Guide, "IAM JSON policy elements: Resource" (wildcards in ARNs) and "Variables and tags" (policy variables).
A wildcard of an ARN stays within its segment, except in the last one; what a variable stands for is never a wildcard.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

Values = tuple[str, ...]
Lookup = Callable[[str], Values]
"""The values of a context key, given in lower case; none for a key that is not there."""
Matcher = Callable[[str, Lookup], bool]
"""Whether a text matches, given what variables stand for."""

STAR, ONE = "\x00", "\x01"
"""Wildcards inside patterns, where `*` and `?` are nothing but themselves."""
WILD = str.maketrans({"*": STAR, "?": ONE})
VARIABLE = re.compile(r"\$\{\s*([^}',]+?)\s*(?:,\s*'([^']*)'\s*)?\}")
LITERALS = {"*": "*", "?": "?", "$": "$"}


class Variable(NamedTuple):
    key: str
    default: str | None = None

    def value(self, lookup: Lookup) -> str | None:
        """What the variable stands for: nothing for a key that is missing or has several values."""
        values = lookup(self.key)
        found = values[0] if len(values) == 1 else self.default
        return found if found is None else found.replace(STAR, "").replace(ONE, "")


Template = tuple[str | Variable, ...]


def template(text: str, *, variables: bool, wild: bool) -> Template:
    """A text of a policy in pieces: texts with marked wildcards, and variables."""
    pieces: list[str | Variable] = []
    end = 0
    for found in VARIABLE.finditer(text) if variables and "${" in text else ():
        before = text[end : found.start()]
        pieces.append(before.translate(WILD) if wild else before)
        name = found[1]
        pieces.append(LITERALS[name] if name in LITERALS else Variable(name.lower(), found[2]))
        end = found.end()
    rest = text[end:]
    pieces.append(rest.translate(WILD) if wild else rest)
    if any(isinstance(piece, Variable) for piece in pieces):
        return tuple([piece for piece in pieces if piece])
    return ("".join(map(str, pieces)),)


def filled(pieces: Template, lookup: Lookup) -> str | None:
    """The text with its variables replaced; None where one stands for nothing."""
    texts = [piece if isinstance(piece, str) else piece.value(lookup) for piece in pieces]
    return None if None in texts else "".join(texts)  # type: ignore[arg-type]


def fixed(pieces: Template) -> str | None:
    """The text, if it has no variables."""
    return pieces[0] if len(pieces) == 1 and isinstance(pieces[0], str) else None


# Patterns as regular expressions. Atomic groups keep the cost of many wildcards linear, as in the standard fnmatch.


def expression(pattern: str, some: str = ".") -> str:
    """A pattern with marked wildcards as a regular expression."""
    first, *rest = [re.escape(part).replace(re.escape(ONE), some) for part in squeezed(pattern).split(STAR)]
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>{some}*?{part})" for part in middle) + f"{some}*{last}"


def squeezed(pattern: str) -> str:
    while STAR + STAR in pattern:
        pattern = pattern.replace(STAR + STAR, STAR)
    return pattern


def arn_expression(pattern: str) -> str:
    """An ARN's pattern: a wildcard does not reach over a colon, but in the last of the six segments. Segments that are
    left out match anything."""
    if pattern == STAR:
        return ".*"
    parts = pattern.split(":", 5)
    parts += [STAR] * (6 - len(parts))
    return ":".join([*(expression(part, "[^:]") for part in parts[:5]), expression(parts[5])])


@lru_cache(maxsize=4096)
def pattern_of(filled: str, source: Callable[[str], str], flags: int) -> re.Pattern[str]:
    """The expression of a pattern whose variables have been replaced; the same few come again and again."""
    return re.compile(source(filled), flags)


# Matchers for lists of alternatives


def strings(texts: Iterable[str], *, variables: bool, wild: bool = False, fold: bool = False) -> Matcher:
    """Any of some strings: exactly, with wildcards (`wild`), or in any case (`fold`)."""
    return any_of([template(text, variables=variables, wild=wild) for text in texts], expression, fold=fold)


def arns(texts: Iterable[str], *, variables: bool) -> Matcher:
    """Any of some ARNs with wildcards."""
    return any_of([template(text, variables=variables, wild=True) for text in texts], arn_expression)


def actions(texts: Iterable[str]) -> Callable[[str], bool]:
    """Any of some actions, given in lower case."""
    matcher = any_of([template(text.lower(), variables=False, wild=True) for text in texts], expression)
    return lambda action: matcher(action, nothing)


def nothing(key: str) -> Values:
    return ()


def any_of(templates: list[Template], source: Callable[[str], str], *, fold: bool = False) -> Matcher:
    """What matches any of the templates; those without wildcards or variables are looked up, not tried one by one."""
    plain = [text for pieces in templates if (text := fixed(pieces)) is not None]
    open_ones = [pieces for pieces in templates if fixed(pieces) is None]
    if source is arn_expression:
        exact = frozenset(text for text in plain if not wild(text) and text.count(":") >= 5)
    else:
        exact = frozenset(text.casefold() if fold else text for text in plain if not wild(text))
    patterns = [text for text in plain if (text.casefold() if fold else text) not in exact]
    if STAR in patterns:
        return lambda text, lookup: True
    flags = re.DOTALL | (re.IGNORECASE if fold else 0)
    either = "|".join(f"(?:{source(text)})" for text in patterns)
    match = re.compile(either, flags).fullmatch if patterns else None

    def closed(text: str, lookup: Lookup) -> bool:
        return (text.casefold() if fold else text) in exact or (match is not None and match(text) is not None)

    if not open_ones:
        return closed

    def opened(text: str, lookup: Lookup) -> bool:
        if closed(text, lookup):
            return True
        patterns = [pattern for pieces in open_ones if (pattern := filled(pieces, lookup)) is not None]
        return any(pattern_of(pattern, source, flags).fullmatch(text) for pattern in patterns)

    return opened


def wild(pattern: str) -> bool:
    return STAR in pattern or ONE in pattern
