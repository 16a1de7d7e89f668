"""Documents: what to do on nodes, in steps. Amazon's own that run commands, and one's own.

Systems Manager User Guide, "Command document plugin reference"; schema versions 1.2, 2.0 and 2.2. Left out: documents
that are no commands and no preferences of sessions, attachments, reviews.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from pileus.kernel import Call, Fault, Record, Unfinished, paging, tags

from . import ssm

Members = dict[str, Any]

TYPES = ("Command", "Session")
SHELL = "aws:runShellScript"
LARGEST = 64 * 1024
MOST_LISTED = 50
AWS_NAMES = re.compile(r"(?i)(aws|amazon|amzn)[-_.]?.*")

RUN_SHELL_SCRIPT = {
    "schemaVersion": "1.2",
    "description": "Run a shell script or specify the commands to run.",
    "parameters": {
        "commands": {
            "type": "StringList",
            "description": "(Required) Specify a shell script or a command to run.",
            "minItems": 1,
            "displayType": "textarea",
        },
        "workingDirectory": {
            "type": "String",
            "default": "",
            "description": "(Optional) The path to the working directory on your instance.",
            "maxChars": 4096,
        },
        "executionTimeout": {
            "type": "String",
            "default": "3600",
            "description": "(Optional) The time in seconds for a command to complete before it is considered to have "
            "failed. Default is 3600 (1 hour). Maximum is 172800 (48 hours).",
            "allowedPattern": "([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800)",
        },
    },
    "runtimeConfig": {
        SHELL: {
            "properties": [
                {
                    "id": "0.aws:runShellScript",
                    "runCommand": "{{ commands }}",
                    "workingDirectory": "{{ workingDirectory }}",
                    "timeoutSeconds": "{{ executionTimeout }}",
                }
            ]
        }
    },
}
AMAZONS = {"AWS-RunShellScript": RUN_SHELL_SCRIPT}
"""Amazon's own documents."""


class Document(Record, arn="document/{name}", cfn="AWS::SSM::Document", kw_only=True):
    """A document. What it says is in its versions."""

    name: str
    type: str
    created: float
    latest: int = 1
    default: int = 1
    target_type: str = ""
    display_name: str = ""
    tags: dict[str, str] = {}
    shared: dict[str, str] = {}
    """The accounts that it is shared with, and which version of it with each."""


class DocumentVersion(Record, key=("name", "number"), kw_only=True):
    """One version of a document."""

    name: str
    number: int
    content: str
    format: str
    created: float
    label: str = ""
    """VersionName."""


def parsed(content: str, form: str) -> Members:
    """What a document says; InvalidDocumentContent for what is none."""
    try:
        told = json.loads(content) if form == "JSON" else yaml.safe_load(content)
    except (ValueError, yaml.YAMLError) as error:
        raise Fault("InvalidDocumentContent", f"The content is not valid {form}: {error}") from None
    if not isinstance(told, dict) or not isinstance(told.get("schemaVersion"), str):
        raise Fault("InvalidDocumentContent", "The document has no schemaVersion.")
    return told


def checked(content: str, form: str, kind: str) -> Members:
    """What a document says, if it can be carried out."""
    if len(content.encode()) > LARGEST:
        raise Fault("MaxDocumentSizeExceeded", "The size limit of a document is 64 KB.")
    told = parsed(content, form)
    version = told["schemaVersion"]
    if version not in (("1.0",) if kind == "Session" else ("1.2", "2.0", "2.2")):
        raise Fault("InvalidDocumentSchemaVersion", f"The schema version {version} is not supported.")
    if kind == "Command" and not list(steps(told)):
        raise Fault("InvalidDocumentContent", "The document has no steps.")
    return told


def steps(document: Members) -> Iterator[tuple[str, str, Members]]:
    """The steps of a command document: name, action, inputs."""
    for action, told in (document.get("runtimeConfig") or {}).items():
        properties = told.get("properties") or []
        for inputs in properties if isinstance(properties, list) else [properties]:
            yield action, action, inputs
    for step in document.get("mainSteps") or []:
        yield step["name"], step["action"], step.get("inputs") or {}


def version_of(call: Call, name: str, wanted: str = "") -> tuple[Members, str]:
    """What a document says in a version, its default one unless another is wanted; and that version's number."""
    if amazons := AMAZONS.get(name.rpartition("/")[2]):
        return amazons, "1"
    document = existing(call, name)
    version = numbered(call, document, wanted)
    return parsed(version.content, version.format), str(version.number)


def existing(call: Call, name: str) -> Document:
    found = Document.get(call, name.rpartition("/")[2])
    if found is None:
        raise Fault("InvalidDocument", f"Document with name {name} does not exist.")
    return found


def numbered(call: Call, document: Document, wanted: str = "", label: str = "") -> DocumentVersion:
    """A version by its number, `$DEFAULT`, `$LATEST`, or its name."""
    if label:
        found = next((one for one in DocumentVersion.scan(call, document.name) if one.label == label), None)
    else:
        places = {"": document.default, "$DEFAULT": document.default, "$LATEST": document.latest}
        number = places.get(wanted) or (int(wanted) if wanted.isdigit() else 0)
        found = DocumentVersion.get(call, document.name, number)
    if found is None:
        raise Fault("InvalidDocumentVersion", f"The document version {wanted or label} is not valid.")
    return found


@ssm.operation
def create_document(
    call: Call,
    content: str,
    name: str,
    document_type: str = "Command",
    document_format: str = "JSON",
    display_name: str = "",
    version_name: str = "",
    target_type: str = "",
    tags: list[Members] = [],
) -> Members:
    """A new document."""
    if document_type not in TYPES:
        raise Unfinished(f"Pileus has no documents of type {document_type} yet.")
    if AWS_NAMES.fullmatch(name):
        raise Fault("ValidationException", f"Document name {name} begins with a reserved prefix.", status=400)
    if Document.get(call, name):
        raise Fault("DocumentAlreadyExists", "The specified document already exists.")
    checked(content, document_format, document_type)
    document = Document(
        name=name,
        type=document_type,
        created=call.now,
        target_type=target_type,
        display_name=display_name,
        tags=_tags(tags),
    ).put(call)
    version = DocumentVersion(
        name=name, number=1, content=content, format=document_format, created=call.now, label=version_name
    ).put(call)
    return {"DocumentDescription": shown(call, document, version) | {"Status": "Creating"}}


def _tags(given: list[Members]) -> dict[str, str]:
    found = tags.as_map(given)
    tags.check(found)
    return found


@ssm.operation
def update_document(
    call: Call,
    content: str,
    name: str,
    document_version: str = "",
    document_format: str = "JSON",
    display_name: str = "",
    version_name: str = "",
    target_type: str = "",
) -> Members:
    """A new version, after the latest; the default stays."""
    document = existing(call, name)
    numbered(call, document, document_version or "$LATEST")
    checked(content, document_format, document.type)
    if any(one.content == content for one in DocumentVersion.scan(call, name)):
        raise Fault("DuplicateDocumentContent", "The content of the association document matches another document.")
    if version_name and any(one.label == version_name for one in DocumentVersion.scan(call, name)):
        raise Fault("DuplicateDocumentVersionName", "The version name has already been used in this document.")
    document.latest += 1
    document.target_type = target_type or document.target_type
    document.display_name = display_name or document.display_name
    document.put(call)
    version = DocumentVersion(
        name=name, number=document.latest, content=content, format=document_format, created=call.now, label=version_name
    ).put(call)
    return {"DocumentDescription": shown(call, document, version) | {"Status": "Updating"}}


@ssm.operation
def update_document_default_version(call: Call, name: str, document_version: str) -> Members:
    document = existing(call, name)
    version = numbered(call, document, document_version)
    document.default = version.number
    document.put(call)
    told: Members = {"Name": name, "DefaultVersion": str(version.number)}
    return {"Description": told | ({"DefaultVersionName": version.label} if version.label else {})}


@ssm.operation
def delete_document(call: Call, name: str, document_version: str = "", version_name: str = "") -> None:
    """Delete a document, or one of its versions that is not the default."""
    document = existing(call, name)
    if not document_version and not version_name:
        DocumentVersion.delete_all(call, document.name)
        document.delete(call)
        return
    version = numbered(call, document, document_version, version_name)
    if version.number == document.default:
        raise Fault("InvalidDocumentOperation", "The default version of a document cannot be deleted.")
    version.delete(call)


@ssm.operation
def get_document(
    call: Call, name: str, version_name: str = "", document_version: str = "", document_format: str = ""
) -> Members:
    """What a document says, in the format that it was written in or in another."""
    if amazons := AMAZONS.get(name):
        told: Members = {"Name": name, "DocumentVersion": "1", "DocumentType": "Command"}
        return told | {
            "Status": "Active",
            "Content": json.dumps(amazons, indent=2),
            "DocumentFormat": "JSON",
        }
    document = existing(call, name)
    version = numbered(call, document, document_version, version_name)
    wanted = document_format or version.format
    content = version.content
    if wanted != version.format:
        told = parsed(content, version.format)
        content = json.dumps(told, indent=2) if wanted == "JSON" else yaml.safe_dump(told, sort_keys=False)
    return {
        "Name": document.name,
        "CreatedDate": version.created,
        "VersionName": version.label or None,
        "DocumentVersion": str(version.number),
        "Status": "Active",
        "Content": content,
        "DocumentType": document.type,
        "DocumentFormat": wanted,
    }


@ssm.operation
def describe_document(call: Call, name: str, document_version: str = "", version_name: str = "") -> Members:
    if amazons := AMAZONS.get(name):
        content = json.dumps(amazons)
        whole = DocumentVersion(name=name, number=1, content=content, format="JSON", created=0.0)
        return {"Document": shown(call, Document(name=name, type="Command", created=0.0), whole) | {"Owner": "Amazon"}}
    document = existing(call, name)
    return {"Document": shown(call, document, numbered(call, document, document_version, version_name))}


def shown(call: Call, document: Document, version: DocumentVersion) -> Members:
    """DocumentDescription."""
    told = parsed(version.content, version.format)
    digest = hashlib.sha256(version.content.encode()).hexdigest()
    parameters = [
        {
            "Name": name,
            "Type": "StringList" if one.get("type") == "StringList" else "String",
            "Description": one.get("description"),
            "DefaultValue": _text(one.get("default")),
        }
        for name, one in (told.get("parameters") or {}).items()
    ]
    return {
        "Hash": digest,
        "HashType": "Sha256",
        "Name": document.name,
        "DisplayName": document.display_name or None,
        "VersionName": version.label or None,
        "Owner": call.account,
        "CreatedDate": version.created,
        "Status": "Active",
        "DocumentVersion": str(version.number),
        "Description": told.get("description"),
        "Parameters": parameters,
        "PlatformTypes": ["Linux", "MacOS"],
        "DocumentType": document.type,
        "SchemaVersion": told["schemaVersion"],
        "LatestVersion": str(document.latest),
        "DefaultVersion": str(document.default),
        "DocumentFormat": version.format,
        "TargetType": document.target_type or None,
        "Tags": tags.as_list(document.tags),
    }


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


@ssm.operation
def list_document_versions(call: Call, name: str, max_results: int = MOST_LISTED, next_token: str = "") -> Members:
    document = existing(call, name)
    page = DocumentVersion.page(call, name, limit=max_results, token=next_token, reverse=True, invalid=_bad_token())
    versions = [
        {
            "Name": name,
            "DocumentVersion": str(one.number),
            "VersionName": one.label or None,
            "CreatedDate": one.created,
            "IsDefaultVersion": one.number == document.default,
            "DocumentFormat": one.format,
            "Status": "Active",
        }
        for one in page.items
    ]
    return {"DocumentVersions": versions, "NextToken": page.token}


@ssm.operation
def list_documents(
    call: Call,
    document_filter_list: list[Members] = [],
    filters: list[Members] = [],
    max_results: int = MOST_LISTED,
    next_token: str = "",
) -> Members:
    """Amazon's documents, then one's own."""
    wanted = [(one["key"], [one["value"]]) for one in document_filter_list]
    wanted += [(one.get("Key", ""), one.get("Values", [])) for one in filters]
    for key, _ in wanted:
        if key not in ("Name", "Owner", "PlatformTypes", "DocumentType") and not key.startswith("tag:"):
            raise Fault("InvalidFilterKey", f"{key} is not a valid filter key.")
    found = [one for one in _identifiers(call) if all(_fits(call, one, key, values) for key, values in wanted)]
    start = paging.opened(call, next_token, _bad_token()) if next_token else 0
    told: Members = {"DocumentIdentifiers": found[start : start + max_results]}
    if start + max_results < len(found):
        told["NextToken"] = paging.sealed(call, start + max_results)
    return told


def _identifiers(call: Call) -> Iterator[Members]:
    for name, amazons in AMAZONS.items():
        yield {
            "Name": name,
            "Owner": "Amazon",
            "PlatformTypes": ["Linux", "MacOS"],
            "DocumentVersion": "1",
            "DocumentType": "Command",
            "SchemaVersion": amazons["schemaVersion"],
            "DocumentFormat": "JSON",
        }
    for document in Document.scan(call):
        version = numbered(call, document)
        told = shown(call, document, version)
        names = ("Name", "CreatedDate", "DisplayName", "Owner", "VersionName", "PlatformTypes", "DocumentVersion")
        more = ("DocumentType", "SchemaVersion", "DocumentFormat", "TargetType", "Tags")
        yield {name: told[name] for name in (*names, *more)}


def _fits(call: Call, one: Members, key: str, values: list[str]) -> bool:
    if key == "Owner":
        owners = {"Self": call.account, "Amazon": "Amazon", "All": one["Owner"]}
        return any(owners.get(value) == one["Owner"] for value in values)
    if key.startswith("tag:"):
        return any(tag["Key"] == key[4:] and tag["Value"] in values for tag in one.get("Tags", ()))
    if key == "Name":
        return any(str(one["Name"]).startswith(value) for value in values)
    held = one[key]
    return any(value in held if isinstance(held, list) else value == held for value in values)


def _bad_token() -> Fault:
    return Fault("InvalidNextToken", "The specified token is not valid.")
