"""Who else may use a function or a layer: statements of their resource policies, added and removed by their id.

Developer Guide, "Working with resource-based IAM policies in Lambda".
"""

from __future__ import annotations

import json
import re
from typing import Any

from pileus.kernel import Call, Fault, names

from . import faults, lambda_
from .functions import LATEST
from .layers import LayerVersion
from .qualifiers import Meant

MOST_BYTES = 20_480
Statement = dict[str, Any]

CONDITIONS = {
    "source_arn": ("ArnLike", "AWS:SourceArn"),
    "source_account": ("StringEquals", "AWS:SourceAccount"),
    "event_source_token": ("StringEquals", "lambda:EventSourceToken"),
    "principal_org_id": ("StringEquals", "aws:PrincipalOrgID"),
    "function_url_auth_type": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "invoked_via_function_url": ("Bool", "lambda:InvokedViaFunctionUrl"),
}


@lambda_.operation(on=Meant.by_name)
def add_permission(
    call: Call,
    meant: Meant,
    statement_id: str,
    action: str,
    principal: str,
    source_arn: str = "",
    source_account: str = "",
    event_source_token: str = "",
    principal_org_id: str = "",
    function_url_auth_type: str = "",
    invoked_via_function_url: bool | None = None,
    revision_id: str = "",
) -> dict[str, Any]:
    """Let a service, an account or everybody use a function, one of its versions or an alias."""
    if meant.qualifier == LATEST:
        raise faults.invalid("We currently do not support adding policies for $LATEST.")
    function = meant.function
    faults.check_revision(revision_id, function.policy_revisions.get(meant.qualifier, meant.version.revision))
    given = {
        "source_arn": source_arn,
        "source_account": source_account,
        "event_source_token": event_source_token,
        "principal_org_id": principal_org_id,
        "function_url_auth_type": function_url_auth_type,
        "invoked_via_function_url": "" if invoked_via_function_url is None else str(invoked_via_function_url).lower(),
    }
    statement = stated(call, statement_id, action, principal, meant.arn(call), given)
    statements = function.policies.setdefault(meant.qualifier, [])
    add(statements, statement)
    function.policy_revisions[meant.qualifier] = names.uuid4()
    function.put(call)
    return {"Statement": json.dumps(statement, separators=(",", ":"))}


@lambda_.operation(on=Meant.by_name)
def remove_permission(call: Call, meant: Meant, statement_id: str, revision_id: str = "") -> None:
    function = meant.function
    statements = function.policies.get(meant.qualifier, [])
    rest = without(statements, statement_id)
    faults.check_revision(revision_id, function.policy_revisions.get(meant.qualifier, ""))
    if rest:
        function.policies[meant.qualifier] = rest
        function.policy_revisions[meant.qualifier] = names.uuid4()
    else:
        del function.policies[meant.qualifier], function.policy_revisions[meant.qualifier]
    function.put(call)


@lambda_.operation(on=Meant.by_name)
def get_policy(call: Call, meant: Meant) -> dict[str, Any]:
    """The whole policy of a function, a version or an alias."""
    statements = meant.function.policies.get(meant.qualifier)
    if not statements:
        raise faults.none_such("The resource you requested does not exist.")
    return {"Policy": document(statements), "RevisionId": meant.function.policy_revisions[meant.qualifier]}


def stated(call: Call, sid: str, action: str, principal: str, resource: str, given: dict[str, str] = {}) -> Statement:
    statement: Statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": principal_of(call, principal),
        "Action": action,
        "Resource": resource,
    }
    for name, (operator, key) in CONDITIONS.items():
        if value := given.get(name):
            statement.setdefault("Condition", {}).setdefault(operator, {})[key] = value
    return statement


def principal_of(call: Call, text: str) -> Any:
    """A service, an account, a user or role, or everybody."""
    if text == "*":
        return "*"
    if re.fullmatch(r"\d{12}", text):
        return {"AWS": f"arn:{call.partition}:iam::{text}:root"}
    if re.fullmatch(r"arn:[\w-]+:(iam|sts)::\d{12}:.+", text):
        return {"AWS": text}
    if re.fullmatch(r"[a-z0-9.-]+\.(amazonaws\.com(\.cn)?|alexa\.com|amazon\.com)", text):
        return {"Service": text}
    raise faults.invalid("The provided principal was invalid. Please check the principal and try again.")


def add(statements: list[Statement], statement: Statement) -> None:
    sid = statement["Sid"]
    if any(each["Sid"] == sid for each in statements):
        raise faults.conflict(
            f"The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the "
            "existing statement."
        )
    statements.append(statement)
    if len(document(statements)) > MOST_BYTES:
        raise Fault(
            "PolicyLengthExceededException",
            f"The final policy size ({len(document(statements))}) is bigger than the limit ({MOST_BYTES}).",
            Type="User",
        )


def without(statements: list[Statement], sid: str) -> list[Statement]:
    rest = [each for each in statements if each["Sid"] != sid]
    if len(rest) == len(statements):
        raise faults.none_such(f"Statement {sid} is not found in resource policy.")
    return rest


def document(statements: list[Statement]) -> str:
    return json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements}, separators=(",", ":"))


# Layers


@lambda_.operation(on=LayerVersion.by_number)
def add_layer_version_permission(
    call: Call,
    layer: LayerVersion,
    statement_id: str,
    action: str,
    principal: str,
    organization_id: str = "",
    revision_id: str = "",
) -> dict[str, Any]:
    """Let other accounts use a version of a layer."""
    faults.check_revision(revision_id, layer.revision)
    given = {"principal_org_id": organization_id}
    statement = stated(call, statement_id, action, principal, layer.arn(call), given)
    add(layer.statements, statement)
    layer.revision = names.uuid4()
    layer.put(call)
    return {"Statement": json.dumps(statement, separators=(",", ":")), "RevisionId": layer.revision}


@lambda_.operation(on=LayerVersion.by_number)
def remove_layer_version_permission(call: Call, layer: LayerVersion, statement_id: str, revision_id: str = "") -> None:
    layer.statements = without(layer.statements, statement_id)
    faults.check_revision(revision_id, layer.revision)
    layer.revision = names.uuid4()
    layer.put(call)


@lambda_.operation(on=LayerVersion.by_number)
def get_layer_version_policy(call: Call, layer: LayerVersion) -> dict[str, Any]:
    if not layer.statements:
        raise faults.none_such("No policy is associated with the given resource.")
    return {"Policy": document(layer.statements), "RevisionId": layer.revision}
