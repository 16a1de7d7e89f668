"""Elastic IP addresses: their reverse names, and handing one over to another account.

Left out: showing transfers that were accepted, which the one who gave an address sees for two weeks on AWS.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged
from pileus.services.ec2.faults import bad_value, invalid
from pileus.services.ec2.kinds import all_named, named, new_id
from pileus.services.ec2.tags import specified

from . import limits, public_ranges
from .addresses import Address, Transfer

DAYS = 7
"""How long an offer stands."""


# Reverse names


@ec2.operation
def modify_address_attribute(call: Call, allocation_id: str, domain_name: str = "") -> Members:
    """Give an address a name, which reverse look-ups find."""
    one = named(call, Address, allocation_id)
    if not domain_name:
        raise bad_value("DomainName", domain_name)
    one.ptr_record = domain_name.rstrip(".") + "."
    one.put(call)
    return {"Address": shown_name(one) | {"PtrRecordUpdate": {"Value": one.ptr_record, "Status": "PENDING"}}}


@ec2.operation
def reset_address_attribute(call: Call, allocation_id: str, attribute: str) -> Members:
    """Give an address the name again that it had at first: `attribute` has one value only."""
    assert attribute == "domain-name"
    one = named(call, Address, allocation_id)
    one.ptr_record = ""
    one.put(call)
    return {"Address": shown_name(one)}


@ec2.operation
def describe_addresses_attribute(
    call: Call,
    allocation_ids: list[str] = [],
    attribute: str = "domain-name",
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The names of addresses, of those that have one."""
    assert attribute == "domain-name"
    found = all_named(call, Address, allocation_ids) if allocation_ids else Address.scan(call)
    told = [shown_name(one) for one in found if one.ptr_record]
    return paged(call, "Addresses", told, max_results, next_token)


def shown_name(one: Address) -> Members:
    return {"PublicIp": one.public_ip, "AllocationId": one.allocation_id, "PtrRecord": one.ptr_record or None}


# Transfers


@ec2.operation
def enable_address_transfer(call: Call, allocation_id: str, transfer_account_id: str) -> Members:
    """Offer an address to an account, for a week."""
    one = named(call, Address, allocation_id)
    if transfer_account_id == call.account:
        raise invalid("The transfer account cannot be the account that owns the address.")
    one.transfer = Transfer(transfer_account_id, call.now + DAYS * 86400)
    one.put(call)
    return {"AddressTransfer": shown_transfer(one)}


@ec2.operation
def disable_address_transfer(call: Call, allocation_id: str) -> Members:
    """Offer an address no more."""
    one = offered(call, named(call, Address, allocation_id))
    told = shown_transfer(one) | {"AddressTransferStatus": "disabled"}
    one.transfer = None
    one.put(call)
    return {"AddressTransfer": told}


def offered(call: Call, one: Address | None, account: str = "") -> Address:
    """The address, if there is an offer of it that still stands, to that account if one is named."""
    offer = one.transfer if one else None
    if one is None or offer is None or offer.expires <= call.now or account not in ("", offer.account):
        what = one.public_ip if one else "address"
        raise Fault("InvalidAddressTransfer.NotFound", f"No transfer of the {what} was found.")
    return one


def shown_transfer(one: Address) -> Members:
    assert one.transfer
    return {
        "PublicIp": one.public_ip,
        "AllocationId": one.allocation_id,
        "TransferAccountId": one.transfer.account,
        "TransferOfferExpirationTimestamp": one.transfer.expires,
        "AddressTransferStatus": "pending",
    }


@ec2.operation
def describe_address_transfers(
    call: Call, allocation_ids: list[str] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """The offers that an account has made and that still stand."""
    found = all_named(call, Address, allocation_ids) if allocation_ids else Address.scan(call)
    told = [shown_transfer(one) for one in found if one.transfer and one.transfer.expires > call.now]
    return paged(call, "AddressTransfers", told, max_results, next_token)


@ec2.operation
def accept_address_transfer(call: Call, address: str, tag_specifications: list[dict[str, Any]] = []) -> Members:
    """Take an address that another account offers; it comes without its tags and under another id."""
    tags = specified(tag_specifications, "elastic-ip")
    held = public_ranges.Held.get(call, address)
    giver = call.at(account=held.account) if held and held.region == call.region else None
    one = offered(call, Address.first(giver, address, index="by_ip") if giver else None, call.account)
    assert giver and held
    if one.association_id:
        text = f"The address {address} is associated with a resource."
        raise Fault("InvalidTransfer.AddressAssociated", text)
    if one.ptr_record:
        raise Fault("InvalidTransfer.AddressCustomPtrSet", f"The address {address} has a custom reverse DNS name.")
    limits.check("AddressLimit", "addresses", Address.scan(call), limits.ADDRESSES)
    told = shown_transfer(one) | {"TransferOfferAcceptedTimestamp": call.now, "AddressTransferStatus": "accepted"}
    one.delete(giver)
    held.account = call.account
    held.put(call)
    Address(new_id(Address), address, one.network_border_group, one.public_ipv4_pool, tags=tags).put(call)
    return {"AddressTransfer": told}
