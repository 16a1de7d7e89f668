"""The words of a query, one at a time; what begins with a slash is a regular expression only where one may stand."""

from __future__ import annotations

import re
from typing import NamedTuple

from pileus.kernel import Fault

TOKEN = re.compile(
    r"""(?:\s|\#[^\n]*)*(?:
      (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<quoted>`[^`]+`)
    | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<period>\d+(?:ms|msec|mo|mon|month|months|[a-zA-Z]+))
    | (?P<name>[@$]?[A-Za-z_][\w.@]*)
    | (?P<op>!=|<=|>=|=~|[=<>+\-*/%^(),|\[\]!:])
    | (?P<end>$))""",
    re.VERBOSE,
)
REGEX = re.compile(r"\s*/((?:[^/\\\n]|\\.)+)/")


class Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


def malformed(reason: str, start: int, end: int) -> Fault:
    error = {"location": {"startCharOffset": start, "endCharOffset": end}, "message": reason}
    return Fault("MalformedQueryException", reason, queryCompileError=error)


class Lexer:
    """A query and a place in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def peek(self) -> Token:
        match = TOKEN.match(self.text, self.place)
        if match is None or match.lastgroup is None:
            raise malformed(
                f"unexpected symbol found {self.text[self.place :].strip()[:10]}", self.place, self.place + 1
            )
        kind = match.lastgroup
        text = match[kind]
        if kind == "string":
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        elif kind == "quoted":
            kind, text = "field", text[1:-1]
        return Token(kind, text, match.start(match.lastgroup), match.end())

    def next(self) -> Token:
        token = self.peek()
        self.place = token.end
        return token

    def take(self, *texts: str) -> str:
        """The next word, if it is one of these in any case; else nothing."""
        token = self.peek()
        if token.kind in ("op", "name") and token.text.lower() in texts:
            self.place = token.end
            return token.text.lower()
        return ""

    def need(self, *texts: str) -> str:
        return self.take(*texts) or self.fail()

    def fail(self) -> str:
        token = self.peek()
        what = f"unexpected symbol found {token.text}" if token.kind != "end" else "unexpected end of the query"
        raise malformed(f"{what} at offset {token.start}", token.start, max(token.end, token.start + 1))

    def regex(self) -> re.Pattern[str] | None:
        """The regular expression that stands here, if one does."""
        match = REGEX.match(self.text, self.place)
        if match is None:
            return None
        source = match[1].replace("\\/", "/")
        source = re.sub(r"\(\?<([A-Za-z]\w*)>", r"(?P<\1>", source)
        if inline := re.match(r"\(\?i\)", source):
            source = source[inline.end() :]
        try:
            found = re.compile(source, re.IGNORECASE if inline else 0)
        except re.error as error:
            raise malformed(f"invalid regular expression: {error}", self.place, match.end()) from None
        self.place = match.end()
        return found
