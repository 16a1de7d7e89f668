"""Python: a class for each type, and a marshaller between them and what json.loads gives."""

from __future__ import annotations

import keyword

from pileus.services.schemas.shapes import ANY, INSTANT, INTEGER, NUMBER, TEXT, TRUTH, Kind, Member, Type

PLAIN = {TEXT: "str", INTEGER: "int", NUMBER: "float", TRUTH: "bool", INSTANT: "datetime", ANY: "object"}

CLASS = """# coding: utf-8
import pprint
from datetime import datetime  # noqa: F401


class {name}(object):

    _types = {{
{types}    }}

    _attribute_map = {{
{names}    }}

    def __init__(self{parameters}):  # noqa: E501
{assignments}
{properties}
    def to_dict(self):
        result = {{}}
        for attr in self._types:
            value = getattr(self, attr)
            if isinstance(value, list):
                result[attr] = [x.to_dict() if hasattr(x, "to_dict") else x for x in value]
            elif isinstance(value, dict):
                result[attr] = {{k: v.to_dict() if hasattr(v, "to_dict") else v for k, v in value.items()}}
            elif hasattr(value, "to_dict"):
                result[attr] = value.to_dict()
            else:
                result[attr] = value
        return result

    def to_str(self):
        return pprint.pformat(self.to_dict())

    def __repr__(self):
        return self.to_str()

    def __eq__(self, other):
        return isinstance(other, {name}) and self.__dict__ == other.__dict__

    def __ne__(self, other):
        return not self == other
"""

PROPERTY = """
    @property
    def {name}(self):
        return self._{name}

    @{name}.setter
    def {name}(self, {name}):
        self._{name} = {name}
"""

MARSHALLER = '''# coding: utf-8
import importlib
import re
from datetime import datetime

PRIMITIVES = {"str": str, "int": int, "float": float, "bool": bool}


class Marshaller:

    @classmethod
    def marshall(cls, obj):
        """What json.dumps takes, of an object of this package."""
        if isinstance(obj, (list, tuple)):
            return [cls.marshall(one) for one in obj]
        if isinstance(obj, dict):
            return {key: cls.marshall(value) for key, value in obj.items()}
        if isinstance(obj, datetime):
            return obj.isoformat().replace("+00:00", "Z")
        if not hasattr(obj, "_types"):
            return obj
        return {
            wire: cls.marshall(getattr(obj, attr))
            for attr, wire in obj._attribute_map.items()
            if getattr(obj, attr) is not None
        }

    @classmethod
    def unmarshall(cls, data, typeName):
        """An object of a class, or of the type of that name, of what json.loads gave."""
        if data is None:
            return None
        if not isinstance(typeName, str):
            return cls._model(data, typeName)
        of_list = re.match(r"list\\[(.*)\\]$", typeName)
        if of_list:
            return [cls.unmarshall(one, of_list.group(1)) for one in data]
        of_dict = re.match(r"dict\\(str, (.*)\\)$", typeName)
        if of_dict:
            return {key: cls.unmarshall(value, of_dict.group(1)) for key, value in data.items()}
        if typeName in PRIMITIVES:
            return PRIMITIVES[typeName](data)
        if typeName == "datetime":
            return datetime.fromisoformat(data.replace("Z", "+00:00"))
        if typeName == "object":
            return data
        module = importlib.import_module("." + typeName, __name__.rpartition(".")[0])
        return cls._model(data, getattr(module, typeName))

    @classmethod
    def _model(cls, data, model):
        values = {
            attr: cls.unmarshall(data[wire], model._types[attr])
            for attr, wire in model._attribute_map.items()
            if wire in data
        }
        return model(**values)
'''


def files(package: list[str], types: list[Type]) -> dict[str, str]:
    folder = "/".join(package)
    found = {"/".join([*package[:depth], "__init__.py"]): "# coding: utf-8\n" for depth in range(1, len(package))}
    imports = "".join(f"from {'.'.join(package)}.{one.name} import {one.name}  # noqa: F401\n" for one in types)
    marshaller = f"from {'.'.join(package)}.marshaller import Marshaller  # noqa: F401\n"
    found[f"{folder}/__init__.py"] = "# coding: utf-8\n" + imports + marshaller
    found[f"{folder}/marshaller.py"] = MARSHALLER
    for one in types:
        found[f"{folder}/{one.name}.py"] = code(one)
    return found


def name_of(member: Member) -> str:
    name = "_".join(member.words)
    name = name if name[0].isalpha() else f"v_{name}"
    return f"_{name}" if keyword.iskeyword(name) else name


def spelt(kind: Kind) -> str:
    if kind.each:
        return f"dict(str, {spelt(kind.each)})" if kind.named else f"list[{spelt(kind.each)}]"
    return kind.type or PLAIN[kind.plain]


def code(one: Type) -> str:
    members = [(name_of(member), member) for member in one.members]
    return CLASS.format(
        name=one.name,
        types="".join(f"        {name!r}: {spelt(member.kind)!r},\n" for name, member in members),
        names="".join(f"        {name!r}: {member.wire!r},\n" for name, member in members),
        parameters="".join(f", {name}=None" for name, _ in members),
        assignments="".join(f"        self._{name} = {name}\n" for name, _ in members) or "        pass\n",
        properties="".join(PROPERTY.format(name=name) for name, _ in members),
    )
