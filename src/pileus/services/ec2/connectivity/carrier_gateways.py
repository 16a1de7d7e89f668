"""Carrier gateways: the way from the subnets of Wavelength Zones to the carrier's network."""

from __future__ import annotations

from pileus.kernel import Call
from pileus.kernel.resource import Resource, Row, hex_id, owner
from pileus.services.ec2 import ec2
from pileus.services.ec2.kinds import kind, named
from pileus.services.ec2.network.vpcs import Vpc

MISSING = ("InvalidCarrierGatewayID.NotFound", "The carrier gateway '{}' does not exist")


@kind("carrier-gateway", "cagw", missing=MISSING)
class CarrierGateway(Resource, service=ec2, cfn="AWS::EC2::CarrierGateway"):
    """A carrier gateway of a VPC."""

    key = "CarrierGatewayId"
    create, list, delete = "CreateCarrierGateway", "DescribeCarrierGateways", "DeleteCarrierGateway"
    missing = MISSING
    tags = "TagSpecifications"
    states = "State: pending -> available after 1s; deleting -> deleted after 1s; deleted -> gone after 1h"
    fields = {"CarrierGatewayId": hex_id("cagw"), "OwnerId": owner}
    filters = {
        "carrier-gateway-id": "CarrierGatewayId",
        "state": "State",
        "owner-id": "OwnerId",
        "vpc-id": "VpcId",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        named(call, Vpc, row["VpcId"])
