"""Creating accounts. They are real: their root works, and so does the role by which the management account enters.

An account is not there at once: a task makes it, and its result is looked up by the id of the request for it.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.kernel.identity import service
from pileus.kernel.record import Record

from . import organizations
from .addresses import Address, account_with
from .announcing import announce, shown
from .membership import join, link
from .organization import INVALID_TOKEN, PAGE, organization
from .tags import given

ROLE = "OrganizationAccountAccessRole"
ADMINISTRATOR = "iam::aws:policy/AdministratorAccess"
GOV_REGION = "us-gov-west-1"


class Request(Record, scope="account"):
    """A request for an account, and what became of it."""

    id: str
    """`car-…`"""
    name: str
    email: str
    role: str
    requested: float
    state: str = "IN_PROGRESS"
    tags: dict[str, str] = {}
    gov: bool = False
    completed: float | None = None
    account: str | None = None
    gov_account: str | None = None
    failure: str | None = None

    def shown(self) -> dict[str, Any]:
        return {
            "Id": self.id,
            "AccountName": self.name,
            "State": self.state,
            "RequestedTimestamp": self.requested,
            "CompletedTimestamp": self.completed,
            "AccountId": self.account,
            "GovCloudAccountId": self.gov_account,
            "FailureReason": self.failure,
        }

    def told(self) -> dict[str, Any]:
        """The same as the event of its end tells it."""
        return {
            "id": self.id,
            "state": self.state,
            "accountName": self.name,
            "accountId": self.account,
            "govCloudAccountId": self.gov_account,
            "requestedTimestamp": shown(self.requested),
            "completedTimestamp": shown(self.completed) if self.completed else None,
            "failureReason": self.failure,
        }


@organizations.operation
def create_account(
    call: Call, email: str, account_name: str, role_name: str = ROLE, tags: list[dict[str, str]] = []
) -> dict[str, Any]:
    """Begin to create an account in the organization."""
    return {"CreateAccountStatus": requested(call, email, account_name, role_name, tags, gov=False)}


@organizations.operation
def create_gov_cloud_account(
    call: Call, email: str, account_name: str, role_name: str = ROLE, tags: list[dict[str, str]] = []
) -> dict[str, Any]:
    """Begin to create an account in the organization, and beside it one in GovCloud, which is in none yet."""
    return {"CreateAccountStatus": requested(call, email, account_name, role_name, tags, gov=True)}


def requested(call: Call, email: str, name: str, role: str, tags: list[dict[str, str]], *, gov: bool) -> dict[str, Any]:
    organization(call)
    request = Request("car-" + names.token(32, names.LOWER), name, email, role, call.now, tags=given(tags), gov=gov)
    request.put(call)
    create.later(call.at(principal=service("organizations.amazonaws.com")), request=request.id)
    return request.shown()


@organizations.task
def create(call: Call, request: str) -> None:
    """Create the account, unless its address belongs to another one."""
    wanted = Request.get(call, request)
    if wanted is None or wanted.state != "IN_PROGRESS":
        return
    if account_with(call, wanted.email):
        wanted.failure = "EMAIL_ALREADY_EXISTS"
    else:
        try:
            enter(call, wanted)
        except Fault as fault:
            if fault.code != "ConstraintViolationException":
                raise
            wanted.failure = "ACCOUNT_LIMIT_EXCEEDED"
    wanted.state = "FAILED" if wanted.failure else "SUCCEEDED"
    wanted.completed = call.now
    wanted.put(call)
    announce(call, "CreateAccountResult", createAccountStatus=wanted.told())


def enter(call: Call, wanted: Request) -> None:
    """Make the account a member."""
    found = organization(call)
    wanted.account = new_number(call)
    Address(wanted.email.lower(), wanted.account, wanted.email).put(call)
    furnish(call.at(account=wanted.account), wanted.role, found.management)
    if found.all_features:
        link(call.at(account=wanted.account))
    if wanted.gov:
        wanted.gov_account = new_number(call)
        furnish(call.at(account=wanted.gov_account, region=GOV_REGION), wanted.role, found.management)
    join(call, found, wanted.account, "CREATED", wanted.name, wanted.tags)


def new_number(call: Call) -> str:
    """The number of an account that nobody has."""
    while True:
        number = f"{secrets.randbelow(10**12 - 10**11) + 10**11}"
        if not Address.first(call, number, index="by_account"):
            return number


def furnish(call: Call, role: str, management: str) -> None:
    """The role by which the management account may do everything in a new account."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{call.partition}:iam::{management}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    iam = call.aws("iam", principal=service("pileus.amazonaws.com"))
    iam.create_role(role_name=role, assume_role_policy_document=json.dumps(trust))
    iam.attach_role_policy(role_name=role, policy_arn=f"arn:{call.partition}:{ADMINISTRATOR}")


@organizations.operation
def describe_create_account_status(call: Call, create_account_request_id: str) -> dict[str, Any]:
    """How far the creation of an account has come."""
    organization(call)
    request = Request.get(call, create_account_request_id)
    if request is None:
        raise Fault(
            "CreateAccountStatusNotFoundException",
            "You specified a create account status that doesn't exist.",
        )
    return {"CreateAccountStatus": request.shown()}


@organizations.operation
def list_create_account_status(
    call: Call, states: list[str] = [], next_token: str = "", max_results: int = PAGE
) -> dict[str, Any]:
    """All requests for accounts, or those in some states."""
    organization(call)
    page = Request.page(
        call,
        limit=max_results,
        token=next_token,
        where=lambda request: not states or request.state in states,
        invalid=INVALID_TOKEN,
    )
    return {"CreateAccountStatuses": [request.shown() for request in page.items], "NextToken": page.token}
