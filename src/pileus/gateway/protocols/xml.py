"""XML documents: a tree of elements from bytes, and the pieces that documents are written from.

Documents that declare a type or an entity, or nest deeper than any shape, are refused while they are parsed
(https://owasp.org/www-community/vulnerabilities/XML_External_Entity_(XXE)_Processing).
"""

from __future__ import annotations

import re
from typing import Any, NoReturn
from xml.parsers import expat

from .faults import Malformed

DEPTH = 128
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
# A carriage return that is no reference would reach the reader as a line feed (XML 1.0, section 2.11).
_SPECIAL = re.compile('[&<>"\x00-\x08\x0b-\x1f\x85\u2028]')
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


class Element:
    """An element with its local name; `text` is what stands directly in it."""

    __slots__ = ("attributes", "children", "pieces", "tag")

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Element] = []
        self.pieces: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class _Tree:
    """Builds the tree from what expat reports."""

    def __init__(self) -> None:
        self.root = Element("", {})
        self.path = [self.root]

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self.path) > DEPTH:
            raise Malformed("The document nests too deep")
        if attributes:
            attributes = {_local(name): value for name, value in attributes.items()}
        element = Element(_local(tag), attributes)
        self.path[-1].children.append(element)
        self.path.append(element)

    def end(self, tag: str) -> None:
        self.path.pop()

    def text(self, text: str) -> None:
        self.path[-1].pieces.append(text)


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _refuse(*declared: Any) -> NoReturn:
    raise Malformed("The document declares a type or an entity")


def parse(body: bytes) -> Element:
    """The root element of a document; `Malformed` for what is no document or an indecent one."""
    parser = expat.ParserCreate(namespace_separator=" ")
    tree = _Tree()
    parser.buffer_text = True
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(body, True)
    except Malformed:
        raise
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise Malformed(str(error)) from None
    return tree.root.children[0]


def escaped(text: str) -> str:
    """Text as it may stand in an element."""
    return text if _SPECIAL.search(text) is None else _SPECIAL.sub(_reference, text)


def _reference(match: re.Match[str]) -> str:
    character = match.group()
    return _ESCAPES.get(character) or f"&#x{ord(character):X};"


def start_tag(name: str, namespace: Any = None, attributes: str = "") -> str:
    """An element's start; `namespace` is the model's: a text, or a dict of `uri` and perhaps `prefix`."""
    return f"<{name}{declaration(namespace)}{attributes}>"


def declaration(namespace: Any) -> str:
    if not namespace:
        return ""
    if isinstance(namespace, str):
        namespace = {"uri": namespace}
    prefix = f":{namespace['prefix']}" if namespace.get("prefix") else ""
    return attribute(f"xmlns{prefix}", namespace["uri"])


def attribute(name: str, value: str) -> str:
    value = escaped(value).replace("\n", "&#xA;").replace("\t", "&#x9;")
    return f' {name}="{value}"'


def leaf(name: str, text: str) -> str:
    """A whole element with nothing but text in it."""
    return f"<{name}>{escaped(text)}</{name}>"
