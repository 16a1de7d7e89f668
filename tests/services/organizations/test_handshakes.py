"""Invitations, and what else accounts are asked."""

from __future__ import annotations

from typing import Any

from pileus import LocalCloud
from pileus.testing.account import Account

from .founding import Organized

DAY = 86400


def invite(founded: Organized, account: Account, **more: Any) -> dict[str, Any]:
    target = {"Type": "ACCOUNT", "Id": account.id}
    handshake: dict[str, Any] = founded.org.invite_account_to_organization(Target=target, **more)["Handshake"]
    return handshake


def test_an_account_accepts_an_invitation(founded: Organized, cloud: LocalCloud, refused: Any) -> None:
    account = cloud.account()
    asked = invite(founded, account, Notes="join us", Tags=[{"Key": "how", "Value": "asked"}])
    assert (asked["State"], asked["Action"]) == ("OPEN", "INVITE")
    assert asked["Parties"] == [{"Id": founded.id, "Type": "ORGANIZATION"}, {"Id": account.id, "Type": "ACCOUNT"}]
    assert (asked["ExpirationTimestamp"] - asked["RequestedTimestamp"]).days == 15
    assert {"Type": "NOTES", "Value": "join us"} in asked["Resources"]
    with refused("DuplicateHandshakeException"):
        invite(founded, account)
    with refused("HandshakeNotFoundException"):
        cloud.account().client("organizations").describe_handshake(HandshakeId=asked["Id"])
    with refused("AccessDeniedException"):
        founded.org.accept_handshake(HandshakeId=asked["Id"])
    theirs = account.client("organizations")
    (seen,) = theirs.list_handshakes_for_account()["Handshakes"]
    assert seen == asked
    assert theirs.accept_handshake(HandshakeId=asked["Id"])["Handshake"]["State"] == "ACCEPTED"
    shown = founded.org.describe_account(AccountId=account.id)["Account"]
    assert shown["JoinedMethod"] == "INVITED"
    assert founded.org.list_tags_for_resource(ResourceId=account.id)["Tags"] == [{"Key": "how", "Value": "asked"}]
    with refused("HandshakeAlreadyInStateException"):
        theirs.accept_handshake(HandshakeId=asked["Id"])
    with refused("InvalidHandshakeTransitionException"):
        theirs.decline_handshake(HandshakeId=asked["Id"])
    with refused("HandshakeConstraintViolationException") as error:
        invite(founded, account)
    assert error.response["Reason"] == "ALREADY_IN_AN_ORGANIZATION"


def test_an_invitation_is_declined_or_taken_back(founded: Organized, cloud: LocalCloud, refused: Any) -> None:
    account = cloud.account()
    theirs = account.client("organizations")
    declined = invite(founded, account)["Id"]
    with refused("AccessDeniedException"):
        theirs.cancel_handshake(HandshakeId=declined)
    assert theirs.decline_handshake(HandshakeId=declined)["Handshake"]["State"] == "DECLINED"
    canceled = invite(founded, account)["Id"]
    assert founded.org.cancel_handshake(HandshakeId=canceled)["Handshake"]["State"] == "CANCELED"
    with refused("InvalidHandshakeTransitionException"):
        theirs.accept_handshake(HandshakeId=canceled)
    states = [one["State"] for one in founded.org.list_handshakes_for_organization()["Handshakes"]]
    assert sorted(states) == ["CANCELED", "DECLINED"]
    none = founded.org.list_handshakes_for_organization(Filter={"ActionType": "ENABLE_ALL_FEATURES"})
    assert none["Handshakes"] == []


def test_an_invitation_lapses_after_fifteen_days_and_is_forgotten_after_thirty_more(
    founded: Organized, cloud: LocalCloud, clock: Any, refused: Any
) -> None:
    account = cloud.account()
    asked = invite(founded, account)["Id"]
    clock.advance(15 * DAY - 60)
    assert founded.org.describe_handshake(HandshakeId=asked)["Handshake"]["State"] == "OPEN"
    clock.advance(120)
    assert founded.org.describe_handshake(HandshakeId=asked)["Handshake"]["State"] == "EXPIRED"
    with refused("InvalidHandshakeTransitionException"):
        account.client("organizations").accept_handshake(HandshakeId=asked)
    clock.advance(30 * DAY)
    with refused("HandshakeNotFoundException"):
        founded.org.describe_handshake(HandshakeId=asked)


def test_an_account_is_invited_by_its_address(founded: Organized, cloud: LocalCloud, refused: Any) -> None:
    account = founded.account("addressed")
    founded.org.remove_account_from_organization(AccountId=account.id)
    address = f"Addressed-{founded.management.id}@mail.example"
    asked = founded.org.invite_account_to_organization(Target={"Type": "EMAIL", "Id": address})["Handshake"]
    account.client("organizations").accept_handshake(HandshakeId=asked["Id"])
    assert founded.org.describe_account(AccountId=account.id)["Account"]["JoinedMethod"] == "INVITED"
    for target, reason in (
        ({"Type": "ORGANIZATION", "Id": founded.id}, "INVALID_PARTY_TYPE_TARGET"),
        ({"Type": "EMAIL", "Id": "nobody"}, "INVALID_EMAIL_ADDRESS_TARGET"),
        ({"Type": "ACCOUNT", "Id": "12"}, "INVALID_PATTERN_TARGET_ID"),
    ):
        with refused("InvalidInputException") as error:
            founded.org.invite_account_to_organization(Target=target)
        assert error.response["Reason"] == reason


def test_a_member_of_another_organization_moves_over(founded: Organized, cloud: LocalCloud, refused: Any) -> None:
    earlier = Organized(cloud.account(), cloud)
    account = earlier.account("mover")
    account.client("organizations").accept_handshake(HandshakeId=invite(founded, account)["Id"])
    assert account.client("organizations").describe_organization()["Organization"]["Id"] == founded.id
    with refused("AccountNotFoundException"):
        earlier.org.describe_account(AccountId=account.id)
    asked = invite(founded, earlier.management)["Id"]
    with refused("HandshakeConstraintViolationException"):
        earlier.org.accept_handshake(HandshakeId=asked)


def test_all_features_want_the_consent_of_those_who_were_invited(aws: Account, cloud: LocalCloud, refused: Any) -> None:
    billing = Organized(aws, cloud, "CONSOLIDATED_BILLING")
    org = billing.org
    billing.account("created")
    account = billing.invited()
    with refused("ConstraintViolationException") as error:
        billing.enable("SERVICE_CONTROL_POLICY")
    assert error.response["Reason"] == "ORGANIZATION_NOT_IN_ALL_FEATURES_MODE"
    with refused("PolicyTypeNotAvailableForOrganizationException"):
        billing.policy({})
    asked = org.enable_all_features()["Handshake"]
    assert (asked["Action"], asked["State"]) == ("ENABLE_ALL_FEATURES", "REQUESTED")
    with refused("HandshakeConstraintViolationException") as error:
        org.enable_all_features()
    assert error.response["Reason"] == "ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION"
    with refused("HandshakeConstraintViolationException") as error:
        invite(billing, cloud.account())
    assert error.response["Reason"] == "INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES"
    with refused("InvalidHandshakeTransitionException"):
        org.accept_handshake(HandshakeId=asked["Id"])
    theirs = account.client("organizations")
    approvals = theirs.list_handshakes_for_account(Filter={"ActionType": "APPROVE_ALL_FEATURES"})["Handshakes"]
    assert len(approvals) == 1
    theirs.accept_handshake(HandshakeId=approvals[0]["Id"])
    assert org.describe_handshake(HandshakeId=asked["Id"])["Handshake"]["State"] == "OPEN"
    org.accept_handshake(HandshakeId=asked["Id"])
    assert org.describe_organization()["Organization"]["FeatureSet"] == "ALL"
    billing.enable("SERVICE_CONTROL_POLICY")
    with refused("HandshakeConstraintViolationException") as error:
        org.enable_all_features()
    assert error.response["Reason"] == "ORGANIZATION_ALREADY_HAS_ALL_FEATURES"
