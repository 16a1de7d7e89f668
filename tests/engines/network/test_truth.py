"""Whatever the rules are, packets do what the rules say: random networks against a reference that is a few loops."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pileus.engines.network import Border, Entry, Group, Network, Networks, Route, Rule

from .conftest import Lab, port, subnet

ADDRESSES = {"one": "10.0.0.5", "two": "10.0.0.6", "far": "10.0.1.7", "last": "10.0.1.8"}
HOMES = {"one": "a", "two": "a", "far": "b", "last": "b"}
PORTS = (80, 443)
EPHEMERAL = (32768, 60999)
PREFIXES = ("0.0.0.0/0", "10.0.0.0/24", "10.0.1.0/24", "10.0.0.5/32", "10.0.1.7/32")

rules = st.builds(
    Rule,
    protocol=st.sampled_from(["any", "tcp", "tcp", "udp"]),
    ports=st.sampled_from([None, (80, 80), (400, 500)]),
    prefixes=st.sampled_from(PREFIXES).map(lambda one: (one,)) | st.just(()),
    sets=st.sampled_from([(), ("first",), ("first", "second")]),
)
groups = st.builds(Group, *(st.lists(rules, max_size=2).map(tuple) for _ in range(2)))
entries = st.builds(
    Entry,
    allow=st.sampled_from([True, True, False]),
    prefix=st.sampled_from(PREFIXES),
    protocol=st.sampled_from(["any", "tcp", "udp"]),
    ports=st.sampled_from([None, (80, 80), EPHEMERAL]),
)
borders = st.builds(Border, *(st.lists(entries, max_size=3).map(tuple) for _ in range(2)))
tables = st.sampled_from([("10.0.0.0/16",), ("10.0.0.0/16",), ("10.0.0.0/24",), ("10.0.1.0/24",), ()])


@st.composite
def networks(draw: st.DrawFn) -> Network:
    filters = {name: draw(groups) for name in ("g", "h")}
    chosen = st.lists(st.sampled_from(["g", "h"]), unique=True).map(tuple) | st.none()
    ports = tuple(port(name, HOMES[name], ADDRESSES[name], groups=draw(chosen)) for name in ADDRESSES)
    return Network(
        "random",
        prefixes=("10.0.0.0/16",),
        subnets={
            "a": subnet("10.0.0.0/24", "ta", draw(st.sampled_from(["", "x"]))),
            "b": subnet("10.0.1.0/24", "tb", "y"),
        },
        tables={name: tuple(Route(prefix, local=True) for prefix in draw(tables)) for name in ("ta", "tb")},
        borders={"x": draw(borders), "y": draw(borders)},
        groups=filters,
        sets={"first": ("10.0.0.6", "10.0.1.8"), "second": ("10.0.1.0/24",)},
        ports=ports,
    )


# The reference


def within(address: str, prefix: str) -> bool:
    return ip_address(address) in ip_network(prefix)


def fits(one: Rule | Entry, number: int) -> bool:
    if one.protocol == "udp":
        return False
    return one.protocol == "any" or one.ports is None or one.ports[0] <= number <= one.ports[1]


def allowed(network: Network, names: tuple[str, ...] | None, side: str, other: str, number: int) -> bool:
    """Whether groups let a connection through at one of its ends."""
    if names is None:
        return True
    for rule in (rule for name in names for rule in getattr(network.groups[name], side)):
        around = [*rule.prefixes, *(member for name in rule.sets for member in network.sets[name])]
        if fits(rule, number) and any(within(other, prefix) for prefix in around):
            return True
    return False


def passes(lines: tuple[Entry, ...], other: str, numbers: tuple[int, int]) -> bool:
    """Whether a list lets a packet through whose port is any of these; they are all judged alike here."""
    verdicts = {next((e.allow for e in lines if fits(e, n) and within(other, e.prefix)), False) for n in numbers}
    return verdicts == {True}


def crosses(network: Network, source: str, target: str, numbers: tuple[int, int]) -> bool:
    """Whether routes and borders let a packet through."""
    home, there = network.subnets[HOMES[source]], network.subnets[HOMES[target]]
    if home is there:
        return True
    if not any(within(ADDRESSES[target], route.prefix) for route in network.tables[home.table]):
        return False
    out, into = network.borders.get(home.border), network.borders.get(there.border)
    return (out is None or passes(out.outbound, ADDRESSES[target], numbers)) and (
        into is None or passes(into.inbound, ADDRESSES[source], numbers)
    )


def expected(network: Network) -> Iterator[tuple[str, str, int]]:
    """Which connections come about."""
    ports = {one.name: one for one in network.ports}
    for source, target in itertools.permutations(ADDRESSES, 2):
        for number in PORTS:
            if (
                crosses(network, source, target, (number, number))
                and crosses(network, target, source, EPHEMERAL)
                and allowed(network, ports[source].groups, "outbound", ADDRESSES[target], number)
                and allowed(network, ports[target].groups, "inbound", ADDRESSES[source], number)
            ):
                yield source, target, number


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    if reason := Networks.available():
        pytest.skip(f"no networks: {reason}")
    made = Lab(tmp_path_factory.mktemp("truth"))
    yield made
    made.close()


@settings(max_examples=25, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(network=networks())
def test_a_connection_comes_about_where_the_rules_say_so(shared: Lab, network: Network) -> None:
    shared.apply(network)
    probes = [(source, target, number) for source, target in itertools.permutations(ADDRESSES, 2) for number in PORTS]
    assert shared.connected(probes, ADDRESSES) == set(expected(network))
