"""Where the machines of instances are booted, stopped and ended. Every function may be called again for the same thing.

Without machines (on a system that cannot run any) there is nothing to do here, and instances are records alone.
"""

from __future__ import annotations

from pileus.kernel import Call

from .instances import Instance


async def boot(call: Call, one: Instance) -> None:
    """Boot the machine of an instance that is pending. Returning says that it runs.

    `one.booted` is false at the first boot, which is the one that runs user data. A failure to boot raises.
    """


async def halt(call: Call, one: Instance, *, hibernate: bool) -> None:
    """Stop the machine of an instance that is stopping; its disks stay."""


async def reboot(call: Call, one: Instance) -> None:
    """Boot the machine anew, as it is."""


async def end(call: Call, one: Instance) -> None:
    """Remove the machine of an instance that is shutting down, and everything that was only its own."""
