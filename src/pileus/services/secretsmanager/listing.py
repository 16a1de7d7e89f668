"""Lists of secrets, and the values of several at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pileus.kernel import Call, Fault, paging

from . import faults, secretsmanager
from .secrets import Secret
from .versions import stages

Filter = dict[str, Any]
SORT = {
    "created-date": "created",
    "last-accessed-date": "accessed",
    "last-changed-date": "changed",
    "name": "name",
}


@secretsmanager.operation
def list_secrets(
    call: Call,
    include_planned_deletion: bool = False,
    max_results: int = 100,
    next_token: str = "",
    filters: list[Filter] = [],
    sort_order: str = "desc",
    sort_by: str = "created-date",
) -> dict[str, Any]:
    """The secrets of the account in this Region, the newest first."""
    every = [one for one in matching(call, filters) if include_planned_deletion or one.deleted is None]
    every.sort(key=lambda one: (getattr(one, SORT[sort_by]) or 0, one.name), reverse=sort_order == "desc")
    page, token = part(call, every, max_results, next_token)
    entries = []
    for secret in page:
        entry = secret.described(call)
        if held := stages(call, secret):
            entry["SecretVersionsToStages"] = held
        entries.append(entry)
    return {"SecretList": entries} | token


@secretsmanager.operation
def batch_get_secret_value(
    call: Call,
    secret_id_list: list[str] = [],
    filters: list[Filter] = [],
    max_results: int = 20,
    next_token: str = "",
) -> dict[str, Any]:
    """The values of up to 20 secrets, named or found by filters. Each wants its own permission; errors are told."""
    if bool(secret_id_list) == bool(filters):
        raise faults.parameter("You must include Filters or SecretIdList, but not both.")
    wanted = secret_id_list or [one.arn(call) for one in matching(call, filters) if one.deleted is None]
    page, token = part(call, wanted, max_results, next_token) if filters else (wanted, {})
    values: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    for secret_id in page:
        try:
            values.append(call.aws("secretsmanager").get_secret_value(secret_id=secret_id))
        except Fault as fault:
            errors.append({"SecretId": secret_id, "ErrorCode": fault.code, "Message": fault.message})
    return {"SecretValues": values, "Errors": errors} | token


def part(call: Call, items: list[Any], limit: int, token: str) -> tuple[list[Any], dict[str, Any]]:
    start = int(paging.opened(call, token, faults.token())) if token else 0
    stop = start + limit
    return items[start:stop], {"NextToken": paging.sealed(call, stop)} if stop < len(items) else {}


# Filters


def matching(call: Call, filters: list[Filter]) -> list[Secret]:
    """The secrets for which all filters hold, each by one of its values; a `!` before a value turns it round."""
    for one in filters:
        if not one.get("Key") or not one.get("Values"):
            raise faults.parameter("Invalid filter: a Key and Values are required.")
    return [secret for secret in Secret.scan(call) if all(holds(secret, one) for one in filters)]


def holds(secret: Secret, given: Filter) -> bool:
    key = given["Key"]
    return any(
        any(begins(key, text, value[1:]) for text in texts(secret, key)) != value.startswith("!")
        if value.startswith("!")
        else any(begins(key, text, value) for text in texts(secret, key))
        for value in given["Values"]
    )


def begins(key: str, text: str, value: str) -> bool:
    """Filters compare beginnings; of descriptions and of `all` those of words, in any case (ListSecrets, Filters)."""
    if key in ("description", "all"):
        text, value = text.lower(), value.lower()
        return text.startswith(value) or any(word.startswith(value) for word in text.replace("/", " ").split())
    return text.startswith(value)


def texts(secret: Secret, key: str) -> Iterable[str]:
    fields: dict[str, Iterable[str]] = {
        "name": [secret.name],
        "description": [secret.description],
        "tag-key": secret.tags.keys(),
        "tag-value": secret.tags.values(),
        "primary-region": [secret.primary_region],
        "owning-service": [secret.owner],
    }
    if key == "all":
        return [text for held in fields.values() for text in held if text]
    return [text for text in fields[key] if text]
