"""Roles that services take on to act for customers: for the target of a rule, a log, a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import identity
from .access.attached import Grants
from .errors import Fault
from .identity import Credential, Principal

if TYPE_CHECKING:
    from .call import Call


def taken_on(call: Call, role_arn: str, session_name: str, service: Principal) -> Principal:
    """A session of a role that trusts the service; AccessDenied for one that does not.

    A role that nobody has created may be taken on as a root may do it (see STS), unless the cloud is strict. Sessions
    are often named after what they are for, which may have one letter; STS wants two.
    """
    session_name = session_name.ljust(2, "_")
    if not call.cloud.strict and Grants.by_arn(call, role_arn) is None:
        return improvised(call, role_arn, session_name)
    here = call.at(account=role_arn.split(":")[4])
    answer = here.aws("sts", principal=service).assume_role(role_arn=role_arn, role_session_name=session_name)
    credential = Credential.get(call, answer["Credentials"]["AccessKeyId"])
    assert credential is not None
    credential.delete(call)  # nobody is handed this key
    return credential.principal


def improvised(call: Call, role_arn: str, session_name: str) -> Principal:
    _, partition, _, _, account, resource = role_arn.split(":", 5)
    name = resource.rpartition("/")[2]
    session = {"issuer": role_arn, "improvised": True, "temporary": True, "issued": call.now}
    arn = f"arn:{partition}:sts::{account}:assumed-role/{name}/{session_name}"
    key = identity.new_access_key_id("ASIA", account)
    return Principal("AssumedRole", account, arn, f"AROAIMPROVISED0000000:{session_name}", key, session)


def link(call: Call, service: str, role: str, principal: Principal | None = None) -> None:
    """Make the service-linked role of a service where it is not there yet, as the caller or somebody else who may."""
    try:
        call.aws("iam", principal=identity.service("pileus.amazonaws.com")).get_role(role_name=role)
    except Fault as fault:
        if fault.code != "NoSuchEntityException":
            raise
        call.aws("iam", principal=principal).create_service_linked_role(aws_service_name=service)
