"""Direct Connect: lines, groups, virtual interfaces, gateways and what is between accounts."""

from __future__ import annotations

import xml.etree.ElementTree as Xml

import pytest


@pytest.fixture
def dx(aws):
    return aws.client("directconnect")


def line(dx, **asked):
    return dx.create_connection(location="EqDC2", bandwidth="1Gbps", connectionName="line", **asked)["connectionId"]


def state(dx, what):
    return dx.describe_connections(connectionId=what)["connections"][0]["connectionState"]


def private(dx, connection, vlan=100, **asked):
    given = {"virtualInterfaceName": "vif", "vlan": vlan, "asn": 65000} | asked
    return dx.create_private_virtual_interface(connectionId=connection, newPrivateVirtualInterface=given)


@pytest.fixture
def gateway(dx, clock):
    made = dx.create_direct_connect_gateway(directConnectGatewayName="hub", amazonSideAsn=64700)
    clock.advance(2)
    return made["directConnectGateway"]["directConnectGatewayId"]


def test_a_line_is_requested_pending_and_available(dx, clock, refused):
    what = line(dx, tags=[{"key": "team", "value": "net"}])
    assert what.startswith("dxcon-") and state(dx, what) == "requested"
    with refused("DirectConnectClientException", "not available yet"):
        dx.describe_loa(connectionId=what)
    clock.advance(2)
    assert state(dx, what) == "pending"
    letter = dx.describe_loa(connectionId=what)
    pdf = letter["loaContent"] if isinstance(letter["loaContent"], bytes) else letter["loaContent"].read()
    assert pdf.startswith(b"%PDF-1.4") and what.encode() in pdf and pdf.rstrip().endswith(b"%%EOF")
    clock.advance(60)
    assert state(dx, what) == "available"
    with refused("DirectConnectClientException", "invalid"):
        dx.create_connection(location="Nowhere", bandwidth="1Gbps", connectionName="x")
    with refused("DirectConnectClientException", "Could not find Connection with ID"):
        dx.describe_connections(connectionId="dxcon-absent00")
    arn = f"arn:aws:directconnect:us-east-1:{dx.describe_connections()['connections'][0]['ownerAccount']}:dxcon/{what}"
    dx.tag_resource(resourceArn=arn, tags=[{"key": "x", "value": "y"}])
    [tags] = dx.describe_tags(resourceArns=[arn])["resourceTags"]
    assert {tag["key"] for tag in tags["tags"]} == {"team", "x"}
    dx.delete_connection(connectionId=what)
    clock.advance(2)
    assert state(dx, what) == "deleted"


def test_a_private_interface_leads_to_a_virtual_private_gateway(aws, dx, clock, refused):
    connection = line(dx)
    ec2 = aws.client("ec2")
    vgw = ec2.create_vpn_gateway(Type="ipsec.1", AmazonSideAsn=64555)["VpnGateway"]["VpnGatewayId"]
    made = private(dx, connection, virtualGatewayId=vgw)
    assert made["virtualInterfaceState"] == "pending" and made["amazonSideAsn"] == 64555
    root = Xml.fromstring(made["customerRouterConfig"])
    assert root.findtext("vlan") == "100" and root.findtext("amazon_bgp_asn") == "64555"
    clock.advance(3)
    [there] = dx.describe_virtual_interfaces(connectionId=connection)["virtualInterfaces"]
    assert there["virtualInterfaceState"] == "down" and there["bgpPeers"][0]["bgpStatus"] == "down"
    with refused("DirectConnectClientException", "already in use"):
        private(dx, connection, virtualGatewayId=vgw)
    with refused("DirectConnectClientException"):
        private(dx, connection, 101)
    with refused("DirectConnectClientException", "Could not find Virtual Gateway"):
        private(dx, connection, 101, virtualGatewayId="vgw-0123456789abcdef0")
    with refused("DirectConnectClientException", "has virtual interfaces"):
        dx.delete_connection(connectionId=connection)
    what = made["virtualInterfaceId"]
    dx.update_virtual_interface_attributes(virtualInterfaceId=what, mtu=8500)
    with refused("DirectConnectClientException", "MTU"):
        dx.update_virtual_interface_attributes(virtualInterfaceId=what, mtu=1400)
    assert dx.delete_virtual_interface(virtualInterfaceId=what)["virtualInterfaceState"] == "deleting"
    dx.delete_connection(connectionId=connection)


def test_lines_of_a_group_are_alike_and_it_keeps_its_minimum(dx, clock, refused):
    group = dx.create_lag(numberOfConnections=2, location="EqDC2", connectionsBandwidth="1Gbps", lagName="both")
    assert group["numberOfConnections"] == 2
    lag = group["lagId"]
    third = line(dx)
    dx.associate_connection_with_lag(connectionId=third, lagId=lag)
    dx.update_lag(lagId=lag, minimumLinks=3)
    with refused("DirectConnectClientException", "minimum"):
        dx.disassociate_connection_from_lag(connectionId=third, lagId=lag)
    dx.update_lag(lagId=lag, minimumLinks=1)
    dx.disassociate_connection_from_lag(connectionId=third, lagId=lag)
    other = dx.create_connection(location="EqDC2", bandwidth="10Gbps", connectionName="fast")["connectionId"]
    with refused("DirectConnectClientException"):
        dx.associate_connection_with_lag(connectionId=other, lagId=lag)
    with refused("LimitExceededException"):
        dx.create_lag(numberOfConnections=5, location="EqDC2", connectionsBandwidth="1Gbps", lagName="many")
    assert dx.delete_lag(lagId=lag)["lagState"] == "deleting"


def test_a_failover_test_ends_by_itself_or_is_stopped(dx, gateway, clock, refused):
    what = private(dx, line(dx), directConnectGatewayId=gateway)["virtualInterfaceId"]
    clock.advance(3)

    def now():
        return dx.describe_virtual_interfaces(virtualInterfaceId=what)["virtualInterfaces"][0]["virtualInterfaceState"]

    dx.start_bgp_failover_test(virtualInterfaceId=what, testDurationInMinutes=10)
    assert now() == "testing"
    with refused("DirectConnectClientException", "in progress"):
        dx.start_bgp_failover_test(virtualInterfaceId=what)
    clock.advance(601)
    assert now() == "down"
    dx.start_bgp_failover_test(virtualInterfaceId=what)
    assert dx.stop_bgp_failover_test(virtualInterfaceId=what)["virtualInterfaceTest"]["status"] == "STOPPED"
    history = dx.list_virtual_interface_test_history(virtualInterfaceId=what)["virtualInterfaceTestHistory"]
    assert sorted(test["status"] for test in history) == ["COMPLETED", "STOPPED"]


def test_a_gateway_has_associations_of_one_kind(aws, dx, gateway, clock, refused):
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"]
    vgw = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    ec2.attach_vpn_gateway(VpcId=vpc, VpnGatewayId=vgw)
    made = dx.create_direct_connect_gateway_association(directConnectGatewayId=gateway, gatewayId=vgw)
    association = made["directConnectGatewayAssociation"]
    assert association["associationState"] == "associating"
    assert association["allowedPrefixesToDirectConnectGateway"] == [{"cidr": "10.3.0.0/16"}]
    hub = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    with refused("DirectConnectClientException", "prefixes are required"):
        dx.create_direct_connect_gateway_association(directConnectGatewayId=gateway, gatewayId=hub)
    with refused("DirectConnectClientException", "one kind"):
        dx.create_direct_connect_gateway_association(
            directConnectGatewayId=gateway,
            gatewayId=hub,
            addAllowedPrefixesToDirectConnectGateway=[{"cidr": "10.0.0.0/8"}],
        )
    clock.advance(3)
    what = association["associationId"]
    [there] = dx.describe_direct_connect_gateway_associations(associationId=what)["directConnectGatewayAssociations"]
    assert there["associationState"] == "associated"
    with refused("DirectConnectClientException"):
        dx.delete_direct_connect_gateway(directConnectGatewayId=gateway)
    dx.delete_direct_connect_gateway_association(associationId=what)
    clock.advance(3)
    dx.delete_direct_connect_gateway(directConnectGatewayId=gateway)


def test_another_accounts_gateway_is_proposed_and_accepted(aws, cloud, dx, gateway, clock):
    other = cloud.account()
    vgw = other.client("ec2").create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    proposal = other.client("directconnect").create_direct_connect_gateway_association_proposal(
        directConnectGatewayId=gateway,
        directConnectGatewayOwnerAccount=aws.id,
        gatewayId=vgw,
        addAllowedPrefixesToDirectConnectGateway=[{"cidr": "10.4.0.0/16"}],
    )["directConnectGatewayAssociationProposal"]
    accepted = dx.accept_direct_connect_gateway_association_proposal(
        directConnectGatewayId=gateway, proposalId=proposal["proposalId"], associatedGatewayOwnerAccount=other.id
    )["directConnectGatewayAssociation"]
    assert accepted["associatedGateway"]["ownerAccount"] == other.id
    theirs = other.client("directconnect").describe_direct_connect_gateway_association_proposals()
    assert theirs["directConnectGatewayAssociationProposals"][0]["proposalState"] == "accepted"


def test_an_interface_for_another_account_waits_until_that_confirms(cloud, dx, clock, refused):
    other = cloud.account()
    theirs = other.client("directconnect")
    hub = theirs.create_direct_connect_gateway(directConnectGatewayName="theirs")["directConnectGateway"]
    clock.advance(2)
    made = dx.allocate_private_virtual_interface(
        connectionId=line(dx),
        ownerAccount=other.id,
        newPrivateVirtualInterfaceAllocation={"virtualInterfaceName": "offer", "vlan": 7, "asn": 65001},
    )
    assert made["virtualInterfaceState"] == "confirming" and made["ownerAccount"] == other.id
    what = made["virtualInterfaceId"]
    confirmed = theirs.confirm_private_virtual_interface(
        virtualInterfaceId=what, directConnectGatewayId=hub["directConnectGatewayId"]
    )
    assert confirmed["virtualInterfaceState"] == "pending"
    [attachment] = theirs.describe_direct_connect_gateway_attachments()["directConnectGatewayAttachments"]
    assert attachment["virtualInterfaceId"] == what
    with refused("DirectConnectClientException"):
        theirs.confirm_private_virtual_interface(
            virtualInterfaceId=what, directConnectGatewayId=hub["directConnectGatewayId"]
        )


def test_a_hosted_connection_waits_for_its_owner(cloud, dx, clock):
    other = cloud.account()
    parent = line(dx)
    made = dx.allocate_hosted_connection(
        connectionId=parent, ownerAccount=other.id, bandwidth="50Mbps", connectionName="part", vlan=9
    )
    assert made["connectionState"] == "ordering"
    theirs = other.client("directconnect")
    assert theirs.confirm_connection(connectionId=made["connectionId"])["connectionState"] == "pending"
    clock.advance(61)
    [hosted] = dx.describe_hosted_connections(connectionId=parent)["connections"]
    assert hosted["connectionState"] == "available" and hosted["vlan"] == 9


def test_public_and_transit_interfaces_and_those_for_others(aws, cloud, dx, gateway, clock, refused):
    connection = line(dx)
    public = {
        "virtualInterfaceName": "public",
        "vlan": 20,
        "asn": 65000,
        "routeFilterPrefixes": [{"cidr": "203.0.113.0/30"}],
    }
    ends = {"amazonAddress": "203.0.113.1/30", "customerAddress": "203.0.113.2/30"}
    for wrong in (
        {"amazonAddress": "nonsense", "customerAddress": "203.0.113.2/30"},
        {"amazonAddress": "2001:db8::1/126", "customerAddress": "203.0.113.2/30"},
        {"amazonAddress": "203.0.113.1/30", "customerAddress": "203.0.113.2/30", "authKey": 'a quoted "key"'},
        {
            "amazonAddress": "203.0.113.1/30",
            "customerAddress": "203.0.113.2/30",
            "routeFilterPrefixes": [{"cidr": "x"}],
        },
    ):
        with refused("DirectConnectClientException"):
            dx.create_public_virtual_interface(connectionId=connection, newPublicVirtualInterface=public | wrong)
    with refused("DirectConnectClientException", "address"):
        dx.create_public_virtual_interface(connectionId=connection, newPublicVirtualInterface=public)
    public |= ends
    made = dx.create_public_virtual_interface(connectionId=connection, newPublicVirtualInterface=public)
    assert made["virtualInterfaceState"] == "verifying" and made["amazonSideAsn"] == 7224
    transit = {"virtualInterfaceName": "t", "vlan": 21, "asn": 65000, "directConnectGatewayId": gateway, "mtu": 8500}
    made = dx.create_transit_virtual_interface(connectionId=connection, newTransitVirtualInterface=transit)
    what = made["virtualInterface"]["virtualInterfaceId"]
    [attachment] = dx.describe_direct_connect_gateway_attachments(directConnectGatewayId=gateway)[
        "directConnectGatewayAttachments"
    ]
    assert attachment["attachmentType"] == "TransitVirtualInterface"
    text = dx.describe_router_configuration(virtualInterfaceId=what, routerTypeIdentifier="any")["customerRouterConfig"]
    assert f'id="{what}"' in text
    peers = dx.create_bgp_peer(virtualInterfaceId=what, newBGPPeer={"asn": 65000, "addressFamily": "ipv6"})
    [first, second] = peers["virtualInterface"]["bgpPeers"]
    dx.delete_bgp_peer(virtualInterfaceId=what, bgpPeerId=second["bgpPeerId"])
    with refused("DirectConnectClientException", "last BGP peer"):
        dx.delete_bgp_peer(virtualInterfaceId=what, bgpPeerId=first["bgpPeerId"])
    other_line = line(dx)
    assert (
        dx.associate_virtual_interface(virtualInterfaceId=what, connectionId=other_line)["connectionId"] == other_line
    )

    other = cloud.account()
    theirs = other.client("directconnect")
    offered = dx.allocate_public_virtual_interface(
        connectionId=connection, ownerAccount=other.id, newPublicVirtualInterfaceAllocation=public | {"vlan": 30}
    )
    confirmed = theirs.confirm_public_virtual_interface(virtualInterfaceId=offered["virtualInterfaceId"])
    assert confirmed["virtualInterfaceState"] == "verifying"
    hub = theirs.create_direct_connect_gateway(directConnectGatewayName="h")["directConnectGateway"]
    allocation = {"virtualInterfaceName": "t", "vlan": 31, "asn": 65009}
    offered = dx.allocate_transit_virtual_interface(
        connectionId=connection, ownerAccount=other.id, newTransitVirtualInterfaceAllocation=allocation
    )["virtualInterface"]
    confirmed = theirs.confirm_transit_virtual_interface(
        virtualInterfaceId=offered["virtualInterfaceId"], directConnectGatewayId=hub["directConnectGatewayId"]
    )
    assert confirmed["virtualInterfaceState"] == "pending"
    seen = dx.describe_virtual_interfaces(connectionId=connection)["virtualInterfaces"]
    assert {one["ownerAccount"] for one in seen} == {aws.id, other.id}


def test_names_tags_and_prefixes_change(aws, cloud, dx, gateway, clock):
    assert {one["locationCode"] for one in dx.describe_locations()["locations"]} >= {"EqDC2"}
    connection = line(dx)
    assert dx.update_connection(connectionId=connection, connectionName="new")["connectionName"] == "new"
    arn = f"arn:aws:directconnect:us-east-1:{aws.id}:dxcon/{connection}"
    dx.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    dx.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert dx.describe_tags(resourceArns=[arn])["resourceTags"][0]["tags"] == [{"key": "b", "value": "2"}]
    clock.advance(2)
    assert dx.describe_connection_loa(connectionId=connection)["loa"]["loaContentType"] == "application/pdf"
    dx.create_lag(numberOfConnections=1, location="EqDC2", connectionsBandwidth="1Gbps", lagName="one")
    assert [one["lagName"] for one in dx.describe_lags()["lags"]] == ["one"]
    dx.update_direct_connect_gateway(directConnectGatewayId=gateway, newDirectConnectGatewayName="renamed")
    [there] = dx.describe_direct_connect_gateways()["directConnectGateways"]
    assert there["directConnectGatewayName"] == "renamed"
    vgw = aws.client("ec2").create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    assert [one["virtualGatewayId"] for one in dx.describe_virtual_gateways()["virtualGateways"]] == [vgw]
    made = dx.create_direct_connect_gateway_association(directConnectGatewayId=gateway, gatewayId=vgw)
    clock.advance(3)
    changed = dx.update_direct_connect_gateway_association(
        associationId=made["directConnectGatewayAssociation"]["associationId"],
        addAllowedPrefixesToDirectConnectGateway=[{"cidr": "10.0.0.0/16"}],
    )["directConnectGatewayAssociation"]
    assert changed["associationState"] == "updating"
    assert changed["allowedPrefixesToDirectConnectGateway"] == [{"cidr": "10.0.0.0/16"}]
    other = cloud.account()
    theirs = other.client("ec2").create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    proposal = other.client("directconnect").create_direct_connect_gateway_association_proposal(
        directConnectGatewayId=gateway, directConnectGatewayOwnerAccount=aws.id, gatewayId=theirs
    )["directConnectGatewayAssociationProposal"]
    gone = dx.delete_direct_connect_gateway_association_proposal(proposalId=proposal["proposalId"])
    assert gone["directConnectGatewayAssociationProposal"]["proposalState"] == "deleted"
    assert dx.describe_direct_connect_gateway_association_proposals()["directConnectGatewayAssociationProposals"] == []


def test_partners_have_interconnects_and_give_others_parts_of_them(aws, cloud, dx, clock, refused):
    assert dx.describe_customer_metadata()["nniPartnerType"] == "nonPartner"
    assert dx.confirm_customer_agreement()["status"] == "signed"
    made = dx.create_interconnect(interconnectName="ours", bandwidth="10Gbps", location="EqDC2", requestMACSec=True)
    what = made["interconnectId"]
    told = dx.describe_customer_metadata()
    assert told["nniPartnerType"] == "v2" and told["agreements"][0]["status"] == "signed"
    assert dx.describe_connections()["connections"] == []
    clock.advance(61)
    assert dx.describe_interconnects(interconnectId=what)["interconnects"][0]["interconnectState"] == "available"
    assert b"%PDF" in dx.describe_interconnect_loa(interconnectId=what)["loa"]["loaContent"]
    other = cloud.account()
    part = dx.allocate_connection_on_interconnect(
        bandwidth="50Mbps", connectionName="p", ownerAccount=other.id, interconnectId=what, vlan=5
    )["connectionId"]
    [there] = dx.describe_connections_on_interconnect(interconnectId=what)["connections"]
    assert (there["connectionId"], there["ownerAccount"], there["vlan"]) == (part, other.id, 5)
    with refused("DirectConnectClientException", "hosted"):
        dx.delete_interconnect(interconnectId=what)
    second = dx.create_interconnect(interconnectName="more", bandwidth="10Gbps", location="EqDC2")["interconnectId"]
    dx.associate_hosted_connection(connectionId=part, parentConnectionId=second)
    assert dx.describe_connections_on_interconnect(interconnectId=what)["connections"] == []
    assert dx.delete_interconnect(interconnectId=what)["interconnectState"] == "deleting"


def test_mac_sec_keys_are_kept_in_secrets_manager(aws, dx, refused):
    with refused("DirectConnectClientException", "not MACsec capable"):
        dx.associate_mac_sec_key(connectionId=line(dx), ckn="a" * 64, cak="b" * 64)
    what = line(dx, requestMACSec=True)
    with refused("DirectConnectClientException", "64"):
        dx.associate_mac_sec_key(connectionId=what, ckn="a", cak="b" * 64)
    [key] = dx.associate_mac_sec_key(connectionId=what, ckn="a" * 64, cak="b" * 64)["macSecKeys"]
    kept = aws.client("secretsmanager").get_secret_value(SecretId=key["secretARN"])
    assert kept["Name"].endswith(f"/{'a' * 64}") and '"cak"' in kept["SecretString"]
    with refused("DirectConnectClientException", "already"):
        dx.associate_mac_sec_key(connectionId=what, secretARN=key["secretARN"])
    shown = dx.update_connection(connectionId=what, encryptionMode="must_encrypt")
    assert shown["encryptionMode"] == "must_encrypt" and shown["macSecKeys"][0]["ckn"] == "a" * 64
    dx.disassociate_mac_sec_key(connectionId=what, secretARN=key["secretARN"])
    assert "macSecKeys" not in dx.describe_connections(connectionId=what)["connections"][0]
    told = dx.update_connections_billing_mode(connectionIds=[what], billingMode="FlatRateTier1")
    assert told["connections"][0]["billingMode"] == "FlatRateTier1"


def test_lines_of_a_resiliency_group_go_in_together_or_not_at_all(dx, clock, refused):
    asked = {"resiliencyGroupName": "both", "intendedResiliencyModel": "high-resiliency", "clientToken": "t"}
    made = dx.create_resiliency_group(**asked)["resiliencyGroup"]
    what = made["resiliencyGroupId"]
    assert dx.create_resiliency_group(**asked)["resiliencyGroup"]["resiliencyGroupId"] == what
    first, second = line(dx), line(dx)
    with refused("DirectConnectClientException", "Could not find"):
        dx.associate_connections_to_resiliency_group(
            connectionIdentifiers=[first, "dxcon-absent00"], resiliencyGroupId=what
        )
    assert dx.list_resiliency_group_associations(resiliencyGroupId=what)["items"] == []
    dx.associate_connections_to_resiliency_group(connectionIdentifiers=[first, second], resiliencyGroupId=what)
    assert len(dx.list_resiliency_group_associations(resiliencyGroupId=what)["items"]) == 2
    with refused("DirectConnectClientException", "associated connections"):
        dx.delete_resiliency_group(resiliencyGroupId=what)
    dx.disassociate_connections_from_resiliency_group(connectionIdentifiers=[first, second], resiliencyGroupId=what)
    dx.update_resiliency_group(resiliencyGroupId=what, resiliencyGroupName="renamed")
    clock.advance(2)
    [there] = dx.list_resiliency_groups()["items"]
    assert there["resiliencyGroupName"] == "renamed" and there["state"] == "available"
    dx.delete_resiliency_group(resiliencyGroupId=what)
    clock.advance(2)
    assert dx.get_resiliency_group(resiliencyGroupId=what)["resiliencyGroup"]["state"] == "deleted"
