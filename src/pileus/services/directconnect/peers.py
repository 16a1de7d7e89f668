"""BGP sessions of virtual interfaces, and tests of what happens when they fail.

A test takes an interface's sessions down for a while; then they may come up again.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record
from pileus.kernel.names import uuid4

from . import directconnect, refused
from .changes import changed
from .checks import checked_address, checked_key
from .connections import paged
from .interfaces import VirtualInterface, interface, peer_of, shown
from .states import enter

Members = dict[str, Any]

MOST_MINUTES = 4320


@directconnect.operation(name="CreateBGPPeer")
def create_bgp_peer(call: Call, virtual_interface_id: str = "", new_bgp_peer: Members = {}) -> Members:
    """A further session, of the other address family."""
    one = interface(call, virtual_interface_id)
    family = new_bgp_peer.get("addressFamily", "ipv4")
    if any(peer["addressFamily"] == family and peer["asn"] == new_bgp_peer.get("asn") for peer in one.peers):
        raise refused(f"{virtual_interface_id} already has such a BGP peer")
    given = {name: value for name, value in new_bgp_peer.items() if value}
    for member in ("amazonAddress", "customerAddress"):
        if member in given:
            checked_address(given[member], family)
    if "authKey" in given:
        checked_key(given["authKey"])
    one.peers = [*one.peers, peer_of(one, **given)]
    one.put(call.at(one.owner))
    changed(call, one.owner)
    return {"virtualInterface": shown(call, one)}


@directconnect.operation(name="DeleteBGPPeer")
def delete_bgp_peer(
    call: Call,
    virtual_interface_id: str = "",
    asn: int = 0,
    customer_address: str = "",
    bgp_peer_id: str = "",
) -> Members:
    """End a session; an interface keeps its last one."""
    one = interface(call, virtual_interface_id)
    gone = [
        peer
        for peer in one.peers
        if peer["bgpPeerId"] == bgp_peer_id
        or (not bgp_peer_id and (peer["asn"], peer["customerAddress"]) == (asn, customer_address))
    ]
    if not gone:
        raise refused(f"The BGP peer does not exist on {virtual_interface_id}")
    if len(gone) == len(one.peers):
        raise refused(f"The last BGP peer of {virtual_interface_id} cannot be deleted")
    one.peers = [peer for peer in one.peers if peer not in gone]
    one.put(call.at(one.owner))
    changed(call, one.owner)
    return {"virtualInterface": shown(call, one)}


# Failover tests


class FailoverTest(Record, indexes={"of_interface": ("virtual_interface_id",)}):
    """A test of what happens when sessions fail."""

    test_id: str
    virtual_interface_id: str
    peers: list[str]
    minutes: int
    started: float
    status: str = "IN_PROGRESS"
    ended: float = 0.0


@directconnect.operation
def start_bgp_failover_test(
    call: Call, virtual_interface_id: str, bgp_peers: list[str] = [], test_duration_in_minutes: int = 180
) -> Members:
    """Take sessions down, for as long as is said."""
    one = interface(call, virtual_interface_id)
    if one.state == "testing":
        raise refused(f"A failover test of {virtual_interface_id} is in progress")
    if not one.present or not 1 <= test_duration_in_minutes <= MOST_MINUTES:
        raise refused(f"A failover test of {virtual_interface_id} cannot be started")
    known = {peer["bgpPeerId"] for peer in one.peers}
    if set(bgp_peers) - known:
        raise refused(f"The BGP peers {sorted(set(bgp_peers) - known)} do not exist")
    test = FailoverTest(
        test_id=uuid4(),
        virtual_interface_id=virtual_interface_id,
        peers=bgp_peers or sorted(known),
        minutes=test_duration_in_minutes,
        started=call.now,
    ).put(call)
    enter(call.at(one.owner), one, "testing")
    test_over.later(call, delay=test.minutes * 60.0, test_id=test.test_id)
    return {"virtualInterfaceTest": test_shown(call, test)}


@directconnect.task
def test_over(call: Call, test_id: str) -> None:
    """The time of a test is over."""
    test = FailoverTest.get(call, test_id)
    if test and test.status == "IN_PROGRESS":
        end(call, test, "COMPLETED")


def end(call: Call, test: FailoverTest, status: str) -> None:
    test.status, test.ended = status, call.now
    test.put(call)
    one: VirtualInterface = interface(call, test.virtual_interface_id)
    if one.state == "testing":
        enter(call.at(one.owner), one, "down")


@directconnect.operation
def stop_bgp_failover_test(call: Call, virtual_interface_id: str) -> Members:
    """End a test before its time."""
    for test in FailoverTest.scan(call, virtual_interface_id, index="of_interface"):
        if test.status == "IN_PROGRESS":
            end(call, test, "STOPPED")
            return {"virtualInterfaceTest": test_shown(call, test)}
    raise refused(f"No failover test of {virtual_interface_id} is in progress")


@directconnect.operation
def list_virtual_interface_test_history(
    call: Call,
    test_id: str = "",
    virtual_interface_id: str = "",
    bgp_peers: list[str] = [],
    status: str = "",
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The tests of the account's interfaces."""
    found = [
        test_shown(call, test)
        for test in FailoverTest.scan(call)
        if test_id in ("", test.test_id)
        and virtual_interface_id in ("", test.virtual_interface_id)
        and status in ("", test.status)
        and (not bgp_peers or set(bgp_peers) & {*test.peers})
    ]
    return paged(call, "virtualInterfaceTestHistory", found, max_results, next_token)


def test_shown(call: Call, test: FailoverTest) -> Members:
    return {
        "testId": test.test_id,
        "virtualInterfaceId": test.virtual_interface_id,
        "bgpPeers": test.peers,
        "status": test.status,
        "ownerAccount": call.account,
        "testDurationInMinutes": test.minutes,
        "startTime": test.started,
        "endTime": test.ended or test.started + test.minutes * 60.0,
    }
