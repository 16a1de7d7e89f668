"""VPCs: what an account's network in a Region is made of.

    cidrs, limits, changes          ranges of addresses; quotas; what is told of every change of a VPC's wiring
    zones                           Regions and their zones
    vpcs, defaults                  VPCs and what comes and goes with them; those that AWS makes by itself
    subnets, leases                 their parts, and who has which address in one
    route_tables, routes, targets   where packets go
    internet_gateways, …            the ways out
    security_groups, group_rules    who may talk to an interface
    network_acls                    what may cross the border of a subnet
    interfaces, addresses           network interfaces and their public addresses

Modules further down know those further up; a VPC learns of what is in it by `vpcs.begins_with`, `vpcs.ends_with` and
`vpcs.holds`.
"""
