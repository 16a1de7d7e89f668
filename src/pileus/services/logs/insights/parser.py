"""From the text of a query to its commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import NamedTuple, TypeVar

from pileus.kernel import Unfinished

from . import commands, comparing, lookups, patterns
from .commands import Step, Whole
from .expressions import Expression, Expressions, Names
from .lexer import Lexer, Token, malformed

BUILT_IN = ("@timestamp", "@message", "@logStream", "@log", "@ingestionTime", "@ptr")
"""What each row has, in this order."""
EARLIER = "\0earlier"
"""Whether an event is of the time before, for `diff`."""

Column = tuple[str, int]
"""What a field of the results is called, and its place in rows."""


class Source(NamedTuple):
    """Names of groups or their beginnings; classes."""

    names: list[str]
    prefixes: list[str]
    classes: list[str]
    accounts: list[str]

    def has(self, name: str, kind: str, account: str) -> bool:
        named = name in self.names or any(name.startswith(prefix) for prefix in self.prefixes)
        return named and kind in (self.classes or [kind]) and account in (self.accounts or [account])


C = TypeVar("C")


class Parsed(NamedTuple):
    names: Names
    steps: list[Step]
    """What is done to each event's row."""
    rest: list[Whole]
    """What is done then, from the first command that wants all rows."""
    shown: list[Column]
    literals: list[str]
    """What messages must have in them to get past the first filters."""
    events: bool
    """Whether the results are events, not statistics."""
    lookups: list[lookups.Lookup]
    """What has to be given the tables that it looks into."""
    source: Source | None
    """Which groups are gone through, if the query says so itself."""
    indexed: list[str]
    """Fields that groups need an index of to be gone through."""
    unmasked: dict[str, int]
    """Fields that are wanted without masks, and their places."""

    def one(self, kind: type[C]) -> C | None:
        """The command of that kind, if there is one."""
        return next((command for command in self.rest if isinstance(command, kind)), None)


class Parser:
    language = "Logs Insights"
    unbuilt = {"join", "addtotals", "relevantfields"}

    def __init__(self, text: str) -> None:
        self.lexer = Lexer(text)
        self.names = Names()
        for name in BUILT_IN:
            self.names.place(name)
        self.expressions = self.reading()
        self.steps: list[Step] = []
        self.rest: list[Whole] = []
        self.shown: list[Column] = []
        self.displayed = False
        self.literals: list[str] = []
        self.changed = False
        """Whether some command may have changed @message."""
        self.events = True
        self.lookups: list[lookups.Lookup] = []
        self.source: Source | None = None
        self.indexed: list[str] = []

    def reading(self) -> Expressions:
        return Expressions(self.lexer, self.names)

    def parse(self) -> Parsed:
        while self.lexer.peek().kind != "end":
            if self.lexer.take("|"):
                continue
            self.command()
            if self.lexer.peek().kind != "end":
                self.lexer.need("|")
        shown = self.shown or [("@timestamp", 0), ("@message", 1)]
        more = self.source, self.indexed, self.expressions.unmasked
        return Parsed(self.names, self.steps, self.rest, shown, self.literals, self.events, self.lookups, *more)

    def command(self) -> None:
        token = self.lexer.next()
        name = token.text.lower()
        if name in self.unbuilt:
            raise Unfinished(f"Pileus does not implement the command {name} of {self.language} yet.")
        reader = self.readers().get(name)
        if token.kind != "name" or reader is None:
            raise malformed(f"unexpected symbol found {token.text} at offset {token.start}", token.start, token.end)
        reader()

    def readers(self) -> dict[str, Callable[[], None]]:
        """What reads the rest of each command."""
        return {
            "fields": self.fields,
            "display": self.display,
            "filter": self.filter,
            "filterindex": self.filter_index,
            "where": self.filter,
            "stats": self.stats,
            "sort": self.sort,
            "limit": self.limit,
            "head": self.limit,
            "parse": self.parse_text,
            "dedup": self.dedup,
            "pattern": self.pattern,
            "diff": self.diff,
            "anomaly": self.anomaly,
            "unnest": self.unnest,
            "source": self.sources,
            "lookup": self.lookup,
        }

    def step(self, step: Step) -> None:
        if self.rest:
            self.rest.append(commands.Each(step))
        else:
            self.steps.append(step)

    # Commands

    def fields(self) -> None:
        found = self.columns()
        if not self.displayed:
            self.shown += [column for column in found if column not in self.shown]

    def display(self) -> None:
        self.shown = self.columns()
        self.displayed = True

    def columns(self) -> list[Column]:
        found: list[Column] = []
        while True:
            start = self.lexer.peek()
            expression = self.expressions.parse()
            label, simple = self.label(start)
            place = self.names.place(label)
            if not simple:
                self.expressions.made.add(label)
                self.changed = self.changed or label == "@message"
                self.step(commands.assigning(place, expression))
            found.append((label, place))
            if not self.lexer.take(","):
                return found

    def label(self, start: Token) -> tuple[str, bool]:
        """What an expression that began there is called; and whether it is a field under its own name."""
        written = self.lexer.text[start.start : self.lexer.place].strip()
        if self.lexer.take("as"):
            return self.lexer.next().text, False
        simple = start.kind in ("name", "field") and start.end == self.lexer.place and not self.member(start.text)
        return (start.text, True) if simple else (written, False)

    def member(self, name: str) -> bool:
        """Whether a name is that of a member of something that a command has made."""
        return any(name.startswith(f"{made}.") for made in self.expressions.made)

    def filter_index(self) -> None:
        """A filter, and only groups with an index of these fields are gone through."""
        self.expressions.asked.clear()
        self.filter()
        self.indexed += self.expressions.asked

    def filter(self) -> None:
        self.expressions.literals = []
        test = self.expressions.parse()
        if not self.rest and not self.changed:
            self.literals += self.expressions.literals
        self.step(commands.filtering(test))

    def stats(self) -> None:
        aggregations = self.expressions.aggregations = []
        columns: list[tuple[str, int, Expression]] = []
        while True:
            start = self.lexer.peek()
            expression = self.expressions.parse()
            label, _ = self.label(start)
            columns.append((label, self.names.place(label), expression))
            if not self.lexer.take(","):
                break
        self.expressions.aggregations = None
        by = self.by() if self.lexer.take("by") else []
        stats = commands.Stats(
            [(place, expression) for _, place, expression in by],
            aggregations,
            [(place, expression) for _, place, expression in columns],
        )
        stats.simple = self.simple([one for _, _, one in by], [one.argument for one in aggregations])
        self.rest.append(stats)
        self.shown = [(label, place) for label, place, _ in [*by, *columns]]
        self.displayed = self.expressions.known = True
        self.events = False

    def simple(
        self, keys: list[Expression], arguments: list[Expression | None]
    ) -> tuple[commands.Simple, commands.Simple] | None:
        """Keys and arguments of `stats`, if events can go into it as they come."""
        if self.steps or self.rest or self.expressions.timed:
            return None
        known = self.expressions.simple
        by = [known.get(id(one)) for one in keys]
        fed = [("one", 0) if one is None else known.get(id(one)) for one in arguments]
        if any(one is None for one in (*by, *fed)) or any(one and one[0] == "bin" for one in fed):
            return None
        simple = [one for one in by if one], [one for one in fed if one]
        places = [place for kind, place in (*simple[0], *simple[1]) if kind == "field"]
        named = {place: name for name, place in self.names.places.items()}
        return simple if all(named[place][0] not in "@\0" for place in places) else None

    def by(self) -> list[tuple[str, int, Expression]]:
        found: list[tuple[str, int, Expression]] = []
        while True:
            start = self.lexer.peek()
            expression = self.expressions.parse()
            label, _ = self.label(start)
            found.append((label, self.names.place(label), expression))
            if not self.lexer.take(","):
                return found

    def sort(self) -> None:
        keys: list[tuple[Expression, bool]] = []
        self.lexer.take("by")
        while True:
            keys.append((self.expressions.parse(), self.lexer.take("asc", "desc") == "desc"))
            if not self.lexer.take(","):
                break
        self.rest.append(commands.Sort(keys))

    def limit(self) -> None:
        token = self.lexer.next()
        if token.kind != "number" or not token.text.isdigit() or not 0 < int(token.text) <= 100_000:
            raise malformed(f"invalid limit {token.text}", token.start, token.end)
        self.rest.append(commands.Limit(int(token.text)))

    def dedup(self) -> None:
        keys = [self.expressions.parse()]
        while self.lexer.take(","):
            keys.append(self.expressions.parse())
        self.rest.append(commands.Dedup(keys))

    def lookup(self) -> None:
        table = self.lexer.next().text
        keys = self.pairs()
        word = self.lexer.next()
        if word.text.lower() not in ("output", "outputnew"):
            raise malformed("lookup wants OUTPUT or OUTPUTNEW", word.start, word.end)
        outputs = self.pairs()
        found = lookups.Lookup(table, keys, outputs, word.text.lower() == "output")
        self.lookups.append(found)
        self.changed = self.changed or any(place == 1 for _, place in outputs)
        self.step(found)
        if self.shown and not self.displayed:
            named = {place: name for name, place in self.names.places.items()}
            self.shown += [(named[place], place) for _, place in outputs if (named[place], place) not in self.shown]

    def pairs(self) -> list[lookups.Pair]:
        """Columns of a table, each with the field that it is or shall be."""
        found: list[lookups.Pair] = []
        while True:
            column = self.lexer.next().text
            field = self.lexer.next().text if self.lexer.take("as") else column
            found.append(lookups.Pair(column, self.names.place(field)))
            if not self.lexer.take(","):
                return found

    def pattern(self) -> None:
        source = self.expressions.parse()
        places = [self.names.place(name) for name in patterns.COLUMNS]
        self.rest.append(patterns.Pattern(source, places, self.names.place(EARLIER)))
        self.tabled(patterns.COLUMNS)

    def tabled(self, columns: Sequence[str]) -> list[int]:
        """Have results that are no events."""
        places = [self.names.place(name) for name in columns]
        self.shown = list(zip(columns, places, strict=True))
        self.displayed = self.expressions.known = True
        self.events = False
        return places

    def last_pattern(self, what: str) -> patterns.Pattern:
        last = self.rest[-1] if self.rest else None
        if not isinstance(last, patterns.Pattern):
            raise malformed(f"{what} wants the command pattern before it", self.lexer.place, self.lexer.place)
        return last

    def diff(self) -> None:
        pattern = self.last_pattern("diff")
        back = self.lexer.take(*comparing.BACK)
        self.rest.append(comparing.Diff(pattern, self.tabled(comparing.DIFFERENCES), comparing.BACK.get(back, 0)))

    def anomaly(self) -> None:
        pattern = self.last_pattern("anomaly")
        pattern.kept = True
        self.rest.append(comparing.Anomaly(pattern, self.tabled(comparing.ANOMALIES)))

    def unnest(self) -> None:
        source = self.expressions.parse()
        self.lexer.need("into")
        name = self.lexer.next().text
        self.expressions.made.add(name)
        place = self.names.place(name)
        self.rest.append(comparing.Unnest(source, place))
        if self.shown and not self.displayed:
            self.shown.append((name, place))

    def sources(self) -> None:
        """Which groups, by their names or what these begin with: it is the first command, if it is there."""
        if self.steps or self.rest or self.shown:
            raise malformed("SOURCE has to be the first command", self.lexer.place, self.lexer.place)
        if not self.lexer.take("loggroups"):
            self.source = Source(self.texts(), [], [], [])
            return
        self.lexer.need("(")
        given: dict[str, list[str]] = {}
        while not self.lexer.take(")"):
            name = self.lexer.need("nameprefix", "class", "accountidentifiers", "accountidentifier", "namedloggroups")
            self.lexer.need(":")
            given[name] = self.texts()
            self.lexer.take(",")
        accounts = given.get("accountidentifiers", given.get("accountidentifier", []))
        names = given.get("namedloggroups", [])
        prefixes = given.get("nameprefix", [] if names else [""])
        self.source = Source(names, prefixes, given.get("class", []), accounts)

    def texts(self) -> list[str]:
        """Texts between brackets, or as many as are separated by commas."""
        bracketed = self.lexer.take("[")
        found: list[str] = []
        while self.lexer.peek().kind == "string":
            found.append(self.lexer.next().text)
            if not self.lexer.take(","):
                break
        if bracketed:
            self.lexer.need("]")
        return found or [self.lexer.fail()]

    def parse_text(self) -> None:
        source: Expression = itemgetter(1)
        start = self.lexer.place
        if (pattern := self.lexer.regex()) is None and self.lexer.peek().kind != "string":
            source = self.expressions.primary()
            pattern = self.lexer.regex()
        if pattern is not None:
            named = [name for name, _ in sorted(pattern.groupindex.items(), key=itemgetter(1))]
            if len(named) != pattern.groups or not named:
                if self.lexer.peek().text.lower() != "as":
                    raise malformed("parse wants a name for each group", start, self.lexer.place)
                named = self.aliases()
        else:
            pattern = commands.glob(self.lexer.next().text)
            named = self.aliases()
        if len(named) != pattern.groups:
            raise malformed("parse wants as many names as there are wildcards", start, self.lexer.place)
        self.changed = self.changed or "@message" in named
        self.step(commands.parsing(source, pattern, [self.names.place(name) for name in named]))

    def aliases(self) -> list[str]:
        self.lexer.need("as")
        found = [self.lexer.next().text]
        while self.lexer.take(","):
            found.append(self.lexer.next().text)
        return found


def parsed(text: str, kind: type[Parser] = Parser) -> Parsed:
    """The commands of a query; MalformedQueryException for a text that is none."""
    if not re.sub(r"#[^\n]*", "", text).strip():
        raise malformed("the query is empty", 0, len(text))
    return kind(text).parse()
