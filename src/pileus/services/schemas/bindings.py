"""Code bindings: a schema's types as code, in a zip of its own for each version and language.

The classes are like those that AWS makes, and not the same to the letter.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

from pileus.kernel import Call, Record

from . import schemas, shapes
from .documents import Schema, Version, version_of
from .registries import bad, missing

CREATING, COMPLETE, FAILED = "CREATE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_FAILED"
LANGUAGES = ("Java8", "Python36", "TypeScript3", "Go1")
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""What zips have as the time of files that have none."""

Members = dict[str, Any]


class CodeBinding(Record, key=("registry", "name", "number", "language"), kw_only=True):
    registry: str
    name: str
    number: int
    language: str
    created: float
    modified: float
    status: str = CREATING
    content: bytes = b""

    def described(self) -> Members:
        return {
            "CreationDate": self.created,
            "LastModified": self.modified,
            "SchemaVersion": str(self.number),
            "Status": self.status,
        }


def existing(call: Call, registry_name: str, schema_name: str, language: str, schema_version: str = "") -> CodeBinding:
    version = version_of(call, Schema.named(call, registry_name, schema_name), schema_version)
    check(language)
    found = CodeBinding.get(call, registry_name, schema_name, version.number, language)
    if found is None:
        raise missing("Code binding", f"{schema_name} for {language}")
    return found


def check(language: str) -> None:
    if language not in LANGUAGES:
        raise bad(f"Language {language} is not one of {', '.join(LANGUAGES)}.")


@schemas.operation(on=Schema.named)
def put_code_binding(call: Call, schema: Schema, language: str, schema_version: str = "") -> Members:
    """Have the code made."""
    check(language)
    version = version_of(call, schema, schema_version)
    key = (schema.registry, schema.name, version.number, language)
    old = CodeBinding.get(call, *key)
    made = CodeBinding(
        registry=schema.registry,
        name=schema.name,
        number=version.number,
        language=language,
        created=old.created if old else call.now,
        modified=call.now,
    ).put(call)
    generate.later(call, key=list(key))
    return made.described()


@schemas.operation(on=existing)
def describe_code_binding(call: Call, found: CodeBinding) -> Members:
    return found.described()


@schemas.operation(on=existing)
def get_code_binding_source(call: Call, found: CodeBinding) -> Members:
    if found.status != COMPLETE:
        raise missing("Source of the code binding", f"{found.name} for {found.language}")
    return {"Body": found.content}


@schemas.task
def generate(call: Call, key: list[Any]) -> None:
    from .languages import LANGUAGES as WRITERS

    found, version = CodeBinding.get(call, *key), Version.get(call, *key[:3])
    if found is None or version is None:
        return
    try:
        types = shapes.read(version.content, found.name)
    except (AttributeError, TypeError):  # it is JSON, but no schema
        found.status = FAILED
    else:
        found.content = packed(WRITERS[found.language](shapes.package(found.name), types))
        found.status = COMPLETE
    found.put(call)


def packed(files: dict[str, str]) -> bytes:
    """The same files give the same zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(path, EARLIEST), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()
