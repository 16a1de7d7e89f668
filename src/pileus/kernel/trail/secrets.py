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
"""None: nothing to leave out. True: leave out. A dict: by member. A list of one: in each element, or each value.

Where shapes contain themselves, so do their trees.
"""


def tree(service: str, shape: Shape | None) -> Tree:
    """What is to be left out of values of a shape."""
    if shape is None:
        return None
    contents = CONTENTS.get(service, frozenset())
    inner: dict[str, dict[str, Shape]] = {}
    above: dict[str, set[str]] = {}
    secret: list[str] = []
    waiting = [shape]
    while waiting:
        one = waiting.pop()
        if one.name in inner:
            continue
        parts = inner[one.name] = {} if is_secret(one) else parts_of(one)
        if is_secret(one) or (one.type == "structure" and not contents.isdisjoint(parts)):
            secret.append(one.name)
        for part in parts.values():
            above.setdefault(part.name, set()).add(one.name)
            waiting.append(part)
    hiding: set[str] = set()
    while secret:
        if (name := secret.pop()) not in hiding:
            hiding.add(name)
            secret += above.get(name, ())
    return grown(shape, inner, contents, hiding, {})


def is_secret(shape: Shape) -> bool:
    return bool(shape.traits.get("sensitive") or shape.type == "blob" or shape.traits.get("eventstream"))


def parts_of(shape: Shape) -> dict[str, Shape]:
    if shape.type == "structure":
        return shape.members
    return {"": shape.member if shape.type == "list" else shape.value} if shape.type in ("list", "map") else {}


def grown(
    shape: Shape, inner: dict[str, dict[str, Shape]], contents: frozenset[str], hiding: set[str], made: dict[str, Tree]
) -> Tree:
    """The tree of a shape, of which some parts are to be left out."""
    if shape.name not in hiding:
        return None
    if shape.name in made:
        return made[shape.name]
    parts = inner[shape.name]
    if not parts:
        return True
    if shape.type != "structure":
        each: list[Tree] = []
        made[shape.name] = each
        each.append(grown(parts[""], inner, contents, hiding, made))
        return each
    node: dict[str, Tree] = {}
    made[shape.name] = node
    for name, part in parts.items():
        if found := True if name in contents else grown(part, inner, contents, hiding, made):
            node[name] = found
    return node


def without(value: Any, secrets: Tree, silent: bool) -> Any:
    """A copy of the value without its secrets."""
    if isinstance(secrets, dict) and isinstance(value, dict):
        kept = {}
        for name, inner in value.items():
            if (secret := secrets.get(name)) is not None:
                inner = without(inner, secret, silent)
            if inner is not None or not silent:
                kept[name] = inner
        return kept
    if isinstance(secrets, list):
        if isinstance(value, list):
            return [without(inner, secrets[0], silent) for inner in value]
        if isinstance(value, dict):
            return {name: without(inner, secrets[0], silent) for name, inner in value.items()}
    if secrets is not True:
        return value
    return None if silent or not isinstance(value, str | dict | list) else HIDDEN
