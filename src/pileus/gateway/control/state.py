"""Everything that the cloud holds: forgotten at once, or one account's part of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pileus.gateway.message import Request
from pileus.kernel import files
from pileus.kernel.access.attached import Membership
from pileus.kernel.cloud import package_name, services
from pileus.kernel.identity import Credential
from pileus.kernel.outbox import KINDS, Sent
from pileus.kernel.store.keys import LAST, pack, unpack
from pileus.kernel.task import Dead, Pending
from pileus.kernel.watch import Standing

from .answers import Refused, parameter

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud
    from pileus.kernel.operation import Service

    from .control import Control


async def reset(control: Control, request: Request) -> dict[str, Any]:
    """Forget everything, and bring the clock back to real time; or with `?account=…` forget what is that account's."""
    account = parameter(request, "account")
    if account and not (len(account) == 12 and account.isdigit()):
        raise Refused(400, f"{account} is no account: those have twelve digits.")
    cloud = control.server.cloud
    async with control.turning:
        await cloud.runner.stop()
        try:
            if account:
                forget_account(cloud, account)
            else:
                await cloud.close()  # what runs ends, and its files go
                forget(cloud)
                if cloud.folder:
                    await asyncio.to_thread(files.clear, cloud.folder)
        finally:
            cloud.runner.start()
    control.events.tell("reset", {"account": account or None})
    return {"reset": account or "everything"}


def forget(cloud: Cloud) -> None:
    cloud.trail.forget()
    cloud.meters.forget()
    cloud.store.reset()
    cloud.blobs.reset()
    cloud.clock.reset()
    cloud.access.forget()


def forget_account(cloud: Cloud, account: str) -> None:
    """Remove an account's records (the account is what their keys begin with), its tasks, and its credentials."""
    call = cloud.system
    prefix = pack((account,))
    cloud.trail.forget(account)
    cloud.meters.forget(account)
    with cloud.store.attempt():
        cloud.store.delete_range(prefix, prefix + LAST)
        watching = {watch.service for watch in Standing.scan(call) if watch.account == account}
        for watch in Standing.scan(call):
            if watch.account == account:
                watch.delete(call)
        for task in Pending.scan(call):
            if task.account == account:
                task.delete(call)
        for dead in Dead.scan(call):
            if dead.task.account == account:
                dead.delete(call)
        for kind in KINDS:
            for sent in Sent.scan(call, kind):
                if sent.account == account:
                    sent.delete(call)
        for credential in Credential.scan(call):
            if credential.principal.account == account:
                credential.delete(call)
        for member in Membership.scan(call):
            if account in (member.account, member.management_account):
                member.delete(call)
        for service in with_cloud_records(cloud, watching):
            for forget in service.forgets:
                forget(cloud.call(service.name, account=account))
    cloud.access.forget()


def with_cloud_records(cloud: Cloud, others: Iterable[str] = ()) -> list[Service]:
    """The services that have records which belong to no account by their keys; the tables' names say whose they are.

    And `others`, such as those that have watched something.
    """
    found: dict[str, None] = {package_name(name): None for name in others}
    start, end = pack(("", "")), pack(("", "")) + LAST
    while row := next(cloud.store.scan(start, end, limit=1), None):
        table = str(unpack(row[0])[2])
        found[table.partition(".")[0]] = None
        start = pack(("", "", table)) + LAST
    packages = {package_name(name): name for name in services()}
    return [cloud.service(packages[name]) for name in found if name in packages]


def stop(control: Control, request: Request) -> dict[str, Any]:
    """Stop the server, after this has been answered."""
    end(control, again=False)
    return {"status": "stopping"}


def end(control: Control, *, again: bool) -> None:
    if control.on_stop is None:
        raise Refused(409, "This cloud belongs to a program that alone can stop it.")
    control.on_stop(again)
