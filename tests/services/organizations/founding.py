"""An organization, as tests of it and of what is built on it begin."""

from __future__ import annotations

import json
from typing import Any

from pileus import LocalCloud
from pileus.testing.account import Account

SCP = "SERVICE_CONTROL_POLICY"
RCP = "RESOURCE_CONTROL_POLICY"


class Organized:
    """An organization: `org` is Organizations as its management account."""

    def __init__(self, management: Account, cloud: LocalCloud, features: str = "ALL") -> None:
        self.cloud = cloud
        self.management = management
        self.org = management.client("organizations")
        self.id = self.org.create_organization(FeatureSet=features)["Organization"]["Id"]
        self.root = self.org.list_roots()["Roots"][0]["Id"]

    def unit(self, name: str, parent: str = "") -> str:
        made = self.org.create_organizational_unit(ParentId=parent or self.root, Name=name)
        return str(made["OrganizationalUnit"]["Id"])

    def account(self, name: str, parent: str = "", **more: Any) -> Account:
        """A new account of the organization, whose creation is waited for."""
        asked = self.org.create_account(AccountName=name, Email=f"{name}-{self.management.id}@mail.example", **more)[
            "CreateAccountStatus"
        ]
        assert asked["State"] == "IN_PROGRESS"
        self.cloud.clock.advance(0)
        done = self.org.describe_create_account_status(CreateAccountRequestId=asked["Id"])["CreateAccountStatus"]
        assert done["State"] == "SUCCEEDED", done
        if parent:
            self.org.move_account(AccountId=done["AccountId"], SourceParentId=self.root, DestinationParentId=parent)
        return self.cloud.account(done["AccountId"])

    def invited(self) -> Account:
        """An account that was there before, and has accepted an invitation."""
        account = self.cloud.account()
        asked = self.org.invite_account_to_organization(Target={"Type": "ACCOUNT", "Id": account.id})["Handshake"]
        account.client("organizations").accept_handshake(HandshakeId=asked["Id"])
        return account

    def enable(self, kind: str) -> None:
        self.org.enable_policy_type(RootId=self.root, PolicyType=kind)

    def policy(self, content: Any, kind: str = SCP, name: str = "policy") -> str:
        made = self.org.create_policy(Name=name, Description="", Type=kind, Content=json.dumps(content))
        return str(made["Policy"]["PolicySummary"]["Id"])

    def attach(self, target: str, content: Any, kind: str = SCP, name: str = "policy") -> str:
        """A new policy on a root, unit or account."""
        policy = self.policy(content, kind, name)
        self.org.attach_policy(PolicyId=policy, TargetId=target)
        return policy


def statements(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def deny(action: str, **more: Any) -> dict[str, Any]:
    return statements({"Effect": "Deny", "Action": action, "Resource": "*", **more})


def allow(action: Any) -> dict[str, Any]:
    return statements({"Effect": "Allow", "Action": action, "Resource": "*"})
