"""Receipt filters: addresses of the Internet from which mail is refused, or taken in spite of that."""

from __future__ import annotations

import ipaddress
from typing import Any

from pileus.kernel import Call, Fault, Record

from . import ses
from .faults import wrong
from .receipt_rules import NAME

MOST = 100


class Filter(Record, table="ses.ReceiptFilter"):
    name: str
    policy: str
    cidr: str

    def covers(self, address: str) -> bool:
        return ipaddress.ip_address(address) in ipaddress.ip_network(self.cidr, strict=False)


def blocked(call: Call, address: str) -> bool:
    """Whether mail from that address is refused. What is allowed goes before what is blocked."""
    covering = [one.policy for one in Filter.scan(call) if address and one.covers(address)]
    return "Block" in covering and "Allow" not in covering


@ses.operation
def create_receipt_filter(call: Call, filter: dict[str, Any]) -> None:  # noqa: A002
    name, policy, cidr = filter["Name"], filter["IpFilter"]["Policy"], filter["IpFilter"]["Cidr"]
    if not NAME.fullmatch(name):
        raise wrong(call, f"Invalid filter name: {name}")
    try:
        ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        raise wrong(call, f"Invalid CIDR range: {cidr}") from None
    if Filter.get(call, name):
        raise Fault("AlreadyExistsException", f"Filter already exists: {name}", Name=name)
    if sum(1 for _ in Filter.scan(call, limit=MOST)) == MOST:
        raise Fault("LimitExceededException", f"Maximum number of receipt filters ({MOST}) exceeded.")
    Filter(name, policy, cidr).put(call)


@ses.operation
def list_receipt_filters(call: Call) -> dict[str, Any]:
    told = [{"Name": one.name, "IpFilter": {"Policy": one.policy, "Cidr": one.cidr}} for one in Filter.scan(call)]
    return {"Filters": told}


@ses.operation
def delete_receipt_filter(call: Call, filter_name: str) -> None:
    """Delete a filter; one that is not there is as good as deleted."""
    if found := Filter.get(call, filter_name):
        found.delete(call)
