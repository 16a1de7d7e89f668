"""Templates filled in: Handlebars as SES has it ("Using templates to send personalized email", Developer Guide).

Dear {{name}}, {{#if books}}{{#each books}}{{title}} by {{../name}} {{/each}}{{else}}nothing yet{{/if}}
"""

from __future__ import annotations

import re
from typing import Any

TAG = re.compile(r"\{\{\{?\s*(.*?)\s*\}?\}\}", re.DOTALL)


class Unrendered(ValueError):
    """Why a template cannot be filled in."""


class Absent(Unrendered):
    """A place for which there is no value."""


Part = str | tuple[str, str, list[Any], list[Any]]
"""A text, or a tag: its kind, what it is about, what is in it, and what is behind its `else`."""


def rendered(template: str, data: dict[str, Any]) -> str:
    parts, rest = parse(TAG.split(template))
    if rest:
        raise Unrendered(f"unexpected {{{{{rest[0]}}}}}")
    return fill(parts, [data])


def parse(pieces: list[str]) -> tuple[list[Part], list[str]]:
    """Parts up to the tag that closes the block, and what is left: that tag first."""
    parts: list[Part] = [pieces[0]] if pieces else []
    left = pieces[1:]
    while left:
        tag = left[0]
        if tag.startswith("/") or tag == "else":
            return parts, left
        text = left[1:]
        if tag.startswith("#"):
            kind, _, about = tag[1:].partition(" ")
            inside, text = parse(text)
            otherwise: list[Part] = []
            if text and text[0] == "else":
                otherwise, text = parse(text[1:])
            if not text or text[0] != f"/{kind}":
                raise Unrendered(f"{{{{#{kind}}}}} is not closed")
            parts.append((kind, about.strip(), inside, otherwise))
            text = text[1:]
        elif not tag.startswith("!"):
            parts.append(("", tag, [], []))
        parts.append(text[0] if text else "")
        left = text[1:]
    return parts, []


def fill(parts: list[Part], scopes: list[Any]) -> str:
    told = ""
    for part in parts:
        if isinstance(part, str):
            told += part
            continue
        kind, about, inside, otherwise = part
        if not kind:
            told += text_of(about, scopes)
        elif kind in ("if", "unless"):
            holds = bool(value(about, scopes, None)) == (kind == "if")
            told += fill(inside if holds else otherwise, scopes)
        elif kind == "with":
            told += fill(inside, [*scopes, value(about, scopes)])
        elif kind == "each":
            found = value(about, scopes, [])
            items = list(found.values()) if isinstance(found, dict) else found
            told += "".join(fill(inside, [*scopes, one]) for one in items) if items else fill(otherwise, scopes)
        else:
            raise Unrendered(f"unknown helper {kind}")
    return told


RAISE = object()


def value(path: str, scopes: list[Any], default: Any = RAISE) -> Any:
    """What a path means: in the innermost scope, in the one around it after `../`."""
    depth = len(scopes) - 1
    while path.startswith("../"):
        path, depth = path[3:], max(depth - 1, 0)
    found = scopes[depth]
    if path not in ("this", "."):
        for name in path.removeprefix("this.").split("."):
            if not isinstance(found, dict) or name not in found:
                if default is RAISE:
                    raise Absent(f"Attribute '{path}' is not present in the rendering data.")
                return default
            found = found[name]
    return found


def text_of(path: str, scopes: list[Any]) -> str:
    found = value(path, scopes)
    if isinstance(found, bool):
        return "true" if found else "false"
    return "" if found is None else str(found)
