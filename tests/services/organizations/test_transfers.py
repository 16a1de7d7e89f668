"""Responsibility transfers: one organization pays the bills of another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pileus import LocalCloud

from .founding import Organized


def next_month(cloud: LocalCloud) -> datetime:
    later = datetime.fromtimestamp(cloud.clock.now(), UTC).replace(day=1) + timedelta(days=32)
    return later.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def test_a_transfer_is_asked_for_accepted_and_ended(founded: Organized, cloud: LocalCloud, refused: Any) -> None:
    other = Organized(cloud.account(), cloud)
    payer, paid = founded.org, other.org
    start = next_month(cloud)

    def invite(target: Any = None, at: datetime = start) -> Any:
        return payer.invite_organization_to_transfer_responsibility(
            Type="BILLING",
            Target=target or {"Type": "ACCOUNT", "Id": other.management.id},
            StartTimestamp=at,
            SourceName="their bills",
            Tags=[{"Key": "a", "Value": "b"}],
        )["Handshake"]

    with refused("InvalidInputException") as error:
        invite(at=start + timedelta(days=1))
    assert error.response["Reason"] == "START_DATE_NOT_BEGINNING_OF_MONTH"
    with refused("HandshakeConstraintViolationException") as error:
        invite({"Type": "ACCOUNT", "Id": founded.management.id})
    assert error.response["Reason"] == "SOURCE_AND_TARGET_CANNOT_MATCH"
    asked = invite()
    assert asked["Action"] == "TRANSFER_RESPONSIBILITY"
    with refused("DuplicateHandshakeException"):
        invite()
    (inbound,) = payer.list_inbound_responsibility_transfers(Type="BILLING")["ResponsibilityTransfers"]
    assert (inbound["Status"], inbound["Name"]) == ("REQUESTED", "their bills")
    assert inbound["ActiveHandshakeId"] == asked["Id"] and "/billing/inbound/rt-" in inbound["Arn"]
    transfer = inbound["Id"]
    assert {"Type": "RESPONSIBILITY_TRANSFER", "Value": transfer} in asked["Resources"]
    assert payer.list_tags_for_resource(ResourceId=transfer)["Tags"] == [{"Key": "a", "Value": "b"}]
    with refused("InvalidResponsibilityTransferTransitionException"):
        payer.terminate_responsibility_transfer(Id=transfer)
    paid.accept_handshake(HandshakeId=asked["Id"])
    (outbound,) = paid.list_outbound_responsibility_transfers(Type="BILLING")["ResponsibilityTransfers"]
    assert outbound["Status"] == "ACCEPTED" and outbound["StartTimestamp"] == start
    assert outbound["Source"]["ManagementAccountId"] == other.management.id
    assert outbound["Target"]["ManagementAccountId"] == founded.management.id
    assert payer.list_outbound_responsibility_transfers(Type="BILLING")["ResponsibilityTransfers"] == []
    paid.update_responsibility_transfer(Id=transfer, Name="who pays")
    told = payer.describe_responsibility_transfer(Id=transfer)["ResponsibilityTransfer"]
    assert told["Name"] == "their bills"
    second = invite()
    with refused("HandshakeConstraintViolationException") as error:
        paid.accept_handshake(HandshakeId=second["Id"])
    assert error.response["Reason"] == "RESPONSIBILITY_TRANSFER_ALREADY_EXISTS"
    paid.decline_handshake(HandshakeId=second["Id"])
    states = [
        one["Status"] for one in paid.list_outbound_responsibility_transfers(Type="BILLING")["ResponsibilityTransfers"]
    ]
    assert states == ["ACCEPTED", "DECLINED"]
    with refused("InvalidInputException") as error:
        paid.terminate_responsibility_transfer(Id=transfer, EndTimestamp=start + timedelta(days=40))
    assert error.response["Reason"] == "END_DATE_NOT_END_OF_MONTH"
    ended = paid.terminate_responsibility_transfer(Id=transfer)["ResponsibilityTransfer"]
    assert ended["Status"] == "WITHDRAWN" and (ended["EndTimestamp"] + timedelta(seconds=1)).day == 1
    assert ended["Name"] == "who pays"
    with refused("ResponsibilityTransferAlreadyInStatusException"):
        payer.terminate_responsibility_transfer(Id=transfer)
    with refused("ResponsibilityTransferNotFoundException"):
        Organized(cloud.account(), cloud).org.describe_responsibility_transfer(Id=transfer)
