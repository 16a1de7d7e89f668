"""Go: a struct for each type with the names in its tags, and functions that read and write them."""

from __future__ import annotations

from pileus.services.schemas.shapes import ANY, INSTANT, INTEGER, NUMBER, TEXT, TRUTH, Kind, Type, camel

PLAIN = {TEXT: "string", INTEGER: "int64", NUMBER: "float64", TRUTH: "bool", INSTANT: "time.Time", ANY: "interface{}"}

STRUCT = """package {package}
{imports}
type {name} struct {{
{fields}}}
"""

MARSHALLER = """package {package}

import (
	"encoding/json"
)

{functions}"""

FUNCTIONS = """func Marshal{name}(value {name}) ([]byte, error) {{
	return json.Marshal(value)
}}

func Unmarshal{name}(data []byte) ({name}, error) {{
	var value {name}
	err := json.Unmarshal(data, &value)
	return value, err
}}

"""


def files(package: list[str], types: list[Type]) -> dict[str, str]:
    folder, name = "/".join(package), package[-1]
    name = name if name[0].isalpha() else f"p{name}"
    found = {f"{folder}/{one.name}.go": code(one, name) for one in types}
    functions = "".join(FUNCTIONS.format(name=one.name) for one in types).rstrip("\n") + "\n"
    return found | {f"{folder}/marshaller.go": MARSHALLER.format(package=name, functions=functions)}


def spelt(kind: Kind) -> str:
    if kind.each:
        return f"map[string]{spelt(kind.each)}" if kind.named else f"[]{spelt(kind.each)}"
    return kind.type or PLAIN[kind.plain]


def code(one: Type, package: str) -> str:
    fields = ""
    for member in one.members:
        name, kind = camel(member.words), spelt(member.kind)
        optional = "" if member.required else ",omitempty"
        pointer = "*" if kind == one.name or (not member.required and (member.kind.type or kind == "time.Time")) else ""
        fields += f'\t{name[0].upper()}{name[1:]} {pointer}{kind} `json:"{member.wire}{optional}"`\n'
    imports = '\nimport (\n\t"time"\n)\n' if "time.Time" in fields else ""
    return STRUCT.format(package=package, imports=imports, name=one.name, fields=fields)
