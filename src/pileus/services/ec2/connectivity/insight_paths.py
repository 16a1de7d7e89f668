"""Whether a packet gets from one place of a network to another, and its answer back; by what ways, or why not.

Pure. The rules are those of the VPC User Guide: security groups remember connections, so that only the way there asks
them; network ACLs do not, and stand at the borders of subnets only; of routes the most specific one counts; peering is
not transitive; a transit gateway enters and leaves a VPC through its own subnets there, one in a zone: what goes to it
enters that subnet, even from that subnet itself, and what comes from it leaves it, unless it is for that subnet
("Network ACLs for transit gateways"). The codes of explanations are those of "Reachability Analyzer explanation codes".
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from .insight_rules import decisive, fits
from .insight_world import (
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
    moved,
    within,
)

LOCAL = "local"
MOST_HOPS = 16
"""Middleboxes and gateways that a packet may pass."""


class Step(NamedTuple):
    """Something that a packet passes."""

    component: str
    packet: Packet
    """As it leaves it."""
    vpc: str = ""
    subnet: str = ""
    entry: Entry | None = None
    rule: Rule | None = None
    line: Line | None = None
    transit_line: TransitLine | None = None
    transit: str = ""


class Why(NamedTuple):
    """Why a packet gets no further; `about` has wire names, with ids in the place of components."""

    code: str
    about: dict[str, Any]


class Stuck(Exception):
    """A packet gets no further."""

    def __init__(self, code: str, **about: Any) -> None:
        super().__init__(code)
        self.why = Why(code, about)


class Way(NamedTuple):
    """What became of one packet: the steps there and back, and why it got no further, if so."""

    forward: list[Step]
    back: list[Step]
    why: Why | None

    @property
    def found(self) -> bool:
        return self.why is None


def travel(world: World, source: str, packet: Packet, goal: str = "") -> Way:
    """A packet from an interface, or from an internet gateway, and its answer.

    `goal` is the interface or the gateway that it has to get to: by default whatever has the address.
    """
    there = _Walk(world, packet, goal)
    try:
        if source in world.gateways:
            there.enter_by_gateway(source)
        else:
            there.leave(world.interfaces[source])
    except Stuck as stuck:
        return Way(there.steps, [], stuck.why)
    back = _Walk(world, there.packet.back(), source, answers=there)
    try:
        back.answer()
        back.check_home(source, packet)
    except Stuck as stuck:
        return Way(there.steps, back.steps, stuck.why)
    return Way(there.steps, back.steps, None)


def reaches(world: World, source: str, packet: Packet, goal: str = "") -> bool:
    """Whether a packet gets there and its answer comes back: whether a TCP connection opens."""
    return travel(world, source, packet, goal).found


class _Walk:
    """One packet on its way."""

    def __init__(self, world: World, packet: Packet, goal: str, answers: _Walk | None = None) -> None:
        self.world = world
        self.packet = packet
        self.goal = goal
        self.answers = answers
        """The walk that this one is the way back of."""
        self.steps: list[Step] = []
        self.translated: dict[str, str] = {}
        """The addresses that NAT gateways have hidden, by their interfaces."""
        self.arrived: Interface | None = None
        self.left_by = ""
        """The gateway by which it has left the network."""
        self.first: Interface | None = None
        self.hops = 0

    # Beginnings

    def leave(self, interface: Interface) -> None:
        """Out of an interface, past its groups."""
        self.hops += 1
        if self.hops > MOST_HOPS:
            raise Stuck("NO_PATH")
        if self.first is None:
            self.first = interface
        self._step(interface.id, interface.vpc, interface.subnet)
        if not self.answers and not interface.nat:
            self._ask_groups(interface, egress=True)
        self._route(self.world.subnets[interface.subnet], interface)

    def enter_by_gateway(self, gateway: str) -> None:
        """In from the internet, to a public address."""
        vpc = self.world.gateways[gateway]
        self._step(gateway, vpc)
        found = self.world.public_at(self.packet.destination)
        if found is None:
            private = self.world.interface_at(vpc, self.packet.destination)
            if private is None:
                raise Stuck("NO_POSSIBLE_DESTINATION", InternetGateway=gateway)
            public = dict(private.public).get(self.packet.destination)
            if public is None:
                raise Stuck(
                    "IGW_PUBLIC_IP_ASSOCIATION_FOR_INGRESS", InternetGateway=gateway, NetworkInterface=private.id
                )
            found = private, self.packet.destination
        interface, address = found
        if interface.vpc != vpc:
            raise Stuck("IGW_DESTINATION_ADDRESS_NOT_IN_VPC_ENIS", InternetGateway=gateway, Vpc=vpc)
        self.packet = self.packet._replace(destination=address)
        self._deliver(vpc, None)

    def answer(self) -> None:
        """Back from where the packet has arrived; from outside, where it has left."""
        there = self.answers
        assert there
        if there.arrived:
            self.leave(there.arrived)
        elif there.left_by in self.world.gateways:
            self.enter_by_gateway(there.left_by)
        elif there.first and there.left_by in self.world.egress_only | self.world.vpn_gateways:
            vpc = (self.world.egress_only | self.world.vpn_gateways)[there.left_by]
            self._step(there.left_by, vpc)
            self._deliver(vpc, None)

    def check_home(self, source: str, packet: Packet) -> None:
        """Raise unless the answer has come to where the packet is from, as if from where that went."""
        if self.steps and source not in (self.arrived.id if self.arrived else "", self.left_by):
            raise Stuck("NO_PATH")
        if self.arrived and self.packet.source != packet.destination:
            raise Stuck("NO_PATH")

    # Routing

    def _route(self, subnet: Subnet, interface: Interface | None) -> None:
        """On from a subnet, by its table. What stays in it crosses no border."""
        if self._here(subnet, self.packet.destination):
            self._deliver(subnet.vpc, subnet)
            return
        self._cross(subnet, egress=True)
        line = self._look_up(subnet.table, self.packet.destination)
        self._step(subnet.table, subnet.vpc, line=line)
        if not line.active:
            raise Stuck("BAD_STATE_ROUTE", RouteTable=subnet.table, RouteTableRoute=line)
        self._follow(line, subnet, interface)

    def _look_up(self, table: str, address: str) -> Line:
        fitting = [line for line in self.world.tables.get(table, ()) if within(address, line.block)]
        if not fitting:
            raise Stuck("NO_ROUTE_TO_DESTINATION", RouteTable=table, Addresses=[address])
        return max(
            fitting, key=lambda line: (ip_network(line.block).prefixlen, line.origin != "EnableVgwRoutePropagation")
        )

    def _follow(self, line: Line, subnet: Subnet, interface: Interface | None) -> None:
        target, world = line.target, self.world
        if target == LOCAL:
            self._deliver(subnet.vpc, subnet)
        elif target in world.interfaces:
            self._pass_through(world.interfaces[target], subnet)
        elif target in world.gateways:
            self._out_by_gateway(target, subnet, interface)
        elif target in world.nats:
            self._translate(world.interfaces[world.nats[target]], target, subnet)
        elif target in world.peerings:
            self._peer(target, subnet.vpc)
        elif target in world.transits:
            self._transit(world.transits[target], subnet)
        elif target in world.egress_only or target in world.vpn_gateways or target in world.endpoints:
            self._out(target, subnet.vpc)
        else:
            raise Stuck("UNKNOWN_ROUTE_TARGET", RouteTable=subnet.table, RouteTableRoute=line)

    def _deliver(self, vpc: str, come_from: Subnet | None) -> None:
        """To whatever has the address in a VPC."""
        found = self.world.interface_at(vpc, self.packet.destination)
        if found is None:
            raise Stuck("NO_POSSIBLE_DESTINATION", Vpc=vpc, Addresses=[self.packet.destination])
        subnet = self.world.subnets[found.subnet]
        if come_from is None or come_from.id != subnet.id:
            self._cross(subnet, egress=False)
        if found.nat:
            self._untranslate(found)
            return
        if not self.answers:
            self._ask_groups(found, egress=False)
        self._step(found.id, vpc, subnet.id)
        if self.goal and not self.answers and found.id != self.goal:
            raise Stuck("NO_POSSIBLE_DESTINATION", Vpc=vpc, NetworkInterface=found.id, Destination=self.goal)
        self.arrived = found

    # What is passed

    def _pass_through(self, interface: Interface, come_from: Subnet) -> None:
        """An interface that is not the packet's destination, but a route's target."""
        subnet = self.world.subnets[interface.subnet]
        if subnet.id != come_from.id:
            self._cross(subnet, egress=False)
        if self.packet.destination in interface.addresses:
            self._deliver(interface.vpc, subnet)
            return
        if not interface.forwards:
            raise Stuck("ENI_SOURCE_DEST_CHECK_RESTRICTION", NetworkInterface=interface.id)
        if not self.answers:
            self._ask_groups(interface, egress=False)
        self.leave(interface)

    def _out(self, gateway: str, vpc: str) -> None:
        """Out of the network by something where our knowledge ends."""
        self._step(gateway, vpc)
        if self.goal and gateway != self.goal and not self.answers:
            raise Stuck("NO_POSSIBLE_DESTINATION", Component=gateway, Destination=self.goal)
        self.left_by = gateway

    def _out_by_gateway(self, gateway: str, subnet: Subnet, interface: Interface | None) -> None:
        """To the internet, or through it to another public address."""
        four = ip_address(self.packet.destination).version == 4
        if four:
            public = dict(interface.public).get(self.packet.source) if interface else None
            if public is None:
                raise Stuck("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", InternetGateway=gateway, Address=self.packet.source)
            self.packet = self.packet._replace(source=public)
        found = self.world.public_at(self.packet.destination) if four else None
        if found is None or (self.goal == gateway and not self.answers):
            if any(within(self.packet.destination, block) for block in self.world.vpcs[subnet.vpc]):
                raise Stuck("IGW_DESTINATION_ADDRESS_IN_VPC_CIDRS", InternetGateway=gateway, Vpc=subnet.vpc)
            self._out(gateway, subnet.vpc)
            return
        self._step(gateway, subnet.vpc)
        into = self.world.gateway_of(found[0].vpc)
        if not into:
            raise Stuck("NO_POSSIBLE_DESTINATION", Vpc=found[0].vpc)
        self.enter_by_gateway(into)

    def _translate(self, interface: Interface, nat: str, come_from: Subnet) -> None:
        """Through a NAT gateway, which answers are told to come back to."""
        subnet = self.world.subnets[interface.subnet]
        if subnet.id != come_from.id:
            self._cross(subnet, egress=False)
        self._step(nat, subnet.vpc, subnet.id)
        self.translated[interface.id] = self.packet.source
        self.packet = self.packet._replace(source=interface.addresses[0])
        self.leave(interface)

    def _untranslate(self, interface: Interface) -> None:
        """Back through a NAT gateway, to whom it hid. It takes nothing that it has not sent for."""
        hidden = self.answers.translated.get(interface.id) if self.answers else None
        self._step(interface.nat, interface.vpc, interface.subnet)
        if hidden is None:
            raise Stuck("NO_POSSIBLE_DESTINATION", NatGateway=interface.nat)
        self.packet = self.packet._replace(destination=hidden)
        self.leave(interface)

    def _peer(self, peering: str, vpc: str) -> None:
        one, another = self.world.peerings[peering]
        other = another if vpc == one else one
        self._step(peering, vpc)
        if self.goal == peering and not self.answers:
            self.left_by = peering
            return
        for address, owner in ((self.packet.source, vpc), (self.packet.destination, other)):
            if not any(within(address, block) for block in self.world.vpcs.get(owner, ())):
                about = {"VpcPeeringConnection": peering, "Vpc": owner, "Address": address}
                raise Stuck("PCX_REQUIRES_ADDRESS_IN_VPC_CIDR", **about)
        self._deliver(other, None)

    # Transit gateways

    def _transit(self, transit: Transit, subnet: Subnet) -> None:
        mine = next((one for one in transit.attachments.values() if one.resource == subnet.vpc and one.usable), None)
        if mine is None:
            raise Stuck("BAD_STATE_ATTACHMENT", TransitGateway=transit.id, Vpc=subnet.vpc)
        door = self._door(mine, subnet.zone)
        if door is None or door.zone != subnet.zone:
            about = {"TransitGatewayAttachment": mine.id, "AvailabilityZones": [subnet.zone]}
            raise Stuck("TGW_ROUTE_AZ_RESTRICTION", **about)
        self._cross(door, egress=False)
        self._step(mine.id, subnet.vpc, door.id, transit=transit.id)
        if self.goal == transit.id and not self.answers:
            self._step(transit.id, transit=transit.id)
            self.left_by = transit.id
            return
        self.packet = self.packet._replace(source=moved(self.packet.source, mine.translated))
        other = self._transit_route(transit, mine)
        if other.kind != "vpc" or other.resource not in self.world.vpcs:
            self._out(other.id, "")
            return
        back = [(known, own) for own, known in other.translated]
        self.packet = self.packet._replace(destination=moved(self.packet.destination, back))
        self._step(other.id, other.resource, transit=transit.id)
        out = self._door(other, subnet.zone)
        if out is None:
            raise Stuck("TGW_ROUTE_AZ_RESTRICTION", TransitGatewayAttachment=other.id)
        self._in_from_transit(out)

    def _transit_route(self, transit: Transit, mine: Attached) -> Attached:
        """The attachment that a gateway's table sends the packet to."""
        if not mine.table:
            about = {"TransitGateway": transit.id, "TransitGatewayAttachment": mine.id}
            raise Stuck("TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION", **about)
        lines = [one for one in transit.tables.get(mine.table, ()) if within(self.packet.destination, one.block)]
        about = {"TransitGateway": transit.id, "TransitGatewayRouteTable": mine.table}
        if not lines:
            raise Stuck("TGW_RTB_NO_ROUTE_TO_DESTINATION", Addresses=[self.packet.destination], **about)
        line = max(lines, key=lambda one: ip_network(one.block).prefixlen)
        self._step(mine.table, transit=transit.id, transit_line=line)
        other = transit.attachments.get(line.attachments[0]) if line.attachments else None
        if other is None or not other.usable:
            raise Stuck("TGW_RTB_BAD_STATE_ROUTE", TransitGatewayRouteTableRoute=line, **about)
        return other

    def _door(self, attached: Attached, zone: str) -> Subnet | None:
        """The subnet by which a gateway goes in and out of a VPC: the one of the zone, if there is one."""
        doors = [self.world.subnets[what] for what in attached.subnets if what in self.world.subnets]
        return next((one for one in doors if one.zone == zone), doors[0] if doors else None)

    def _in_from_transit(self, door: Subnet) -> None:
        """Into a VPC, routed by the table of the gateway's own subnet there."""
        if self._here(door, self.packet.destination):
            self._deliver(door.vpc, door)
            return
        self._cross(door, egress=True)
        line = self._look_up(door.table, self.packet.destination)
        self._step(door.table, door.vpc, line=line)
        if not line.active:
            raise Stuck("BAD_STATE_ROUTE", RouteTable=door.table, RouteTableRoute=line)
        self._follow(line, door, None)

    # Groups and lists

    def _ask_groups(self, interface: Interface, *, egress: bool) -> None:
        rules = [
            rule for group in interface.groups for rule in self.world.groups.get(group, ()) if rule.egress == egress
        ]
        fitting = next((rule for rule in rules if self._admits(rule)), None)
        if fitting:
            self._step(fitting.group, interface.vpc, rule=fitting)
            return
        code = "ENI_SG_RULES_MISMATCH" if rules else "SG_HAS_NO_RULES"
        direction = "egress" if egress else "ingress"
        raise Stuck(code, SecurityGroups=[*interface.groups], NetworkInterface=interface.id, Direction=direction)

    def _admits(self, rule: Rule) -> bool:
        packet = self.packet
        if not fits(rule.protocol, rule.ports, packet):
            return False
        peer = packet.destination if rule.egress else packet.source
        if rule.peer_group:
            return peer in self.world.members(rule.peer_group)
        return any(within(peer, block) for block in rule.blocks)

    def _cross(self, subnet: Subnet, *, egress: bool) -> None:
        """Over the border of a subnet."""
        entry = decisive(self.world.acls.get(subnet.acl, ()), self.packet, egress=egress)
        if entry is None or not entry.allow:
            about = {"Acl": subnet.acl, "AclRule": entry, "Subnet": subnet.id}
            raise Stuck("SUBNET_ACL_RESTRICTION", Direction="egress" if egress else "ingress", **about)
        self._step(subnet.acl, subnet.vpc, subnet.id, entry=entry)

    def _here(self, subnet: Subnet, address: str) -> bool:
        return any(within(address, block) for block in subnet.blocks)

    def _step(self, component: str, vpc: str = "", subnet: str = "", **what: Any) -> None:
        self.steps.append(Step(component, self.packet, vpc, subnet, **what))
