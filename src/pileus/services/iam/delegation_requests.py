"""Delegation requests: a partner asks for some rights in an account, and gets them for a while if somebody accepts.

AWS lets only partners ask whom it knows, with policies that it has on file. Here any account may ask, and the policy is
a managed policy of its own, in which `@{name}` is a place for a parameter.
The partner gets no more than the rights of whoever accepts.
"""

from __future__ import annotations

import inspect
import json
from typing import Any

from pileus.kernel import Call, Fault, Principal, arn, names
from pileus.kernel.access import grammar
from pileus.kernel.access.attached import managed
from pileus.kernel.access.enforcement import decided
from pileus.kernel.access.standing import standing
from pileus.kernel.access.target import Target
from pileus.kernel.identity import service
from pileus.kernel.record import Record
from pileus.kernel.trade_in import TradeIn, digest_of

from . import iam
from .faults import exists, invalid, missing
from .lists import MOST, piece

WEEK = 7 * 86400.0
TRADED = 3600.0
"""Seconds in which a token must be taken in exchange."""
OPEN = ("UNASSIGNED", "ASSIGNED", "PENDING_APPROVAL")


class DelegationRequest(
    Record,
    scope="cloud",
    indexes={"by_owner": ("owner_account", "created"), "by_workflow": ("partner", "workflow")},
):
    """What a partner asks for."""

    id: str
    partner: str
    workflow: str
    description: str
    template: str
    parameters: list[dict[str, Any]]
    policy: str
    """The template with its places filled."""
    channel: str
    duration: int
    created: float
    updated: float
    expires: float
    state: str = "UNASSIGNED"
    owner_account: str = ""
    owner: str = ""
    approver: str = ""
    message: str = ""
    redirect: str = ""
    only_owner: bool = False
    notes: str = ""
    reason: str = ""
    token: str = ""
    """The digest of the token that was sent."""

    def turn(self, call: Call, state: str) -> None:
        """The request is in another state, for a week at most."""
        self.state, self.updated, self.expires = state, call.now, call.now + WEEK
        self.put(call)
        lapse.later(call.at(principal=service("iam.amazonaws.com")), request=self.id, due=self.expires)

    def shown(self) -> dict[str, Any]:
        told = {
            "OwnerAccountId": self.owner_account,
            "OwnerId": self.owner,
            "ApproverId": self.approver,
            "RequestMessage": self.message,
            "RedirectUrl": self.redirect,
            "Notes": self.notes,
            "RejectionReason": self.reason,
        }
        return {name: value for name, value in told.items() if value} | {
            "DelegationRequestId": self.id,
            "Description": self.description,
            "Permissions": {"PolicyTemplateArn": self.template, "Parameters": self.parameters},
            "PermissionPolicy": self.policy,
            "State": self.state,
            "ExpirationTime": self.expires,
            "RequestorId": self.partner,
            "CreateDate": self.created,
            "SessionDuration": self.duration,
            "OnlySendByOwner": self.only_owner,
            "UpdatedTime": self.updated,
        }


class Approval(Record, scope="cloud"):
    """Who has accepted a request, as he was then."""

    request: str
    principal: Principal


@iam.operation
def create_delegation_request(
    call: Call,
    description: str,
    permissions: dict[str, Any],
    requestor_workflow_id: str,
    notification_channel: str,
    session_duration: int,
    owner_account_id: str = "",
    request_message: str = "",
    redirect_url: str = "",
    only_send_by_owner: bool = False,
) -> dict[str, Any]:
    """Ask for rights in an account, or in whichever account somebody takes the request on."""
    if DelegationRequest.first(call, call.account, requestor_workflow_id, index="by_workflow"):
        raise exists(f"There is a delegation request with the workflow id {requestor_workflow_id} already.")
    template, parameters = permissions.get("PolicyTemplateArn", ""), permissions.get("Parameters", [])
    request = DelegationRequest(
        id=f"dr-{names.uuid4()}",
        partner=call.account,
        workflow=requestor_workflow_id,
        description=description,
        template=template,
        parameters=parameters,
        policy=policy_of(call, template, parameters),
        channel=topic(notification_channel),
        duration=session_duration,
        created=call.now,
        updated=call.now,
        expires=call.now + WEEK,
        owner_account=owner_account_id,
        message=request_message,
        redirect=redirect_url,
        only_owner=only_send_by_owner,
    )
    request.turn(call, "ASSIGNED" if owner_account_id else "UNASSIGNED")
    return {"DelegationRequestId": request.id}


def policy_of(call: Call, template: str, parameters: list[dict[str, Any]]) -> str:
    """A policy template with values in its places."""
    document = managed(call, template) if template.startswith("arn:") else None
    if document is None:
        raise invalid(f"The policy template {template} was not found.")
    values = {one.get("Name", ""): one.get("Values", []) for one in parameters}

    def filled(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: filled(inner) for name, inner in part.items()}
        if isinstance(part, list):
            return [one for inner in part for one in grammar.listed(filled(inner))]
        if isinstance(part, str):
            for name, given in values.items():
                if part == f"@{{{name}}}":
                    return given if len(given) != 1 else given[0]
                if len(given) == 1:
                    part = part.replace(f"@{{{name}}}", given[0])
        return part

    text = json.dumps(filled(json.loads(document)))
    if "@{" in text:
        raise invalid("The policy template has parameters without values.")
    return text


def topic(channel: str) -> str:
    try:
        if arn.parse(channel).service == "sns":
            return channel
    except ValueError:
        pass
    raise invalid("The notification channel must be the ARN of an SNS topic.")


def seen(call: Call, delegation_request_id: str) -> DelegationRequest:
    """A request that the caller's account may look at: its own, or one that is nobody's yet."""
    request = DelegationRequest.get(call, delegation_request_id)
    if request is None or request.owner_account not in ("", call.account):
        raise missing(f"The delegation request {delegation_request_id} cannot be found.")
    return request


def owned(call: Call, delegation_request_id: str) -> DelegationRequest:
    """A request to the caller's account."""
    request = seen(call, delegation_request_id)
    if not request.owner_account:
        raise missing(f"The delegation request {delegation_request_id} is not associated with an owner.")
    return request


def check_state(request: DelegationRequest, *states: str) -> None:
    if request.state not in states:
        raise invalid(f"The delegation request is in the state {request.state}.")


@iam.operation(on=seen)
def get_delegation_request(
    call: Call, request: DelegationRequest, delegation_permission_check: bool = False
) -> dict[str, Any]:
    """A request, and if that is asked whether the caller has the rights that it is about."""
    told: dict[str, Any] = {"DelegationRequest": request.shown()}
    if delegation_permission_check:
        told |= {"PermissionCheckStatus": "COMPLETE", "PermissionCheckResult": checked(call, request.policy)}
    return told


def checked(call: Call, policy: str) -> str:
    """Whether the caller may do what a policy allows. What it allows by wildcards is uncertain."""
    who = standing(call)
    result = "ALLOWED"
    for statement in grammar.statements(grammar.parsed(policy)):
        if statement["Effect"] != "Allow":
            continue
        for action in grammar.listed(statement.get("Action", "*")):
            for resource in grammar.listed(statement.get("Resource", "*")):
                target = Target(resource, call.account)
                if "*" in action:
                    result = "UNSURE"
                elif not decided(call, who, None, action, target, {})[0].allowed:
                    return "DENIED"
    return result


@iam.operation
def list_delegation_requests(call: Call, owner_id: str = "", marker: str = "", max_items: int = MOST) -> dict[str, Any]:
    """The requests that somebody in the account has taken on."""
    requests = DelegationRequest.scan(call, call.account, index="by_owner")
    found = [request.shown() for request in requests if request.owner and owner_id in ("", request.owner)]
    page, token = piece(call, found, marker, max_items)
    return {"DelegationRequests": page, "isTruncated": token is not None} | ({"Marker": token} if token else {})


@iam.operation(on=seen)
def associate_delegation_request(call: Call, request: DelegationRequest) -> None:
    """Take a request on, for oneself and the account."""
    check_state(request, "UNASSIGNED", "ASSIGNED")
    request.owner_account, request.owner = call.account, call.principal.arn
    request.turn(call, "ASSIGNED")


@iam.operation(on=owned)
def update_delegation_request(call: Call, request: DelegationRequest, notes: str = "") -> None:
    """Pass a request on to somebody with more rights."""
    check_state(request, *OPEN)
    request.notes = notes or request.notes
    request.turn(call, "PENDING_APPROVAL")


@iam.operation(on=owned)
def reject_delegation_request(call: Call, request: DelegationRequest, notes: str = "") -> None:
    """Say no; also after having said yes, as long as no token was sent."""
    check_state(request, *OPEN, "ACCEPTED")
    request.reason = notes
    request.turn(call, "REJECTED")


@iam.operation(on=owned)
def accept_delegation_request(call: Call, request: DelegationRequest) -> None:
    """Say yes: the partner will have the rights of whoever says so, as far as the policy goes."""
    check_state(request, *OPEN)
    caller = call.principal
    if caller.session.get("policy") or caller.session.get("policy_arns"):
        raise Fault("AccessDenied", "A session with session policies cannot accept a delegation request.")
    request.approver = caller.arn
    Approval(request.id, caller).put(call)
    request.turn(call, "ACCEPTED")


@iam.operation(on=owned)
def send_delegation_token(call: Call, request: DelegationRequest) -> None:
    """Send the partner the token for which it gets credentials. From now on its time runs."""
    check_state(request, "ACCEPTED")
    if request.only_owner and call.principal.arn != request.owner:
        raise Fault("AccessDenied", "Only the owner of the delegation request can send its token.")
    approval = Approval.get(call, request.id)
    assert approval is not None, "what is accepted has somebody who has accepted it"
    token = names.token(64)
    TradeIn(
        digest=digest_of(token),
        partner=request.partner,
        principal=approval.principal,
        policy=request.policy,
        expires=call.now + min(TRADED, request.duration),
        ends=call.now + request.duration,
    ).put(call)
    request.token = digest_of(token)
    request.turn(call, "FINALIZED")
    tell.later(call.at(principal=service("iam.amazonaws.com")), request=request.id, token=token)


@iam.task
async def tell(call: Call, request: str, token: str) -> None:
    """Send the token to the partner's topic, whose policy must let IAM publish."""
    found = DelegationRequest.get(call, request)
    if found is None:
        return
    message = {
        "delegationRequestId": found.id,
        "requestorWorkflowId": found.workflow,
        "state": found.state,
        "ownerAccountId": found.owner_account,
        "tradeInToken": token,
    }
    place = arn.parse(found.channel)
    there = call.at(account=place.account, region=place.region)
    sent = there.aws("sns", principal=service("iam.amazonaws.com", source_account=found.owner_account)).publish(
        topic_arn=found.channel, message=json.dumps(message)
    )
    if inspect.isawaitable(sent):
        await sent


@iam.task
def lapse(call: Call, request: str) -> None:
    """Nothing has become of a request for a week, or it is over as long."""
    found = DelegationRequest.get(call, request)
    if found is None or found.expires > call.now:
        return
    if found.state in (*OPEN, "ACCEPTED"):
        found.turn(call, "EXPIRED")
        return
    remove(call, found)


def remove(call: Call, request: DelegationRequest) -> None:
    """A request goes, with what hangs on it."""
    for one in (Approval.get(call, request.id), TradeIn.get(call, request.token)):
        if one is not None:
            one.delete(call)
    request.delete(call)
