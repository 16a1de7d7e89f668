"""Clusters, their nodes, and what they are configured with."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

import pileus
from pileus.testing.account import Account
from pileus.testing.local import CloudClock

from .conftest import Make, described


def test_a_cluster_comes_and_goes(dax: Any, make: Make, clock: CloudClock, refused: Any, role: str) -> None:
    told = make(2, Description="d", Tags=[{"Key": "a", "Value": "1"}])
    name = told["ClusterName"]
    assert (told["Status"], told["TotalNodes"], told["ActiveNodes"]) == ("available", 2, 2)
    assert [node["NodeId"] for node in told["Nodes"]] == [f"{name}-a", f"{name}-b"]
    assert told["Nodes"][0]["AvailabilityZone"] != told["Nodes"][1]["AvailabilityZone"]
    assert told["ClusterArn"].endswith(f":cache/{name}")
    assert told["ParameterGroup"]["ParameterGroupName"] == "default.dax1.0"
    assert told["ClusterDiscoveryEndpoint"]["URL"] == f"dax://localhost:{told['ClusterDiscoveryEndpoint']['Port']}"
    with refused("ClusterAlreadyExistsFault"):
        dax.create_cluster(ClusterName=name, NodeType="dax.t3.small", ReplicationFactor=1, IamRoleArn=role)
    assert dax.delete_cluster(ClusterName=name)["Cluster"]["Status"] == "deleting"
    clock.advance(1)
    with refused("ClusterNotFoundFault"):
        described(dax, name)
    messages = [event["Message"] for event in dax.describe_events(SourceName=name, SourceType="CLUSTER")["Events"]]
    assert "Cluster created." in messages and "Cluster deleted." in messages


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"ClusterName": "-x"}, "InvalidParameterValueException"),
        ({"ClusterName": "a" * 21}, "InvalidParameterValueException"),
        ({"NodeType": "dax.nothing"}, "InvalidParameterValueException"),
        ({"ReplicationFactor": 0}, "InvalidParameterValueException"),
        ({"ReplicationFactor": 11}, "NodeQuotaForClusterExceededFault"),
        ({"SubnetGroupName": "nothing"}, "SubnetGroupNotFoundFault"),
        ({"ParameterGroupName": "nothing"}, "ParameterGroupNotFoundFault"),
    ],
)
def test_what_cannot_be_is_refused(dax: Any, refused: Any, role: str, wrong: dict[str, Any], code: str) -> None:
    asked = {"ClusterName": "c", "NodeType": "dax.r5.large", "ReplicationFactor": 1, "IamRoleArn": role}
    with refused(code):
        dax.create_cluster(**asked | wrong)


def test_nodes_are_added_removed_and_rebooted(dax: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    name = make()["ClusterName"]
    told = dax.increase_replication_factor(ClusterName=name, NewReplicationFactor=3)["Cluster"]
    assert (told["Status"], told["TotalNodes"], told["ActiveNodes"]) == ("modifying", 3, 1)
    with refused("InvalidClusterStateFault"):
        dax.reboot_node(ClusterName=name, NodeId=f"{name}-a")
    clock.advance(1)
    told = dax.decrease_replication_factor(ClusterName=name, NewReplicationFactor=2, NodeIdsToRemove=[f"{name}-b"])[
        "Cluster"
    ]
    assert told["NodeIdsToRemove"] == [f"{name}-b"]
    clock.advance(1)
    assert [node["NodeId"] for node in described(dax, name)["Nodes"]] == [f"{name}-a", f"{name}-c"]
    with refused("NodeNotFoundFault"):
        dax.reboot_node(ClusterName=name, NodeId=f"{name}-b")
    told = dax.reboot_node(ClusterName=name, NodeId=f"{name}-c")["Cluster"]
    assert told["Nodes"][1]["NodeStatus"] == "rebooting"
    clock.advance(1)
    assert described(dax, name)["ActiveNodes"] == 2


def test_parameter_groups_say_how_long_things_are_kept(dax: Any, make: Make, clock: CloudClock, refused: Any) -> None:
    dax.create_parameter_group(ParameterGroupName="short", Description="d")
    values = [{"ParameterName": "query-ttl-millis", "ParameterValue": "1000"}]
    dax.update_parameter_group(ParameterGroupName="short", ParameterNameValues=values)
    told = dax.describe_parameters(ParameterGroupName="short")["Parameters"]
    assert {one["ParameterName"]: one["ParameterValue"] for one in told} == {
        "query-ttl-millis": "1000",
        "record-ttl-millis": "300000",
    }
    own = dax.describe_parameters(ParameterGroupName="short", Source="user")["Parameters"]
    assert [one["ParameterName"] for one in own] == ["query-ttl-millis"]
    assert len(dax.describe_default_parameters()["Parameters"]) == 2
    with refused("InvalidParameterValueException"):
        wrong = [{"ParameterName": "nothing", "ParameterValue": "1"}]
        dax.update_parameter_group(ParameterGroupName="short", ParameterNameValues=wrong)
    name = make()["ClusterName"]
    dax.update_cluster(ClusterName=name, ParameterGroupName="short", Description="new")
    clock.advance(1)
    assert described(dax, name)["ParameterGroup"]["ParameterGroupName"] == "short"
    with refused("InvalidParameterGroupStateFault"):
        dax.delete_parameter_group(ParameterGroupName="short")
    names = [one["ParameterGroupName"] for one in dax.describe_parameter_groups()["ParameterGroups"]]
    assert names == ["default.dax1.0", "short"]
    dax.delete_cluster(ClusterName=name)
    clock.advance(1)
    dax.delete_parameter_group(ParameterGroupName="short")


def test_tags_of_clusters(dax: Any, make: Make, refused: Any) -> None:
    arn = make(Tags=[{"Key": "a", "Value": "1"}])["ClusterArn"]
    told = dax.tag_resource(ResourceName=arn, Tags=[{"Key": "b", "Value": "2"}])["Tags"]
    assert len(told) == 2
    assert dax.untag_resource(ResourceName=arn, TagKeys=["a"])["Tags"] == [{"Key": "a", "Value": "1"}]
    assert dax.list_tags(ResourceName=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    with refused("TagNotFoundFault"):
        dax.untag_resource(ResourceName=arn, TagKeys=["a"])
    with refused("InvalidARNFault"):
        dax.list_tags(ResourceName="nothing")


def test_a_cluster_listens_again_where_it_did_after_a_restart(tmp_path: Path, make: Make) -> None:
    _ = make  # the cloud that the other tests share is up before another one begins
    ports = []
    for _ in range(2):
        with pileus.cloud(data=tmp_path / "data", sockets=True) as cloud:
            dax = boto3.client("dax", **cloud.client_kwargs())
            if not ports:
                role = "arn:aws:iam::000000000000:role/nobody-made-it"
                dax.create_cluster(ClusterName="c", NodeType="dax.t3.small", ReplicationFactor=1, IamRoleArn=role)
            cloud.clock.advance(2)
            (cluster,) = dax.describe_clusters()["Clusters"]
            ports.append(cluster["ClusterDiscoveryEndpoint"]["Port"])
            with socket.create_connection(("127.0.0.1", ports[-1])):
                pass
    assert ports[0] == ports[1]


def subnets(account: Account) -> list[str]:
    """Two subnets of a VPC; names of such where there is no EC2 yet."""
    ec2 = account.client("ec2")
    try:
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 501:
            raise
        return ["subnet-11111111", "subnet-22222222"]
    made = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24") for number in range(2)]
    return [one["Subnet"]["SubnetId"] for one in made]


def test_subnet_groups_are_made_changed_and_kept_while_in_use(
    dax: Any, make: Make, clock: CloudClock, refused: Any, account: Account
) -> None:
    one, other = subnets(account)
    told = dax.create_subnet_group(SubnetGroupName="Private", SubnetIds=[one], Description="d")["SubnetGroup"]
    assert (told["SubnetGroupName"], [each["SubnetIdentifier"] for each in told["Subnets"]]) == ("private", [one])
    with refused("SubnetGroupAlreadyExistsFault"):
        dax.create_subnet_group(SubnetGroupName="private", SubnetIds=[one])
    told = dax.update_subnet_group(SubnetGroupName="private", SubnetIds=[one, other])["SubnetGroup"]
    assert len(told["Subnets"]) == 2
    name = make(SubnetGroupName="private")["ClusterName"]
    assert described(dax, name)["SubnetGroup"] == "private"
    with refused("SubnetInUse"):
        dax.update_subnet_group(SubnetGroupName="private", SubnetIds=[one])
    with refused("SubnetGroupInUseFault"):
        dax.delete_subnet_group(SubnetGroupName="private")
    dax.delete_cluster(ClusterName=name)
    clock.advance(1)
    dax.delete_subnet_group(SubnetGroupName="private")
    with refused("SubnetGroupNotFoundFault"):
        dax.describe_subnet_groups(SubnetGroupNames=["private"])
