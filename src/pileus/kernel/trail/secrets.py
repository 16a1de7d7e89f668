"""What is left out of the requests and responses that events tell of.

The model marks what is sensitive. Bodies and other blobs are left out as well, and what `CONTENTS` names: what
customers put into a service rather than say about it. CloudTrail User Guide, "CloudTrail record contents"; each
service's guide has examples.
"""

from __future__ import annotations

from typing import Any

from pileus.models import Shape

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"

SILENT = {"iam", "sts", "kms", "secretsmanager", "s3"}
"""Services whose events do not even have the member."""

CONTENTS: dict[str, frozenset[str]] = {
    "sqs": frozenset({"MessageBody", "MessageAttributes", "Body"}),
    "sns": frozenset({"Message", "Subject", "MessageAttributes"}),
    "dynamodb": frozenset(
        {
            "Item",
            "Items",
            "Attributes",
            "ExpressionAttributeValues",
            "Parameters",
            "UnprocessedItems",
            "Responses",
            "ItemCollectionKey",
        }
    ),
    "lambda": frozenset({"Environment"}),
    "events": frozenset({"Detail"}),
    "stepfunctions": frozenset({"input", "output", "cause"}),
    "logs": frozenset({"logEvents", "logEventMessages"}),
    "ec2": frozenset({"UserData"}),
    "secretsmanager": frozenset({"RandomPassword"}),
    "sts": frozenset({"WebIdentityToken", "SAMLAssertion", "SessionToken"}),
}

Tree = Any
"""None: nothing to leave out. True: leave out. A dict: by member. A list of one: in each element, or each value."""


def tree(service: str, shape: Shape | None, above: tuple[str, ...] = ()) -> Tree:
    """What is to be left out of values of a shape."""
    if shape is None or shape.name in above:
        return None
    if shape.traits.get("sensitive") or shape.type == "blob" or shape.traits.get("eventstream"):
        return True
    above = (*above, shape.name)
    if shape.type == "structure":
        contents = CONTENTS.get(service, frozenset())
        found = {
            name: True if name in contents else tree(service, member, above) for name, member in shape.members.items()
        }
        return {name: inner for name, inner in found.items() if inner} or None
    each = shape.member if shape.type == "list" else shape.value if shape.type == "map" else None
    inner = tree(service, each, above)
    return [inner] if inner else None


def without(value: Any, secrets: Tree, silent: bool) -> Any:
    """A copy of the value without its secrets."""
    if isinstance(secrets, dict) and isinstance(value, dict):
        kept = {name: without(inner, secrets.get(name), silent) for name, inner in value.items()}
        return {name: inner for name, inner in kept.items() if inner is not None} if silent else kept
    if isinstance(secrets, list):
        if isinstance(value, list):
            return [without(inner, secrets[0], silent) for inner in value]
        if isinstance(value, dict):
            return {name: without(inner, secrets[0], silent) for name, inner in value.items()}
    if secrets is not True:
        return value
    return None if silent or not isinstance(value, str | dict | list) else HIDDEN
