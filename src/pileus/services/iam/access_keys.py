"""Access keys: the long-term credentials with which programs sign."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, names
from pileus.kernel.identity import Credential, Principal, new_access_key_id, root
from pileus.kernel.record import Record
from pileus.kernel.usage import KeyUse

from . import iam
from .faults import missing
from .lists import MOST, records
from .quotas import ACCESS_KEYS, exceeded
from .users import User, user_meant


class AccessKey(Record, scope="account", key=("owner", "id")):
    """What IAM knows of a key; the secret is with the credential alone."""

    owner: str
    """The user's unique id; the root's is the account's number."""
    id: str
    created: float
    status: str = "Active"


@iam.operation(on=user_meant)
def create_access_key(call: Call, user: User) -> dict[str, Any]:
    """A new key, whose secret is told this once."""
    if len(keys_of(call, user)) >= ACCESS_KEYS:
        raise exceeded("AccessKeysPerUser", ACCESS_KEYS)
    key = AccessKey(user.id, new_access_key_id("AKIA", call.account), call.now).put(call)
    secret = names.token(40, names.ALPHANUMERIC + "+/")
    Credential(key.id, secret, principal_of(call, user, key.id)).put(call)
    return {"AccessKey": shown(user, key) | {"SecretAccessKey": secret}}


@iam.operation(on=user_meant)
def list_access_keys(call: Call, user: User, marker: str = "", max_items: int = MOST) -> dict[str, Any]:
    """The keys of a user."""
    return records(
        call,
        "AccessKeyMetadata",
        AccessKey,
        user.id,
        show=lambda key: shown(user, key),
        marker=marker,
        max_items=max_items,
    )


@iam.operation(on=user_meant)
def update_access_key(call: Call, user: User, access_key_id: str, status: str) -> None:
    """Take a key out of use, or into use again; at once."""
    key = key_of(call, user, access_key_id)
    key.status = status
    key.put(call)
    enable(call, key.id, status == "Active")


@iam.operation(on=user_meant)
def delete_access_key(call: Call, user: User, access_key_id: str) -> None:
    """Delete a key; whoever signs with it is refused from now on."""
    key_of(call, user, access_key_id).delete(call)
    enable(call, access_key_id, False)
    if use := KeyUse.get(call, access_key_id):
        use.delete(call)


@iam.operation
def get_access_key_last_used(call: Call, access_key_id: str) -> dict[str, Any]:
    """When, where and for what a key was last used, to the minute."""
    credential = Credential.get(call, access_key_id)
    principal = credential.principal if credential else None
    owner = principal.user_id if principal else ""
    if principal is None or principal.account != call.account or not AccessKey.get(call, owner, access_key_id):
        raise missing(f"The Access Key with id {access_key_id} cannot be found.")
    use = KeyUse.get(call, access_key_id)
    used: dict[str, Any] = {"ServiceName": "N/A", "Region": "N/A"}
    if use:
        used = {"LastUsedDate": use.at, "ServiceName": use.service, "Region": use.region}
    name = principal.arn.rpartition("/")[2] if principal.type == "IAMUser" else ""
    return {"UserName": name, "AccessKeyLastUsed": used}


def keys_of(call: Call, user: User) -> list[AccessKey]:
    return list(AccessKey.scan(call, user.id))


def key_of(call: Call, user: User, access_key_id: str) -> AccessKey:
    if key := AccessKey.get(call, user.id, access_key_id):
        return key
    raise missing(f"The Access Key with id {access_key_id} cannot be found.")


def principal_of(call: Call, user: User, access_key_id: str) -> Principal:
    if user.is_root:
        return root(call.account, access_key_id, call.partition)
    return Principal("IAMUser", call.account, user.arn(call), user.id, access_key_id)


def enable(call: Call, access_key_id: str, active: bool) -> None:
    credential = Credential.get(call, access_key_id)
    assert credential
    credential.active = active
    credential.put(call)


def sign_anew(call: Call, user: User) -> None:
    """Have the keys of a user that was renamed stand for its new ARN."""
    for key in keys_of(call, user):
        credential = Credential.get(call, key.id)
        assert credential
        credential.principal = principal_of(call, user, key.id)
        credential.put(call)


def shown(user: User, key: AccessKey) -> dict[str, Any]:
    return {"UserName": user.name, "AccessKeyId": key.id, "Status": key.status, "CreateDate": key.created}
