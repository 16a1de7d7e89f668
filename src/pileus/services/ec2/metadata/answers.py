"""From a request to the metadata service to its answer: a function of the instance, the request, and nothing else.

Who sends a token is asked for a good one, whether the instance requires tokens or not. A request for a token that came
by way of a proxy is refused (X-Forwarded-For), for that is how tokens would leave an instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from pileus.kernel import Call

from . import identity, tokens, tree
from .subject import Subject
from .tree import Node

VERSIONS = (
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
    "2011-01-01",
    "2011-05-01",
    "2012-01-12",
    "2014-02-25",
    "2014-11-05",
    "2015-10-20",
    "2016-04-19",
    "2016-06-30",
    "2016-09-02",
    "2018-03-28",
    "2018-08-17",
    "2018-09-24",
    "2019-10-01",
    "2020-10-27",
    "2021-01-03",
    "2021-03-23",
    "2021-07-15",
    "2022-09-24",
    "latest",
)
TOKEN = "x-aws-ec2-metadata-token"
LIFE = "x-aws-ec2-metadata-token-ttl-seconds"
REASONS = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}
PAGE = """\
<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
\t"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>{title}</title>
 </head>
 <body>
  <h1>{title}</h1>
 </body>
</html>
"""


class Answer(NamedTuple):
    status: int
    body: bytes
    fields: dict[str, str] = {}


def answer(call: Call, subject: Subject, method: str, path: str, headers: Mapping[str, str]) -> Answer:
    """The answer to a request; header names are in lower case."""
    if subject.options["HttpEndpoint"] == "disabled":
        return refused(403)
    path = unquote(path.partition("?")[0])
    if method == "PUT":
        return session(call, subject, path, headers)
    if method not in ("GET", "HEAD"):
        return refused(405)
    fields: dict[str, str] = {}
    if TOKEN in headers:
        rest = tokens.left(call, subject.id, headers[TOKEN])
        if rest is None:
            return refused(401)
        fields = {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": str(rest)}
    elif subject.options["HttpTokens"] == "required":
        return refused(401)
    found = looked_up(call, subject, path)
    if found is None:
        return refused(404)
    return Answer(200, found, {"Content-Type": "text/plain", "Accept-Ranges": "none"} | fields)


def refused(status: int) -> Answer:
    page = PAGE.format(title=f"{status} - {REASONS[status]}")
    return Answer(status, page.encode(), {"Content-Type": "text/html"})


def session(call: Call, subject: Subject, path: str, headers: Mapping[str, str]) -> Answer:
    """A new token."""
    if path not in ("/latest/api/token", "/latest/api/token/"):
        return refused(405)
    if "x-forwarded-for" in headers:
        return refused(403)
    life = tokens.seconds(headers.get(LIFE, ""))
    if life is None:
        return refused(400)
    fields = {"Content-Type": "text/plain", "X-Aws-Ec2-Metadata-Token-Ttl-Seconds": str(life)}
    return Answer(200, tokens.issued(call, subject.id, life).encode(), fields)


def looked_up(call: Call, subject: Subject, path: str) -> bytes | None:
    names = [name for name in path.split("/") if name]
    if not names:
        return "\n".join(VERSIONS).encode()
    if names[0] not in VERSIONS:
        return None
    if names[1:2] == ["user-data"]:
        return subject.user_data or None if len(names) == 2 else None
    node: Node = {
        "dynamic": lambda: identity.dynamic(call, subject),
        "meta-data": lambda: tree.meta_data(subject),
        "user-data": "" if subject.user_data else None,
    }
    for name in names[1:]:
        node = opened(node)
        if not isinstance(node, dict):
            return None
        node = node.get(name)
    node = opened(node)
    if isinstance(node, dict):
        listed = keys_listed(subject) if names[1:] == ["meta-data", "public-keys"] else listing(node, names)
        return listed.encode()
    return None if node is None else str(node).encode()


def opened(node: Node) -> Node:
    return node() if callable(node) else node


def listing(node: dict[str, Node], names: list[str]) -> str:
    """The names in a folder; those of folders end in a slash. At the top of a version they do not."""
    top = len(names) == 1
    there = [name + ("/" if folder(child) and not top else "") for name, child in node.items() if child is not None]
    return "\n".join(sorted(there))


def folder(node: Node) -> bool:
    return isinstance(node, dict)


def keys_listed(subject: Subject) -> str:
    return f"0={subject.instance.get('KeyName', '')}"
