"""What makes the records of VPCs real: packets go, or do not, as route tables, groups and access lists say.

    plans          from the records of a VPC to what its router is asked for
    filtering      security groups and network ACLs, as the router understands them
    mirroring      copies of packets
    hubs           transit gateways, which are routers of their own
    vpns           VPN connections and virtual private gateways, which are so too
    lines          what other services have laid to virtual private gateways
    client_vpn     the servers of Client VPN endpoints; with `_gate`, who comes in, and `_logs`
    tunnelling     the tunnels of VPN connections, and how they are
    tunnel_certificates  their certificates, brought from ACM
    tunnel_metrics what CloudWatch is told of them
    tunnel_logs    and what its logs are
    keeping        networks made to look like the records, after each change and each start of the cloud
    resolving      the name servers of VPCs
    doors          where the cloud's own API answers: on the internet, and at endpoints of VPCs
    flow_lines     records of flow logs, field by field
    flow_delivery  where they go

A VPC has a network as long as something is in it that sends or receives. Where there can be no networks (see `pileus
doctor`) all of this does nothing, and the records remain what they are.

Left out: carrier gateways; of a transit gateway's attachment the route table of its first subnet counts.
"""
