"""botocore's own protocol vectors: models with cases of parameters and requests, and of responses and results."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pileus.models import Model, Operation, Shape

VECTORS = Path(os.environ.get("PILEUS_VECTORS") or Path(__file__).parents[4] / "shared" / "vectors")
IGNORED = VECTORS / "protocol-tests-ignore-list.json"
SKIPPED = pytest.mark.skip(reason="on botocore's ignore list")
NOT_NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


@dataclass
class Case:
    """One case, its suite's model in our form and, as `description`, in botocore's."""

    file: str
    suite: dict[str, Any]
    case: dict[str, Any]

    @property
    def model(self) -> Model:
        return Model("vectors", self.metadata, {self.given["name"]: self.given}, self.suite["shapes"])

    @property
    def operation(self) -> Operation:
        return self.model.operation(self.given["name"])

    @property
    def description(self) -> dict[str, Any]:
        described = {"metadata": self.metadata, "operations": {self.given["name"]: self.given}}
        return described | {"shapes": self.suite["shapes"]}

    @property
    def metadata(self) -> dict[str, Any]:
        return dict(self.suite["metadata"])

    @property
    def given(self) -> dict[str, Any]:
        return dict(self.case["given"])

    @property
    def protocol(self) -> str:
        return str(self.metadata["protocol"])


def cases(side: str) -> list[Any]:
    """The parameters of a test over all cases of `input` or `output`; those on the ignore list are skipped."""
    found = []
    for path in sorted((VECTORS / f"protocol-{side}").glob("*.json")):
        for suite in json.loads(path.read_text()):
            for case in suite["cases"]:
                marks = [SKIPPED] if ignored(path.stem, side, suite, case) else []
                found.append(pytest.param(Case(path.stem, suite, case), id=f"{path.stem}:{case['id']}", marks=marks))
    return found or [pytest.param(None, marks=pytest.mark.skip(reason=f"no protocol vectors in {VECTORS}"))]


def ignored(file: str, side: str, suite: dict[str, Any], case: dict[str, Any]) -> bool:
    listed = json.loads(IGNORED.read_text())
    general = listed["general"].get(side, {})
    own = listed["protocols"].get(file, {}).get(side, {})
    suites, names = general.get("suites", []) + own.get("suites", []), own.get("cases", [])
    return suite["description"] in suites or case.get("description") in suites or case["id"] in names


def labels(template: str, path: str) -> dict[str, str]:
    """The raw labels that a path has by the template of an operation's URI."""
    literals = re.split(r"\{.+?\}", urlsplit(template).path)
    names = re.findall(r"\{(.+?)\}", template)
    parts = ["(.+)" if name.endswith("+") else "([^/]+)" for name in names]
    pattern = "".join(re.escape(literal) + part for literal, part in zip(literals, [*parts, ""], strict=True))
    match = re.fullmatch(pattern, path)
    assert match, (template, path)
    return dict(zip((name.rstrip("+") for name in names), match.groups(), strict=True))


def value_of(shape: Shape | None, value: Any) -> Any:
    """A value of a vector as this house has it: bytes for blobs, floats for timestamps, absent keys for nulls."""
    if shape is None or shape.traits.get("document") or value is None:
        return value
    if shape.type == "structure":
        return {name: value_of(shape.members[name], item) for name, item in value.items() if item is not None}
    if shape.type == "list":
        return [value_of(shape.member, item) for item in value]
    if shape.type == "map":
        return {key: value_of(shape.value, item) for key, item in value.items()}
    if shape.type == "blob" and isinstance(value, str):
        return value.encode()
    if shape.type in ("float", "double", "timestamp"):
        return NOT_NUMBERS[value] if isinstance(value, str) else float(value)
    return value


def same(one: Any, other: Any) -> bool:
    """Equality under which NaN is itself, and moments are as far apart as milliseconds tell."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (one != one and other != other) or abs(one - other) < 5e-4
    return type(one) is type(other) and bool(one == other)
