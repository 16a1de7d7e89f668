"""Which version of which function a request means: by name or ARN, with a version or an alias in it or beside it.

Developer Guide, "Lambda function versions" and "Create an alias for a Lambda function".
"""

from __future__ import annotations

import json
import random
import re
from typing import Any, NamedTuple, Self

from pileus.kernel import Call, Fault, Record

from . import faults, lambda_
from .functions import LATEST, Alias, Function, Version

NAME = re.compile(
    r"(?:arn:(?P<partition>aws[a-zA-Z-]*):lambda:)?(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):)?(?:(?P<account>\d{12}):)?"
    r"(?:function:)?(?P<name>[a-zA-Z0-9-_.]+)(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
MOST_NAME = 64


class Name(NamedTuple):
    """What a FunctionName says."""

    name: str
    qualifier: str = ""
    account: str = ""
    region: str = ""


def parsed(text: str) -> Name:
    """A name, a partial ARN or an ARN, each with or without a qualifier."""
    found = NAME.fullmatch(text)
    if found is None:
        raise faults.invalid(f"Invalid function name: {text}")
    if len(found["name"]) > MOST_NAME:
        raise Fault(
            "ValidationException",
            f"1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint: Member must "
            "have length less than or equal to 64",
            status=400,
        )
    return Name(found["name"], found["qualifier"] or "", found["account"] or "", found["region"] or "")


class Meant(Record, arn="function", kw_only=True):
    """The function and version that a request means. Never stored."""

    name: str
    qualifier: str
    """As the request has it; empty for an unqualified function."""
    function: Function
    version: Version
    alias: Alias | None = None

    @property
    def tags(self) -> dict[str, str]:
        return self.function.tags

    def arn(self, call: Call) -> str:
        """The ARN with the qualifier that was asked for."""
        return call.arn(f"function:{self.name}" + (f":{self.qualifier}" if self.qualifier else ""))

    def resource_policy(self, call: Call) -> str:
        statements = self.function.policies.get(self.qualifier, [])
        return json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else ""

    @classmethod
    def by_name(cls, call: Call, function_name: str, qualifier: str = "") -> Self:
        """The function and version, or `$LATEST`."""
        given = parsed(function_name)
        if given.qualifier and qualifier and given.qualifier != qualifier:
            raise faults.invalid("The derived qualifier from the function name does not match the specified qualifier.")
        if given.region and given.region != call.region:
            raise faults.none_such(
                f"Functions from '{given.region}' are not reachable in this region ('{call.region}')"
            )
        return cls.of(call, given.name, qualifier or given.qualifier)

    @classmethod
    def of(cls, call: Call, name: str, qualifier: str = "") -> Self:
        arn = call.arn(f"function:{name}" + (f":{qualifier}" if qualifier else ""))
        function = Function.get(call, name)
        if function is None:
            raise faults.missing(arn)
        alias = None
        if qualifier in ("", LATEST):
            number = 0
        elif qualifier.isdigit():
            number = int(qualifier)
        else:
            alias = Alias.get(call, name, qualifier)
            if alias is None:
                raise faults.missing(arn)
            number = number_of(alias.version)
        version = Version.get(call, name, number)
        if version is None:
            raise faults.missing(arn)
        return cls(name=name, qualifier=qualifier, function=function, version=version, alias=alias)

    def chosen(self, call: Call) -> Version:
        """The version that an invocation goes to: an alias may send some elsewhere."""
        if self.alias:
            drawn = random.random()
            for number, weight in self.alias.weights.items():
                if drawn < weight:
                    return Version.get(call, self.name, number_of(number)) or self.version
                drawn -= weight
        return self.version


def whole(call: Call, function_name: str) -> Meant:
    """A function that must be named without a version."""
    given = parsed(function_name)
    if given.qualifier not in ("", LATEST):
        raise faults.invalid(
            f"This operation does not permit versions or aliases: {call.arn(f'function:{given.name}')}"
            f":{given.qualifier}"
        )
    return Meant.by_name(call, function_name.removesuffix(f":{LATEST}"))


def number_of(version: str) -> int:
    return 0 if version == LATEST else int(version)


@lambda_.owner
def owner(call: Call, request: dict[str, Any]) -> str:
    """The account whose function or layer a request names by its ARN."""
    for member in ("FunctionName", "LayerName", "Arn", "Resource", "ResourceArn"):
        text = request.get(member)
        if isinstance(text, str) and (found := re.search(r"(?:^|:)(\d{12}):(?:function|layer):", text)):
            return found[1]
    return ""
