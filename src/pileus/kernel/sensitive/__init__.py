"""Sensitive data in texts: AWS's managed data identifiers, and customers' own patterns.

    finder("arn:aws:dataprotection::aws:data-identifier/CreditCardNumber").found(text)

Amazon SNS and CloudWatch Logs know the same identifiers (their guides, "Sensitive data types"). AWS tells names, and
addresses, by a model of language; here their form does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Any, NamedTuple

from .forms import Form, Forms, Span

ARN = re.compile(r"arn:[^:]+:dataprotection::aws:data-identifier/([\w-]+)")
NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
ALLOWED = re.compile(r"[A-Za-z0-9_#=@/;,\- ^$?\[\]{}|\\*+.]{1,200}")
"""Patterns of customers: there are no groups, so that none takes ages."""
MOST_CUSTOM = 10


class Unknown(ValueError):
    """Why something is no data identifier."""


@cache
def managed() -> dict[str, Forms]:
    """AWS's identifiers by their names; they are compiled when somebody first asks for one."""
    from .health import HEALTH
    from .money import MONEY
    from .papers import PAPERS
    from .places import PLACES
    from .secrets import SECRETS

    return HEALTH | MONEY | PAPERS | PLACES | SECRETS


class Finder(NamedTuple):
    """Finds the data of one identifier."""

    name: str
    forms: Forms

    def found(self, text: str) -> list[Span]:
        """Where the data are: from and up to which character, none within another."""
        return apart(span for one in self.forms for span in one.found(text))


def apart(spans: Iterable[Span]) -> list[Span]:
    """Places in their order; of those that overlap, the first."""
    found: list[Span] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not found or start >= found[-1][1]:
            found.append((start, end))
    return found


def finder(identifier: str, custom: dict[str, str]) -> Finder:
    """The finder of an identifier: the ARN of one of AWS's, or the name of one of the policy's own."""
    if named := ARN.fullmatch(identifier):
        if named[1] not in managed():
            raise Unknown(f"{identifier} is not a managed data identifier")
        return Finder(named[1], managed()[named[1]])
    if identifier not in custom:
        raise Unknown(f"{identifier} is not a data identifier")
    return Finder(identifier, (Form(compiled(custom[identifier]), None, None),))


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as problem:
        raise Unknown(f"{pattern} is not a valid regular expression: {problem}") from None


def custom_identifiers(policy: dict[str, Any]) -> dict[str, str]:
    """A policy's own identifiers: patterns by name."""
    given = policy.get("Configuration", {}).get("CustomDataIdentifier", [])
    if len(given) > MOST_CUSTOM:
        raise Unknown(f"a policy can have up to {MOST_CUSTOM} custom data identifiers")
    for one in given:
        if not NAME.fullmatch(one.get("Name", "")):
            raise Unknown("a custom data identifier has a name of letters, digits, hyphens and underscores")
        if not ALLOWED.fullmatch(one.get("Regex", "")):
            raise Unknown(f"the Regex of {one['Name']} has up to 200 characters, and no groups")
        compiled(one["Regex"])
    return {one["Name"]: one["Regex"] for one in given}


def replaced(text: str, spans: list[Span], mask: str | None) -> str:
    """A text with something for each character of what was found, or without it."""
    for start, end in reversed(spans):
        text = text[:start] + (mask or "") * (end - start) + text[end:]
    return text


def detections(finders: list[Finder], text: str) -> Iterator[dict[str, Any]]:
    """What is found in a text, as AWS reports it."""
    for one in finders:
        if spans := one.found(text):
            places = [{"start": start, "end": end} for start, end in spans]
            yield {"name": one.name, "count": len(spans), "detections": places}
