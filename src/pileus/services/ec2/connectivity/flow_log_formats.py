"""The fields of flow log records, and the formats made of them (VPC User Guide, "Flow log records")."""

from __future__ import annotations

import re

from pileus.kernel import Fault

BASIC = [
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
]

VPC_FIELDS = frozenset(
    [
        *BASIC,
        *["vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr"],
        *["region", "az-id", "sublocation-type", "sublocation-id"],
        *["pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction", "traffic-path"],
        *["ecs-cluster-arn", "ecs-cluster-name", "ecs-container-instance-arn", "ecs-container-instance-id"],
        *["ecs-container-id", "ecs-second-container-id", "ecs-service-name", "ecs-task-definition-arn", "ecs-task-arn"],
        *["ecs-task-id", "reject-reason", "resource-id", "encryption-status"],
    ]
)

GATEWAY_BASIC = [
    "version",
    "resource-type",
    "account-id",
    "tgw-id",
    "tgw-attachment-id",
    "tgw-src-vpc-account-id",
    "tgw-dst-vpc-account-id",
    "tgw-src-vpc-id",
    "tgw-dst-vpc-id",
    "tgw-src-subnet-id",
    "tgw-dst-subnet-id",
    "tgw-src-eni",
    "tgw-dst-eni",
    "tgw-src-az-id",
    "tgw-dst-az-id",
    "tgw-pair-attachment-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "log-status",
    "type",
    "packets-lost-no-route",
    "packets-lost-blackhole",
    "packets-lost-mtu-exceeded",
    "packets-lost-ttl-expired",
    "tcp-flags",
    "region",
    "flow-direction",
    "pkt-src-aws-service",
    "pkt-dst-aws-service",
]

FIELD = re.compile(r"\$\{([a-z0-9-]+)\}")


def written(fields: list[str]) -> str:
    return " ".join(f"${{{name}}}" for name in fields)


DEFAULT, GATEWAY_DEFAULT = written(BASIC), written(GATEWAY_BASIC)


def fields_of(log_format: str) -> list[str]:
    """The fields of a format, in their order."""
    return FIELD.findall(log_format)


def checked(log_format: str, gateway: bool) -> str:
    """A format, if it is one; the default one for an empty text."""
    if not log_format:
        return GATEWAY_DEFAULT if gateway else DEFAULT
    known = frozenset(GATEWAY_BASIC) if gateway else VPC_FIELDS
    names = [FIELD.fullmatch(piece) for piece in log_format.split()]
    if not names or not all(names):
        raise Fault("InvalidParameter", "Unknown fields provided. Fields must be of the form ${field-name}.")
    unknown = [name[1] for name in names if name and name[1] not in known]
    if unknown:
        raise Fault("InvalidParameter", f"Unknown fields provided: {', '.join(unknown)}")
    return log_format
