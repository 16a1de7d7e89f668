"""VPCs: what an account's network in a Region is made of.

    cidrs, limits, host_names            ranges of addresses; quotas; the names of addresses
    associations, sharing, life          ids of associations; whose things are; what comes and goes with a resource
    changes                              what is told of every change of a VPC's wiring
    zones, account_attributes            Regions and their zones; what EC2 knows of an account
    vpcs, vpc_cidrs, vpc_making          VPCs, the default one among them, and their ranges
    subnets, leases, subnet_…            their parts, and who has which address in one
    route_tables, routes, targets        where packets go, and whether they get there
    internet_gateways, nat_gateways      the ways out
    security_groups, rule_reading, …     who may talk to an interface
    network_acls                         what may cross the border of a subnet
    interfaces, interface_…, attachments, trunks
    addresses, address_…, public_ranges  public addresses, and the pools that they come out of
    prefix_lists, dhcp_options
    public_access, encryption_controls   what is forbidden to all of a VPC
Modules further down know those further up. A VPC, a subnet, a group or an interface learns by its `life` what else
begins and ends with it, and what forbids that it is deleted; routes learn by `targets.way` what they can lead to.

Left out: Outposts, with addresses of one's own premises and local gateways; EC2-Classic; secondary networks; gateways
that span zones.
"""
