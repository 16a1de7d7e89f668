"""Volume types and their limits: size, IOPS, throughput, and what they have to do with each other.

EBS User Guide, "Amazon EBS volume types".
"""

from __future__ import annotations

from typing import NamedTuple

from pileus.kernel import Fault
from pileus.services.ec2.faults import bad_value, combination, invalid

GP2_IOPS_A_GIB, GP2_LEAST, GP2_MOST = 3, 100, 16_000
MIB_A_IOPS = 0.25
"""How much throughput a gp3 volume may have for each of its IOPS, in MiB/s."""


class VolumeType(NamedTuple):
    """What volumes of a type may be."""

    least: int
    """GiB."""
    most: int
    iops: tuple[int, int] = (0, 0)
    """The fewest and the most that may be asked for; none where that is not for the customer to say."""
    ratio: int = 0
    """IOPS for each GiB at most."""
    usual_iops: int = 0
    throughput: tuple[int, int] = (0, 0)
    """MiB/s."""
    boots: bool = True
    multi_attach: bool = False


TYPES = {
    "gp2": VolumeType(1, 16_384),
    "gp3": VolumeType(1, 65_536, (3_000, 80_000), 500, 3_000, (125, 2_000)),
    "io1": VolumeType(4, 16_384, (100, 64_000), 50, multi_attach=True),
    "io2": VolumeType(4, 65_536, (100, 256_000), 1_000, multi_attach=True),
    "st1": VolumeType(125, 16_384, boots=False),
    "sc1": VolumeType(125, 16_384, boots=False),
    "standard": VolumeType(1, 1_024),
}


class Performance(NamedTuple):
    """IOPS and throughput that a volume has; 0 for what its type does not tell."""

    iops: int
    throughput: int


def performance(volume_type: str, size: int, iops: int = 0, throughput: int = 0) -> Performance:
    """What a volume of this type and size gets that asks for so much; raises what EC2 says of what cannot be."""
    kind = TYPES.get(volume_type)
    if kind is None:
        raise bad_value("volumeType", volume_type)
    _size(volume_type, kind, size)
    return Performance(_iops(volume_type, kind, size, iops), _throughput(volume_type, kind, size, iops, throughput))


def _size(volume_type: str, kind: VolumeType, size: int) -> None:
    if size < kind.least:
        raise invalid(f"Volume of {size}GiB is too small for volume type {volume_type}; minimum is {kind.least}GiB.")
    if size > kind.most:
        raise invalid(f"Volume of {size}GiB is too large for volume type {volume_type}; maximum is {kind.most}GiB.")


def _iops(volume_type: str, kind: VolumeType, size: int, iops: int) -> int:
    if not kind.iops[1]:
        if iops:
            raise combination(f"The parameter iops is not supported for {volume_type} volumes.")
        return min(max(GP2_IOPS_A_GIB * size, GP2_LEAST), GP2_MOST) if volume_type == "gp2" else 0
    if not iops:
        if not kind.usual_iops:
            raise Fault("MissingParameter", f"The parameter iops must be specified for {volume_type} volumes.")
        return kind.usual_iops
    least, most = kind.iops
    if iops < least:
        raise invalid(f"Volume iops of {iops} is too low; minimum is {least}.")
    if iops > most:
        raise invalid(f"Volume iops of {iops} is too high; maximum is {most}.")
    if iops > max(kind.usual_iops, kind.ratio * size):
        told = f"{iops / size:f} is too high; maximum is {kind.ratio}.000000 iops per GiB"
        raise invalid(f"Iops to volume size ratio of {told}")
    return iops


def _throughput(volume_type: str, kind: VolumeType, size: int, iops: int, throughput: int) -> int:
    least, most = kind.throughput
    if not most:
        if throughput:
            raise combination(f"The parameter throughput is not supported for {volume_type} volumes.")
        return 0
    if not throughput:
        return least
    if throughput < least:
        raise invalid(f"Throughput of {throughput} is too low; minimum is {least}.")
    if throughput > most:
        raise invalid(f"Throughput of {throughput} is too high; maximum is {most}.")
    ratio = throughput / (iops or kind.usual_iops)
    if ratio > MIB_A_IOPS:
        told = f"{ratio:f} is too high; maximum is {MIB_A_IOPS:f} MiBps per iops."
        raise invalid(f"Throughput (MiBps) to iops ratio of {told}")
    return throughput
