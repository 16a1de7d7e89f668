"""Terms of unstructured messages.

All plain terms must be there, none that a minus excludes, and of those with a question mark any one; where there are
plain terms too, question marks count for nothing ("Matching terms in unstructured log events").
"""

from __future__ import annotations

import re

from . import values

TERM = re.compile(r'\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|%((?:[^%\\]|\\.)+)%|([^\s"%]+))(?=\s|$)')

Term = str | re.Pattern[str]


class Text:
    """Terms to be found in messages."""

    def __init__(self, all_of: list[Term], any_of: list[Term], none_of: list[Term]) -> None:
        self.words = [term for term in all_of if isinstance(term, str)]
        self.regexes = [term for term in all_of if not isinstance(term, str)]
        self.any_of = [] if all_of else any_of
        self.none_of = none_of
        self.needs = tuple(word.encode() for word in self.words)

    def matches(self, message: str) -> bool:
        for word in self.words:
            if word not in message:
                return False
        for regex in self.regexes:
            if not regex.search(message):
                return False
        if self.none_of and any(found(term, message) for term in self.none_of):
            return False
        return not self.any_of or any(found(term, message) for term in self.any_of)

    def extracted(self, message: str) -> dict[str, str]:
        return {}

    def value(self, message: str, selector: str) -> str | float | None:
        return None


def found(term: Term, message: str) -> bool:
    return term in message if isinstance(term, str) else term.search(message) is not None


def parsed(pattern: str) -> Text:
    kinds: dict[str, list[Term]] = {"": [], "?": [], "-": []}
    place = 0
    while place < len(pattern):
        match = TERM.match(pattern, place)
        if match is None:
            raise values.invalid()
        sign, quoted, regex, word = match.groups()
        place = match.end()
        if quoted is not None:
            kinds[sign].append(re.sub(r"\\(.)", r"\1", quoted))
        elif regex is not None:
            kinds[sign].append(values.regex(regex))
        else:
            kinds[sign].append(plain(word))
    return Text(kinds[""], kinds["?"], kinds["-"])


def plain(word: str) -> str:
    """A term without quotation marks: letters, digits and underscores."""
    if not re.fullmatch(r"\w+", word):
        raise values.invalid(f"Invalid character(s) in term '{word}'")
    return word
