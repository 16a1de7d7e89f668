"""Terraform's view of what connects VPCs: peering, transit gateway, endpoints, VPN, flow logs, IPAM."""

from __future__ import annotations

import json
from pathlib import Path

from pileus.testing.account import Account

from .terraform import Stack

MAIN = """
resource "aws_vpc" "a" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_vpc" "b" {
  cidr_block = "10.1.0.0/16"
}

resource "aws_subnet" "a" {
  count             = 2
  vpc_id            = aws_vpc.a.id
  cidr_block        = "10.0.${count.index}.0/24"
  availability_zone = "us-east-1${["a", "b"][count.index]}"
}

resource "aws_subnet" "b" {
  vpc_id            = aws_vpc.b.id
  cidr_block        = "10.1.0.0/24"
  availability_zone = "us-east-1a"
}

# Peering

resource "aws_vpc_peering_connection" "ab" {
  vpc_id      = aws_vpc.a.id
  peer_vpc_id = aws_vpc.b.id
  auto_accept = true
  accepter {
    allow_remote_vpc_dns_resolution = true
  }
  tags = { Name = "ab" }
}

resource "aws_route_table" "a" {
  vpc_id           = aws_vpc.a.id
  propagating_vgws = [aws_vpn_gateway_attachment.this.vpn_gateway_id]
  route {
    cidr_block                = aws_vpc.b.cidr_block
    vpc_peering_connection_id = aws_vpc_peering_connection.ab.id
  }
  route {
    cidr_block         = "10.128.0.0/9"
    transit_gateway_id = aws_ec2_transit_gateway_vpc_attachment.a.transit_gateway_id
  }
}

# Transit gateway

resource "aws_ec2_transit_gateway" "hub" {
  description                     = "hub"
  amazon_side_asn                 = 64520
  default_route_table_association = "disable"
  default_route_table_propagation = "disable"
  tags                            = { Name = "hub" }
}

resource "aws_ec2_transit_gateway_vpc_attachment" "a" {
  transit_gateway_id                              = aws_ec2_transit_gateway.hub.id
  vpc_id                                          = aws_vpc.a.id
  subnet_ids                                      = aws_subnet.a[*].id
  transit_gateway_default_route_table_association = false
  transit_gateway_default_route_table_propagation = false
}

resource "aws_ec2_transit_gateway_vpc_attachment" "b" {
  transit_gateway_id                              = aws_ec2_transit_gateway.hub.id
  vpc_id                                          = aws_vpc.b.id
  subnet_ids                                      = [aws_subnet.b.id]
  transit_gateway_default_route_table_association = false
  transit_gateway_default_route_table_propagation = false
}

resource "aws_ec2_transit_gateway_route_table" "this" {
  transit_gateway_id = aws_ec2_transit_gateway.hub.id
}

resource "aws_ec2_transit_gateway_route_table_association" "a" {
  transit_gateway_attachment_id  = aws_ec2_transit_gateway_vpc_attachment.a.id
  transit_gateway_route_table_id = aws_ec2_transit_gateway_route_table.this.id
}

resource "aws_ec2_transit_gateway_route_table_propagation" "b" {
  transit_gateway_attachment_id  = aws_ec2_transit_gateway_vpc_attachment.b.id
  transit_gateway_route_table_id = aws_ec2_transit_gateway_route_table.this.id
}

resource "aws_ec2_transit_gateway_route" "b" {
  destination_cidr_block         = "10.9.0.0/16"
  transit_gateway_attachment_id  = aws_ec2_transit_gateway_vpc_attachment.b.id
  transit_gateway_route_table_id = aws_ec2_transit_gateway_route_table.this.id
}

resource "aws_ec2_transit_gateway_route" "nowhere" {
  destination_cidr_block         = "192.168.0.0/16"
  blackhole                      = true
  transit_gateway_route_table_id = aws_ec2_transit_gateway_route_table.this.id
}

# Endpoints

resource "aws_vpc_endpoint" "s3" {
  vpc_id          = aws_vpc.a.id
  service_name    = "com.amazonaws.us-east-1.s3"
  route_table_ids = [aws_vpc.a.main_route_table_id]
}

resource "aws_security_group" "endpoint" {
  name   = "endpoint"
  vpc_id = aws_vpc.a.id
}

resource "aws_vpc_endpoint" "sqs" {
  vpc_id              = aws_vpc.a.id
  service_name        = "com.amazonaws.us-east-1.sqs"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = aws_subnet.a[*].id
  security_group_ids  = [aws_security_group.endpoint.id]
  private_dns_enabled = true
  tags                = { Name = "sqs" }
}

data "aws_vpc_endpoint_service" "sqs" {
  service = "sqs"
}

# VPN

resource "aws_vpn_gateway" "this" {
  amazon_side_asn = 64601
}

resource "aws_vpn_gateway_attachment" "this" {
  vpc_id         = aws_vpc.a.id
  vpn_gateway_id = aws_vpn_gateway.this.id
}

resource "aws_customer_gateway" "office" {
  bgp_asn    = 65010
  ip_address = "203.0.113.12"
  type       = "ipsec.1"
}

resource "aws_vpn_connection" "static" {
  customer_gateway_id   = aws_customer_gateway.office.id
  vpn_gateway_id        = aws_vpn_gateway.this.id
  type                  = "ipsec.1"
  static_routes_only    = true
  tunnel1_preshared_key = "a_secret.key"
  tunnel1_inside_cidr   = "169.254.40.0/30"
}

resource "aws_vpn_connection_route" "office" {
  destination_cidr_block = "172.20.0.0/16"
  vpn_connection_id      = aws_vpn_connection.static.id
}

# Flow logs

resource "aws_s3_bucket" "flows" {
  bucket = "flows-of-${aws_vpc.a.id}"
}

resource "aws_flow_log" "a" {
  vpc_id               = aws_vpc.a.id
  traffic_type         = "ALL"
  log_destination_type = "s3"
  log_destination      = aws_s3_bucket.flows.arn
}

resource "aws_flow_log" "hub" {
  transit_gateway_id       = aws_ec2_transit_gateway.hub.id
  log_destination_type     = "s3"
  log_destination          = aws_s3_bucket.flows.arn
  max_aggregation_interval = 60
}

# IPAM

resource "aws_vpc_ipam" "this" {
  operating_regions {
    region_name = "us-east-1"
  }
}

resource "aws_vpc_ipam_pool" "top" {
  address_family = "ipv4"
  ipam_scope_id  = aws_vpc_ipam.this.private_default_scope_id
}

resource "aws_vpc_ipam_pool_cidr" "top" {
  ipam_pool_id = aws_vpc_ipam_pool.top.id
  cidr         = "10.64.0.0/12"
}

resource "aws_vpc_ipam_pool" "home" {
  address_family                    = "ipv4"
  ipam_scope_id                     = aws_vpc_ipam.this.private_default_scope_id
  source_ipam_pool_id               = aws_vpc_ipam_pool.top.id
  locale                            = "us-east-1"
  allocation_default_netmask_length = 24
  depends_on                        = [aws_vpc_ipam_pool_cidr.top]
}

resource "aws_vpc_ipam_pool_cidr" "home" {
  ipam_pool_id   = aws_vpc_ipam_pool.home.id
  netmask_length = 16
}

resource "aws_vpc_ipam_pool_cidr_allocation" "one" {
  ipam_pool_id   = aws_vpc_ipam_pool.home.id
  netmask_length = 24
  depends_on     = [aws_vpc_ipam_pool_cidr.home]
}

# Reachability

resource "aws_network_interface" "one" {
  subnet_id = aws_subnet.a[0].id
}

resource "aws_network_interface" "two" {
  subnet_id = aws_subnet.a[1].id
}

resource "aws_ec2_network_insights_path" "this" {
  source           = aws_network_interface.one.id
  destination      = aws_network_interface.two.id
  protocol         = "tcp"
  destination_port = 443
}

resource "aws_ec2_network_insights_analysis" "this" {
  network_insights_path_id = aws_ec2_network_insights_path.this.id
}

output "found" {
  value = aws_ec2_network_insights_analysis.this.path_found
}

output "tunnel" {
  value = aws_vpn_connection.static.tunnel1_vgw_inside_address
}

output "allocated" {
  value = aws_vpc_ipam_pool_cidr_allocation.one.cidr
}

output "endpoint" {
  value = aws_vpc_endpoint.sqs.dns_entry[0].dns_name
}
"""


def test_a_connected_network_applies_plans_clean_and_is_destroyed(aws: Account, tmp_path: Path) -> None:
    stack = Stack(tmp_path, aws, MAIN)
    stack.apply()
    outputs = {name: one["value"] for name, one in json.loads(stack.run("output", "-json")).items()}
    assert outputs["found"] is True
    assert outputs["tunnel"] == "169.254.40.1"
    assert outputs["allocated"] == "10.64.0.0/24"
    assert ".sqs.us-east-1.vpce.amazonaws.com" in outputs["endpoint"]
    assert stack.plan_is_empty()
    stack.destroy()
    assert {one["State"] for one in aws.client("ec2").describe_vpn_connections()["VpnConnections"]} <= {"deleted"}


FURTHER = """
resource "aws_vpc" "this" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_subnet" "this" {
  count             = 2
  vpc_id            = aws_vpc.this.id
  cidr_block        = "10.0.${count.index}.0/24"
  availability_zone = "us-east-1${["a", "b"][count.index]}"
}

resource "aws_network_interface" "this" {
  count     = 2
  subnet_id = aws_subnet.this[count.index].id
}

locals {
  balancer = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/net/a/0123456789abcdef"
}

resource "aws_vpc_endpoint_service" "mine" {
  acceptance_required        = true
  network_load_balancer_arns = [local.balancer]
  allowed_principals         = ["arn:aws:iam::111122223333:root"]
}

resource "aws_vpc_endpoint" "mine" {
  vpc_id            = aws_vpc.this.id
  service_name      = aws_vpc_endpoint_service.mine.service_name
  vpc_endpoint_type = "Interface"
  auto_accept       = true
}

resource "aws_vpc_endpoint_subnet_association" "mine" {
  vpc_endpoint_id = aws_vpc_endpoint.mine.id
  subnet_id       = aws_subnet.this[0].id
}

resource "aws_vpc_endpoint" "dynamodb" {
  vpc_id       = aws_vpc.this.id
  service_name = "com.amazonaws.us-east-1.dynamodb"
}

resource "aws_vpc_endpoint_route_table_association" "dynamodb" {
  vpc_endpoint_id = aws_vpc_endpoint.dynamodb.id
  route_table_id  = aws_vpc.this.main_route_table_id
}

resource "aws_ec2_transit_gateway" "one" {
  multicast_support           = "enable"
  transit_gateway_cidr_blocks = ["192.0.2.0/24"]
}

resource "aws_ec2_transit_gateway" "two" {}

resource "aws_ec2_transit_gateway_vpc_attachment" "one" {
  transit_gateway_id = aws_ec2_transit_gateway.one.id
  vpc_id             = aws_vpc.this.id
  subnet_ids         = aws_subnet.this[*].id
}

data "aws_caller_identity" "me" {}

resource "aws_ec2_transit_gateway_peering_attachment" "both" {
  transit_gateway_id      = aws_ec2_transit_gateway.one.id
  peer_transit_gateway_id = aws_ec2_transit_gateway.two.id
  peer_account_id         = data.aws_caller_identity.me.account_id
  peer_region             = "us-east-1"
}

resource "aws_ec2_managed_prefix_list" "list" {
  name           = "list"
  address_family = "IPv4"
  max_entries    = 2
  entry { cidr = "10.64.0.0/16" }
}

resource "aws_ec2_transit_gateway_prefix_list_reference" "list" {
  prefix_list_id                 = aws_ec2_managed_prefix_list.list.id
  transit_gateway_attachment_id  = aws_ec2_transit_gateway_vpc_attachment.one.id
  transit_gateway_route_table_id = aws_ec2_transit_gateway.one.association_default_route_table_id
}

resource "aws_ec2_transit_gateway_connect" "sdwan" {
  transport_attachment_id = aws_ec2_transit_gateway_vpc_attachment.one.id
  transit_gateway_id      = aws_ec2_transit_gateway.one.id
}

resource "aws_ec2_transit_gateway_connect_peer" "sdwan" {
  peer_address                  = "10.0.0.77"
  inside_cidr_blocks            = ["169.254.100.0/29"]
  transit_gateway_attachment_id = aws_ec2_transit_gateway_connect.sdwan.id
}

resource "aws_ec2_transit_gateway_multicast_domain" "this" {
  transit_gateway_id     = aws_ec2_transit_gateway.one.id
  static_sources_support = "enable"
}

resource "aws_ec2_traffic_mirror_filter" "this" {
  network_services = ["amazon-dns"]
}

resource "aws_ec2_traffic_mirror_filter_rule" "this" {
  traffic_mirror_filter_id = aws_ec2_traffic_mirror_filter.this.id
  destination_cidr_block   = "10.0.0.0/8"
  source_cidr_block        = "10.0.0.0/8"
  rule_number              = 1
  rule_action              = "accept"
  traffic_direction        = "ingress"
}

resource "aws_ec2_traffic_mirror_target" "this" {
  network_interface_id = aws_network_interface.this[1].id
}

resource "aws_ec2_traffic_mirror_session" "this" {
  network_interface_id     = aws_network_interface.this[0].id
  session_number           = 1
  traffic_mirror_filter_id = aws_ec2_traffic_mirror_filter.this.id
  traffic_mirror_target_id = aws_ec2_traffic_mirror_target.this.id
}

resource "aws_ec2_instance_connect_endpoint" "this" {
  subnet_id = aws_subnet.this[0].id
}

resource "aws_dx_connection" "line" {
  name      = "line"
  bandwidth = "1Gbps"
  location  = "EqDC2"
}

resource "aws_dx_gateway" "this" {
  name            = "hub"
  amazon_side_asn = "64700"
}

resource "aws_dx_private_virtual_interface" "this" {
  connection_id  = aws_dx_connection.line.id
  name           = "vif"
  vlan           = 4094
  address_family = "ipv4"
  bgp_asn        = 65352
  dx_gateway_id  = aws_dx_gateway.this.id
}

resource "aws_vpn_gateway" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_dx_gateway_association" "this" {
  dx_gateway_id         = aws_dx_gateway.this.id
  associated_gateway_id = aws_vpn_gateway.this.id
}
"""


def test_what_else_connects_networks_applies_plans_clean_and_is_destroyed(aws: Account, tmp_path: Path) -> None:
    stack = Stack(tmp_path, aws, FURTHER)
    stack.apply()
    assert stack.plan_is_empty()
    stack.destroy()
    dx = aws.client("directconnect")
    assert {one["connectionState"] for one in dx.describe_connections()["connections"]} <= {"deleting", "deleted"}
