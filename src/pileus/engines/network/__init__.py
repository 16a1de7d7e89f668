"""Networks: routers, interfaces and wires of the kernel's own, through which packets go, or do not, as plans say.

    networks = cloud.engine(Networks)
    await networks.apply(Network("blue", prefixes=("10.0.0.0/16",), subnets=…, tables=…, groups=…, ports=…, links=…))

Each network is a namespace that routes. Each port is a pair of interfaces, one there and one in the namespace of a
host, and the router has a route to each address of its own: so every packet crosses its rules, even between hosts that
take each other for neighbours. Networks are joined by links, and one of them is the internet, in which public
addresses are, and the cloud's own; the machine reaches it by one interface, and nothing in it reaches the machine.

    plans         what is asked for
    engine        the networks of a cloud
    fabric        what there is, and how it is changed into what shall be
    layout        addresses, neighbours and routes of a router
    rules         its filters and translations, for nftables
    kernel        what is said to the kernel, over netlink
    spaces        namespaces, and sockets inside them
    mirrors       copies of packets
    flows         records of what went through routers, and of what they refused
    claims        names and public addresses that no other cloud on the machine has
    survey        whether this machine allows all that, and why not

Linux with root; elsewhere `Networks.available()` says what is missing.
"""

from .engine import Absent, Networks
from .flows import Flow
from .flows import Key as FlowKey
from .plans import INTERNET, Border, Copied, Entry, Group, Link, Mirror, Network, Port, Route, Rule, Subnet

__all__ = [
    "INTERNET",
    "Absent",
    "Border",
    "Copied",
    "Entry",
    "Flow",
    "FlowKey",
    "Group",
    "Link",
    "Mirror",
    "Network",
    "Networks",
    "Port",
    "Route",
    "Rule",
    "Subnet",
]
