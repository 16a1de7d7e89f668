"""What is said by the API takes effect on the wire."""

from __future__ import annotations

import time


def test_instances_of_a_vpc_reach_each_other_as_groups_let_them(ec2, vpc, wire):
    home = vpc()
    one = home.instance(home.subnet(0), "10.0.0.5")
    two = home.instance(home.subnet(1), "10.0.1.6")
    assert wire.soon(one, two, "10.0.1.6"), "the default group lets its members in"
    web = ec2.create_security_group(GroupName="web", Description="web", VpcId=home.id)["GroupId"]
    three = home.instance(home.subnet(2), "10.0.2.7", groups=(web,))
    wire.until(lambda: three in wire.names())
    assert not wire.connects(one, three, "10.0.2.7")
    http = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080}
    rule = http | {"UserIdGroupPairs": [{"GroupId": home.group}]}
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[rule])
    assert wire.soon(one, three, "10.0.2.7")
    assert not wire.connects(one, three, "10.0.2.7", 81)
    ec2.revoke_security_group_ingress(GroupId=web, IpPermissions=[rule])
    assert wire.cut(one, three, "10.0.2.7")


def test_a_change_takes_effect_within_a_tenth_of_a_second(ec2, vpc, wire):
    home = vpc()
    subnet = home.subnet(0)
    one, two = home.instance(subnet, "10.0.0.5"), home.instance(subnet, "10.0.0.6")
    assert wire.soon(one, two, "10.0.0.6")
    group = ec2.create_security_group(GroupName="none", Description="none", VpcId=home.id)["GroupId"]
    interface = ec2.describe_instances(InstanceIds=[two])["Reservations"][0]["Instances"][0]["NetworkInterfaces"][0]
    taken = []
    with wire.listening(two):
        for groups, wanted in (([group], False), ([home.group], True)) * 3:
            ec2.modify_network_interface_attribute(NetworkInterfaceId=interface["NetworkInterfaceId"], Groups=groups)
            began = time.monotonic()
            while wire.reaches(one, "10.0.0.6") != wanted:
                assert time.monotonic() - began < 3
            taken.append(time.monotonic() - began)
    assert min(taken[1::2]) < 0.4, taken  # a connection that is refused is only known to be after that time


def test_network_acls_know_no_connections(ec2, vpc, wire):
    home = vpc()
    home.open()
    one = home.instance(home.subnet(0), "10.0.0.5")
    far = home.subnet(1)
    two = home.instance(far, "10.0.1.6")
    assert wire.soon(one, two, "10.0.1.6")
    acl = ec2.create_network_acl(VpcId=home.id)["NetworkAcl"]["NetworkAclId"]
    tcp = {"NetworkAclId": acl, "Protocol": "6", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}
    ec2.create_network_acl_entry(**tcp, RuleNumber=100, Egress=False, PortRange={"From": 8080, "To": 8080})
    filters = [{"Name": "association.subnet-id", "Values": [far]}]
    (there,) = ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
    association = next(a["NetworkAclAssociationId"] for a in there["Associations"] if a["SubnetId"] == far)
    ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=acl)
    assert wire.cut(one, two, "10.0.1.6"), "the answer may not leave"
    ec2.create_network_acl_entry(**tcp, RuleNumber=100, Egress=True, PortRange={"From": 1024, "To": 65535})
    assert wire.soon(one, two, "10.0.1.6")
    ec2.create_network_acl_entry(
        NetworkAclId=acl, Protocol="-1", RuleAction="deny", CidrBlock="10.0.0.5/32", RuleNumber=50, Egress=False
    )
    assert wire.cut(one, two, "10.0.1.6"), "the lower number decides"


def test_a_public_address_leads_to_an_instance_through_the_gateway_alone(ec2, vpc, wire):
    home = vpc()
    home.open()
    subnet = home.subnet(0)
    gateway = home.gateway()
    one, other = home.instance(subnet, public=True), home.instance(subnet)
    address = ec2.describe_instances(InstanceIds=[one])["Reservations"][0]["Instances"][0]["PublicIpAddress"]
    assert wire.until(lambda: wire.connects("internet", one, address))
    assert wire.seen(one, "internet", wire.public(1)) == address
    assert not wire.connects(other, "internet", wire.public(1)), "it has no public address"
    ec2.delete_route(RouteTableId=home.table, DestinationCidrBlock="0.0.0.0/0")
    assert wire.cut(one, "internet", wire.public(1))
    assert gateway


def test_an_elastic_ip_address_can_be_moved(ec2, vpc, wire):
    home = vpc()
    home.open()
    subnet = home.subnet(0)
    home.gateway()
    one, two = home.instance(subnet), home.instance(subnet)
    made = ec2.allocate_address(Domain="vpc")
    for instance in (one, two):
        ec2.associate_address(AllocationId=made["AllocationId"], InstanceId=instance)
        assert wire.until(lambda to=instance: wire.seen(to, "internet", wire.public(1)) == made["PublicIp"])
    assert not wire.connects(one, "internet", wire.public(1))


def test_a_private_subnet_gets_out_by_its_nat_gateway_and_nobody_gets_in(ec2, vpc, wire):
    home = vpc()
    home.open()
    public, private = home.subnet(0), home.subnet(1)
    home.gateway()
    table = ec2.create_route_table(VpcId=home.id)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=private)
    inside = home.instance(private, "10.0.1.5")
    address = ec2.allocate_address(Domain="vpc")
    nat = ec2.create_nat_gateway(SubnetId=public, AllocationId=address["AllocationId"])["NatGateway"]["NatGatewayId"]
    assert wire.until(lambda: inside in wire.names())
    assert not wire.connects(inside, "internet", wire.public(1))
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat], WaiterConfig={"Delay": 1})
    home.route("0.0.0.0/0", table, NatGatewayId=nat)
    assert wire.until(lambda: wire.seen(inside, "internet", wire.public(1)) == address["PublicIp"])
    assert not wire.connects("internet", inside, address["PublicIp"])


def test_stopped_and_terminated_instances_are_off_the_wire(ec2, vpc, wire):
    home = vpc()
    subnet = home.subnet(0)
    one, two = home.instance(subnet, "10.0.0.5"), home.instance(subnet, "10.0.0.6")
    assert wire.soon(one, two, "10.0.0.6")
    ec2.get_waiter("instance_running").wait(InstanceIds=[one, two], WaiterConfig={"Delay": 1})
    ec2.stop_instances(InstanceIds=[two])
    assert wire.until(lambda: two not in wire.names())
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[two], WaiterConfig={"Delay": 1})
    ec2.start_instances(InstanceIds=[two])
    assert wire.soon(one, two, "10.0.0.6")
    ec2.terminate_instances(InstanceIds=[one, two])
    assert wire.until(lambda: not {one, two, home.id} & {*wire.names()}), "an empty VPC has no network"


def test_instances_in_two_subnets_of_a_firewall_appliance(ec2, vpc, wire):
    """A route to an interface takes one whose source/destination check is off."""
    home = vpc()
    home.open()
    first, last = home.subnet(0), home.subnet(1)
    home.gateway()
    table = ec2.create_route_table(VpcId=home.id)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=first)
    inside, middle = home.instance(first, "10.0.0.5"), home.instance(last, "10.0.1.9", public=True)
    (interface,) = ec2.describe_instances(InstanceIds=[middle])["Reservations"][0]["Instances"][0]["NetworkInterfaces"]
    home.route("0.0.0.0/0", table, NetworkInterfaceId=interface["NetworkInterfaceId"])
    assert wire.until(lambda: middle in wire.names())
    forward(wire, middle)
    assert not wire.connects(inside, "internet", wire.public(1))
    ec2.modify_network_interface_attribute(
        NetworkInterfaceId=interface["NetworkInterfaceId"], SourceDestCheck={"Value": False}
    )
    assert wire.until(lambda: wire.connects(inside, "internet", wire.public(1)))


def forward(wire, host):
    """Make a host translate addresses and forward, as a NAT instance does."""
    import subprocess

    space = f"--net=/run/netns/{wire.names()[host]}"
    subprocess.run(["nsenter", space, "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
    rules = "table ip n { chain c { type nat hook postrouting priority 100; masquerade; }; }"
    subprocess.run(["nsenter", space, "nft", rules], check=True)


def test_ipv6_gets_out_by_an_egress_only_gateway_and_nobody_gets_in(ec2, vpc, wire):
    def six(cidr):
        home = vpc(cidr)
        home.open({"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]})
        ec2.associate_vpc_cidr_block(VpcId=home.id, AmazonProvidedIpv6CidrBlock=True)

        def block():
            (told,) = ec2.describe_vpcs(VpcIds=[home.id])["Vpcs"]
            (one,) = told["Ipv6CidrBlockAssociationSet"]
            return one["Ipv6CidrBlockState"]["State"] == "associated" and one["Ipv6CidrBlock"]

        assert wire.until(block)
        subnet = home.subnet(0)
        ec2.associate_subnet_cidr_block(SubnetId=subnet, Ipv6CidrBlock=block().replace("/56", "/64"))
        ec2.modify_subnet_attribute(SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": True})
        one = home.instance(subnet)
        (told,) = ec2.describe_instances(InstanceIds=[one])["Reservations"][0]["Instances"]
        return home, one, told["NetworkInterfaces"][0]["Ipv6Addresses"][0]["Ipv6Address"]

    (home, inside, hidden), (other, outside, open_) = six("10.1.0.0/16"), six("10.2.0.0/16")
    gateway = ec2.create_egress_only_internet_gateway(VpcId=home.id)["EgressOnlyInternetGateway"]
    name = gateway["EgressOnlyInternetGatewayId"]
    ec2.create_route(RouteTableId=home.table, DestinationIpv6CidrBlock="::/0", EgressOnlyInternetGatewayId=name)
    way_out = other.gateway()
    ec2.create_route(RouteTableId=other.table, DestinationIpv6CidrBlock="::/0", GatewayId=way_out)
    assert wire.until(lambda: wire.says(inside, outside, open_))
    assert not wire.says(outside, inside, hidden)
