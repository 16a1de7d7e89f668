"""Managed nodes: instances of EC2 with an agent, which Systems Manager can reach.

The agent of an instance registers if the instance's role lets it (`ssm:UpdateInstanceInformation`, as in the managed
policy AmazonSSMManagedInstanceCore) and its machine runs. Left out: hybrid activations, and agents of other versions.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from typing import Any, NamedTuple

from pileus.engines.machine import Machine, Machines
from pileus.kernel import Call, Fault, paging
from pileus.kernel.filters import Filters
from pileus.kernel.identity import service

from . import ssm

ITSELF = service("pileus.amazonaws.com")
REGISTERS = "ssm:UpdateInstanceInformation"
AGENT = "3.3.3050.0"
"""The version of Amazon's agent whose behaviour this has."""
MOST = 50

Members = dict[str, Any]


class Node(NamedTuple):
    """A managed node."""

    id: str
    role: str
    """The ARN of the instance's role."""
    since: float
    address: str
    host_name: str
    tags: dict[str, str]

    def shown(self, now: float) -> Members:
        """InstanceInformation."""
        name, version = system()
        return {
            "InstanceId": self.id,
            "PingStatus": "Online",
            "LastPingDateTime": now,
            "AgentVersion": AGENT,
            "IsLatestVersion": True,
            "PlatformType": "Linux",
            "PlatformName": name,
            "PlatformVersion": version,
            "IamRole": "",
            "ResourceType": "EC2Instance",
            "IPAddress": self.address,
            "ComputerName": self.host_name,
            "SourceId": self.id,
            "SourceType": "AWS::EC2::Instance",
        }


def system() -> tuple[str, str]:
    """What the root file system of machines is, which is the host's own."""
    try:
        told = platform.freedesktop_os_release()
    except OSError:
        return platform.system(), platform.release()
    return told.get("NAME", ""), told.get("VERSION_ID", "")


def nodes(call: Call, filters: list[Members]) -> Iterator[Node]:
    """The managed nodes among the instances that EC2's filters let through."""
    if Machines.of(call.cloud) is None:
        return
    ec2 = call.aws("ec2", principal=ITSELF)
    running = [{"Name": "instance-state-name", "Values": ["running"]}, *filters]
    for reservation in paging.every(ec2.describe_instances, "Reservations", filters=running):
        for instance in reservation["Instances"]:
            if found := managed(call, instance):
                yield found


def node(call: Call, instance_id: str) -> Node | None:
    """The managed node of that id; None for an instance without an agent, or none at all."""
    return next(nodes(call, [{"Name": "instance-id", "Values": [instance_id]}]), None)


def managed(call: Call, instance: Members) -> Node | None:
    """An instance as a node, if its agent has registered."""
    profile = instance.get("IamInstanceProfile", {}).get("Arn", "")
    role = role_of(call, profile) if profile else ""
    if not role or instance["InstanceId"] not in call.cloud.engine(Machines).running:
        return None
    return Node(
        instance["InstanceId"],
        role,
        instance["LaunchTime"],
        instance.get("PrivateIpAddress", ""),
        instance.get("PrivateDnsName", ""),
        {tag["Key"]: tag["Value"] for tag in instance.get("Tags", ())},
    )


def role_of(call: Call, profile: str) -> str:
    """The role of an instance profile, if it lets the agent register."""
    iam = call.aws("iam", principal=ITSELF)
    try:
        found = iam.get_instance_profile(instance_profile_name=profile.rpartition("/")[2])["InstanceProfile"]
    except Fault:
        return ""
    role = next((str(one["Arn"]) for one in found["Roles"]), "")
    if not role:
        return ""
    asked = iam.simulate_principal_policy(policy_source_arn=role, action_names=[REGISTERS])
    return role if asked["EvaluationResults"][0]["EvalDecision"] == "allowed" else ""


def machine(call: Call, instance_id: str) -> Machine | None:
    """The machine of an instance, if it runs."""
    machines = Machines.of(call.cloud)
    found = machines.running.get(instance_id) if machines else None
    return found if found and not found.frozen else None


FILTERS = Filters(
    {
        "InstanceIds": "InstanceId",
        "AgentVersion": "AgentVersion",
        "PingStatus": "PingStatus",
        "PlatformTypes": "PlatformType",
        "IamRole": "IamRole",
        "ResourceType": "ResourceType",
        "SourceIds": "SourceId",
        "SourceTypes": "SourceType",
    },
    tags=None,
    wildcards=False,
    unknown=lambda name: Fault("InvalidFilterKey", f"{name} is not a valid filter key."),
)


@ssm.operation
def describe_instance_information(
    call: Call,
    instance_information_filter_list: list[Members] = [],
    filters: list[Members] = [],
    max_results: int = MOST,
    next_token: str = "",
) -> Members:
    """The managed nodes, as their agents have told of them."""
    if filters and instance_information_filter_list:
        raise Fault("ValidationException", "Filters and InstanceInformationFilterList cannot be used together.")
    older = [{"Name": one["key"], "Values": one["valueSet"]} for one in instance_information_filter_list]
    given = older or [{"Name": one["Key"], "Values": one["Values"]} for one in filters]
    tagged = [
        {"Name": "tag:" + one["Name"][4:] if one["Name"] != "tag-key" else "tag-key", "Values": one["Values"]}
        for one in given
        if one["Name"].startswith(("tag:", "tag-key"))
    ]
    test = FILTERS.test([one for one in given if not one["Name"].startswith(("tag:", "tag-key"))])
    shown = sorted((one.shown(call.now) for one in nodes(call, tagged)), key=lambda one: str(one["InstanceId"]))
    found = [one for one in shown if test(one)]
    bad = Fault("InvalidNextToken", "The specified token is not valid.")
    start = paging.opened(call, next_token, bad) if next_token else 0
    told: Members = {"InstanceInformationList": found[start : start + max_results]}
    if start + max_results < len(found):
        told["NextToken"] = paging.sealed(call, start + max_results)
    return told


@ssm.operation
def get_connection_status(call: Call, target: str) -> Members:
    """Whether sessions can be started on a node."""
    return {"Target": target, "Status": "connected" if node(call, target) else "notconnected"}
