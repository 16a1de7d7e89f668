"""How much of AWS is here: of each service the operations that are implemented, the members without effect, the engine.

All of it is read off the services and the models; nothing is written down a second time. `python -m pileus.coverage
PAGE…` puts the present tables between the markers of those pages: `<!-- coverage -->` or `<!-- coverage: members -->`,
each closed by `<!-- /coverage -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from pileus import models
from pileus.kernel import cloud
from pileus.kernel.resource_type import resource_types

OPEN = re.compile(r"(<!-- coverage(: members)? -->\n).*?(<!-- /coverage -->)", re.DOTALL)


class Coverage(msgspec.Struct):
    """What there is of one service."""

    service: str
    engine: str
    implemented: list[str]
    missing: list[str]
    ignored: dict[str, list[str]]
    """Members of requests that have no effect, by operation."""
    resources: list[str]
    """The declared resource types, by CloudFormation's names where it has one."""

    @property
    def operations(self) -> str:
        return f"{len(self.implemented)} of {len(self.implemented) + len(self.missing)}"

    @property
    def idle_members(self) -> int:
        return sum(map(len, self.ignored.values()))


def of(name: str) -> Coverage:
    """The coverage of a service that there is, by its botocore name; KeyError for others."""
    service = cloud.load(cloud.services()[name])
    bound = service.operations
    return Coverage(
        service=name,
        engine=service.engine,
        implemented=sorted(bound),
        missing=sorted(set(service.model.operation_names) - bound.keys()),
        ignored={name: sorted(found.ignored) for name, found in sorted(bound.items()) if found.ignored},
        resources=sorted(kind.cfn or kind.name for kind in resource_types(service)),
    )


def everything() -> list[Coverage]:
    return [of(name) for name in sorted(cloud.services())]


def absent() -> int:
    """How many services of the models are not here."""
    return len(models.index()) - len(cloud.services())


def as_json(services: Iterable[Coverage]) -> bytes:
    return msgspec.json.format(msgspec.json.encode({"services": list(services), "absent": absent()})) + b"\n"


def rows(services: Iterable[Coverage]) -> list[tuple[str, str, str, str]]:
    """A line for every service: its name, its operations, its members without effect, its engine."""
    return [(one.service, one.operations, str(one.idle_members or "none"), one.engine) for one in services]


HEAD = ("Service", "Operations", "Members without effect", "Behind it")


def markdown(services: Sequence[Coverage]) -> str:
    """The table of `rows`."""
    lines = [f"| {' | '.join(HEAD)} |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows(services)]
    return "\n".join(lines) + f"\n\n{absent()} others answer 501.\n"


def markdown_members(services: Sequence[Coverage]) -> str:
    """For every service what is missing and what has no effect, by name."""
    return "\n".join(section(one) for one in services)


def section(one: Coverage) -> str:
    lines = [f"## {one.service}", "", f"{one.operations} operations; behind it: {one.engine}.", ""]
    if one.resources:
        lines += [f"Resource types: {', '.join(one.resources)}.", ""]
    if one.missing:
        lines += [f"Not there: {', '.join(one.missing)}.", ""]
    lines += [f"- {operation} does not heed {', '.join(members)}." for operation, members in one.ignored.items()]
    return "\n".join(lines).rstrip() + "\n"


def refreshed(page: str, services: Sequence[Coverage]) -> str:
    """A page with the present tables between its markers."""

    def table(found: re.Match[str]) -> str:
        text = markdown_members(services) if found[2] else markdown(services)
        return f"{found[1]}\n{text}\n{found[3]}"

    return OPEN.sub(table, page)


def main(arguments: list[str]) -> None:
    services = everything()
    if arguments == ["--json"]:
        sys.stdout.buffer.write(as_json(services))
    for page in map(Path, arguments if arguments != ["--json"] else []):
        page.write_text(refreshed(page.read_text(), services))


if __name__ == "__main__":
    main(sys.argv[1:])
