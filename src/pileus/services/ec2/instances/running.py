"""RunInstances."""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.tokens import made_before, remember

from . import launching, spot
from .describing_instances import reservation
from .instances import Instance
from .specification import complete

HONOURED = (
    "BlockDeviceMappings",
    "CapacityReservationSpecification",
    "CpuOptions",
    "CreditSpecification",
    "DisableApiStop",
    "DisableApiTermination",
    "EbsOptimized",
    "ElasticGpuSpecification",
    "ElasticInferenceAccelerators",
    "EnclaveOptions",
    "HibernationOptions",
    "IamInstanceProfile",
    "ImageId",
    "InstanceInitiatedShutdownBehavior",
    "InstanceMarketOptions",
    "InstanceType",
    "Ipv6AddressCount",
    "Ipv6Addresses",
    "KeyName",
    "LaunchTemplate",
    "LicenseSpecifications",
    "MaintenanceOptions",
    "MetadataOptions",
    "Monitoring",
    "NetworkInterfaces",
    "NetworkPerformanceOptions",
    "Placement",
    "PrivateDnsNameOptions",
    "PrivateIpAddress",
    "SecurityGroupIds",
    "SecurityGroups",
    "SubnetId",
    "TagSpecifications",
    "UserData",
)


@ec2.operation(honours=HONOURED)
def run_instances(call: Call, request: Members, min_count: int, max_count: int, client_token: str = "") -> Members:
    """Launch instances: at least so many, or none."""
    if made := made_before(call, client_token):
        mates = sorted(Instance.scan(call, made, index="by_reservation"), key=lambda one: one.launch_index)
        if all(one.ended for one in mates):
            text = "The request uses the same client token as a previous request for which the instance has been"
            raise Fault("IdempotentInstanceTerminated", f"{text} terminated.")
        return reservation(call, mates)
    wanted = complete(call, request)
    market = (wanted.get("InstanceMarketOptions") or {}).get("MarketType", "")
    if market == "spot":
        launched = spot.launch(call, wanted, min_count, max_count)
    else:
        launched = launching.launch(call, wanted, min_count, max_count, launching.Market(market))
    remember(call, client_token, launched[0].reservation_id)
    return reservation(call, launched)
