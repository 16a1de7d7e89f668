"""The agreements that customers sign, and how lines are billed, of which the billing itself is left out."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record

from . import directconnect, refused
from .connections import Connection, shown, usable

Members = dict[str, Any]

NAMES = ("DirectConnectCustomerAgreement",)


class Signed(Record, table="directconnect.Agreement", scope="account"):
    """An agreement that the account has signed."""

    name: str
    at: float


@directconnect.operation
def confirm_customer_agreement(call: Call, agreement_name: str = "") -> Members:
    """Sign an agreement."""
    name = agreement_name or NAMES[0]
    if name not in NAMES:
        raise refused(f"The agreement {name} does not exist")
    Signed(name, call.now).put(call)
    return {"status": "signed"}


@directconnect.operation
def describe_customer_metadata(call: Call) -> Members:
    """What the account has signed, and whether it is a partner: it is one that has interconnects."""
    agreements = [
        {"agreementName": name, "status": "signed" if Signed.get(call, name) else "unsigned"} for name in NAMES
    ]
    partner = any(one.interconnect and one.present for one in Connection.scan(call))
    return {"agreements": agreements, "nniPartnerType": "v2" if partner else "nonPartner"}


@directconnect.operation
def update_connections_billing_mode(call: Call, connection_ids: list[str], billing_mode: str) -> Members:
    """Say how lines are to be billed."""
    lines = [usable(call, what) for what in dict.fromkeys(connection_ids)]
    for one in lines:
        one.billing = billing_mode
        one.put(call)
    return {"billingMode": billing_mode, "connections": [shown(call, one) for one in lines]}
