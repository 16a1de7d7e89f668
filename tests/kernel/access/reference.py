"""The evaluation logic once more: slow, plain, written from the documentation alone, to compare with.

Everything is asked of the JSON itself, statement by statement. Nothing is shared with the engine.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from ipaddress import ip_address, ip_network
from typing import Any

Json = dict[str, Any]
Keys = dict[str, list[str]]


def many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def like(pattern: str, text: str) -> bool:
    """Wildcards, by the definition: a star is nothing, or one character and a star."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return like(pattern[1:], text) or (bool(text) and like(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and like(pattern[1:], text[1:])


def arn_like(pattern: str, arn: str) -> bool:
    if pattern == "*":
        return True
    parts, wanted = arn.split(":", 5), pattern.split(":", 5)
    wanted += ["*"] * (6 - len(wanted))
    return len(parts) == 6 and all(like(*pair) for pair in zip(wanted, parts, strict=True))


def replaced(text: str, keys: Keys) -> str | None:
    """A text of one variable at most, which is its end or its middle."""
    if "${" not in text:
        return text
    before, _, rest = text.partition("${")
    name, _, after = rest.partition("}")
    values = keys.get(name.lower(), [])
    return before + values[0] + after if len(values) == 1 else None


def compare(operator: str, wanted: str, given: str) -> bool:
    if operator == "StringEquals":
        return wanted == given
    if operator == "StringEqualsIgnoreCase":
        return wanted.lower() == given.lower()
    if operator == "StringLike":
        return like(wanted, given)
    if operator in ("ArnEquals", "ArnLike"):
        return arn_like(wanted, given)
    if operator == "Bool":
        return wanted.lower() == given.lower() and given.lower() in ("true", "false")
    if operator == "IpAddress":
        try:
            return ip_address(given) in ip_network(wanted, strict=False)
        except ValueError:
            return False
    kind = "Numeric" if operator.startswith("Numeric") else "Date"
    try:
        left, right = (number(text) if kind == "Numeric" else moment(text) for text in (given, wanted))
    except ValueError:
        return False
    relation = operator.removeprefix(kind)
    return {
        "Equals": left == right,
        "LessThan": left < right,
        "LessThanEquals": left <= right,
        "GreaterThan": left > right,
        "GreaterThanEquals": left >= right,
    }[relation]


def number(text: str) -> float:
    return float(text)


def moment(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=found.tzinfo or timezone.utc).timestamp()  # noqa: UP017


def condition_holds(operator: str, wanted: list[str], given: list[str], keys: Keys) -> bool:
    if operator == "Null":
        return any((not given) == (text == "true") for text in wanted)
    quantifier, _, name = operator.rpartition(":")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    negated = "Not" in name
    plain = name.replace("Not", "")
    if not given:
        if quantifier == "ForAllValues":
            return True
        return if_exists if quantifier == "ForAnyValue" else if_exists or negated
    texts = [text for text in (replaced(text, keys) for text in wanted) if text is not None]
    hits = [any(compare(plain, text, value) for text in texts) for value in given]
    if quantifier == "ForAllValues":
        return not any(hits) if negated else all(hits)
    if quantifier == "ForAnyValue":
        return not all(hits) if negated else any(hits)
    return not any(hits) if negated else any(hits)


def speaks_of(statement: Json, action: str, resource: str, keys: Keys) -> bool:
    if "Action" in statement:
        if not any(like(pattern.lower(), action.lower()) for pattern in many(statement["Action"])):
            return False
    elif any(like(pattern.lower(), action.lower()) for pattern in many(statement["NotAction"])):
        return False
    element = "Resource" if "Resource" in statement else "NotResource"
    patterns = [text for text in (replaced(pattern, keys) for pattern in many(statement[element])) if text is not None]
    if any(arn_like(pattern, resource) for pattern in patterns) != (element == "Resource"):
        return False
    return all(
        condition_holds(operator, many(wanted), keys.get(key.lower(), []), keys)
        for operator, block in statement.get("Condition", {}).items()
        for key, wanted in block.items()
    )


def names_of(who: Json) -> dict[str, set[str]]:
    """The names of a caller by level."""
    account = {who["account"], f"arn:aws:iam::{who['account']}:root"} if who.get("account") else set()
    return {"account": account, "own": set(who["own"]), "session": set(who.get("session", ()))}


def grade(principal: Any, who: Json) -> str:
    """How a Principal element names a caller."""
    named = {"AWS": ["*"]} if principal == "*" else {kind: many(names) for kind, names in principal.items()}
    aws, names = set(named.get("AWS", ())), names_of(who)
    if names["session"] & aws:
        return "session"
    if "*" in aws or names["own"] & aws:
        return "own"
    if who["kind"] == "service":
        return "own" if names["own"] & set(named.get("Service", ())) else ""
    if who["kind"] == "root" and names["account"] & aws:
        return "own"
    return "account" if names["account"] & aws else ""


def spared(principal: Any, who: Json) -> bool:
    """Whether NotPrincipal names everything that the caller is."""
    if principal == "*":
        return True
    named = {name for kind, names in principal.items() if kind in ("AWS", "Service") for name in many(names)}
    levels = [level for level in names_of(who).values() if level]
    return all(level & named for level in levels) or "*" in named


def statements(text: str) -> list[Json]:
    return many(json.loads(text)["Statement"])


def decide(who: Json, action: str, resource: str, account: str, keys: Keys, policies: Json) -> bool:
    """`policies` has lists of documents: identity, boundary, session, resource; and lists of lists: scps, rcps."""

    def speaking(texts: list[str], effect: str) -> list[Json]:
        found = [statement for text in texts for statement in statements(text)]
        return [one for one in found if one["Effect"] == effect and speaks_of(one, action, resource, keys)]

    plain = [*(policies.get(name) or [] for name in ("identity", "boundary", "session"))]
    levels = [*policies.get("scps", []), *policies.get("rcps", [])]
    # 1. An explicit deny in any policy.
    if any(speaking(texts, "Deny") for texts in plain) or any(speaking(level, "Deny") for level in levels):
        return False
    for one in speaking(policies.get("resource") or [], "Deny"):
        if "Principal" in one and grade(one["Principal"], who):
            return False
        if "NotPrincipal" in one and not spared(one["NotPrincipal"], who):
            return False
    # 2. Every level of the organizations must allow.
    if not all(speaking(level, "Allow") for level in levels):
        return False
    # 3. The resource's policy.
    grades = {grade(one["Principal"], who) for one in speaking(policies.get("resource") or [], "Allow")}
    if who["kind"] in ("service", "nobody"):
        return bool(grades & {"own"})
    own = policies.get("identity") is None or bool(speaking(policies["identity"], "Allow"))
    bounded = policies.get("boundary") is None or bool(speaking(policies["boundary"], "Allow"))
    limited = policies.get("session") is None or bool(speaking(policies["session"], "Allow"))
    if who["account"] != account:
        return own and bounded and limited and bool(grades - {""})
    if policies.get("explicit") and not grades - {""}:
        return False
    if "session" in grades:
        return True
    if "own" in grades and who["kind"] in ("user", "root"):
        return True
    return (own or "own" in grades) and bounded and limited
