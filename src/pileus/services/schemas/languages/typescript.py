"""TypeScript: a class for each type, and a marshaller that goes by their maps of attributes."""

from __future__ import annotations

from pileus.services.schemas.shapes import ANY, INSTANT, INTEGER, NUMBER, TEXT, TRUTH, Kind, Type, camel

PLAIN = {TEXT: "string", INTEGER: "number", NUMBER: "number", TRUTH: "boolean", INSTANT: "Date", ANY: "any"}

CLASS = """{imports}export class {name} {{
{fields}
    private static discriminator: string | undefined = undefined;

    private static attributeTypeMap: Array<{{name: string, baseName: string, type: string}}> = [{attributes}
    ];

    public static getAttributeTypeMap() {{
        return {name}.attributeTypeMap;
    }}
}}
"""

ATTRIBUTE = """
        {{
            "name": "{name}",
            "baseName": "{wire}",
            "type": "{type}"
        }},"""

MARSHALLER = """{imports}
const typeMap: {{[index: string]: any}} = {{
{types}}};

const primitives = ["string", "number", "boolean", "any"];

export class Marshaller {{
    public static marshall(data: any, type: string): any {{
        return convert(data, type, "name", "baseName", (value) => value instanceof Date ? value.toISOString() : value);
    }}

    public static unmarshall(data: any, type: string): any {{
        return convert(data, type, "baseName", "name", (value) => new Date(value));
    }}
}}

function convert(data: any, type: string, from: string, to: string, date: (value: any) => any): any {{
    if (data === undefined || data === null || primitives.indexOf(type) >= 0) {{
        return data;
    }}
    if (type.startsWith("Array<")) {{
        return data.map((one: any) => convert(one, type.slice(6, -1), from, to, date));
    }}
    if (type.startsWith("{{ [key: string]: ")) {{
        const inner = type.slice(18, -3);
        const found: any = {{}};
        for (const key of Object.keys(data)) {{
            found[key] = convert(data[key], inner, from, to, date);
        }}
        return found;
    }}
    if (type === "Date") {{
        return date(data);
    }}
    const found: any = to === "name" ? new typeMap[type]() : {{}};
    for (const attribute of typeMap[type].getAttributeTypeMap()) {{
        const value = convert(data[attribute[from]], attribute.type, from, to, date);
        if (value !== undefined) {{
            found[attribute[to]] = value;
        }}
    }}
    return found;
}}
"""


def files(package: list[str], types: list[Type]) -> dict[str, str]:
    folder = "/".join(package)
    found = {f"{folder}/{one.name}.ts": code(one) for one in types}
    imports = "".join(f"import {{ {one.name} }} from '../{one.name}';\n" for one in types)
    names = "".join(f'    "{one.name}": {one.name},\n' for one in types)
    return found | {f"{folder}/marshaller/marshaller.ts": MARSHALLER.format(imports=imports, types=names)}


def spelt(kind: Kind) -> str:
    if kind.each:
        return f"{{ [key: string]: {spelt(kind.each)}; }}" if kind.named else f"Array<{spelt(kind.each)}>"
    return kind.type or PLAIN[kind.plain]


def named(kind: Kind) -> set[str]:
    return named(kind.each) if kind.each else {kind.type} - {""}


def code(one: Type) -> str:
    members = [(camel(member.words), member, spelt(member.kind)) for member in one.members]
    others = sorted({name for _, member, _ in members for name in named(member.kind)} - {one.name})
    return CLASS.format(
        imports="".join(f"import {{ {name} }} from './{name}';\n" for name in others) + ("\n" if others else ""),
        name=one.name,
        fields="".join(f"    '{name}'{'' if m.required else '?'}: {kind};\n" for name, m, kind in members),
        attributes="".join(ATTRIBUTE.format(name=name, wire=m.wire, type=kind) for name, m, kind in members),
    )
