"""Real packets through the router of one network: who reaches whom, and who does not."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from typing import Any

import pytest

from pileus.engines.network import Border, Entry, Group, Link, Network, Port, Route, Rule

from .conftest import EVERYWHERE, OPEN, Lab, port, subnet

LOCAL = Route("10.0.0.0/16", local=True)


def plan(*ports: Port, **settings: Any) -> Network:
    """A network of two subnets."""
    made = {
        "prefixes": ("10.0.0.0/16",),
        "local": ("169.254.169.254",),
        "subnets": {"a": subnet("10.0.0.0/24"), "b": subnet("10.0.1.0/24")},
        "tables": {"main": (LOCAL,)},
        "groups": {"open": OPEN, "shut": Group()},
        "ports": ports,
    }
    return Network("blue", **made | settings)


ONE, TWO = port("one", "a", "10.0.0.5"), port("two", "a", "10.0.0.6")
FAR = port("far", "b", "10.0.1.7")


def test_hosts_reach_their_neighbours_and_other_subnets(lab: Lab) -> None:
    lab.apply(plan(ONE, TWO, FAR))
    assert lab.seen("one", "two", "10.0.0.6") == "10.0.0.5"
    assert lab.seen("one", "far", "10.0.1.7") == "10.0.0.5"
    assert lab.says("far", "two", "10.0.0.6")


def test_a_host_is_configured_as_dhcp_would(lab: Lab) -> None:
    lab.apply(plan(ONE))
    space = lab.run(lab.networks.names())["one"]
    told = subprocess.run(["ip", "-n", space, "route"], capture_output=True, text=True, check=True).stdout
    assert "default via 10.0.0.1 dev eth0" in told
    assert "10.0.0.0/24 dev eth0" in told
    link = subprocess.run(
        ["ip", "-n", space, "link", "show", "eth0"], capture_output=True, text=True, check=True
    ).stdout
    assert "mtu 9001" in link and ONE.mac in link


def test_ipv6_goes_the_same_ways(lab: Lab) -> None:
    one, far = port("one", "a", "10.0.0.5", "2001:db8::5"), port("far", "b", "10.0.1.7", "2001:db8:0:1::7")
    tables = {"main": (LOCAL, Route("2001:db8::/56", local=True))}
    lab.apply(plan(one, far, tables=tables))
    assert lab.says("one", "far", "2001:db8:0:1::7")
    assert lab.seen("one", "far", "2001:db8:0:1::7") == "2001:db8::5"


def test_a_group_lets_in_what_its_rules_say_and_answers_to_it(lab: Lab) -> None:
    web = Group(inbound=(Rule("tcp", (80, 81), prefixes=("10.0.0.5/32",)),))
    lab.apply(plan(ONE, TWO, port("far", "b", "10.0.1.7", groups=("web",)), groups={"open": OPEN, "web": web}))
    assert lab.connects("one", "far", "10.0.1.7", 80)
    assert not lab.connects("one", "far", "10.0.1.7", 82)
    assert not lab.connects("two", "far", "10.0.1.7", 80)
    assert not lab.connects("far", "one", "10.0.0.5", 80), "nothing lets it send"
    assert not lab.says("one", "far", "10.0.1.7", 80), "that is another protocol"


def test_what_a_group_refers_to_by_name_are_the_members(lab: Lab) -> None:
    inner = Group(inbound=(Rule("tcp", (80, 80), sets=("members",)),))
    groups = {"open": OPEN, "inner": inner}
    far = port("far", "b", "10.0.1.7", groups=("inner",))
    lab.apply(plan(ONE, TWO, far, groups=groups, sets={"members": ("10.0.0.6",)}))
    assert not lab.connects("one", "far", "10.0.1.7")
    assert lab.connects("two", "far", "10.0.1.7")
    lab.apply(plan(ONE, TWO, far, groups=groups, sets={"members": ("10.0.0.5", "192.0.2.0/24")}))
    assert lab.connects("one", "far", "10.0.1.7")
    assert not lab.connects("two", "far", "10.0.1.7")


def test_several_groups_let_through_what_any_of_them_does(lab: Lab) -> None:
    groups = {
        "open": OPEN,
        "http": Group(inbound=(Rule("tcp", (80, 80), prefixes=EVERYWHERE),)),
        "https": Group(inbound=(Rule("tcp", (443, 443), prefixes=EVERYWHERE),)),
    }
    lab.apply(plan(ONE, port("two", "a", "10.0.0.6", groups=("http", "https")), groups=groups))
    assert [lab.connects("one", "two", "10.0.0.6", number) for number in (80, 443, 22)] == [True, True, False]


def test_a_connection_outlives_the_rule_that_let_it_in(lab: Lab) -> None:
    lab.apply(plan(ONE, TWO))
    with lab.listening("two") as server, lab.socket("one") as client:
        client.connect(("10.0.0.6", 80))
        peer, _ = server.accept()
        lab.apply(plan(ONE, port("two", "a", "10.0.0.6", groups=("shut",))))
        client.send(b"still there?")
        peer.settimeout(0.3)
        assert peer.recv(20) == b"still there?"
        peer.close()
    assert not lab.connects("one", "two", "10.0.0.6")


def test_borders_judge_each_packet_and_only_at_the_border(lab: Lab) -> None:
    borders = {
        "web": Border(
            inbound=(Entry(True, "0.0.0.0/0", "tcp", (80, 80)),),
            outbound=(Entry(True, "0.0.0.0/0", "tcp", (32768, 60999)),),
        )
    }
    subnets = {"a": subnet("10.0.0.0/24"), "b": subnet("10.0.1.0/24", border="web")}
    beside = port("beside", "b", "10.0.1.8")
    lab.apply(plan(ONE, FAR, beside, subnets=subnets, borders=borders))
    assert lab.connects("one", "far", "10.0.1.7", 80)
    assert not lab.connects("one", "far", "10.0.1.7", 81)
    assert lab.connects("beside", "far", "10.0.1.7", 81), "they do not cross it"
    closed = {"web": Border(inbound=borders["web"].inbound)}
    lab.apply(plan(ONE, FAR, subnets=subnets, borders=closed))
    assert not lab.connects("one", "far", "10.0.1.7", 80), "the answer does not come back: borders know no connections"


def test_the_first_line_that_matches_decides(lab: Lab) -> None:
    everything = Entry(True, "0.0.0.0/0")
    subnets = {"a": subnet("10.0.0.0/24"), "b": subnet("10.0.1.0/24", border="edge")}
    refused = Border(inbound=(Entry(False, "10.0.0.5/32"), everything), outbound=(everything,))
    lab.apply(plan(ONE, TWO, FAR, subnets=subnets, borders={"edge": refused}))
    assert not lab.connects("one", "far", "10.0.1.7")
    assert lab.connects("two", "far", "10.0.1.7")
    late = Border(inbound=(everything, Entry(False, "10.0.0.5/32")), outbound=(everything,))
    lab.apply(plan(ONE, TWO, FAR, subnets=subnets, borders={"edge": late}))
    assert lab.connects("one", "far", "10.0.1.7")


def test_nobody_speaks_under_an_address_that_is_not_theirs(lab: Lab) -> None:
    lab.apply(plan(ONE, FAR))
    space = lab.run(lab.networks.names())["one"]
    subprocess.run(["ip", "-n", space, "addr", "add", "10.0.0.99/24", "dev", "eth0"], check=True)
    with lab.listening("far"):
        assert lab.reaches("one", "10.0.1.7", own="10.0.0.5")
        assert not lab.reaches("one", "10.0.1.7", own="10.0.0.99")


def test_a_second_address_and_a_delegated_prefix_are_the_ports_own(lab: Lab) -> None:
    lab.apply(plan(port("one", "a", "10.0.0.5", "10.0.0.15", delegated=("10.0.0.32/28",)), FAR))
    space = lab.run(lab.networks.names())["one"]
    subprocess.run(["ip", "-n", space, "addr", "add", "10.0.0.33/32", "dev", "eth0"], check=True)
    for address in ("10.0.0.15", "10.0.0.33"):
        assert lab.connects("far", "one", address)
        with lab.listening("far"):
            assert lab.reaches("one", "10.0.1.7", own=address)


def test_the_router_serves_its_ports_alone(lab: Lab) -> None:
    lab.apply(plan(ONE, port("far", "b", "10.0.1.7", groups=("shut",))))
    with lab.listening("blue", 80, "169.254.169.254"):
        assert lab.reaches("one", "169.254.169.254")
        assert lab.reaches("far", "169.254.169.254"), "groups have no say in that"
    with lab.listening("blue", 80, "10.0.0.1"):
        assert not lab.reaches("one", "10.0.0.1"), "nobody is at home at the gateway's address"


def test_a_longer_prefix_wins_and_a_route_through_a_port_takes_one_that_is_not_checked(lab: Lab) -> None:
    """A host between two subnets forwards for them, as a firewall appliance does."""
    middle = port("middle", "b", "10.0.1.9", checked=False)
    subnets = {"a": subnet("10.0.0.0/24", "detour"), "b": subnet("10.0.1.0/24"), "c": subnet("10.0.2.0/24")}
    tables = {"main": (LOCAL,), "detour": (LOCAL, Route("10.0.2.0/24", port="middle"))}
    last = port("last", "c", "10.0.2.4")
    lab.apply(plan(ONE, middle, last, subnets=subnets, tables=tables))
    space = lab.run(lab.networks.names())["middle"]
    assert not lab.connects("one", "last", "10.0.2.4"), "the host in the middle does not forward"
    subprocess.run(["ip", "netns", "exec", space, "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
    assert lab.seen("one", "last", "10.0.2.4") == "10.0.0.5"
    checked = port("middle", "b", "10.0.1.9")
    lab.apply(plan(ONE, checked, last, subnets=subnets, tables=tables))
    assert not lab.connects("one", "last", "10.0.2.4"), "it is not meant for the port"


def test_where_no_route_leads_nothing_arrives(lab: Lab) -> None:
    lab.apply(plan(ONE, FAR, tables={"main": (Route("10.0.0.0/24", local=True),)}))
    assert not lab.connects("one", "far", "10.0.1.7")
    lab.apply(plan(ONE, FAR))
    assert lab.connects("one", "far", "10.0.1.7")
    lab.apply(plan(ONE, FAR, tables={"main": (LOCAL, Route("10.0.1.0/24"))}))
    assert not lab.connects("one", "far", "10.0.1.7"), "a route to nowhere that is more precise"


def test_ports_come_and_go(lab: Lab) -> None:
    lab.apply(plan(ONE, TWO))
    assert lab.connects("one", "two", "10.0.0.6")
    lab.apply(plan(ONE))
    assert "two" not in lab.run(lab.networks.names())
    with lab.socket("one") as probe, pytest.raises(OSError):
        probe.connect(("10.0.0.6", 80))
    lab.apply(plan(ONE, port("two", "b", "10.0.1.6")))
    assert lab.connects("one", "two", "10.0.1.6")


def test_a_host_may_have_several_ports(lab: Lab) -> None:
    second = port("second", "b", "10.0.1.20", host="one", device="eth1")
    lab.apply(plan(ONE, second, FAR))
    assert lab.connects("far", "one", "10.0.0.5")
    assert lab.connects("far", "one", "10.0.1.20"), "the answer goes out where the question came in"


def test_the_internet_knows_hosts_by_their_public_addresses(lab: Lab) -> None:
    address = lab.public(100)
    links = (Link("gate", "internet", public={"10.0.0.5": address}),)
    tables = {"main": (LOCAL, Route("0.0.0.0/0", link="gate"))}
    server = lab.public(1)
    lab.apply(plan(ONE, TWO, links=links, tables=tables))
    assert lab.seen("one", "internet", server) == address
    assert not lab.connects("two", "internet", server), "it has no public address"
    assert lab.seen("internet", "one", address) == server
    lab.apply(plan(ONE, TWO, links=links))
    assert not lab.connects("one", "internet", server), "no route leads there"
    lab.apply(plan(ONE, TWO, tables=tables))
    assert not lab.connects("one", "internet", server), "nor does the gateway"


def test_hosts_reach_each_other_by_public_addresses_too(lab: Lab) -> None:
    names = {"10.0.0.5": lab.public(100), "10.0.1.7": lab.public(101)}
    tables = {"main": (LOCAL, Route("0.0.0.0/0", link="gate"))}
    lab.apply(plan(ONE, FAR, links=(Link("gate", "internet", public=names),), tables=tables))
    assert lab.seen("one", "far", names["10.0.1.7"]) == names["10.0.0.5"]


def test_the_machine_reaches_public_addresses_and_is_not_reached(lab: Lab) -> None:
    address, machine = lab.public(100), lab.public(2)
    links = (Link("gate", "internet", public={"10.0.0.5": address}),)
    lab.apply(plan(ONE, links=links, tables={"main": (LOCAL, Route("0.0.0.0/0", link="gate"))}))
    with lab.listening("one") as server, socket.create_connection((address, 80), 1) as client:
        peer, (name, _) = server.accept()
        assert name == client.getsockname()[0] == machine
        peer.close()
    with socket.create_server((machine, 0)) as server:
        assert not lab.reaches("one", machine, server.getsockname()[1])


def test_a_nat_lends_its_address(lab: Lab) -> None:
    """It stands in a public subnet; hosts of the private one get out through it, and nobody gets in."""
    nat = port("nat", "b", "10.0.1.9", groups=None, checked=False, translates=True)
    links = (Link("gate", "internet", public={"10.0.1.9": lab.public(100)}),)
    subnets = {"a": subnet("10.0.0.0/24", "private"), "b": subnet("10.0.1.0/24", "public")}
    tables = {
        "private": (LOCAL, Route("0.0.0.0/0", port="nat")),
        "public": (LOCAL, Route("0.0.0.0/0", link="gate")),
    }
    lab.apply(plan(ONE, nat, links=links, subnets=subnets, tables=tables))
    assert lab.seen("one", "internet", lab.public(1)) == lab.public(100)
    assert not lab.connects("internet", "one", "10.0.0.5")
    assert lab.says("one", "internet", lab.public(1))


def test_five_gigabits_a_second_go_between_two_ports(lab: Lab) -> None:
    """A smoke test: a busy machine may take a fifth of that, an interface without its offloads less."""
    iperf = shutil.which("iperf3")
    if not iperf:
        pytest.skip("iperf3 is not installed")
    lab.apply(plan(ONE, FAR))
    spaces = lab.run(lab.networks.names())
    enter = ["nsenter", "--net=/run/netns/{}"]
    server = [word.format(spaces["far"]) for word in enter] + [iperf, "-s", "-1", "--forceflush"]
    client = [word.format(spaces["one"]) for word in enter] + [iperf, "-c", "10.0.1.7", "-t", "1", "-J"]
    with subprocess.Popen(server, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout and any("listening" in line for line in running.stdout)
        told = json.loads(subprocess.run(client, capture_output=True, check=True, timeout=20).stdout)
        running.wait(5)
    assert told["end"]["sum_received"]["bits_per_second"] > 1e9
