"""Filters of DescribeParameters and GetParametersByPath."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pileus.kernel import Call, Fault

from .parameters import Parameter, Version

Filter = dict[str, Any]

OPTIONS = {
    "Name": ("Equals", "BeginsWith", "Contains"),
    "Path": ("OneLevel", "Recursive"),
    "KeyId": ("Equals", "BeginsWith"),
    "Type": ("Equals", "BeginsWith"),
    "Tier": ("Equals",),
    "DataType": ("Equals", "BeginsWith"),
    "Label": ("Equals", "BeginsWith"),
}
"""The options of each key; the first is the default."""

OF_DESCRIBE = {"Name", "Path", "KeyId", "Type", "Tier", "DataType"}
OF_PATH = {"Type", "KeyId", "Label"}

FIELDS: dict[str, Callable[[Parameter, Version], str]] = {
    "Name": lambda parameter, version: parameter.name,
    "KeyId": lambda parameter, version: version.key_id,
    "Type": lambda parameter, version: version.type,
    "Tier": lambda parameter, version: parameter.tier,
    "DataType": lambda parameter, version: version.data_type,
}

COMPARE: dict[str, Callable[[str, str], bool]] = {
    "Equals": str.__eq__,
    "BeginsWith": str.startswith,
    "Contains": str.__contains__,
}


class Conditions:
    """The filters of one request; all must hold, each by one of its values."""

    def __init__(self, given: list[Filter], *, by_path: bool = False) -> None:
        self.given = [checked(one, by_path) for one in given]
        keys = [one["Key"] for one in given]
        if len(set(keys)) != len(keys):
            raise Fault(
                "InvalidFilterKey",
                "The following filter is duplicated in the request. A request can contain only one filter of a "
                "specific type.",
            )

    def hold(self, call: Call, parameter: Parameter) -> bool:
        latest = Version.get(call, parameter.name, parameter.version)
        return latest is not None and all(self._holds(call, one, parameter, latest) for one in self.given)

    def _holds(self, call: Call, one: Filter, parameter: Parameter, latest: Version) -> bool:
        key, option, values = one["Key"], one["Option"], one["Values"]
        if key.startswith("tag:"):
            held = parameter.tags.get(key[4:])
            return held is not None and (not values or held in values)
        if key == "Path":
            return any(below(parameter.name, path, option == "Recursive") for path in values)
        if key == "Label":
            return self._labelled(call, parameter, one) is not None
        text = FIELDS[key](parameter, latest)
        if key == "Name":
            text, values = text.removeprefix("/"), [value.removeprefix("/") for value in values]
        return any(COMPARE[option](text, value) for value in values)

    def selector(self, call: Call, parameter: Parameter) -> str:
        """What to put behind the name, to get the version with the label that was asked for."""
        for one in self.given:
            if one["Key"] == "Label" and (found := self._labelled(call, parameter, one)):
                return f":{found.number}"
        return ""

    def _labelled(self, call: Call, parameter: Parameter, one: Filter) -> Version | None:
        compare = COMPARE[one["Option"]]
        for version in Version.scan(call, parameter.name, reverse=True):
            if any(compare(label, value) for label in version.labels for value in one["Values"]):
                return version
        return None


def below(name: str, path: str, recursive: bool) -> bool:
    base = path.rstrip("/") + "/"
    return name.startswith(base) and (recursive or "/" not in name[len(base) :])


def checked(given: Filter, by_path: bool) -> Filter:
    """A filter with its option, if it may be used there."""
    key, values = given["Key"], given.get("Values", [])
    if key.startswith("tag:") and not by_path:
        return {"Key": key, "Option": "Equals", "Values": values}
    if key not in (OF_PATH if by_path else OF_DESCRIBE):
        allowed = "[Type, KeyId, Label]" if by_path else "[tag:*, Name, Type, KeyId, Path, Tier, DataType]"
        raise Fault(
            "InvalidFilterKey", f"The following filter key is not valid: {key}. Valid filter keys include: {allowed}."
        )
    option = given.get("Option", OPTIONS[key][0])
    if option not in OPTIONS[key]:
        valid = ", ".join(OPTIONS[key])
        raise Fault(
            "InvalidFilterOption",
            f"The following filter option is not valid: {option}. Valid options include: {valid}.",
        )
    if not values:
        raise Fault("InvalidFilterValue", f"The following filter values are missing : null for filter key {key}")
    if key == "Path" and any(not value.startswith("/") for value in values):
        raise Fault(
            "ValidationException",
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward "
            'slash "/".',
        )
    return {"Key": key, "Option": option, "Values": values}
