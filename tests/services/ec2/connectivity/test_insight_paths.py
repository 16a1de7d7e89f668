"""The computation behind the Reachability Analyzer: by hand, and against a naive reference for random networks."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from hypothesis import given, settings
from hypothesis import strategies as st

from pileus.services.ec2.connectivity.insight_paths import reaches, travel
from pileus.services.ec2.connectivity.insight_questions import Question, answered
from pileus.services.ec2.connectivity.insight_rules import boundaries
from pileus.services.ec2.connectivity.insight_world import (
    Attached,
    Entry,
    Interface,
    Line,
    Packet,
    Rule,
    Subnet,
    Transit,
    TransitLine,
    World,
)

OPEN = [Entry(100, False, True, "-1", "0.0.0.0/0"), Entry(100, True, True, "-1", "0.0.0.0/0")]
ALL = [Rule("sg", False, "-1", None, ("0.0.0.0/0",)), Rule("sg", True, "-1", None, ("0.0.0.0/0",))]


def vpc(number, zones="ab", table=None, acls=OPEN, groups=("sg",)):
    """A VPC 10.N.0.0/16 of two subnets, with an interface in each."""
    block = f"10.{number}.0.0/16"
    subnets, interfaces = {}, {}
    for index, zone in enumerate(zones):
        subnet = Subnet(
            f"subnet{number}{index}", f"vpc{number}", zone, (f"10.{number}.{index}.0/24",), f"t{number}", "acl"
        )
        subnets[subnet.id] = subnet
        name = f"eni{number}{index}"
        interfaces[name] = Interface(name, subnet.id, f"vpc{number}", (f"10.{number}.{index}.5",), groups)
    return block, subnets, interfaces, [Line(block, "local"), *(table or [])]


def world(*vpcs, groups=None, acls=None, **more):
    made = World({}, {}, {}, groups or {"sg": ALL}, acls or {"acl": OPEN}, {}, **more)
    for block, subnets, interfaces, table in vpcs:
        number = block.split(".")[1]
        made.vpcs[f"vpc{number}"] = (block,)
        made.subnets.update(subnets)
        made.interfaces.update(interfaces)
        made.tables[f"t{number}"] = table
    return made


def packet(source, destination, port=80, source_port=40000):
    return Packet("6", source, source_port, destination, port)


def code(there, source, sent, goal=""):
    way = travel(there, source, sent, goal)
    return way.why.code if way.why else "found"


def test_within_a_vpc_everything_is_local():
    there = world(vpc(0))
    way = travel(there, "eni00", packet("10.0.0.5", "10.0.1.5"))
    assert [step.component for step in way.forward] == ["eni00", "sg", "acl", "t0", "acl", "sg", "eni01"]
    assert [step.component for step in way.back] == ["eni01", "acl", "t0", "acl", "eni00"]


def test_groups_remember_and_lists_do_not():
    only_80 = [Rule("sg", False, "6", (80, 80), ("10.0.0.0/8",)), Rule("sg", True, "6", (80, 80), ("0.0.0.0/0",))]
    there = world(vpc(0), groups={"sg": only_80})
    assert reaches(there, "eni00", packet("10.0.0.5", "10.0.1.5"))
    assert code(there, "eni00", packet("10.0.0.5", "10.0.1.5", 81)) == "ENI_SG_RULES_MISMATCH"
    stateless = [
        Entry(100, False, True, "6", "0.0.0.0/0", (80, 80)),
        Entry(100, True, True, "6", "0.0.0.0/0", (80, 80)),
    ]
    there = world(vpc(0), acls={"acl": stateless})
    way = travel(there, "eni00", packet("10.0.0.5", "10.0.1.5"))
    assert way.why.code == "SUBNET_ACL_RESTRICTION" and way.forward[-1].component == "eni01"
    ephemeral = [*stateless, *(Entry(200, egress, True, "6", "0.0.0.0/0", (32768, 65535)) for egress in (True, False))]
    assert reaches(world(vpc(0), acls={"acl": ephemeral}), "eni00", packet("10.0.0.5", "10.0.1.5"))


def test_the_first_line_that_fits_decides_and_the_same_subnet_asks_no_list():
    deny_first = [Entry(90, True, False, "6", "10.0.1.0/24", (80, 80)), *OPEN]
    there = world(vpc(0), acls={"acl": deny_first})
    assert code(there, "eni00", packet("10.0.0.5", "10.0.1.5")) == "SUBNET_ACL_RESTRICTION"
    assert reaches(there, "eni00", packet("10.0.0.5", "10.0.1.5", 81))
    twin = there.interfaces["eni01"]._replace(id="twin", subnet="subnet00", addresses=("10.0.0.6",))
    there.interfaces["twin"] = twin
    assert reaches(there, "eni00", packet("10.0.0.5", "10.0.0.6"))


def test_groups_name_groups():
    rules = {
        "web": [Rule("web", True, "-1", None, ("0.0.0.0/0",))],
        "db": [Rule("db", False, "6", (5432, 5432), peer_group="web"), Rule("db", True, "-1", None, ("0.0.0.0/0",))],
    }
    there = world(vpc(0), groups=rules)
    there.interfaces["eni00"] = there.interfaces["eni00"]._replace(groups=("web",))
    there.interfaces["eni01"] = there.interfaces["eni01"]._replace(groups=("db",))
    assert reaches(there, "eni00", packet("10.0.0.5", "10.0.1.5", 5432))
    assert code(there, "eni01", packet("10.0.1.5", "10.0.0.5", 5432)) == "SG_HAS_NO_RULES"


def test_peering_needs_routes_on_both_sides_and_is_not_transitive():
    one = vpc(0, table=[Line("10.1.0.0/16", "pcx-a"), Line("10.2.0.0/16", "pcx-a")])
    two = vpc(1, table=[Line("10.0.0.0/16", "pcx-a"), Line("10.2.0.0/16", "pcx-b")])
    three = vpc(2, table=[Line("10.1.0.0/16", "pcx-b"), Line("10.0.0.0/16", "pcx-b")])
    peerings = {"pcx-a": ("vpc0", "vpc1"), "pcx-b": ("vpc1", "vpc2")}
    there = world(one, two, three, peerings=peerings)
    assert reaches(there, "eni00", packet("10.0.0.5", "10.1.0.5"))
    assert reaches(there, "eni20", packet("10.2.0.5", "10.1.1.5"))
    assert code(there, "eni00", packet("10.0.0.5", "10.2.0.5")) == "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"
    there.tables["t1"] = [Line("10.1.0.0/16", "local")]
    assert code(there, "eni00", packet("10.0.0.5", "10.1.0.5")) == "NO_ROUTE_TO_DESTINATION"


def hub(*tables):
    attachments = {
        f"at{number}": Attached(f"at{number}", "vpc", f"vpc{number}", "rtb", (f"subnet{number}0",)) for number in (0, 1)
    }
    lines = [TransitLine("10.0.0.0/16", ("at0",), "propagated"), TransitLine("10.1.0.0/16", ("at1",), "propagated")]
    return {"tgw": Transit("tgw", attachments, {"rtb": [*lines, *tables]})}


def test_a_transit_gateway_routes_between_vpcs_through_its_own_subnets():
    both = [vpc(number, table=[Line("10.0.0.0/8", "tgw")]) for number in (0, 1)]
    there = world(*both, transits=hub())
    way = travel(there, "eni00", packet("10.0.0.5", "10.1.0.5"))
    assert way.found
    assert code(there, "eni00", packet("10.0.0.5", "10.1.1.5")) == "TGW_ROUTE_AZ_RESTRICTION"  # its answer's way
    assert [s.component for s in way.forward if s.component in ("at0", "rtb", "at1")] == ["at0", "rtb", "at1"]
    assert code(there, "eni01", packet("10.0.1.5", "10.1.1.5")) == "TGW_ROUTE_AZ_RESTRICTION"
    dropped = world(*both, transits=hub(TransitLine("10.1.1.0/24", ())))
    assert code(dropped, "eni00", packet("10.0.0.5", "10.1.1.5")) == "TGW_RTB_BAD_STATE_ROUTE"
    assert code(dropped, "eni00", packet("10.0.0.5", "10.7.0.5")) == "TGW_RTB_NO_ROUTE_TO_DESTINATION"


def test_the_internet_needs_a_gateway_a_route_and_a_public_address():
    there = world(vpc(0, table=[Line("0.0.0.0/0", "igw")]), gateways={"igw": "vpc0"})
    assert code(there, "eni00", packet("10.0.0.5", "192.0.2.9")) == "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"
    there.interfaces["eni00"] = there.interfaces["eni00"]._replace(public=(("10.0.0.5", "198.18.5.5"),))
    way = travel(there, "eni00", packet("10.0.0.5", "192.0.2.9"), "igw")
    assert way.found and way.forward[-1].component == "igw" and way.back[0].component == "igw"
    assert reaches(there, "igw", packet("192.0.2.9", "198.18.5.5"))
    closed = [Rule("sg", True, "-1", None, ("0.0.0.0/0",))]
    there.groups["sg"] = closed
    assert reaches(there, "eni00", packet("10.0.0.5", "192.0.2.9"), "igw")
    assert code(there, "igw", packet("192.0.2.9", "198.18.5.5")) == "SG_HAS_NO_RULES"


def test_a_private_subnet_gets_out_through_its_nat_gateway_and_nothing_gets_in():
    public = Subnet("public", "vpc0", "a", ("10.0.9.0/24",), "tp", "acl")
    there = world(vpc(0, table=[Line("0.0.0.0/0", "nat")]), gateways={"igw": "vpc0"}, nats={"nat": "nateni"})
    there.subnets["public"] = public
    there.tables["tp"] = [Line("10.0.0.0/16", "local"), Line("0.0.0.0/0", "igw")]
    there.interfaces["nateni"] = Interface(
        "nateni", "public", "vpc0", ("10.0.9.4",), (), (("10.0.9.4", "198.18.7.7"),), nat="nat"
    )
    way = travel(there, "eni00", packet("10.0.0.5", "192.0.2.9"), "igw")
    assert way.found
    assert [step.component for step in way.forward if step.component in ("nat", "igw")] == ["nat", "igw"]
    assert way.back[-1].component == "eni00"
    assert code(there, "igw", packet("192.0.2.9", "198.18.7.7")) == "NO_POSSIBLE_DESTINATION"


def test_an_appliance_must_not_check_what_passes():
    there = world(vpc(0, table=[Line("10.0.1.0/24", "middle")]))
    there.interfaces["middle"] = Interface("middle", "subnet00", "vpc0", ("10.0.0.9",), ("sg",))
    assert code(there, "eni00", packet("10.0.0.5", "10.0.1.5")) == "ENI_SOURCE_DEST_CHECK_RESTRICTION"


# Against a naive reference

ADDRESSES = [f"10.{number}.{index}.5" for number in (0, 1) for index in (0, 1)]
BLOCKS = st.sampled_from(
    ["0.0.0.0/0", "10.0.0.0/16", "10.1.0.0/16", "10.0.0.0/24", "10.0.1.0/24", "10.1.0.0/24", "10.1.1.5/32"]
)
PORTS = st.sampled_from([(0, 65535), (80, 80), (1024, 65535), (443, 443), (40000, 40000)])
PROTOCOLS = st.sampled_from(["-1", "6", "17"])
TARGETS = st.sampled_from(["pcx", "local-nothing", "pcx", "pcx"])


@st.composite
def networks(draw):
    groups = {}
    for name in ("g0", "g1"):
        rules = draw(
            st.lists(st.tuples(st.booleans(), PROTOCOLS, PORTS, BLOCKS, st.sampled_from(["", "g0"])), max_size=5)
        )
        groups[name] = [
            Rule(name, egress, protocol, ports, () if peer else (block,), peer)
            for egress, protocol, ports, block, peer in rules
        ]
        groups[name] += [Rule(name, True, "-1", None, ("0.0.0.0/0",))] * draw(st.integers(0, 1))
        groups[name] += [Rule(name, False, "-1", None, ("10.0.0.0/8",))] * draw(st.integers(0, 1))
    acls = {}
    for name in ("a0", "a1"):
        lines = draw(st.lists(st.tuples(st.booleans(), st.booleans(), PROTOCOLS, BLOCKS, PORTS), max_size=5))
        acls[name] = [Entry(number, *line[:4], line[4]) for number, line in enumerate(lines, 1)]
        if draw(st.booleans()):
            acls[name] += [line._replace(number=900) for line in OPEN]
    tables = {}
    for number in (0, 1):
        routes = draw(st.dictionaries(BLOCKS, TARGETS, max_size=3))
        own = f"10.{number}.0.0/16"
        tables[number] = [Line(own, "local")] + [
            Line(block, target, target == "pcx")
            for block, target in routes.items()
            if not ip_network(block).overlaps(ip_network(own)) or block == "0.0.0.0/0"
        ]
    there = world(vpc(0), vpc(1), groups=groups, acls=acls, peerings={"pcx": ("vpc0", "vpc1")})
    for number, table in tables.items():
        there.tables[f"t{number}"] = table
    for name, one in [*there.subnets.items()]:
        there.subnets[name] = one._replace(acl=draw(st.sampled_from(["a0", "a1"])))
    for name, one in [*there.interfaces.items()]:
        there.interfaces[name] = one._replace(groups=draw(st.sampled_from([("g0",), ("g1",), ("g0", "g1")])))
    return there


def naive(there, source, destination, port, source_port):
    """Whether a TCP connection opens, from what each part says by itself."""
    a = next(one for one in there.interfaces.values() if source in one.addresses)
    b = next(one for one in there.interfaces.values() if destination in one.addresses)

    def holds(block, address):
        return ip_address(address) in ip_network(block)

    def group_lets(one, egress, peer):
        for name in one.groups:
            for rule in there.groups[name]:
                if rule.egress != egress or rule.protocol not in ("-1", "6"):
                    continue
                if rule.protocol != "-1" and rule.ports and not rule.ports[0] <= port <= rule.ports[1]:
                    continue
                if rule.peer_group:
                    if any(peer in o.addresses and rule.peer_group in o.groups for o in there.interfaces.values()):
                        return True
                elif any(holds(block, peer) for block in rule.blocks):
                    return True
        return False

    def list_lets(one, egress, peer, to_port):
        for line in sorted(there.acls[there.subnets[one.subnet].acl], key=lambda line: line.number):
            if line.egress != egress or line.protocol not in ("-1", "6") or not holds(line.block, peer):
                continue
            if line.protocol == "-1" or line.ports is None or line.ports[0] <= to_port <= line.ports[1]:
                return line.allow
        return False

    def way(one, other, to):
        lines = [line for line in there.tables[there.subnets[one.subnet].table] if holds(line.block, to)]
        best = max(lines, key=lambda line: ip_network(line.block).prefixlen, default=None)
        if best is None or not best.active:
            return False
        return best.target == ("local" if one.vpc == other.vpc else "pcx")

    if not (group_lets(a, True, destination) and group_lets(b, False, source)):
        return False
    if a.subnet == b.subnet:
        return True
    there_and_back = (
        list_lets(a, True, destination, port)
        and list_lets(b, False, source, port)
        and list_lets(b, True, source, source_port)
        and list_lets(a, False, destination, source_port)
    )
    return there_and_back and way(a, b, destination) and way(b, a, source)


@settings(max_examples=300)
@given(
    networks(),
    st.sampled_from(ADDRESSES),
    st.sampled_from(ADDRESSES),
    st.sampled_from([80, 443, 5000]),
    st.sampled_from([40000, 1023, 50000]),
)
def test_it_agrees_with_the_naive_reference(there, source, destination, port, source_port):
    if source == destination:
        return
    interface = next(one.id for one in there.interfaces.values() if source in one.addresses)
    sent = Packet("6", source, source_port, destination, port)
    assert reaches(there, interface, sent) == naive(there, source, destination, port, source_port)


@settings(max_examples=25)
@given(networks(), st.sampled_from([("10.0.0.5", "10.1.1.5"), ("10.0.0.5", "10.0.1.5")]))
def test_if_any_port_gets_through_one_of_the_boundaries_does(there, pair):
    source, destination = pair
    ports, origins = boundaries(there, (0, 65535)), boundaries(there, (0, 65535), lists_only=True)
    any_boundary = any(
        reaches(there, "eni00", Packet("6", source, origin, destination, port)) for port in ports for origin in origins
    )
    asked = Question("eni00", "", "6", source_address=source, destination_address=destination)
    assert answered(there, asked).found == any_boundary
    for port in (0, 79, 80, 81, 443, 1024, 30000, 40001):
        for origin in (1, 1024, 40000, 60000):
            if reaches(there, "eni00", Packet("6", source, origin, destination, port)):
                assert any_boundary
