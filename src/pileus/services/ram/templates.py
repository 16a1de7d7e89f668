"""What a permission says: one statement that names neither principals nor resources, which a share fills in."""

from __future__ import annotations

import json
import re
from typing import Any

from pileus.kernel import Fault
from pileus.kernel.access import grammar

Json = dict[str, Any]
PLACE = re.compile(r"@\{([^}]+)\}")


def malformed(message: str) -> Fault:
    return Fault("MalformedPolicyTemplateException", message)


def check(template: str, kind: str) -> None:
    """Refuse a template that is not one statement on actions of its type's service."""
    try:
        document = json.loads(template, object_pairs_hook=grammar.unique)
    except ValueError:
        raise malformed("The policy template is not valid JSON.") from None
    if not isinstance(document, dict) or not document.keys() <= {"Effect", "Action", "Condition"}:
        raise malformed("A policy template has the elements Effect, Action and Condition, and no others.")
    if document.get("Effect") != "Allow" or "Action" not in document:
        raise malformed("A policy template must have the Effect Allow, and an Action.")
    service = kind.partition(":")[0]
    if not all(str(action).startswith(f"{service}:") for action in grammar.listed(document["Action"])):
        raise Fault("InvalidPolicyException", f"A permission for {kind} may have only actions of {service}.")
    try:
        whole = {"Version": "2012-10-17", "Statement": [filled(document, {}) | {"Resource": "*", "Principal": "*"}]}
        grammar.check(json.dumps(whole), "resource")
    except grammar.Malformed as error:
        raise malformed(error.reason) from None


def filled(template: Any, values: dict[str, list[str]]) -> Any:
    """A template with values in its places: `@{name}`."""
    if isinstance(template, dict):
        return {name: filled(part, values) for name, part in template.items()}
    if isinstance(template, list):
        return [one for part in template for one in grammar.listed(filled(part, values))]
    if not isinstance(template, str):
        return template
    if (whole := PLACE.fullmatch(template)) and whole[1] in values:
        given = values[whole[1]]
        return given[0] if len(given) == 1 else given
    return PLACE.sub(lambda place: (values.get(place[1]) or [place[0]])[0], template)


def places(template: str) -> set[str]:
    return set(PLACE.findall(template))
