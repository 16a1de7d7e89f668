"""The public access block of an account, over those of its buckets."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.services.s3.buckets import BLOCKS
from pileus.services.s3.faults import fault
from pileus.services.s3.points import AccountBlock
from pileus.services.s3.policies import check_block

from . import mine, s3control


def chosen(given: dict[str, bool]) -> tuple[str, ...]:
    """The settings that are on."""
    return tuple(name for name in BLOCKS if given.get(name))


def shown(blocks: tuple[str, ...]) -> dict[str, bool]:
    return {name: name in blocks for name in BLOCKS}


@s3control.operation(on=mine)
def put_public_access_block(call: Call, account: str, public_access_block_configuration: dict[str, bool]) -> None:
    """Replace the settings; what is not named is off."""
    check_block(public_access_block_configuration)
    AccountBlock(account=account, blocks=chosen(public_access_block_configuration)).put(call)


@s3control.operation(on=mine)
def get_public_access_block(call: Call, account: str) -> dict[str, Any]:
    """The four settings, if there are any."""
    found = AccountBlock.get(call, account)
    if found is None:
        words = "The public access block configuration was not found"
        raise fault("NoSuchPublicAccessBlockConfiguration", words, 404)
    return {"PublicAccessBlockConfiguration": shown(found.blocks)}


@s3control.operation(on=mine)
def delete_public_access_block(call: Call, account: str) -> None:
    """Remove the settings: what the buckets' own say holds."""
    if found := AccountBlock.get(call, account):
        found.delete(call)
