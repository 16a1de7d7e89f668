"""The account as a whole: its alias, its preferences, and how much of everything it has."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel.mfa import Device
from pileus.kernel.record import Record

from . import iam, quotas
from .access_keys import AccessKey
from .certificates import SigningCertificate
from .faults import exists, missing
from .lists import MOST, entries
from .policies import Policy, Version
from .quotas import held


class AccountAlias(Record, scope="cloud", indexes={"by_account": ("account",)}):
    """A name for an account, which no other account has."""

    name: str
    account: str


class Preferences(Record, scope="account"):
    account: str
    token_version: int = 1
    """Of the session tokens that the global endpoint of STS gives."""


@iam.operation
def create_account_alias(call: Call, account_alias: str) -> None:
    """Give the account a name, in place of the one that it may have."""
    taken = AccountAlias.get(call, account_alias)
    if taken and taken.account != call.account:
        raise exists(f"The account alias {account_alias} already exists.")
    if alias := alias_of(call):
        alias.delete(call)
    AccountAlias(account_alias, call.account).put(call)


@iam.operation
def list_account_aliases(call: Call, marker: str = "", max_items: int = MOST) -> dict[str, Any]:
    """The one name of the account, if it has one."""
    alias = alias_of(call)
    return entries(call, "AccountAliases", [alias.name] if alias else [], marker, max_items)


@iam.operation
def delete_account_alias(call: Call, account_alias: str) -> None:
    alias = AccountAlias.get(call, account_alias)
    if alias is None or alias.account != call.account:
        raise missing(f"The account alias {account_alias} cannot be found.")
    alias.delete(call)


def alias_of(call: Call) -> AccountAlias | None:
    return AccountAlias.first(call, call.account, index="by_account")


@iam.operation
def set_security_token_service_preferences(call: Call, global_endpoint_token_version: str) -> None:
    """Which tokens the global endpoint of STS gives; ours are good in all Regions either way."""
    Preferences(call.account, 2 if global_endpoint_token_version == "v2Token" else 1).put(call)


@iam.operation
def get_account_summary(call: Call) -> dict[str, Any]:
    """How many there are of everything, and how many there may be."""
    devices = list(Device.scan(call))
    preferences = Preferences.get(call, call.account)
    counts = {
        "Users": held(call, "Users"),
        "Groups": held(call, "Groups"),
        "Roles": held(call, "Roles"),
        "Policies": held(call, "Policies"),
        "InstanceProfiles": held(call, "InstanceProfiles"),
        "ServerCertificates": held(call, "ServerCertificates"),
        "Providers": held(call, "OpenIDConnectProviders") + held(call, "SAMLProviders"),
        "PolicyVersionsInUse": sum(1 for policy in Policy.scan(call) for _ in Version.scan(call, policy.id)),
        "MFADevices": len(devices),
        "MFADevicesInUse": sum(1 for device in devices if device.holder),
        "AccountMFAEnabled": int(any(device.holder == call.account for device in devices)),
        "AccountAccessKeysPresent": int(AccessKey.first(call, call.account) is not None),
        "AccountSigningCertificatesPresent": int(SigningCertificate.first(call, call.account) is not None),
        "AccountPasswordPresent": 1,
        "GlobalEndpointTokenVersion": preferences.token_version if preferences else 1,
    }
    return {"SummaryMap": counts | QUOTAS}


QUOTAS = {
    "UsersQuota": quotas.PER_ACCOUNT["Users"],
    "GroupsQuota": quotas.PER_ACCOUNT["Groups"],
    "RolesQuota": quotas.PER_ACCOUNT["Roles"],
    "PoliciesQuota": quotas.PER_ACCOUNT["Policies"],
    "InstanceProfilesQuota": quotas.PER_ACCOUNT["InstanceProfiles"],
    "ServerCertificatesQuota": quotas.PER_ACCOUNT["ServerCertificates"],
    "PolicyVersionsInUseQuota": 10000,
    "AccessKeysPerUserQuota": quotas.ACCESS_KEYS,
    "SigningCertificatesPerUserQuota": quotas.SIGNING_CERTIFICATES,
    "GroupsPerUserQuota": quotas.GROUPS_OF_USER,
    "AttachedPoliciesPerUserQuota": quotas.ATTACHED_POLICIES,
    "AttachedPoliciesPerGroupQuota": quotas.ATTACHED_POLICIES,
    "AttachedPoliciesPerRoleQuota": quotas.ATTACHED_POLICIES,
    "VersionsPerPolicyQuota": quotas.POLICY_VERSIONS,
    "PolicySizeQuota": quotas.POLICY_SIZE,
    "AssumeRolePolicySizeQuota": quotas.TRUST_SIZE,
    "UserPolicySizeQuota": quotas.INLINE_SIZE["user"],
    "GroupPolicySizeQuota": quotas.INLINE_SIZE["group"],
    "RolePolicySizeQuota": quotas.INLINE_SIZE["role"],
}
