"""The values of HTTP header fields, which are Latin-1 to HTTP and UTF-8 to AWS's clients."""

from __future__ import annotations

import re
from base64 import b64encode

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def field_value(text: str) -> str:
    """Text as a header's value: in UTF-8, and never with a line end that would begin another header."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL.sub(" ", text).encode().decode("latin-1")


def encoded_word(text: str) -> str:
    """The value of a user's own metadata, where S3 tells other characters than ASCII as RFC 2047 does."""
    return field_value(text) if text.isascii() else f"=?UTF-8?B?{b64encode(text.encode()).decode()}?="


def utf8(text: str) -> str:
    """What a header says, which HTTP hands on as Latin-1 and clients mean as UTF-8."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text
