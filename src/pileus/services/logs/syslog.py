"""Syslog: which groups take the messages that come through an endpoint of a VPC.

Here they come through one port, `--listen logs/syslog=514`, which stands for all endpoints of the default account: a
message goes to every group that is configured to take some (see `syslog_port`). Left out: the endpoints' own addresses.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, Unfinished, identity

from . import faults, logs
from .groups import Group, name_in, standard

Members = dict[str, Any]


class SyslogConfiguration(Record, key=("group", "endpoint")):
    """A group takes what comes through an endpoint."""

    group: str
    endpoint: str
    created: int


@logs.operation(on=Group.identified)
def put_syslog_configuration(call: Call, group: Group, vpc_endpoint_id: str = "") -> None:
    """Have messages that come through an endpoint kept in a group, in streams of their hosts' names."""
    standard(group)
    check_endpoint(call, vpc_endpoint_id)
    if SyslogConfiguration.get(call, group.name, vpc_endpoint_id) is None:
        SyslogConfiguration(group.name, vpc_endpoint_id, int(call.now * 1000)).put(call)


def check_endpoint(call: Call, endpoint: str) -> None:
    """It must be one of CloudWatch Logs."""
    if not endpoint:
        raise faults.invalid("A vpcEndpointId must be specified.")
    ec2 = call.aws("ec2", principal=identity.service("ec2.amazonaws.com"))
    try:
        found = ec2.describe_vpc_endpoints(vpc_endpoint_ids=[endpoint])["VpcEndpoints"]
    except Unfinished:
        raise
    except Fault:
        found = []
    if not found:
        raise faults.missing(f"The VPC endpoint {endpoint} does not exist.")
    if not found[0]["ServiceName"].endswith(".logs"):
        raise faults.invalid(f"The VPC endpoint {endpoint} is not one of CloudWatch Logs.")


@logs.operation
def list_syslog_configurations(
    call: Call, log_group_identifier: str = "", vpc_endpoint_id: str = "", next_token: str = "", max_results: int = 50
) -> Members:
    page = SyslogConfiguration.page(
        call,
        *([name_in(log_group_identifier)] if log_group_identifier else []),
        limit=max_results,
        token=next_token,
        invalid=faults.invalid("The specified nextToken is invalid."),
        where=lambda one: vpc_endpoint_id in ("", one.endpoint),
    )
    return {
        "syslogConfigurations": [
            {
                "logGroupArn": call.arn(f"log-group:{one.group}", "logs"),
                "sourceType": "VPCE",
                "vpcEndpointId": one.endpoint,
                "createdAt": one.created,
            }
            for one in page.items
        ],
        "nextToken": page.token,
    }


@logs.operation(on=Group.identified)
def delete_syslog_configuration(call: Call, group: Group, vpc_endpoint_id: str = "") -> None:
    """End one endpoint's part, or that of all."""
    found = [one for one in SyslogConfiguration.scan(call, group.name) if vpc_endpoint_id in ("", one.endpoint)]
    if not found:
        raise faults.missing("The specified syslog configuration does not exist.")
    for one in found:
        one.delete(call)
