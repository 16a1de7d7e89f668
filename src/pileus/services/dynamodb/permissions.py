"""Who may do what to which items: each table, each part of a transaction, by the partition keys of the items.

What is about a single table has been asked for before its operation; here it is asked with `dynamodb:LeadingKeys`.
Developer Guide, "Using IAM policy conditions for fine-grained access control", "Using IAM with transactions" and "IAM
security policies with PartiQL for DynamoDB". Not known to policies: `dynamodb:Attributes`, `dynamodb:Select`.
"""

from __future__ import annotations

from pileus.kernel import Call
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target

from .tables import Table
from .values import Item

CHECKED = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
PARTIQL = {"select": "Select", "exists": "Select", "insert": "Insert", "update": "Update", "delete": "Delete"}


def allowed(call: Call, action: str, table: Table, keys: list[Item], index: str = "") -> None:
    """Raise unless the call's principal may do this to the items of these keys; an index is a resource of its own."""
    caller = call.principal
    if caller.type == "Root" and caller.account == call.account and not call.cloud.access.limited(call, call.account):
        return
    name = table.schema.hashes[0]
    leading = tuple(str(value) for key in keys if (held := key.get(name)) for value in held.values())
    arn = table.arn(call) + (f"/index/{index}" if index else "")
    known = {"dynamodb:leadingkeys": leading} if leading else {}
    authorize(
        call, f"dynamodb:{action}", Target(arn, call.account, table.resource_policy(call), tags=table.tags, keys=known)
    )
