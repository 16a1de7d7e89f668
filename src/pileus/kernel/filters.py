"""Filters: `Filters=[{"Name": "instance-type", "Values": ["m5.*"]}]`, in AWS's many spellings of it.

A service declares its filters once, each with the field that it looks at or a function that finds the values:

    FILTERS = Filters({"instance-type": "InstanceType", "attachment.status": "Attachments.Status", "size": sizes})

The values of one filter are alternatives, and all filters must hold. A name that is not declared is the service's own
error and never matches everything. EC2's rules are the defaults (EC2 User Guide, "Filter and search your resources"):
`*` stands for any characters, `?` for one or none, a backslash takes their meaning away; `tag:KEY` looks at the tag of
that name, `tag-key` at the names of all tags and `tag-value` at their values; names and values are case-sensitive; a
request has at most 50 filters and 200 values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from .errors import Fault, Unfinished

Field = str | Callable[[Any], Any]
"""A dotted path into a record or its members, through lists; or a function that gives a value or several."""

Test = Callable[[Any], bool]

MOST_FILTERS = 50
MOST_VALUES = 200

NAMES = ("name", "key", "filtername")
VALUES = ("values", "value", "filtervalues", "valuestringlist")

TAG_KEYS = ("tag-key", "tag-keys")
TAG_VALUE = "tag-value"


def unknown_to_ec2(name: str) -> Fault:
    return Fault("InvalidParameterValue", f"The filter '{name}' is invalid")


def too_many_for_ec2(what: str, most: int) -> Fault:
    return Fault("FilterLimitExceeded", f"The maximum number of {what} on a request is {most}.", status=400)


class Filters:
    """The filters of one kind of resource.

    `tags` finds the tags of a record; without it there are no tag filters. `unknown` makes the error for a name that is
    not declared, `excess` the one for too many of them.
    """

    def __init__(
        self,
        fields: Mapping[str, Field],
        *,
        tags: Field | None = "tags",
        wildcards: bool = True,
        unknown: Callable[[str], Fault] = unknown_to_ec2,
        excess: Callable[[str, int], Fault] = too_many_for_ec2,
    ) -> None:
        self._fields = {name: reader(field) for name, field in fields.items()}
        self._tags = reader(tags) if tags else None
        self._pattern = wildcard if wildcards else None
        self._unknown = unknown
        self._excess = excess

    def test(self, filters: Iterable[Mapping[str, Any]]) -> Test:
        """Whether a record satisfies all filters of a request; raises for those that there are not."""
        given = [named(condition) for condition in filters]
        if len(given) > MOST_FILTERS:
            raise self._excess("filters", MOST_FILTERS)
        if sum(len(values) for _, values in given) > MOST_VALUES:
            raise self._excess("filter values", MOST_VALUES)
        tests = [self._one(name, values) for name, values in given]
        if len(tests) == 1:
            return tests[0]
        return lambda record: all(test(record) for test in tests)

    def select(self, records: Iterable[Any], filters: Iterable[Mapping[str, Any]]) -> list[Any]:
        """The records that satisfy all filters."""
        return [*filter(self.test(filters), records)]

    def _one(self, name: str, values: Sequence[str]) -> Test:
        read = self._reader(name)
        wanted = matcher(values, self._pattern)
        return lambda record: any(wanted(text) for text in texts(read(record)))

    def _reader(self, name: str) -> Callable[[Any], Any]:
        if name in self._fields:
            return self._fields[name]
        if tags := self._tags:
            if name in TAG_KEYS:
                return lambda record: list(tags(record) or ())
            if name == TAG_VALUE:
                return lambda record: list((tags(record) or {}).values())
            if name.startswith("tag:"):
                key = name[4:]
                return lambda record: (tags(record) or {}).get(key)
        raise self._unknown(name)


def named(condition: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The name and the values of a filter, however its members are spelled. Operators and the like are not built."""
    name, values = "", []
    for member, given in condition.items():
        if member.lower() in NAMES:
            name = given
        elif member.lower() in VALUES:
            values = given if isinstance(given, list) else [given]
        else:
            raise Unfinished(f"Pileus does not heed {member} of a filter yet.")
    return name, values


def matcher(values: Iterable[str], pattern: Callable[[str], re.Pattern[str] | None] | None) -> Callable[[str], bool]:
    """Whether a text is one of the values, or fits one of them that is a pattern."""
    plain, patterns = set(), []
    for value in values:
        if pattern and (compiled := pattern(value)):
            patterns.append(compiled)
        else:
            plain.add(value)
    if not patterns:
        return plain.__contains__
    return lambda text: text in plain or any(fits.fullmatch(text) for fits in patterns)


@lru_cache(maxsize=1024)
def wildcard(value: str) -> re.Pattern[str] | None:
    """A value with wildcards as a pattern; None for one without."""
    if not any(special in value for special in "*?\\"):
        return None
    pieces = re.findall(r"\\[\s\S]|\*+|[\s\S]", value)
    return re.compile("".join(_WILD.get(piece[0]) or re.escape(piece[-1]) for piece in pieces), re.DOTALL)


_WILD = {"*": ".*", "?": ".?"}


def reader(field: Field) -> Callable[[Any], Any]:
    """A function that reads a field of a record; a path goes through structures, maps, and all elements of a list."""
    if not isinstance(field, str):
        return field
    steps = field.split(".")

    def read(record: Any) -> Any:
        for step in steps:
            record = _step(record, step)
        return record

    return read


def _step(value: Any, name: str) -> Any:
    if isinstance(value, list):
        inner = [_step(element, name) for element in value]
        return [part for found in inner for part in (found if isinstance(found, list) else [found])]
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def texts(value: Any) -> list[str]:
    """A value as filters compare it: booleans as `true` and `false`, each element of a list by itself."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if value is None:
        return []
    if isinstance(value, (list, tuple, set, frozenset)):
        return [text for element in value for text in texts(element)]
    return [str(value)]
