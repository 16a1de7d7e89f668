"""RunInstances."""

from __future__ import annotations

from pileus.kernel import Call
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
        return reservation(call, [*Instance.scan(call, made, index="by_reservation")])
    wanted = complete(call, request)
    if (wanted.get("InstanceMarketOptions") or {}).get("MarketType") == "spot":
        launched = spot.launch(call, wanted, min_count, max_count)
    else:
        launched = launching.launch(call, wanted, min_count, max_count)
    remember(call, client_token, launched[0].reservation_id)
    return reservation(call, launched)
