"""The filter pattern language (CloudWatch Logs User Guide, "Filter pattern syntax").

    text        terms of unstructured messages: `ERROR -DEBUG ?WARN "two words" %regex%`
    columns     space-delimited messages: `[ip, user, status = 4*, bytes > 1000]`
    documents   JSON messages: `{ $.status = 404 && $.path = "/a*" }`
    values      what they compare with: texts with wildcards, numbers, regular expressions

A term is found wherever it stands in a message, as part of a word too.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

MOST = 1024


class Pattern(Protocol):
    """A pattern that can be asked of messages."""

    needs: tuple[bytes, ...]
    """Octets that every message which matches has in it."""

    def matches(self, message: str) -> bool: ...

    def extracted(self, message: str) -> dict[str, str]:
        """What the pattern names of a message that matches: `$.status`, `$ip`."""
        ...

    def value(self, message: str, selector: str) -> str | float | None:
        """What a selector of a metric filter means in a message that matches."""
        ...


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Pattern:
    """The pattern of a text; InvalidParameterException for one that is none."""
    from . import columns, documents, text

    stripped = pattern.strip()
    if stripped.startswith("{"):
        return documents.parsed(stripped)
    if stripped.startswith("["):
        return columns.parsed(stripped)
    return text.parsed(stripped)
