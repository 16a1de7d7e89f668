"""Networks that are joined: peers, hubs, sites elsewhere, several to the internet."""

from __future__ import annotations

from typing import Any

from pileus.engines.network import Link, Network, Port, Route

from .conftest import OPEN, Lab, port, subnet


def network(name: str, number: int, *routes: Route, links: tuple[Link, ...] = (), **settings: Any) -> Network:
    """A network of one subnet, 10.NUMBER.0.0/24, with one host, 10.NUMBER.0.5, which is called after it."""
    prefix = f"10.{number}.0.0/16"
    made = {
        "prefixes": (prefix,),
        "subnets": {"only": subnet(f"10.{number}.0.0/24")},
        "tables": {"main": (Route(prefix, local=True), *routes)},
        "groups": {"open": OPEN},
        "ports": (host(name, number),),
        "links": links,
    }
    return Network(name, **made | settings)


def host(name: str, number: int) -> Port:
    return port(f"{name}-host", "only", f"10.{number}.0.5")


def peer(name: str, to: str, ours: int, theirs: int) -> Link:
    return Link(name, to, ours=(f"10.{ours}.0.0/16",), theirs=(f"10.{theirs}.0.0/16",))


def test_peers_reach_each_other_and_nobody_behind(lab: Lab) -> None:
    routes = Route("10.2.0.0/16", "red-blue"), Route("10.3.0.0/16", "red-blue")
    red = network("red", 1, *routes, links=(peer("red-blue", "blue", 1, 2),))
    routes = Route("10.1.0.0/16", "red-blue"), Route("10.3.0.0/16", "blue-green")
    blue = network("blue", 2, *routes, links=(peer("red-blue", "red", 2, 1), peer("blue-green", "green", 2, 3)))
    routes = Route("10.2.0.0/16", "blue-green"), Route("10.1.0.0/16", "blue-green")
    green = network("green", 3, *routes, links=(peer("blue-green", "blue", 3, 2),))
    lab.apply(red)
    assert not lab.connects("red-host", "red-host", "10.2.0.5")
    lab.apply(blue)
    lab.apply(green)
    assert lab.seen("red-host", "blue-host", "10.2.0.5") == "10.1.0.5"
    assert lab.connects("green-host", "blue-host", "10.2.0.5")
    assert not lab.connects("red-host", "green-host", "10.3.0.5"), "peering is not transitive"
    lab.apply(network("blue", 2))
    assert not lab.connects("red-host", "blue-host", "10.2.0.5"), "one end alone is no link"


def test_a_peer_without_a_route_back_does_not_answer(lab: Lab) -> None:
    lab.apply(
        network("red", 1, Route("10.2.0.0/16", "pair"), links=(peer("pair", "blue", 1, 2),)),
        network("blue", 2, links=(peer("pair", "red", 2, 1),)),
    )
    assert not lab.connects("red-host", "blue-host", "10.2.0.5")


def hub(*routes: Route, tables: dict[str, tuple[Route, ...]] | None = None, **ends: str) -> Network:
    """A network of links alone: what comes in by each is routed by the table that is named for it."""
    links = tuple(Link(f"to-{name}", name, table=table) for name, table in ends.items())
    return Network("hub", tables=tables or {"main": routes}, links=links)


def spoke(name: str, number: int) -> Network:
    return network(name, number, Route("10.0.0.0/8", f"to-{name}"), links=(Link(f"to-{name}", "hub"),))


def test_a_hub_passes_on_as_its_tables_say(lab: Lab) -> None:
    names = enumerate(("red", "blue", "green"), 1)
    everyone = tuple(Route(f"10.{place}.0.0/16", f"to-{name}") for place, name in names)
    lab.apply(spoke("red", 1), spoke("blue", 2), spoke("green", 3))
    lab.apply(hub(*everyone, red="main", blue="main", green="main"))
    assert lab.seen("red-host", "green-host", "10.3.0.5") == "10.1.0.5"
    assert lab.connects("blue-host", "red-host", "10.1.0.5")
    isolated = {"shared": everyone, "apart": (everyone[1],)}
    lab.apply(hub(tables=isolated, red="apart", blue="shared", green="apart"))
    assert lab.connects("red-host", "blue-host", "10.2.0.5")
    assert not lab.connects("red-host", "green-host", "10.3.0.5")
    lab.apply(hub(*everyone[:2], Route("10.3.1.0/24"), red="main", blue="main", green="main"))
    assert not lab.connects("red-host", "green-host", "10.3.0.5")


def test_what_comes_from_a_hub_is_routed_by_the_table_of_its_link(lab: Lab) -> None:
    """A network through which others get out: their packets arrive by a hub, and leave by its NAT."""
    out = Network(
        "out",
        prefixes=("10.9.0.0/16",),
        subnets={"entry": subnet("10.9.0.0/24", "entry"), "exit": subnet("10.9.1.0/24", "exit")},
        tables={
            "entry": (Route("10.9.0.0/16", local=True), Route("0.0.0.0/0", port="nat")),
            "exit": (
                Route("10.9.0.0/16", local=True),
                Route("10.0.0.0/8", "to-out"),
                Route("0.0.0.0/0", "gate"),
            ),
        },
        groups={"open": OPEN},
        ports=(port("nat", "exit", "10.9.1.9", groups=None, checked=False, translates=True),),
        links=(Link("to-out", "hub", table="entry"), Link("gate", "internet", public={"10.9.1.9": lab.public(110)})),
    )
    red = network("red", 1, Route("0.0.0.0/0", "to-red"), links=(Link("to-red", "hub"),))
    lab.apply(out, red, hub(Route("0.0.0.0/0", "to-out"), Route("10.1.0.0/16", "to-red"), red="main", out="main"))
    assert lab.seen("red-host", "internet", lab.public(1)) == lab.public(110)


def test_networks_meet_on_the_internet_even_with_the_same_addresses(lab: Lab) -> None:
    def home(name: str, address: str) -> Network:
        gate = Link(f"{name}-gate", "internet", public={"10.1.0.5": address})
        return network(name, 1, Route("0.0.0.0/0", f"{name}-gate"), links=(gate,))

    lab.apply(home("red", lab.public(100)), home("blue", lab.public(101)))
    assert lab.seen("red-host", "blue-host", lab.public(101)) == lab.public(100)
    assert lab.seen("blue-host", "red-host", lab.public(100)) == lab.public(101)


def test_ipv6_leaves_by_a_gateway_that_lets_nobody_in(lab: Lab) -> None:
    def home(name: str, number: int, **settings: Any) -> Network:
        prefix = f"2001:db8:{number}::/56"
        own = port(f"{name}-host", "only", f"10.{number}.0.5", f"2001:db8:{number}::5")
        gate = Link(f"{name}-gate", "internet", ours=(prefix,), **settings)
        tables = {"main": (Route(prefix, local=True), Route("::/0", f"{name}-gate"))}
        return network(name, number, links=(gate,), ports=(own,), tables=tables)

    lab.apply(home("red", 1), home("blue", 2, outward=True))
    assert lab.says("blue-host", "red-host", "2001:db8:1::5")
    assert not lab.says("red-host", "blue-host", "2001:db8:2::5")
    lab.apply(home("blue", 2))
    assert lab.says("red-host", "blue-host", "2001:db8:2::5")


def test_removing_a_network_unlinks_the_others(lab: Lab) -> None:
    red = network("red", 1, Route("10.2.0.0/16", "pair"), links=(peer("pair", "blue", 1, 2),))
    blue = network("blue", 2, Route("10.1.0.0/16", "pair"), links=(peer("pair", "red", 2, 1),))
    lab.apply(red, blue)
    assert lab.connects("red-host", "blue-host", "10.2.0.5")
    lab.run(lab.networks.remove("blue", "never there"))
    assert set(lab.run(lab.networks.names())) == {"red", "red-host", "internet"}
    lab.apply(blue)
    assert lab.connects("red-host", "blue-host", "10.2.0.5")
