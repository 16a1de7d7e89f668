"""Pools of dedicated addresses. There are no addresses to lease here, so a pool has none."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.services.ses import accounts
from pileus.services.ses.faults import wrong

from . import sesv2
from .tagging import with_tags

MOST = 50


class Pool(
    Record, arn="arn:{partition}:ses:{region}:{account}:dedicated-ip-pool/{name}", cfn="AWS::SES::DedicatedIpPool"
):
    name: str
    scaling: str
    tags: dict[str, str] = {}


def existing(call: Call, pool_name: str) -> Pool:
    found = Pool.get(call, pool_name)
    if found is None:
        raise Fault("NotFoundException", f"Dedicated IP pool {pool_name} does not exist.")
    return found


@sesv2.operation
def create_dedicated_ip_pool(
    call: Call, pool_name: str, tags: list[dict[str, str]] = [], scaling_mode: str = "STANDARD"
) -> None:
    if Pool.get(call, pool_name):
        raise Fault("AlreadyExistsException", f"Dedicated IP pool {pool_name} already exists.")
    if sum(1 for _ in Pool.scan(call, limit=MOST)) == MOST:
        raise Fault("LimitExceededException", f"An account can have {MOST} dedicated IP pools.")
    Pool(pool_name, scaling_mode, with_tags({}, tags)).put(call)


@sesv2.operation(on=existing)
def get_dedicated_ip_pool(call: Call, found: Pool) -> dict[str, Any]:
    return {"DedicatedIpPool": {"PoolName": found.name, "ScalingMode": found.scaling}}


@sesv2.operation
def list_dedicated_ip_pools(call: Call, next_token: str = "", page_size: int = 100) -> dict[str, Any]:
    page = Pool.page(call, limit=page_size, token=next_token, invalid=wrong(call, "Invalid NextToken"))
    return {"DedicatedIpPools": [one.name for one in page.items], "NextToken": page.token}


@sesv2.operation(on=existing)
def put_dedicated_ip_pool_scaling_attributes(call: Call, found: Pool, scaling_mode: str) -> None:
    if (found.scaling, scaling_mode) == ("MANAGED", "STANDARD"):
        raise wrong(call, "Cannot convert a managed pool to a standard one.")
    found.scaling = scaling_mode
    found.put(call)


@sesv2.operation(on=existing)
def delete_dedicated_ip_pool(call: Call, found: Pool) -> None:
    found.delete(call)


@sesv2.operation
def get_dedicated_ips(call: Call, pool_name: str = "", next_token: str = "", page_size: int = 100) -> dict[str, Any]:
    """None, of all accounts and pools."""
    if next_token:
        raise wrong(call, "Invalid NextToken")
    if pool_name:
        existing(call, pool_name)
    return {"DedicatedIps": []}


def absent(call: Call, ip: str) -> None:
    raise Fault("NotFoundException", f"Dedicated IP {ip} does not exist.")


@sesv2.operation
def get_dedicated_ip(call: Call, ip: str) -> None:
    absent(call, ip)


@sesv2.operation
def put_dedicated_ip_in_pool(call: Call, ip: str, destination_pool_name: str) -> None:
    existing(call, destination_pool_name)
    absent(call, ip)


@sesv2.operation
def put_dedicated_ip_warmup_attributes(call: Call, ip: str, warmup_percentage: int) -> None:
    absent(call, ip)


@sesv2.operation
def put_account_dedicated_ip_warmup_attributes(call: Call, auto_warmup_enabled: bool = False) -> None:
    account = accounts.account(call)
    account.warmup = auto_warmup_enabled
    account.put(call)
