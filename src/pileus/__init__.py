"""A real cloud on one machine.

with pileus.cloud() as cloud:
    sqs = boto3.client("sqs", **cloud.client_kwargs())
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pileus.testing.local import LocalCloud, cloud

__version__ = "0.1.0"

__all__ = ["LocalCloud", "__version__", "cloud"]


def __getattr__(name: str) -> Any:
    # The server imports this package too, and must not pay for what only tests need.
    if name in ("cloud", "LocalCloud"):
        from pileus.testing import local

        return getattr(local, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
