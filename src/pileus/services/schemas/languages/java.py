"""Java: a class for each type, and a marshaller that reads and writes them with Jackson."""

from __future__ import annotations

from pileus.services.schemas.shapes import ANY, INSTANT, INTEGER, NUMBER, TEXT, TRUTH, Kind, Type, camel

PLAIN = {TEXT: "String", INTEGER: "Long", NUMBER: "Double", TRUTH: "Boolean", INSTANT: "Date", ANY: "Object"}
RESERVED = {
    "abstract", "assert", "boolean", "break", "byte", "case", "catch", "char", "class", "const", "continue", "default",
    "do", "double", "else", "enum", "extends", "final", "finally", "float", "for", "goto", "if", "implements", "import",
    "instanceof", "int", "interface", "long", "native", "new", "package", "private", "protected", "public", "return",
    "short", "static", "strictfp", "super", "switch", "synchronized", "this", "throw", "throws", "transient", "try",
    "void", "volatile", "while", "true", "false", "null",
}  # fmt: skip

CLASS = """package {package};

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.Serializable;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Objects;

public class {name} implements Serializable {{
    private static final long serialVersionUID = 1L;

{fields}
    public {name}() {{
    }}
{methods}
    @Override
    public boolean equals(Object o) {{
        if (this == o) {{
            return true;
        }}
        if (o == null || getClass() != o.getClass()) {{
            return false;
        }}
        {name} other = ({name}) o;
        return {equal};
    }}

    @Override
    public int hashCode() {{
        return Objects.hash({names});
    }}

    @Override
    public String toString() {{
        return "class {name} {{"{shown} + "}}";
    }}
}}
"""

FIELD = """    @JsonProperty("{wire}")
    private {type} {name} = null;

"""

METHODS = """
    public {type} get{Name}() {{
        return {name};
    }}

    public void set{Name}({type} {name}) {{
        this.{name} = {name};
    }}

    public {owner} {name}({type} {name}) {{
        this.{name} = {name};
        return this;
    }}
"""

MARSHALLER = """package {package}.marshaller;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

public class Marshaller {{
    private static final ObjectMapper MAPPER = new ObjectMapper()
            .configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false)
            .configure(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS, false);

    public static <T> void marshal(OutputStream output, T value) throws IOException {{
        MAPPER.writeValue(output, value);
    }}

    public static <T> T unmarshal(InputStream input, Class<T> type) throws IOException {{
        return MAPPER.readValue(input, type);
    }}
}}
"""


def files(package: list[str], types: list[Type]) -> dict[str, str]:
    folder, name = "/".join(package), ".".join(package)
    found = {f"{folder}/{one.name}.java": code(one, name) for one in types}
    return found | {f"{folder}/marshaller/Marshaller.java": MARSHALLER.format(package=name)}


def spelt(kind: Kind) -> str:
    if kind.each:
        return f"Map<String, {spelt(kind.each)}>" if kind.named else f"List<{spelt(kind.each)}>"
    return kind.type or PLAIN[kind.plain]


def code(one: Type, package: str) -> str:
    members = []
    for member in one.members:
        name = camel(member.words)
        name = f"_{name}" if name in RESERVED else name
        members.append((name, name[0].upper() + name[1:], spelt(member.kind), member.wire))
    names = [name for name, _, _, _ in members]
    return CLASS.format(
        package=package,
        name=one.name,
        fields="".join(FIELD.format(wire=wire, type=kind, name=name) for name, _, kind, wire in members),
        methods="".join(
            METHODS.format(owner=one.name, type=kind, name=name, Name=capital) for name, capital, kind, _ in members
        ),
        equal=" && ".join(f"Objects.equals({name}, other.{name})" for name in names) or "other != null",
        names=", ".join(names),
        shown="".join(f' + " {name}: " + {name}' for name in names),
    )
