"""Shared documents: the accounts that may read a document of another by its ARN.

"Sharing SSM documents", User Guide. Left out: commands by documents of others; that only one version may be shared.
"""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, paging
from pileus.kernel.access.target import Target

from . import ssm
from .documents import AMAZONS, Document, existing
from .sharing import account_in

Members = dict[str, Any]

OPERATIONS = frozenset(
    {
        "CreateDocument",
        "DeleteDocument",
        "DescribeDocument",
        "DescribeDocumentPermission",
        "GetDocument",
        "ListDocumentVersions",
        "ModifyDocumentPermission",
        "UpdateDocument",
        "UpdateDocumentDefaultVersion",
    }
)
"""Those whose Name is a document's."""
READING = ["ssm:DescribeDocument", "ssm:GetDocument", "ssm:ListDocumentVersions"]
EVERYBODY = "all"
MOST = 1000
MOST_TOLD = 200


@ssm.operation
def modify_document_permission(
    call: Call,
    name: str,
    permission_type: str,
    account_ids_to_add: list[str] = [],
    account_ids_to_remove: list[str] = [],
    shared_document_version: str = "$DEFAULT",
) -> None:
    """Share a document with accounts, or with everybody, and with others no longer."""
    document = existing(call, name)
    added = {account.lower(): shared_document_version for account in account_ids_to_add}
    removed = {account.lower() for account in account_ids_to_remove}
    document.shared = {
        account: version for account, version in (document.shared | added).items() if account not in removed
    }
    if len(document.shared) > MOST:
        raise Fault("DocumentPermissionLimit", f"A document can be shared with at most {MOST} accounts.")
    document.put(call)


@ssm.operation
def describe_document_permission(
    call: Call, name: str, permission_type: str, max_results: int = MOST_TOLD, next_token: str = ""
) -> Members:
    """With whom a document is shared."""
    document = existing(call, name)
    start = paging.opened(call, next_token, Fault("InvalidNextToken", "The token is not valid.")) if next_token else 0
    some = sorted(document.shared)[start : start + max_results]
    told: Members = {
        "AccountIds": some,
        "AccountSharingInfoList": [
            {"AccountId": account, "SharedDocumentVersion": document.shared[account]} for account in some
        ],
    }
    if start + max_results < len(document.shared):
        told["NextToken"] = paging.sealed(call, start + max_results)
    return told


def target(call: Call, name: str) -> Target:
    """The document that a request names, with whom it is shared as a policy."""
    if name in AMAZONS:
        return Target(f"arn:{call.partition}:ssm:{call.region}::document/{name}", call.account)
    there = call.at(account=account_in(name) or call.account)
    short = name.rpartition("/")[2]
    found = Document.get(there, short)
    policy = shared_by(found) if found else None
    return Target(there.arn(f"document/{short}", "ssm"), there.account, policy, tags=found.tags if found else {})


def shared_by(document: Document) -> str:
    if not document.shared:
        return ""
    principal = "*" if EVERYBODY in document.shared else {"AWS": [*document.shared]}
    statement = {"Effect": "Allow", "Principal": principal, "Action": READING, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
