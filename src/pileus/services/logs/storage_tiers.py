"""The storage tier of an account's logs. On AWS it decides what they cost; they are as quick to get at either way."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record

from . import logs

Members = dict[str, Any]


class StorageTier(Record):
    """What an account has chosen in a Region."""

    name: str
    tier: str
    updated: int


ONLY = "policy"


@logs.operation
def put_storage_tier_policy(call: Call, storage_tier: str) -> Members:
    return described(StorageTier(name=ONLY, tier=storage_tier, updated=int(call.now * 1000)).put(call))


@logs.operation
def get_storage_tier_policy(call: Call) -> Members:
    return described(StorageTier.get(call, ONLY))


def described(found: StorageTier | None) -> Members:
    if found is None:
        return {"storageTier": "STANDARD"}
    return {"storageTier": found.tier, "lastUpdatedTime": found.updated}
