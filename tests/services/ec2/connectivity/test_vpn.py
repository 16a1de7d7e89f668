"""Site-to-Site VPN: customer gateways, virtual private gateways, connections, and what they tell route tables."""

from __future__ import annotations

import json
import xml.etree.ElementTree as Xml

import pytest

from pileus.engines.tunnels import Tunnels


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


@pytest.fixture
def customer(ec2):
    made = ec2.create_customer_gateway(Type="ipsec.1", IpAddress="203.0.113.7", BgpAsn=65010)
    return made["CustomerGateway"]["CustomerGatewayId"]


@pytest.fixture
def gateway(ec2):
    return ec2.create_vpn_gateway(Type="ipsec.1", AmazonSideAsn=64600)["VpnGateway"]["VpnGatewayId"]


def connect(ec2, customer, **asked):
    made = ec2.create_vpn_connection(CustomerGatewayId=customer, Type="ipsec.1", **asked)
    return made["VpnConnection"]


def test_the_same_device_is_the_same_customer_gateway(ec2, customer, clock, refused):
    again = ec2.create_customer_gateway(Type="ipsec.1", PublicIp="203.0.113.7", BgpAsn=65010)
    assert again["CustomerGateway"]["CustomerGatewayId"] == customer
    ec2.get_waiter("customer_gateway_available").config.max_attempts = 1
    clock.advance(1)
    ec2.get_waiter("customer_gateway_available").wait(CustomerGatewayIds=[customer])
    [there] = ec2.describe_customer_gateways(Filters=[{"Name": "bgp-asn", "Values": ["65010"]}])["CustomerGateways"]
    assert there["State"] == "available" and there["BgpAsn"] == "65010"
    with refused("MissingParameter"):
        ec2.create_customer_gateway(Type="ipsec.1", BgpAsn=65010)
    ec2.delete_customer_gateway(CustomerGatewayId=customer)
    assert ec2.describe_customer_gateways()["CustomerGateways"][0]["State"] == "deleted"


def test_the_configuration_is_aws_xml_with_two_tunnels(ec2, customer, gateway, clock):
    options = {
        "TunnelOptions": [
            {"TunnelInsideCidr": "169.254.44.100/30", "PreSharedKey": "a_secret.key"},
            {"Phase1EncryptionAlgorithms": [{"Value": "AES256"}]},
        ]
    }
    made = connect(ec2, customer, VpnGatewayId=gateway, Options=options)
    assert made["State"] == "pending"
    root = Xml.fromstring(made["CustomerGatewayConfiguration"])
    assert root.tag == "vpn_connection" and root.get("id") == made["VpnConnectionId"]
    first, second = root.findall("ipsec_tunnel")
    assert first.findtext("ike/pre_shared_key") == "a_secret.key"
    assert first.findtext("customer_gateway/tunnel_outside_address/ip_address") == "203.0.113.7"
    assert first.findtext("vpn_gateway/tunnel_inside_address/ip_address") == "169.254.44.101"
    assert first.findtext("customer_gateway/tunnel_inside_address/ip_address") == "169.254.44.102"
    assert first.findtext("vpn_gateway/bgp/asn") == "64600"
    assert first.findtext("customer_gateway/bgp/asn") == "65010"
    assert second.findtext("ike/encryption_protocol") == "aes-256-cbc"
    clock.advance(2)
    [there] = ec2.describe_vpn_connections(VpnConnectionIds=[made["VpnConnectionId"]])["VpnConnections"]
    assert there["State"] == "available"
    assert [tunnel["Status"] for tunnel in there["VgwTelemetry"]] == ["DOWN", "DOWN"]
    outside = {tunnel["OutsideIpAddress"] for tunnel in there["Options"]["TunnelOptions"]}
    assert len(outside) == 2 and outside == {tunnel["OutsideIpAddress"] for tunnel in there["VgwTelemetry"]}


@pytest.mark.parametrize(
    "bad",
    [
        {"PreSharedKey": "0startswithzero"},
        {"PreSharedKey": "short"},
        {"TunnelInsideCidr": "169.254.0.0/30"},
        {"TunnelInsideCidr": "10.0.0.0/30"},
        {"Phase2LifetimeSeconds": 3600, "Phase1LifetimeSeconds": 3600},
        {"Phase1DHGroupNumbers": [{"Value": 5}]},
        {"RekeyMarginTimeSeconds": 1801},
        {"DPDTimeoutAction": "shrug"},
    ],
)
def test_options_that_no_tunnel_can_have_are_refused(ec2, customer, gateway, refused, bad):
    with refused("InvalidParameterValue"):
        connect(ec2, customer, VpnGatewayId=gateway, Options={"TunnelOptions": [bad]})
    assert ec2.describe_vpn_connections()["VpnConnections"] == []


def test_static_routes_reach_the_tables_that_want_them(ec2, customer, gateway, clock, refused):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    with refused("Gateway.NotAttached"):
        ec2.enable_vgw_route_propagation(GatewayId=gateway, RouteTableId=table)
    ec2.attach_vpn_gateway(VpcId=vpc, VpnGatewayId=gateway)
    ec2.enable_vgw_route_propagation(GatewayId=gateway, RouteTableId=table)
    connection = connect(ec2, customer, VpnGatewayId=gateway, Options={"StaticRoutesOnly": True})["VpnConnectionId"]

    def learned():
        [shown] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
        return {
            route["DestinationCidrBlock"]: (route["GatewayId"], route["Origin"], route["State"])
            for route in shown["Routes"]
            if route["GatewayId"] != "local"
        }

    def told(*blocks):
        """Routes are told while a tunnel is up, which here none is; where there can be none they always are."""
        there = blocks if Tunnels.available() else ()
        return dict.fromkeys(there, (gateway, "EnableVgwRoutePropagation", "active"))

    ec2.create_vpn_connection_route(DestinationCidrBlock="192.168.0.0/16", VpnConnectionId=connection)
    assert learned() == told("192.168.0.0/16")
    ec2.create_vpn_connection_route(DestinationCidrBlock="192.0.2.0/24", VpnConnectionId=connection)
    ec2.delete_vpn_connection_route(DestinationCidrBlock="192.168.0.0/16", VpnConnectionId=connection)
    assert learned() == told("192.0.2.0/24")
    [shown] = ec2.describe_vpn_connections(VpnConnectionIds=[connection])["VpnConnections"]
    assert shown["Routes"] == [{"DestinationCidrBlock": "192.0.2.0/24", "Source": "Static", "State": "available"}]
    with refused("IncorrectState"):
        ec2.delete_vpn_gateway(VpnGatewayId=gateway)
    with refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    ec2.delete_vpn_connection(VpnConnectionId=connection)
    assert learned() == {}
    ec2.detach_vpn_gateway(VpcId=vpc, VpnGatewayId=gateway)
    ec2.delete_vpn_gateway(VpnGatewayId=gateway)
    [there] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    assert there["PropagatingVgws"] == []


def test_a_dynamic_connection_takes_no_static_routes(ec2, customer, gateway, refused):
    connection = connect(ec2, customer, VpnGatewayId=gateway)["VpnConnectionId"]
    with refused("InvalidVpnConnection.InvalidType"):
        ec2.create_vpn_connection_route(DestinationCidrBlock="192.168.0.0/16", VpnConnectionId=connection)


def test_a_connection_to_a_transit_gateway_is_an_attachment(ec2, customer, gateway, clock):
    hub = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    clock.advance(2)
    made = connect(ec2, customer, TransitGatewayId=hub, Options={"StaticRoutesOnly": True})
    clock.advance(2)
    [attachment] = ec2.describe_transit_gateway_attachments()["TransitGatewayAttachments"]
    assert attachment["ResourceType"] == "vpn" and attachment["ResourceId"] == made["VpnConnectionId"]
    moved = ec2.modify_vpn_connection(VpnConnectionId=made["VpnConnectionId"], VpnGatewayId=gateway)["VpnConnection"]
    assert moved["VpnGatewayId"] == gateway and "TransitGatewayId" not in moved
    clock.advance(2)
    assert ec2.describe_transit_gateway_attachments()["TransitGatewayAttachments"][0]["State"] == "deleted"


def test_tunnels_are_changed_one_by_one_and_configurations_written_for_devices(ec2, customer, gateway, refused):
    made = connect(ec2, customer, VpnGatewayId=gateway)
    outside = made["Options"]["TunnelOptions"][1]["OutsideIpAddress"]
    changed = ec2.modify_vpn_tunnel_options(
        VpnConnectionId=made["VpnConnectionId"],
        VpnTunnelOutsideIpAddress=outside,
        TunnelOptions={"DPDTimeoutSeconds": 40, "IKEVersions": [{"Value": "ikev2"}]},
    )["VpnConnection"]
    second = changed["Options"]["TunnelOptions"][1]
    assert second["DpdTimeoutSeconds"] == 40 and second["IkeVersions"] == [{"Value": "ikev2"}]
    with refused("InvalidParameterValue"):
        ec2.modify_vpn_tunnel_options(
            VpnConnectionId=made["VpnConnectionId"],
            VpnTunnelOutsideIpAddress="192.0.2.1",
            TunnelOptions={"DPDTimeoutSeconds": 40},
        )
    [device] = [
        one
        for one in ec2.get_vpn_connection_device_types()["VpnConnectionDeviceTypes"]
        if one["Vendor"] == "Strongswan"
    ]
    text = ec2.get_vpn_connection_device_sample_configuration(
        VpnConnectionId=made["VpnConnectionId"],
        VpnConnectionDeviceTypeId=device["VpnConnectionDeviceTypeId"],
        InternetKeyExchangeVersion="ikev2",
    )["VpnConnectionDeviceSampleConfiguration"]
    assert f"right={outside}" in text and "keyexchange=ikev2" in text and second["PreSharedKey"] in text
    with refused("UnsupportedOperation"):
        ec2.get_vpn_connection_device_sample_configuration(
            VpnConnectionId=made["VpnConnectionId"],
            VpnConnectionDeviceTypeId=device["VpnConnectionDeviceTypeId"],
            InternetKeyExchangeVersion="ikev1",
            SampleType="recommended",
        )


def test_the_end_of_a_tunnel_is_replaced_when_somebody_asks_for_it(ec2, customer, gateway, clock, refused):
    made = connect(ec2, customer, VpnGatewayId=gateway)
    what, outside = made["VpnConnectionId"], made["Options"]["TunnelOptions"][0]["OutsideIpAddress"]
    tunnel = {"VpnConnectionId": what, "VpnTunnelOutsideIpAddress": outside}
    clock.advance(2)
    assert ec2.get_active_vpn_tunnel_status(**tunnel)["ActiveVpnTunnelStatus"] == {"ProvisioningStatus": "available"}
    with refused("InvalidParameterValue"):
        ec2.replace_vpn_tunnel(VpnConnectionId=what, VpnTunnelOutsideIpAddress="192.0.2.1")

    def applied():
        told = ec2.get_vpn_tunnel_replacement_status(**tunnel)
        assert told["VpnGatewayId"] == gateway and told["VpnTunnelOutsideIpAddress"] == outside
        return told["MaintenanceDetails"].get("LastMaintenanceApplied")

    for skip in (True, False):
        assert applied() is None
        options = {"EnableTunnelLifecycleControl": skip}
        ec2.modify_vpn_tunnel_options(**tunnel, TunnelOptions=options, SkipTunnelReplacement=skip)
    first = applied()
    clock.advance(2)
    assert ec2.replace_vpn_tunnel(**tunnel, ApplyPendingMaintenance=True)["Return"]
    assert applied() > first
    assert ec2.get_active_vpn_tunnel_status(**tunnel)["ActiveVpnTunnelStatus"]["ProvisioningStatus"] == "pending"


def test_a_concentrator_is_one_attachment_of_many_connections(ec2, customer, gateway, clock, refused):
    hub = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    clock.advance(2)
    tags = [{"ResourceType": "vpn-concentrator", "Tags": [{"Key": "k", "Value": "v"}]}]
    made = ec2.create_vpn_concentrator(Type="ipsec.1", TransitGatewayId=hub, TagSpecifications=tags)["VpnConcentrator"]
    what = made["VpnConcentratorId"]
    assert made["State"] == "pending" and made["Tags"] == tags[0]["Tags"]
    clock.advance(2)
    [attachment] = ec2.describe_transit_gateway_attachments()["TransitGatewayAttachments"]
    assert attachment["ResourceType"] == "vpn-concentrator" and attachment["ResourceId"] == what
    assert attachment["TransitGatewayAttachmentId"] == made["TransitGatewayAttachmentId"]
    for bad in ({"VpnGatewayId": gateway}, {"TransitGatewayId": hub}, {"Options": {"StaticRoutesOnly": True}}):
        with refused("InvalidParameterCombination"):
            connect(ec2, customer, VpnConcentratorId=what, **bad)
    first, second = (connect(ec2, customer, VpnConcentratorId=what) for _ in range(2))
    assert first["VpnConcentratorId"] == what and "TransitGatewayId" not in first
    assert len(ec2.describe_transit_gateway_attachments()["TransitGatewayAttachments"]) == 1
    filters = [{"Name": "transit-gateway-id", "Values": [hub]}]
    assert [one["State"] for one in ec2.describe_vpn_concentrators(Filters=filters)["VpnConcentrators"]] == [
        "available"
    ]
    with refused("IncorrectState"):
        ec2.delete_vpn_concentrator(VpnConcentratorId=what)
    for one in (first, second):
        ec2.delete_vpn_connection(VpnConnectionId=one["VpnConnectionId"])
    assert ec2.delete_vpn_concentrator(VpnConcentratorId=what)["Return"]
    clock.advance(2)
    assert ec2.describe_vpn_concentrators(VpnConcentratorIds=[what])["VpnConcentrators"][0]["State"] == "deleted"
    assert ec2.describe_transit_gateway_attachments()["TransitGatewayAttachments"][0]["State"] == "deleted"
    with refused("InvalidVpnConcentratorID.NotFound"):
        connect(ec2, customer, VpnConcentratorId=what)


def test_keys_may_be_kept_in_secrets_manager_and_are_not_shown_then(aws, ec2, customer, gateway, refused):
    with refused("InvalidParameterValue"):
        connect(ec2, customer, VpnGatewayId=gateway, PreSharedKeyStorage="Drawer")
    made = connect(ec2, customer, VpnGatewayId=gateway, PreSharedKeyStorage="SecretsManager")
    what, arn = made["VpnConnectionId"], made["PreSharedKeyArn"]
    tunnels = made["Options"]["TunnelOptions"]
    assert not any("PreSharedKey" in tunnel for tunnel in tunnels)
    root = Xml.fromstring(made["CustomerGatewayConfiguration"])
    assert {one.text for one in root.iter("pre_shared_key")} == {arn}
    secrets = aws.client("secretsmanager")

    def kept():
        return json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])

    outside = tunnels[0]["OutsideIpAddress"]
    assert kept().keys() == {tunnel["OutsideIpAddress"] for tunnel in tunnels}
    tunnel = {"VpnConnectionId": what, "VpnTunnelOutsideIpAddress": outside}
    ec2.modify_vpn_tunnel_options(**tunnel, TunnelOptions={"PreSharedKey": "a_secret.key"})
    assert kept()[outside] == "a_secret.key"
    changed = ec2.modify_vpn_tunnel_options(
        **tunnel, TunnelOptions={"DPDTimeoutSeconds": 40}, PreSharedKeyStorage="Standard"
    )
    [first, _] = changed["VpnConnection"]["Options"]["TunnelOptions"]
    assert first["PreSharedKey"] == "a_secret.key" and "PreSharedKeyArn" not in changed["VpnConnection"]
    assert secrets.list_secrets()["SecretList"] == []


def test_certificates_are_those_of_private_authorities(aws, ec2, customer, refused):
    arn = aws.client("acm").request_certificate(DomainName="vpn.example.com")["CertificateArn"]
    made = ec2.create_customer_gateway(Type="ipsec.1", BgpAsn=65010, CertificateArn=arn)["CustomerGateway"]
    with refused("InvalidParameterValue"):
        connect(ec2, made["CustomerGatewayId"])
    keyed = connect(ec2, customer)
    outside = keyed["Options"]["TunnelOptions"][0]["OutsideIpAddress"]
    with refused("OperationNotPermitted"):
        ec2.modify_vpn_tunnel_certificate(VpnConnectionId=keyed["VpnConnectionId"], VpnTunnelOutsideIpAddress=outside)
