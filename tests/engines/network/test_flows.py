"""What is recorded of flows."""

from __future__ import annotations

from pileus.engines.network import Border, Entry, Group, Link, Route, Rule
from pileus.engines.network.flows import Flow, Key

from .conftest import EVERYWHERE, Lab, port, subnet
from .test_routers import FAR, LOCAL, ONE, plan

TCP, UDP = 6, 17


def records(lab: Lab) -> dict[Key, Flow]:
    return lab.run(lab.networks.flows("blue"))


def at(flows: dict[Key, Flow], name: str, inward: bool, number: int) -> list[tuple[bool, int]]:
    """What a port saw of those meant for a port's number: whether it got through, and how many packets."""
    found = {key: flow for key, flow in flows.items() if (key.port, key.inward) == (name, inward)}
    return [(key.accepted, flow.packets) for key, flow in found.items() if key.destination_port == number]


def test_what_is_accepted_is_told_at_both_ends_and_both_ways(lab: Lab) -> None:
    lab.apply(plan(ONE, FAR, recorded=True))
    assert lab.says("one", "far", "10.0.1.7", 53)
    flows = records(lab)
    there = Key("one", False, True, UDP, "10.0.0.5", "10.0.1.7", 0, 53)
    found = {key._replace(source_port=0): flow for key, flow in flows.items() if key.destination_port == 53}
    assert found.keys() == {there, there._replace(port="far", inward=True)}
    assert found[there].packets == 1 and found[there].octets == 29
    assert len([key for key in flows if key.source == "10.0.1.7"]) == 2, "the answer is a flow of its own"
    assert records(lab) == {}, "nothing is told twice"


def test_what_is_refused_is_told_where_it_was_refused(lab: Lab) -> None:
    web = Group(inbound=(Rule("tcp", (80, 80), prefixes=EVERYWHERE),))
    far = port("far", "b", "10.0.1.7", groups=("web",))
    lab.apply(plan(ONE, far, groups={"open": Group((), (Rule(prefixes=EVERYWHERE),)), "web": web}, recorded=True))
    assert lab.connects("one", "far", "10.0.1.7", 80)
    assert not lab.connects("one", "far", "10.0.1.7", 81)
    assert not lab.connects("far", "one", "10.0.0.5", 82)
    flows = records(lab)
    assert all(accepted and packets >= 3 for accepted, packets in at(flows, "far", True, 80))
    assert at(flows, "far", True, 81) == [(False, 1)]
    assert at(flows, "one", False, 81) == [(True, 1)], "its own groups let it out"
    assert at(flows, "far", False, 82) == [(False, 1)]
    assert at(flows, "one", True, 82) == []
    (flags,) = {flow.flags for key, flow in flows.items() if key.destination_port == 81}
    assert flags == 2, "a SYN"


def test_an_answer_that_a_border_refuses_is_a_refusal(lab: Lab) -> None:
    """The example of AWS's documentation: the group remembers who asked, the access list does not."""
    borders = {"edge": Border(inbound=(Entry(True, "0.0.0.0/0"),))}
    subnets = {"a": subnet("10.0.0.0/24"), "b": subnet("10.0.1.0/24", border="edge")}
    lab.apply(plan(ONE, FAR, subnets=subnets, borders=borders, recorded=True))
    assert not lab.says("one", "far", "10.0.1.7", 53)
    flows = records(lab)
    assert at(flows, "far", True, 53) == [(True, 1)]
    assert [key.accepted for key in flows if key.source == "10.0.1.7"] == [False]


def test_connections_that_have_ended_are_told_as_well(lab: Lab) -> None:
    lab.apply(plan(ONE, FAR, recorded=True))
    lab.run(lab.networks.listen())
    assert lab.connects("one", "far", "10.0.1.7", 80)
    lab.run(lab.networks.listen())
    flows = records(lab)
    assert [accepted for accepted, _ in at(flows, "one", False, 80)] == [True]


def test_traffic_from_elsewhere_is_told_at_the_port_by_its_own_address(lab: Lab) -> None:
    links = (Link("gate", "internet", public={"10.0.0.5": lab.public(100)}),)
    tables = {"main": (LOCAL, Route("0.0.0.0/0", link="gate"))}
    lab.apply(plan(ONE, links=links, tables=tables, recorded=True))
    assert lab.connects("internet", "one", lab.public(100))
    (key,) = (key for key in records(lab) if key.inward)
    assert (key.source, key.destination, key.accepted) == (lab.public(1), "10.0.0.5", True)
