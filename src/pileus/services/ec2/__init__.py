"""Amazon Elastic Compute Cloud: networks, machines and disks.

A way through the package, from the ground up:

    faults, kinds, describing, tags, tokens     what all of EC2's resources have in common
    network/                                    VPCs: addresses, routes, gateways, groups, access lists
    connectivity/                               what leads out of a VPC, and what watches its traffic
    instances/                                  what runs: instances, their types, templates, fleets, keys, capacity
    storage/                                    what is kept: volumes, snapshots, images
    wire/                                       from those records to packets that flow, or do not

EC2's model names no errors: their codes are those of the EC2 API reference, "Error codes", and their texts what EC2
says. Every operation heeds DryRun.
"""

from pileus.kernel import Service

from .faults import in_ec2_words, rehearsed

ec2 = Service(
    "ec2",
    engine="network namespaces and nftables; sandboxes with root file systems of their own",
    invalid=in_ec2_words,
    rehearsed=rehearsed,
    rooms=("network", "connectivity", "instances", "storage", "wire"),
)
